"""Dates as pages write them, parsed into ISO 8601; today's date is not needed.

A date keeps the precision and the zone that the page states: `2024-05-03T15:47:42+02:00`, `2024-05-03T15:47:42` or
`2024-05-03`. Numbers that could be day or month are read in the order of the page's language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache
from itertools import islice
from typing import NamedTuple

from .word_lists import alternatives_pattern, load_words, month_numbers

OLDEST_YEAR = 1900  # an earlier year is an unset field or a historical date in the text
DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
"""Orders in which numbers between slashes name day and month."""

_MONTH_FIRST_LANGUAGES = frozenset(("", "en", "en-us", "en-ca", "en-ph", "fil", "fil-ph", "und-us", "und-ca", "und-ph"))
_EASTERNMOST_ZONE = timezone(timedelta(hours=14))
_MAX_TIMES = 40
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
_TIMESTAMP = re.compile(r"\s*(\d{10})(\d{3})?\s*$")
_NUMERIC = re.compile(  # the year may be followed by the time without a space: `28.09.1912:44`
    r"(?<![\d/.-])(\d{1,2})\s?([./|-])\s?(\d{1,2})\s?\2\s?"
    r"(\d{2}(?=\d{2}:\d{2}(?!\d))|(?:(?:19|20)\d{2}|\d{2})(?![\d/-]|\.\d))"
)
_YEAR_FIRST = re.compile(r"(?<!\d)((?:19|20)\d{2})\s?[./年년-]\s?(\d{1,2})\s?[./月월-]\s?(\d{1,2})(?!\d)")
_CLOCK = re.compile(
    r"\D{0,12}?\b(\d{1,2})[:h.](\d{2})(?::(\d{2}))?\s*(a\.?m\b|p\.?m\b)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_URL_DATE = re.compile(r"[/_.-]((?:19|20)\d{2})[/_-](0?[1-9]|1[0-2])[/_-](0?[1-9]|[12]\d|3[01])(?!\d)")
_URL_DAY_FIRST = re.compile(r"[/_.-](1[3-9]|2\d|3[01])[/_.-](0?[1-9]|1[0-2])[/_.-]((?:19|20)\d{2})(?!\d)")
_URL_MONTH_NAME = re.compile(r"/((?:19|20)\d{2})/([^\W\d_]{3,12})/(0?[1-9]|[12]\d|3[01])(?=/)")
_URL_MONTH = re.compile(r"/((?:19|20)\d{2})/(0?[1-9]|1[0-2])(?=/)")
_URL_COMPACT = re.compile(r"[/_-]((?:19|20)\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=[/_.?-]|$)")


class LabelledDate(NamedTuple):
    """Date in a text: its ISO form and its label, `updated` or `published` by the words before it, or empty.

    `swapped_day` is the ISO day with day and month in the other order, if both orders are possible.
    """

    iso: str
    label: str = ""
    swapped_day: str = ""


def parse_date(text: str, language: str = "") -> str:
    """Return the ISO 8601 form of a field's value, or an empty string if it is not a date.

    ISO 8601 in its usual and sloppy forms, RFC 2822, Unix seconds and milliseconds, and written dates are read.

    >>> parse_date("May 3, 2024")
    '2024-05-03'
    """
    if match := _ISO.match(text):
        return _iso_time(*match.groups())
    if match := _COMPACT.match(text):
        return _iso_time(*match.groups())
    if match := _TIMESTAMP.match(text):
        return datetime.fromtimestamp(int(match[1]), UTC).isoformat()
    first_date = next(find_dates(text[:100], language), None)
    return first_date.iso if first_date else ""


def find_dates(text: str, language: str = "") -> Iterator[LabelledDate]:
    """Yield the dates in a text, one way of writing after the other, each in reading order."""
    if not _DIGIT.search(text):
        return
    for match in _ISO.finditer(text):
        yield from _labelled_date(text, match, _iso_time(*match.groups()))
    for match in _written_date_pattern().finditer(text.casefold()):
        yield from _labelled_date(text, match, _iso_from_written(match, text))
    for match in _YEAR_FIRST.finditer(text):
        yield from _labelled_date(text, match, _iso_day(int(match[1]), int(match[2]), int(match[3])))
    for match in _NUMERIC.finditer(text):
        iso = _add_time_of_day(_iso_from_numbers(match, language), text[match.end() :])
        for labelled_date in _labelled_date(text, match, iso):
            yield labelled_date._replace(swapped_day=swapped_day(iso))


def date_in_url(url: str) -> str:
    """Return the day that a URL's path names, or an empty string.

    The day may come last, as in `/2024/05/23/`, or first, as in `/23-05-2024/`, where it is above twelve.
    """
    path = url.split("?")[0]
    for pattern in (_URL_DATE, _URL_COMPACT):
        if match := pattern.search(path):
            return _iso_day(*map(int, match.groups()))
    if match := _URL_DAY_FIRST.search(path):
        return _iso_day(*map(int, reversed(match.groups())))
    match = _URL_MONTH_NAME.search(path.casefold())
    month = month_numbers().get(match[2]) if match else None
    return _iso_day(int(match[1]), month, int(match[3])) if match and month else ""


def month_in_url(url: str) -> str:
    """Return the month that the folders of a URL's path name, as `2024-05`, or an empty string."""
    match = _URL_MONTH.search(url.split("?")[0])
    return f"{match[1]}-{int(match[2]):02}" if match else ""


