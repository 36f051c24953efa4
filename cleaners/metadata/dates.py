"""Dates as pages write them, to ISO 8601, without a clock.

A date keeps the precision and the zone that the page states: `2024-05-03T15:47:42+02:00`, `2024-05-03T15:47:42` or
`2024-05-03`. Numbers that could be day or month are read in the order of the page's language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import islice

from cleaners.metadata.word_lists import any_of, months, words

OLDEST = 1900  # an earlier year is an unset field or a historical date in the text
_EAST_MOST = timezone(timedelta(hours=14))
_MOST_TIMES = 40
_EPOCH = date(1970, 1, 1)  # an unset field, not a date

_DIGIT = re.compile(r"\d")
_ISO = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:T|\s+|\s*T\s*)(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,:]\d+)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(
    r"\s*((?:19|20)\d{2})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?\s*(Z|[+-]\d{2}:?\d{2})?)?\s*$", re.IGNORECASE
)
_STAMP = re.compile(r"\s*(\d{10})(\d{3})?\s*$")
_NUMERIC = re.compile(r"(?<![\d/.-])(\d{1,2})\s?([./-])\s?(\d{1,2})\s?\2\s?((?:19|20)\d{2}|\d{2})(?![\d/-])")
_YEAR_FIRST = re.compile(r"(?<!\d)((?:19|20)\d{2})\s?[./年년-]\s?(\d{1,2})\s?[./月월-]\s?(\d{1,2})(?!\d)")
_CLOCK = re.compile(
    r"\D{0,12}?\b(\d{1,2})[:h.](\d{2})(?::(\d{2}))?\s*(a\.?m\b|p\.?m\b)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_URL = re.compile(r"[/_.-]((?:19|20)\d{2})[/_-](0?[1-9]|1[0-2])[/_-](0?[1-9]|[12]\d|3[01])(?!\d)")
_URL_NAMED = re.compile(r"/((?:19|20)\d{2})/([^\W\d_]{3,12})/(0?[1-9]|[12]\d|3[01])(?=/)")
_URL_COMPACT = re.compile(r"[/_-]((?:19|20)\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=[/_.?-]|$)")


@dataclass(frozen=True, slots=True)
class Found:
    """A date in a text: its ISO form, and whether the words before it say `updated`, `published` or nothing."""

    iso: str
    label: str = ""


def parse_date(text: str, language: str = "") -> str:
    """Return the ISO 8601 form of a field's value, or an empty string if it is no date.

    ISO 8601 in its usual and sloppy forms, RFC 2822, Unix seconds and milliseconds, and written dates are read.
    `language` may have a region (`en-US`), which decides the order of day and month.
    """
    if match := _ISO.match(text):
        return _moment(*match.groups())
    if match := _COMPACT.match(text):
        return _moment(*match.groups())
    if match := _STAMP.match(text):
        return _from_stamp(int(match[1]))
    found = next(find_dates(text[:100], language), None)
    return found.iso if found else ""


def find_dates(text: str, language: str = "") -> Iterator[Found]:
    """Yield the dates written in a text, in reading order for each way of writing."""
    if not _DIGIT.search(text):
        return
    for match in _ISO.finditer(text):
        yield from _found(text, match, _moment(*match.groups()))
    for match in _written().finditer(text.casefold()):
        yield from _found(text, match, _from_written(match, text))
    for match in _YEAR_FIRST.finditer(text):
        yield from _found(text, match, _day(int(match[1]), int(match[2]), int(match[3])))
    for match in _NUMERIC.finditer(text):
        yield from _found(text, match, _with_clock(_from_numbers(match, language), text[match.end() :]))


def date_in_url(url: str) -> str:
    """Return the day that a URL's path names, or an empty string."""
    path = url.split("?")[0]
    for pattern in (_URL, _URL_COMPACT):
        if match := pattern.search(path):
            return _day(*map(int, match.groups()))
    match = _URL_NAMED.search(path.casefold())
    month = months().get(match[2]) if match else None
    return _day(int(match[1]), month, int(match[3])) if match and month else ""


def in_local_zone(iso: str, others: Iterable[str], day: str = "") -> str:
    """Return a time that is stated in UTC in the publisher's own zone, where the page's `others` tell which that is.

    One of them is the same moment in another zone; or in their zone the time falls on the `day` that the page's address
    names, and in UTC it does not.
    """
    if not iso.endswith("+00:00"):
        return iso
    moment = datetime.fromisoformat(iso)
    for other in islice((_zoned(text) for text in others), _MOST_TIMES):
        if other is not None:
            there = moment.astimezone(other.tzinfo)
            if other == moment or (day and not iso.startswith(day) and there.isoformat().startswith(day)):
                return there.isoformat()
    return iso


