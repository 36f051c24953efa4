"""Usual URLs of sitemaps and feeds, priorities of URLs, and dates that are too old. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.package_data import read_toml
from broadsheet.cleaners.page.canonical_urls import canonicalise
from broadsheet.cleaners.page.url_shapes import UrlShape, copy_convention, is_section, shape_of
from broadsheet.cleaners.words import CJK_CHARACTER
from broadsheet.output.archive.url_words import UrlKind

_DATA = read_toml(__package__, "usual_places.toml")
_USUAL_PATHS = {UrlKind.SITEMAP: _DATA["places"]["sitemaps"], UrlKind.FEED: _DATA["places"]["feeds"]}
_NAMES = {
    UrlKind.SITEMAP: re.compile(_DATA["names"]["sitemaps"]),
    UrlKind.FEED: re.compile(_DATA["names"]["feeds"]),
}

_EASTERNMOST_ZONE = timezone(timedelta(hours=14))

_SHAPE_PRIORITY = {
    UrlShape.ARTICLE: 60,
    UrlShape.UNKNOWN: 40,
    UrlShape.HOME: 40,
    UrlShape.LIST: 20,
    UrlShape.DEEP_LIST: 10,
}
_SOURCE_PRIORITY = {
    UrlSource.SEED: 100,
    UrlSource.ROBOTS: 90,
    UrlSource.SITEMAP: 5,
    UrlSource.FEED: 8,
    UrlSource.CANONICAL: 5,
    UrlSource.REDIRECT: 5,
    UrlSource.SINGLE_PAGE: 30,
}

_COPY_SOURCES, _COPY_PRIORITY = frozenset((UrlSource.LINK, UrlSource.NEXT, UrlSource.SINGLE_PAGE)), 1
_HEADLINE_PRIORITY = 10
_HEADLINE_WORDS, _HEADLINE_CJK_CHARS = 5, 12


def fetch_priority(url: str, found_via: UrlSource = UrlSource.LINK, link_text: str = "") -> int:
    """Return the fetch priority of a canonical URL, 1 to 160, by its shape and source: higher is sooner, as in Scrapy.

    Articles: 60. No clear shape, under a headline: 50; else 40, as sections. Lists: 20; their further pages,
    searches, date archives: 10. Further addresses of pages: 1.
    """
    if found_via in _COPY_SOURCES and copy_convention(url):
        return _COPY_PRIORITY
    shape = UrlShape.UNKNOWN if is_section(url) else shape_of(url)
    headline_priority = _HEADLINE_PRIORITY if shape is UrlShape.UNKNOWN and _is_headline(link_text) else 0
    return _SHAPE_PRIORITY[shape] + _SOURCE_PRIORITY.get(found_via, 0) + headline_priority


def _is_headline(text: str) -> bool:
    """Tell whether a link's text is as long as a headline, and longer than a menu label.

    Length is in words, or in characters where words are written together.
    """
    return len(text.split()) >= _HEADLINE_WORDS or len(CJK_CHARACTER.findall(text)) >= _HEADLINE_CJK_CHARS


def usual_urls(kind: UrlKind, origin: str) -> tuple[str, ...]:
    """Return the URLs to try in turn where nothing names a sitemap or feed; `origin` is any URL of the host."""
    return tuple(url for path in _USUAL_PATHS[kind] if (url := canonicalise(path, origin)))


def is_named_as(kind: UrlKind, url: str) -> bool:
    """Tell whether a URL has the name of a sitemap or feed, such as `/news/rss.xml`."""
    return bool(_NAMES[kind].fullmatch(urlsplit(url).path.rstrip("/").rpartition("/")[2]))


def is_too_old(date_text: str, since: date) -> bool:
    """Tell whether a sitemap's or feed's date, as written, is before the day `since`.

    A year or month counts as its last day. A time in UTC counts as the latest day anywhere, since many systems write
    UTC whatever the publisher's zone. A date that cannot be read is not too old.
    """
    last_day = _last_day(date_text.strip())
    return last_day is not None and last_day < since


def _last_day(date_text: str) -> date | None:
    year_month = re.fullmatch(r"(\d{4})(?:-(\d\d))?", date_text)
    try:
        if year_month:
            year, month = int(year_month[1]), int(year_month[2] or 12)
            return date(year, month, monthrange(year, month)[1])
        moment = _parse_date(date_text)
        is_utc = moment.utcoffset() == timedelta()
        return (moment.astimezone(_EASTERNMOST_ZONE) if is_utc else moment).date()
    except (ValueError, OverflowError):
        return None


def _parse_date(date_text: str) -> datetime:
    """Parse a W3C or RFC 822 date; ValueError if it is neither."""
    try:
        return datetime.fromisoformat(date_text)
    except ValueError:
        return parsedate_to_datetime(date_text)
