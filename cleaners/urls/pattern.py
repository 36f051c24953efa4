"""Which URLs of a host are alike: a URL's pattern is its path and query with the varying parts replaced by classes.

`/news/2024/05/12/the-mill-burned` has the pattern `/news/#/#/#/slug`. Words that name lists stay, and so does the
path's first segment, which is a site's section; numbers, words, slugs and opaque ids become classes. Of a query the
sorted names stay. The wide pattern replaces the first segment too, and of a query it only says that there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from broadsheet.cleaners.urls.shape import LIST_SEGMENTS

NUMBER, SLUG, WORD, OPAQUE = "#", "slug", "word", "id"

_NUMBER = re.compile(r"\d[\d.:-]*")
_SLUG = re.compile(r"[^-_+ ]+(?:[-_+ ]+[^-_+ ]+){2,}")
_OPAQUE = re.compile(r"[0-9a-f-]{16,}|(?=\D*\d)[0-9a-z]{16,}")
_EXTENSION = re.compile(r"(.+)\.([a-z]{2,5}\d?)$")
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?")
_NAME_INDEX = re.compile(r"\[[^\]]*\]|(?:%5b).*?(?:%5d)|\d+$", re.IGNORECASE)
_MAX_PARTS = 12  # segments of a path, or names of a query, in a pattern


@dataclass(frozen=True, slots=True)
class UrlPatterns:
    """A URL's narrow pattern, and the wide pattern that includes it. Both are empty for a malformed URL."""

    narrow: str
    wide: str


@lru_cache(maxsize=4096)
def patterns_of(url: str) -> UrlPatterns:
    """Return the patterns of a canonical URL."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        return UrlPatterns("", "")
    segments = [segment for segment in unquote(parts.path).lower().split("/") if segment]
    classes = [_segment_class(segment) for segment in segments[:_MAX_PARTS]]
    if len(segments) > _MAX_PARTS:
        classes.append("…")
    names = _parameter_names(parts.query)
    narrow = [*_literal_heads(segments), *classes[len(_literal_heads(segments)) :]]
    narrow_pattern = "/" + "/".join(narrow) + ("?" + "&".join(names) if names else "")
    return UrlPatterns(narrow_pattern, _wide_pattern(classes, bool(names)))


def sort_parameters(url: str) -> str:
    """Return the URL with its parameters sorted; empty if it has fewer than two of them, or two of the same name."""
    path, _, query = url.partition("?")
    parameters = query.split("&")
    names = {parameter.partition("=")[0] for parameter in parameters}
    if len(parameters) < 2 or len(names) < len(parameters):
        return ""
    return f"{path}?{'&'.join(sorted(parameters))}"


def _wide_pattern(classes: list[str], has_query: bool) -> str:
    return "*/" + "/".join(classes) + ("?*" if has_query else "")


def _segment_class(segment: str) -> str:
    """Return a segment's class with its file extension, or the segment itself if it names a list."""
    if segment in LIST_SEGMENTS:
        return segment
    match = _EXTENSION.match(segment)
    stem, extension = (match[1], "." + match[2]) if match else (segment, "")
    if _NUMBER.fullmatch(stem):
        return NUMBER + extension
    if _OPAQUE.fullmatch(stem):
        return OPAQUE + extension
    return (SLUG if _SLUG.fullmatch(stem) else WORD) + extension


def _literal_heads(segments: list[str]) -> list[str]:
    """Return the segments that stay as they are in the narrow pattern.

    That is the first of several, and the second after a language, unless it is a number, a slug or an id.
    """
    candidates = segments[:-1][: 2 if segments and _LANGUAGE.fullmatch(segments[0]) else 1]
    return list(_leading_words(candidates))


def _leading_words(segments: list[str]) -> Iterator[str]:
    """Yield the segments up to the first number, slug or id."""
    for segment in segments:
        if _segment_class(segment) not in (WORD, segment):
            return
        yield segment


def _parameter_names(query: str) -> list[str]:
    """Return the sorted names of a query, each once, without their index: `f[0]` and `f[1]` are one name."""
    if not query:
        return []
    names = {_NAME_INDEX.sub("", unquote(part.partition("=")[0]).lower())[:40] for part in query.split("&")}
    return sorted(names)[:_MAX_PARTS]