def _zoned(text: str) -> datetime | None:
    """A time with a zone other than UTC."""
    match = _ISO.match(text)
    iso = _moment(*match.groups()) if match and match[7] else ""
    moment = datetime.fromisoformat(iso) if len(iso) > len("2000-01-01T00:00:00") else None
    return moment if moment is not None and moment.utcoffset() else None


def days_before(day: str, count: int) -> str:
    """Return the ISO day that lies so many days before another."""
    return (date.fromisoformat(day) - timedelta(days=count)).isoformat()


def is_possible(iso: str, not_after: str = "") -> bool:
    """Say whether a date is a plausible one: not unset, and not later than `not_after`.

    A date without a zone counts in the zone where it begins first, so that today's date anywhere is possible.
    """
    if not iso or date.fromisoformat(iso[:10]) == _EPOCH:
        return False
    return not not_after or _instant(iso) <= _instant(not_after, of_limit=True)


def _instant(iso: str, of_limit: bool = False) -> datetime:
    moment = datetime.fromisoformat(iso)
    if len(iso) == 10 and of_limit:
        moment += timedelta(days=1) - timedelta(seconds=1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if of_limit else _EAST_MOST)
    return moment


def _moment(
    year: str, month: str, day: str, hour: str | None = None, minute: str | None = None, second: str | None = None,
    zone: str | None = None,
) -> str:  # fmt: skip
    """Return the ISO form of the parts of a date and time; the date alone if the time is none."""
    iso = _day(int(year), int(month), int(day))
    if not iso or hour is None or minute is None:
        return iso
    clock = f"{int(hour):02}:{minute}:{second or '00'}"
    try:
        return datetime.fromisoformat(f"{iso}T{clock}{_zone(zone)}").isoformat()
    except ValueError:
        return iso


def _zone(zone: str | None) -> str:
    if not zone:
        return ""
    if zone.upper() in ("Z", "UTC", "GMT"):
        return "+00:00"
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return f"{zone[0]}{digits[:2]}:{digits[2:]}"


def _day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat() if year >= OLDEST else ""
    except ValueError:
        return ""


def _from_stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@cache
def _written() -> re.Pattern[str]:
    """Match `3 May 2024`, `3. Mai 2024`, `3 de mayo de 2024`, `May 3rd, 2024` in every language."""
    month = any_of(months())
    year = r"((?:19|20)\d{2})"
    return re.compile(
        rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º|°)?\.?[\s\-]{{0,2}}(?:(?:de|d')\s)?({month})\b\.?,?[\s\-]{{0,2}}(?:del?\s)?{year}"
        rf"|\b({month})\b\.?\s?(\d{{1,2}})(?:st|nd|rd|th)?\b(?:,\s?|\s|\s?at\s|\s?-\s?){{1,2}}{year}"
        rf"|(?<!\d){year}\s({month})\b\.?\s(\d{{1,2}})(?!\d)"
    )


def _from_written(match: re.Match[str], text: str) -> str:
    day, month, year = _in_order(match)
    return _with_clock(_day(int(year), months()[month], int(day)), text[match.end() :])


def _in_order(match: re.Match[str]) -> tuple[str, str, str]:
    """Return day, month and year of the form that matched."""
    if match[1]:
        return match[1], match[2], match[3]
    return (match[5], match[4], match[6]) if match[4] else (match[9], match[8], match[7])


def _with_clock(iso: str, rest: str) -> str:
    """Add the time of day that follows a written date."""
    match = _CLOCK.match(rest[:40]) if iso else None
    if not match:
        return iso
    hour = int(match[1])
    if match[4]:
        hour = hour % 12 + (12 if match[4][0] in "pP" else 0)
    year, month, day = iso.split("-")
    return _moment(year, month, day, str(hour), match[2], match[3], match[5])


def _from_numbers(match: re.Match[str], language: str) -> str:
    first, second = int(match[1]), int(match[3])
    year = int(match[4]) if len(match[4]) == 4 else 2000 + int(match[4])
    month_first = match[2] == "/" and language.lower() in ("en", "en-us", "en-ca", "fil", "")
    if first > 12 or (not month_first and second <= 12):
        return _day(year, second, first)
    return _day(year, first, second)


@cache
def _label_pattern(kind: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[^\w])(?:{any_of(words(kind))})[\s\w]{{0,8}}[:\-–|.]?\s*(?:\w{{2,10}},?\s*)?$")


def label_before(text: str) -> str:
    """Return what the words at the end of a text say of the date that follows: `updated`, `published` or nothing."""
    before = text[-40:].casefold()
    return next((kind for kind in ("updated", "published") if _label_pattern(kind).search(before)), "")


def _found(text: str, match: re.Match[str], iso: str) -> Iterator[Found]:
    if iso:
        yield Found(iso, label_before(text[: match.start()]))
