"""The language of a page: as it states it; else, if a text is given, as detected from the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from cleaners.metadata.json_ld import string_values
from cleaners.metadata.page_context import PageContext
from cleaners.metadata.word_lists import meta_names

_LANGUAGE_TAG = re.compile(r"\s*([a-z]{2,3})(?:[-_][a-z0-9]+)*\s*(?:,|$)", re.IGNORECASE)
_CHARSET = re.compile(r"\s*(?:utf|iso)[-_]?\d", re.IGNORECASE)  # where pages have it by mistake
_NO_LANGUAGE_TAGS = frozenset({"und", "mul", "zxx", "xx", "div"})
_MIN_TEXT_CHARS = 100  # detection on a shorter text is not reliable
_MAX_TEXT_CHARS = 3000
_MODEL = "lid.176.ftz"  # of fasttext.cc; NOTICE names its licence
_LABEL = "__label__"


def find_language(page: PageContext, text: str = "") -> tuple[str, str]:
    """Return the page's primary language tag (`en`) and its source; detected from `text` only if none is stated."""
    for value, source in _stated_languages(page):
        if tag := primary_tag(value):
            return tag, source
    return (_detect_language(text), "text") if len(text) >= _MIN_TEXT_CHARS else ("", "")


def primary_tag(value: str) -> str:
    """Return the primary subtag of `de-AT`, `de_AT` or `de, en`, in lower case; empty if it is no language tag."""
    match = None if _CHARSET.match(value) else _LANGUAGE_TAG.match(value)
    tag = match[1].lower() if match else ""
    return "" if tag in _NO_LANGUAGE_TAGS else tag


def _stated_languages(page: PageContext) -> Iterator[tuple[str, str]]:
    for value in page.statements.html_languages:
        yield value, "markup"
    for value in page.member_values("inLanguage"):
        yield from ((text, "json-ld") for text in string_values(value))
    for value in page.statements.meta_contents(meta_names("language")):
        yield value, "meta"


def _detect_language(text: str) -> str:
    """Detect the language of a text by fastText's small model of 176 languages; empty if it gives none.

    (Joulin et al., "Bag of tricks for efficient text classification", 2017)
    """
    beginning = " ".join(text[:_MAX_TEXT_CHARS].split()).encode("utf-8", "replace").decode("utf-8")
    labels = _load_model().predict(beginning.lower() if beginning.isupper() else beginning)[0]
    return str(labels[0]).removeprefix(_LABEL) if labels else ""


@cache
def _load_model() -> Any:
    import fasttext  # imported late: most pages state their language and need no model

    with as_file(files(__package__).joinpath(_MODEL)) as path:
        return fasttext.load_model(str(path))