def in_local_zone(iso: str, local_texts: Iterable[str], day: str = "") -> str:
    """Return a time in UTC as a time in the publisher's zone, if one of `local_texts` or the URL's `day` shows it.

    A text does if it is the same instant in another zone, or without a zone at the same minute of another hour; or if
    it has a zone in which the time is on `day`. Where no text does and `day` is a day before or after, the zone is the
    nearest one in which the time is on that day.

    >>> in_local_zone("2024-05-03T01:49:09+00:00", ["2024-05-02 18:49:09"])
    '2024-05-02T18:49:09-07:00'
    """
    if not iso.endswith("+00:00"):
        return iso
    moment = datetime.fromisoformat(iso)
    for zone in (_zone_shown(moment, parse_date(text), day) for text in islice(filter(None, local_texts), _MAX_TIMES)):
        if zone is not None:
            return moment.astimezone(zone).isoformat()
    return moment.astimezone(_nearest_zone(moment, day)).isoformat() if day else iso


def _zone_shown(moment: datetime, local_iso: str, day: str) -> tzinfo | None:
    """Return the zone, other than UTC, that a local time beside a moment implies; None if it implies none."""
    if len(local_iso) <= len("2000-01-01"):
        return None
    local_time = datetime.fromisoformat(local_iso)
    if local_time.tzinfo is None:
        return _zone_of_difference(moment, local_time.replace(tzinfo=UTC))
    if not local_time.utcoffset():
        return None
    is_on_day = day and not _is_on(moment, day) and _is_on(moment.astimezone(local_time.tzinfo), day)
    return local_time.tzinfo if local_time == moment or is_on_day else None


def _zone_of_difference(moment: datetime, local_time: datetime) -> tzinfo | None:
    """Return the zone in which a moment has this local time: within half a day, in steps of half an hour."""
    difference = local_time - moment.replace(second=0 if not local_time.second else moment.second)
    is_zone = difference and not difference % timedelta(minutes=30) and abs(difference) <= timedelta(hours=13)
    return timezone(difference) if is_zone else None


def _nearest_zone(moment: datetime, day: str) -> tzinfo:
    """Return the zone of whole hours in which a moment falls on a day; UTC if possible, or if no zone fits."""
    hours = (sign * hour for hour in range(13) for sign in (1, -1))
    zones = (timezone(timedelta(hours=hour)) if hour else UTC for hour in hours)
    return next((zone for zone in zones if _is_on(moment.astimezone(zone), day)), UTC)


def _is_on(moment: datetime, day: str) -> bool:
    return moment.date().isoformat() == day


def days_before(day: str, count: int) -> str:
    """Return the ISO day that is `count` days before `day`."""
    return (date.fromisoformat(day) - timedelta(days=count)).isoformat()


def is_possible(iso: str, not_after: str = "") -> bool:
    """Return whether a date is plausible: not empty, not the Unix epoch, and not later than `not_after`.

    A date without a zone counts in the zone where it begins first, so that today's date is possible anywhere.
    """
    if not iso or date.fromisoformat(iso[:10]) == _EPOCH:
        return False
    return not not_after or _comparable_time(iso) <= _comparable_time(not_after, is_limit=True)


def _comparable_time(iso: str, is_limit: bool = False) -> datetime:
    """Return the instant of an ISO date or time without a zone: the latest possible for a limit, otherwise the
    earliest.
    """
    moment = datetime.fromisoformat(iso)
    if len(iso) == 10 and is_limit:
        moment += timedelta(days=1) - timedelta(seconds=1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if is_limit else _EASTERNMOST_ZONE)
    return moment


def _iso_time(
    year: str, month: str, day: str, hour: str | None = None, minute: str | None = None, second: str | None = None,
    zone: str | None = None,
) -> str:  # fmt: skip
    """Return the ISO form of a date and time; the date alone if the time is not valid, empty if the date is not."""
    iso = _iso_day(int(year), int(month), int(day))
    if not iso or hour is None or minute is None:
        return iso
    time_of_day = f"{int(hour):02}:{minute}:{second or '00'}"
    try:
        return datetime.fromisoformat(f"{iso}T{time_of_day}{_iso_zone(zone)}").isoformat()
    except ValueError:
        return iso


