"""Crawler traps, recognised by the URL alone:

URLs that a site generates without end, or that lead to no article. Pure, except that it reads the current year once, at
import.

Other endless URLs show in the archive: `broadsheet.output.write.url_bounds` bounds patterns of URLs that bring no new
article.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from urllib.parse import unquote, urlsplit

from broadsheet.cleaners.package_data import read_toml
from broadsheet.output.archive.url_words import OutcomeReason

_CONFIG = read_toml(__package__, "traps.toml")
_BOUNDS = _CONFIG["bounds"]
_YEAR_PARAMETERS = frozenset(_CONFIG["calendar"]["years"])
_DATE_PARAMETERS = frozenset(_CONFIG["calendar"]["dates"])
_FACET_PARAMETERS = frozenset(_CONFIG["facets"]["parameters"])
_SYSTEM_PLACE = re.compile("|".join(_CONFIG["systems"].values()))
_THIS_YEAR = datetime.now(UTC).year

_LIST_SUFFIX = re.compile(r"\[.*|\d+$", re.DOTALL)
_MONTH = r"[-/.]?(?:0?[1-9]|1[0-2])"
_YEAR = re.compile(r"\d{1,9}")
_DATE = re.compile(rf"(\d{{4}}){_MONTH}(?:[-/.]?[0-3]?\d)?(?:T.*)?")
_DATE_IN_PATH = re.compile(r"/(2\d{3})[-/](?:0?[1-9]|1[0-2])(?:[-/][0-3]?\d)?/?$")


@lru_cache(maxsize=4096)
def trap_reason(url: str, this_year: int = _THIS_YEAR) -> OutcomeReason | None:
    """Return the reason not to fetch a canonical URL found on a page; None for nearly all."""
    decoded_url = unquote(url)
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        return None
    if len(decoded_url) > _BOUNDS["decoded_chars"]:
        return OutcomeReason.TRAP_LONG_URL
    if reason := _path_trap(parts.path):
        return reason
    place = f"{parts.path}?{parts.query}".lower() if parts.query else parts.path.lower()
    if _SYSTEM_PLACE.search(place):
        return OutcomeReason.TRAP_SYSTEM
    parameters = [(_LIST_SUFFIX.sub("", name.lower()), value) for name, value in _parameters(parts.query)]
    if len(parameters) > _BOUNDS["parameters"]:
        return OutcomeReason.TRAP_PARAMETERS
    if sum(name in _FACET_PARAMETERS for name, _ in parameters) > _BOUNDS["facets"]:
        return OutcomeReason.TRAP_FACETS
    # Past years may be an archive's, or just numbers.
    years = [int(value) for name, value in parameters if name in _YEAR_PARAMETERS and _YEAR.fullmatch(value)]
    years += [
        int(date[1]) for name, value in parameters if name in _DATE_PARAMETERS and (date := _DATE.fullmatch(value))
    ]
    if path_date := _DATE_IN_PATH.search(parts.path):
        years.append(int(path_date[1]))
    return OutcomeReason.TRAP_CALENDAR if any(year > this_year + _BOUNDS["years_ahead"] for year in years) else None


def _parameters(query: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _path_trap(path: str) -> OutcomeReason | None:
    segments = [segment for segment in path.split("/") if segment]
    if _has_repeated_segments(segments):
        return OutcomeReason.TRAP_REPEATING_PATH
    return OutcomeReason.TRAP_DEEP_PATH if len(segments) > _BOUNDS["segments"] else None


def _has_repeated_segments(segments: list[str]) -> bool:
    """Tell whether a path segment or a group of segments repeats too often. Numbers may repeat (`/11/11/11/`)."""
    named_segments = [segment for segment in segments if not segment.isdigit()]
    if len(named_segments) < _BOUNDS["segment_in_a_row"]:
        return False
    if max(len(list(run)) for _, run in groupby(named_segments)) >= _BOUNDS["segment_in_a_row"]:
        return True
    if max(Counter(named_segments).values()) >= _BOUNDS["segment_anywhere"]:
        return True
    return any(_has_repeated_group(segments, size) for size in range(2, len(segments) // _BOUNDS["group_in_a_row"] + 1))


def _has_repeated_group(segments: list[str], size: int) -> bool:
    """Tell whether a group of `size` segments, not all of them numbers, repeats often enough in a row."""
    span = size * _BOUNDS["group_in_a_row"]
    for start in range(len(segments) - span + 1):
        group = segments[start : start + size]
        if not all(map(str.isdigit, group)) and segments[start : start + span] == group * _BOUNDS["group_in_a_row"]:
            return True
    return False
