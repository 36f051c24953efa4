"""When to fetch a page again. Pure policy: what is known of a page and the time come in, a decision goes out.

A page is visited again after an interval that follows how often it was found changed: a visit that finds a change
halves it, one that finds none makes it half as long again, between a floor and a ceiling. It comes to rest where some
37 of 100 visits find a change. (Multiplicative increase and decrease, as in Cho and Garcia-Molina's estimates of
change frequency without their need of a history; the factors are ours.) Before the second visit the age of the article
is the guess: texts are corrected most on their first days, so a page waits an eighth of its age.

What a sitemap or feed says goes before the interval: a page that it dates later than the last visit is due at once. One
that said so three times in a row without a change is no longer believed for that page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime

MIN_INTERVAL = 3_600
"""Seconds: no known page is visited more often, unless a sitemap or feed announces a change."""
MAX_INTERVAL = 30 * 86_400
"""Seconds: every known page is visited at least so often."""

_CHANGED_FACTOR, _UNCHANGED_FACTOR = 0.5, 1.5
_SHARE_OF_AGE = 1 / 8
_DEFAULT_AGE = 8 * 86_400  # seconds
_DUE_SHARE = 0.9  # share of an interval after which a visit is not too soon: a run started each hour is never punctual
_MAX_UNFOUNDED = 3  # announcements in a row that came to nothing


@dataclass(frozen=True, slots=True)
class VisitHistory:
    """What is known of a page. Times are ISO 8601; `visited_at` is that of the last visit, `article_date` when the
    article was published, or else the URL first seen. `interval_seconds` is the last interval.
    `unfounded_announcements` counts the sitemap or feed dates in a row without a change; `lastmod` is the last such
    date as it was written."""

    visited_at: str
    interval_seconds: int | None = None
    article_date: str = ""
    unfounded_announcements: int = 0
    lastmod: str = ""


@dataclass(frozen=True, slots=True)
class RevisitPolicy:
    """How often a person wants pages visited: every `interval_seconds`, 0 for the learned interval; or all of them
    now."""

    interval_seconds: float = 0.0
    revisit_all: bool = False


def is_due(history: VisitHistory, now: str, policy: RevisitPolicy) -> bool:
    """Whether a page is to be visited again. `now` is ISO 8601."""
    visited_at = parse_instant(history.visited_at)
    if policy.revisit_all or visited_at is None:
        return True
    interval = policy.interval_seconds or current_interval(history)
    return (_parse_now(now) - visited_at).total_seconds() >= _DUE_SHARE * interval


def is_announced(history: VisitHistory, announced_date: str, now: str) -> bool:
    """Whether a sitemap's or feed's date says that the page has changed since the last visit, and may be believed."""
    changed_at, visited_at = parse_last_instant(announced_date), parse_instant(history.visited_at)
    if changed_at is None or visited_at is None or history.unfounded_announcements >= _MAX_UNFOUNDED:
        return False
    is_known_day = (
        _is_day_only(announced_date) and announced_date == history.lastmod and changed_at.date() == visited_at.date()
    )
    return visited_at < min(changed_at, _parse_now(now)) and not is_known_day


def next_interval(history: VisitHistory, changed: bool) -> int:
    """The interval in seconds after a visit that found a change, or none."""
    factor = _CHANGED_FACTOR if changed else _UNCHANGED_FACTOR
    return round(min(max(current_interval(history) * factor, MIN_INTERVAL), MAX_INTERVAL))


def current_interval(history: VisitHistory) -> float:
    """The interval in seconds; from the article's age where none has been learned."""
    if history.interval_seconds is not None:
        return min(max(history.interval_seconds, MIN_INTERVAL), MAX_INTERVAL)
    article_date, visited_at = parse_instant(history.article_date), parse_instant(history.visited_at)
    age = (visited_at - article_date).total_seconds() if article_date and visited_at else _DEFAULT_AGE
    return min(max(age * _SHARE_OF_AGE, MIN_INTERVAL), MAX_INTERVAL)


def parse_instant(text: str) -> datetime | None:
    """An ISO 8601 or HTTP date in UTC; without a zone it counts as UTC, a day alone as its beginning. None if the text
    is no date."""
    moment = _parse_date(text.strip())
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def parse_last_instant(text: str) -> datetime | None:
    """As `parse_instant`, but a day alone counts as its end: a change on that day may have come after the last
    visit."""
    moment = parse_instant(text)
    return datetime.combine(moment.date(), time.max, UTC) if moment and _is_day_only(text) else moment


def _is_day_only(text: str) -> bool:
    return len(text.strip()) <= len("2026-01-31")


def _parse_date(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, _parse_partial_date, parsedate_to_datetime):
        try:
            return parse(text)
        except (ValueError, TypeError, IndexError):
            continue
    return None


def _parse_partial_date(text: str) -> datetime:
    """A year and month, or a year, by its first day."""
    parts = [int(part) for part in text.split("-")]
    return datetime.combine(date(*parts, *(1,) * (3 - len(parts))), time.min)


def _parse_now(text: str) -> datetime:
    """The time in UTC; without one, a day before the last that Python knows, so that everything is due."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else datetime.max.replace(tzinfo=UTC) - timedelta(1)