def _iso_zone(zone: str | None) -> str:
    if not zone:
        return ""
    if zone.upper() in ("Z", "UTC", "GMT"):
        return "+00:00"
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return f"{zone[0]}{digits[:2]}:{digits[2:]}"


def _iso_day(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat() if year >= OLDEST_YEAR else ""
    except ValueError:
        return ""


@cache
def _written_date_pattern() -> re.Pattern[str]:
    """Match `3 May 2024`, `3. Mai 2024`, `3 de mayo de 2024`, `May 3rd, 2024` in every language."""
    month = alternatives_pattern(month_numbers())
    year = r"((?:19|20)\d{2})"
    return re.compile(
        rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º|°)?\.?[\s\-]{{0,2}}(?:(?:de|d')\s)?({month})\b\.?,?[\s\-]{{0,2}}(?:del?\s)?{year}"
        rf"|\b({month})\b\.?\s?(\d{{1,2}})(?:st|nd|rd|th)?\b(?:,\s?|\s|\s?at\s|\s?-\s?){{1,2}}{year}"
        rf"|(?<!\d){year}\s({month})\b\.?\s(\d{{1,2}})(?!\d)"
    )


def _iso_from_written(match: re.Match[str], text: str) -> str:
    day, month, year = _day_month_year(match)
    return _add_time_of_day(_iso_day(int(year), month_numbers()[month], int(day)), text[match.end() :])


def _day_month_year(match: re.Match[str]) -> tuple[str, str, str]:
    """Return day, month and year of the form that matched."""
    if match[1]:
        return match[1], match[2], match[3]
    return (match[5], match[4], match[6]) if match[4] else (match[9], match[8], match[7])


def _add_time_of_day(iso: str, following_text: str) -> str:
    """Add the time of day that follows a written date, if there is one."""
    match = _CLOCK.match(following_text[:40]) if iso else None
    if not match:
        return iso
    hour = int(match[1])
    if match[4]:
        hour = hour % 12 + (12 if match[4][0] in "pP" else 0)
    year, month, day = iso.split("-")
    return _iso_time(year, month, day, str(hour), match[2], match[3], match[5])


def _iso_from_numbers(match: re.Match[str], language: str) -> str:
    """Return the ISO day of `3/5/2024`; the month is first only with slashes and where `assumed_order` says so.

    Empty for `2.6.24` in English, where that is a version number.
    """
    lengths = [len(match[group]) for group in (1, 3, 4)]
    if match[2] == "." and lengths == [1, 1, 2] and language.lower().startswith("en"):
        return ""
    first, second = int(match[1]), int(match[3])
    year = int(match[4]) if len(match[4]) == 4 else 2000 + int(match[4])
    month_first = match[2] == "/" and assumed_order(language) == MONTH_FIRST
    if first > 12 or (not month_first and second <= 12):
        return _iso_day(year, second, first)
    return _iso_day(year, first, second)


def assumed_order(language: str) -> str:
    """Return the order of day and month between slashes in a language, with its region."""
    return MONTH_FIRST if language.lower() in _MONTH_FIRST_LANGUAGES else DAY_FIRST


def orders_shown(text: str) -> Iterator[str]:
    """Yield the order of day and month of each date in numbers between slashes that has a day above twelve."""
    for match in _NUMERIC.finditer(text):
        first, second = int(match[1]), int(match[3])
        if match[2] == "/" and (first > 12) != (second > 12):
            yield DAY_FIRST if first > 12 else MONTH_FIRST


def swapped_day(iso: str) -> str:
    """Return the ISO day with day and month swapped; empty if that is the same day or not a date."""
    year, month, day = iso[:10].split("-")
    return _iso_day(int(year), int(day), int(month)) if month != day else ""


@cache
def _label_pattern(kind: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:^|[^\w])(?:{alternatives_pattern(load_words(kind))})[\s\w]{{0,8}}[:\-–|.]?\s*(?:\w{{2,10}},?\s*)?$"
    )


def label_before(text: str) -> str:
    """Return the label that the end of a text gives to a date behind it: `updated`, `published` or empty."""
    preceding_text = text[-40:].casefold()
    return next((kind for kind in ("updated", "published") if _label_pattern(kind).search(preceding_text)), "")


def _labelled_date(text: str, match: re.Match[str], iso: str) -> Iterator[LabelledDate]:
    if iso:
        yield LabelledDate(iso, label_before(text[: match.start()]))
