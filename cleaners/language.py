"""The language of a page: what it states; else, if asked, what its text looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cleaners.context import Context
from cleaners.jsonld import strings
from cleaners.words import meta_names

_TAG = re.compile(r"\s*([a-z]{2,3})(?:[-_][a-z0-9]+)*\s*(?:,|$)", re.IGNORECASE)
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "xx", "div"})
_MIN_TEXT = 100  # characters; a guess from less is worth nothing
_MAX_TEXT = 3000


def find_language(page: Context, text: str = "") -> tuple[str, str]:
    """Return the page's primary language tag (`en`) and its source; guessed from `text` only if none is stated."""
    for value, source in _statements(page):
        if tag := primary_tag(value):
            return tag, source
    return (_guess(text), "text") if len(text) >= _MIN_TEXT else ("", "")


def primary_tag(value: str) -> str:
    """Return the primary subtag of `de-AT`, `de_AT` or `de, en`, in lower case; empty if it is no language tag."""
    match = _TAG.match(value)
    tag = match[1].lower() if match else ""
    return "" if tag in _NO_LANGUAGE else tag


def _statements(page: Context) -> Iterator[tuple[str, str]]:
    for value in page.clues.html_lang:
        yield value, "markup"
    for value in page.members("inLanguage"):
        yield from ((each, "json-ld") for each in strings(value))
    for value in page.clues.meta(meta_names("language")):
        yield value, "meta"


def _guess(text: str) -> str:
    from py3langid.langid import classify  # its model takes half a second to load

    return str(classify(text[:_MAX_TEXT])[0])
