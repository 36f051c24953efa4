"""When a record's response came: from its WARC-Date or ARC date, however little that says, or the HTTP Date header.

WARC/1.1 allows dates as short as `2016`. The time is then the latest that the date allows, so that nothing on the page
seems to be of after its capture, or that of the Date header, if it lies within. What cannot be a date is none.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

_DATE = re.compile(
    r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:[T ]?(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?)?)?)?)?"
    r"[ ]?(?:Z|([+-])(\d\d):?(\d\d))?",
    re.IGNORECASE | re.ASCII,
)
_FIRST_YEAR, _LAST_YEAR = 1990, 2099  # of a response over HTTP; what lies outside comes from a clock or writer at fault
_LONGEST_DATE = 64


def record_time(stated_date: str, http_date: str = "") -> str:
    """The time of a record, UTC ISO 8601 to the second, by its own date and the Date header; empty if both say none."""
    period = _stated_period(stated_date.strip())
    answered_at = _parse_http_date(http_date)
    if period is None:
        return answered_at.isoformat() if answered_at else ""
    earliest, latest = period
    is_within = answered_at is not None and earliest <= answered_at <= latest
    return (answered_at if answered_at and is_within else latest).isoformat()


def _stated_period(text: str) -> tuple[datetime, datetime] | None:
    """The first and the last second that a date allows; None if it is none, or none at which there was a Web."""
    match = _DATE.fullmatch(text) if len(text) <= _LONGEST_DATE else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups()[:6])
    try:
        zone = _zone(match[7], match[8], match[9])
        earliest = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, min(second or 0, 59), tzinfo=zone)
        last_day = calendar.monthrange(earliest.year, month or 12)[1]
        latest = earliest.replace(
            month=month or 12,
            day=last_day if day is None else day,
            hour=23 if hour is None else hour,
            minute=59 if minute is None else minute,
            second=59 if second is None else earliest.second,
        )
        period = earliest.astimezone(UTC), latest.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return period if _is_plausible(period[0]) and _is_plausible(period[1]) else None


def _zone(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)


def _parse_http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text[:_LONGEST_DATE])
        time = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return time if _is_plausible(time) else None


def _is_plausible(time: datetime) -> bool:
    return _FIRST_YEAR <= time.year <= _LAST_YEAR
