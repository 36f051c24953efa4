"""URLs that a site makes up without end, told by the URL alone. Pure but for the year in which it is loaded.

What a URL does not show, the archive sees: `output.queue.url_bounds` bounds patterns of URLs that go on without a new
article.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from urllib.parse import unquote, urlsplit

_FACTS = tomllib.loads(files(__package__).joinpath("traps.toml").read_text(encoding="utf-8"))
_BOUNDS = _FACTS["bounds"]
_YEARS = frozenset(_FACTS["calendar"]["years"])
_DATES = frozenset(_FACTS["calendar"]["dates"])
_FACETS = frozenset(_FACTS["facets"]["parameters"])
_THIS_YEAR = datetime.now(UTC).year

_INDEX = re.compile(r"\[.*|\d+$", re.DOTALL)
_MONTH = r"[-/.]?(?:0?[1-9]|1[0-2])"
_YEAR = re.compile(r"\d{1,9}")
_DATE = re.compile(rf"(\d{{4}}){_MONTH}(?:[-/.]?[0-3]?\d)?(?:T.*)?")
_IN_PATH = re.compile(r"/(2\d{3})[-/](?:0?[1-9]|1[0-2])(?:[-/][0-3]?\d)?/?$")


@lru_cache(maxsize=4096)
def trap_of(url: str, this_year: int = _THIS_YEAR) -> str:
    """Why a canonical URL found on a page is not asked for, as `trap:long_url`; empty for nearly all."""
    readable = unquote(url)
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        return ""
    if len(readable) > _BOUNDS["decoded_chars"]:
        return "trap:long_url"
    if reason := _path_trap(parts.path):
        return reason
    query = [(_INDEX.sub("", name.lower()), value) for name, value in _parameters(parts.query)]
    if len(query) > _BOUNDS["parameters"]:
        return "trap:parameters"
    if sum(name in _FACETS for name, _ in query) > _BOUNDS["facets"]:
        return "trap:facets"
    return "trap:calendar" if _is_far_ahead(parts.path, query, this_year) else ""


def _parameters(query: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _path_trap(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    if _repeats(segments):
        return "trap:repeating_path"
    return "trap:deep_path" if len(segments) > _BOUNDS["segments"] else ""


def _repeats(segments: list[str]) -> bool:
    """Whether a segment or a group of them comes again and again; numbers may (`/11/11/11/`)."""
    words = [segment for segment in segments if not segment.isdigit()]
    if len(words) < _BOUNDS["segment_in_a_row"]:
        return False
    if max(len(list(run)) for _, run in groupby(words)) >= _BOUNDS["segment_in_a_row"]:
        return True
    if max(Counter(words).values()) >= _BOUNDS["segment_anywhere"]:
        return True
    return any(_group_repeats(segments, size) for size in range(2, len(segments) // _BOUNDS["group_in_a_row"] + 1))


def _group_repeats(segments: list[str], size: int) -> bool:
    """Whether any group of so many segments, not all numbers, follows itself often enough."""
    span = size * _BOUNDS["group_in_a_row"]
    for at in range(len(segments) - span + 1):
        group = segments[at : at + size]
        if not all(map(str.isdigit, group)) and segments[at : at + span] == group * _BOUNDS["group_in_a_row"]:
            return True
    return False


def _is_far_ahead(path: str, query: list[tuple[str, str]], this_year: int) -> bool:
    """Whether the URL is a list of dates in a year to come. One long past may be an archive's, or just a number."""
    years = [int(value) for name, value in query if name in _YEARS and _YEAR.fullmatch(value)]
    years += [int(date[1]) for name, value in query if name in _DATES and (date := _DATE.fullmatch(value))]
    if in_path := _IN_PATH.search(path):
        years.append(int(in_path[1]))
    return any(year > this_year + _BOUNDS["years_ahead"] for year in years)
