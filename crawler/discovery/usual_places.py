"""Where a site's sitemaps and feeds usually are, which URLs to fetch first, and which dates are too old. Pure."""

from __future__ import annotations

import re
import tomllib
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from importlib.resources import files

from cleaners.urls.canonical import canonicalise
from cleaners.urls.shape import Shape, is_section, shape_of

_PLACES = tomllib.loads(files(__package__).joinpath("usual_places.toml").read_text(encoding="utf-8"))["places"]

_SOON = {Shape.ARTICLE: 60, Shape.UNKNOWN: 40, Shape.HOME: 40, Shape.LIST: 20, Shape.DEEP_LIST: 10}
_VIA = {"seed": 100, "robots": 90, "sitemap": 5, "feed": 8, "canonical": 5, "redirect": 5, "single_page": 30}


def priority(url: str, via: str = "link") -> int:
    """How soon to fetch a canonical URL found that way: higher is sooner, as in Scrapy; 10 to 160.

    What looks like an article (60) comes before what does not say and sections (40), lists (20) and the lists'
    further pages, searches and date archives (10). A guess only: everything is fetched in the end.
    """
    looks = Shape.UNKNOWN if is_section(url) else shape_of(url)
    return _SOON[looks] + _VIA.get(via, 0)


def usual_sitemap_places(origin: str) -> tuple[str, ...]:
    """Where to look for a sitemap that robots.txt does not name; `origin` is any URL of the host."""
    return _at(origin, _PLACES["sitemaps"])


def usual_feed_places(origin: str) -> tuple[str, ...]:
    """Where to look for a feed that no page names; `origin` is any URL of the host."""
    return _at(origin, _PLACES["feeds"])


def _at(origin: str, places: Iterable[str]) -> tuple[str, ...]:
    return tuple(url for place in places if (url := canonicalise(place, origin)))


def too_old(when: str, since: date) -> bool:
    """Whether a sitemap's or feed's date, as written, lies wholly before the day `since` (UTC).

    A year or month alone counts by its last day. A date that is missing or cannot be read is not too old.
    """
    last_day = _last_day(when.strip())
    return last_day is not None and last_day < since


def _last_day(when: str) -> date | None:
    short = re.fullmatch(r"(\d{4})(?:-(\d\d))?", when)
    try:
        if short:
            year, month = int(short[1]), int(short[2] or 12)
            return date(year, month, monthrange(year, month)[1])
        moment = _moment(when)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None


def _moment(when: str) -> datetime:
    """A W3C or RFC 822 date; ValueError if it is neither."""
    try:
        return datetime.fromisoformat(when)
    except ValueError:
        return parsedate_to_datetime(when)
