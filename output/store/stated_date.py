"""A date as a page states it, taken apart: the instant where it is known, and the day in the publisher's zone. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_DATE = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?!\d)"
    r"(?:[T ](?P<clock>\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_NO_ZONE_SO_FAR = timedelta(hours=15)  # from UTC: the farthest in use is 14 hours


@dataclass(frozen=True, slots=True)
class StatedDate:
    """A date that a page states. `instant` is UTC (`2024-05-03T13:47:42Z`), known where a time is stated with its zone;
    `day` (`2024-05-03`) is the one in the publisher's zone; `text` is what the page states. Empty if unknown."""

    instant: str
    day: str
    text: str


def read_stated_date(text: str) -> StatedDate:
    """Read an ISO 8601 date, or a date and time with or without a zone; fractions of a second are cut off.

    What else is stated is `text` alone: no day is made up for a month, no instant for a day or a time without a zone.
    """
    match = _DATE.match(text)
    if not match or not _is_day(match["day"]):
        return StatedDate("", "", text)
    return StatedDate(_instant(match) if match.end() == len(text) else "", match["day"], text)


def _is_day(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _instant(match: re.Match[str]) -> str:
    """The instant in UTC; empty without a zone, and where date, time or zone is impossible or UTC has no such year."""
    if not match["zone"]:
        return ""
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['clock']}{match['zone']}")
        is_possible = abs(moment.utcoffset() or timedelta()) < _NO_ZONE_SO_FAR
        return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z" if is_possible else ""
    except (ValueError, OverflowError):
        return ""
