"""When to look at a page again. Pure policy: what is known of a page and the time come in, a decision goes out.

A page is looked at again after an interval that follows how often it was found changed: a visit that finds a change
halves it, one that finds none makes it half as long again, between a floor and a ceiling. It comes to rest where some
37 of 100 visits find a change. (Multiplicative increase and decrease, as in Cho and Garcia-Molina's estimates of
change frequency without their need of a history; the factors are ours.) Before the second visit the age of the article
is the guess: texts are corrected most on their first days, so a page waits an eighth of its age.

What a sitemap or feed says goes before the interval: a page that it dates later than our last look is due at once. One
that said so three times in a row without a change is no longer believed for that page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime

FLOOR = 3_600
"""Seconds: no known page is looked at more often, unless a sitemap or feed asks for it."""
CEILING = 30 * 86_400
"""Seconds: every known page is looked at at least so often."""

_FEWER, _MORE = 0.5, 1.5
_OF_AGE = 1 / 8
_UNKNOWN_AGE = 8 * 86_400  # seconds
_EARLY = 0.9  # share of an interval after which a look is not too soon: a run that starts each hour is never punctual
_PATIENCE = 3  # announcements in a row that came to nothing


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a page: when it was last looked at, its interval so far in seconds, when its article was
    published (or the URL first seen), announcements of changes that came to nothing, and the last one as it was
    written. Times are ISO 8601."""

    looked_at: str
    interval: int | None = None
    born: str = ""
    unfounded: int = 0
    lastmod: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a person wants pages looked at: `every` so many seconds, 0 for the rule above; or `all` now."""

    every: float = 0.0
    all: bool = False


def is_due(known: Known, now: str, pace: Pace) -> bool:
    """Whether a page is to be looked at again."""
    looked_at = instant(known.looked_at)
    if pace.all or looked_at is None:
        return True
    wait = pace.every or current_interval(known)
    return (_now(now) - looked_at).total_seconds() >= _EARLY * wait


def is_announced(known: Known, stated: str, now: str) -> bool:
    """Whether a sitemap's or feed's date says that the page has changed since, and may be believed."""
    changed, looked_at = last_instant(stated), instant(known.looked_at)
    if changed is None or looked_at is None or known.unfounded >= _PATIENCE:
        return False
    told_before = _is_day(stated) and stated == known.lastmod and changed.date() == looked_at.date()
    return looked_at < min(changed, _now(now)) and not told_before


def next_interval(known: Known, changed: bool) -> int:
    """The interval in seconds after a look that found a change, or none."""
    factor = _FEWER if changed else _MORE
    return round(min(max(current_interval(known) * factor, FLOOR), CEILING))


def current_interval(known: Known) -> float:
    """The interval in seconds, by the article's age where none has been learned."""
    if known.interval is not None:
        return min(max(known.interval, FLOOR), CEILING)
    born, looked_at = instant(known.born), instant(known.looked_at)
    age = (looked_at - born).total_seconds() if born and looked_at else _UNKNOWN_AGE
    return min(max(age * _OF_AGE, FLOOR), CEILING)


def instant(text: str) -> datetime | None:
    """An ISO 8601 or HTTP date in UTC; without a zone it counts as UTC, a day alone as its beginning."""
    found = _parsed(text.strip())
    if found is None:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        return None


def last_instant(text: str) -> datetime | None:
    """The same, but a day alone counts as its end: what changed on it may have changed after we looked."""
    found = instant(text)
    return datetime.combine(found.date(), time.max, UTC) if found and _is_day(text) else found


def _is_day(text: str) -> bool:
    return len(text.strip()) <= len("2026-01-31")


def _parsed(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, _month, parsedate_to_datetime):
        try:
            return read(text)
        except (ValueError, TypeError, IndexError):
            continue
    return None


def _month(text: str) -> datetime:
    """A year and month, or a year, by its first day."""
    parts = [int(part) for part in text.split("-")]
    return datetime.combine(date(*parts, *(1,) * (3 - len(parts))), time.min)


def _now(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC) if text else datetime.max.replace(tzinfo=UTC) - timedelta(1)
