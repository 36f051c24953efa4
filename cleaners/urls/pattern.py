"""Which URLs of a host are alike: a URL's pattern is its path and query with what varies collapsed.

`/news/2024/05/12/the-mill-burned` has the pattern `/news/#/#/#/slug`. Words that name lists stay, and so does the
path's first segment, which is a site's section; numbers, words, slugs and opaque ids become classes. Of a query the
sorted names stay. The wide pattern also gives up the first segment, and says of a query only that there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from cleaners.urls.shape import LIST_SEGMENTS

NUMBER, SLUG, WORD, OPAQUE = "#", "slug", "word", "id"

_NUMBER = re.compile(r"\d[\d.:-]*")
_SLUG = re.compile(r"[^-_+ ]+(?:[-_+ ]+[^-_+ ]+){2,}")
_OPAQUE = re.compile(r"[0-9a-f-]{16,}|(?=\D*\d)[0-9a-z]{16,}")
_EXTENSION = re.compile(r"(.+)\.([a-z]{2,5}\d?)$")
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?")
_NAME_INDEX = re.compile(r"\[[^\]]*\]|(?:%5b).*?(?:%5d)|\d+$", re.IGNORECASE)
_MAX_PARTS = 12  # segments or names told apart


@dataclass(frozen=True, slots=True)
class Patterns:
    """A URL's own pattern and the wide one that it belongs to."""

    own: str
    wide: str


@lru_cache(maxsize=4096)
def patterns_of(url: str) -> Patterns:
    """Return the patterns of a canonical URL."""
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        return Patterns("", "")
    segments = [segment for segment in unquote(parts.path).lower().split("/") if segment]
    kinds = [_kind(segment) for segment in segments[:_MAX_PARTS]]
    if len(segments) > _MAX_PARTS:
        kinds.append("…")
    names = _names(parts.query)
    own = [*_literal_heads(segments), *kinds[len(_literal_heads(segments)) :]]
    return Patterns("/" + "/".join(own) + ("?" + "&".join(names) if names else ""), _wide(kinds, bool(names)))


def parameter_order(url: str) -> str:
    """The URL with its parameters sorted; empty where it has not two of different names, or one name twice."""
    path, _, query = url.partition("?")
    parameters = query.split("&")
    names = {parameter.partition("=")[0] for parameter in parameters}
    if len(parameters) < 2 or len(names) < len(parameters):
        return ""
    return f"{path}?{'&'.join(sorted(parameters))}"


def _wide(kinds: list[str], query: bool) -> str:
    return "*/" + "/".join(kinds) + ("?*" if query else "")


def _kind(segment: str) -> str:
    """A segment's class, or the segment itself if it names a list; an extension stays."""
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
    """The first segment of several, after a language also the second, unless it is a number, a slug or an id."""
    heads = segments[:-1][: 2 if segments and _LANGUAGE.fullmatch(segments[0]) else 1]
    return list(_until_it_varies(heads))


def _until_it_varies(heads: list[str]) -> Iterator[str]:
    for head in heads:
        if _kind(head) not in (WORD, head):
            return
        yield head


def _names(query: str) -> list[str]:
    """The sorted names of a query, each once, without what numbers them: `f[0]` and `f[1]` are one."""
    if not query:
        return []
    found = {_NAME_INDEX.sub("", unquote(part.partition("=")[0]).lower())[:40] for part in query.split("&")}
    return sorted(found)[:_MAX_PARTS]
