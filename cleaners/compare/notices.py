"""Recognises correction and update notices of publications; the phrases are data (`notices.toml`)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from broadsheet.cleaners.compare.edit_kinds import NOTICE_KINDS, EditKind

_MAX_CHARS = 1_200  # a longer block is a paragraph that may quote a notice
_OPENING = r"^[\W_]*"
_STAMP = r"(?:\s*[(\[（【][^)\]）】]{1,40}[)\]）】]|,?\s[^:：.。]{0,40}?\d[^:：。]{0,30}?)?"  # a date or a time
_END_MARK = r"\s*(?:[:：.。|]|\s[-–—]|[–—])"


def notice_kind(text: str) -> EditKind | None:
    """A correction or an update if a block's text is such a notice, in any language of the data; None if it is not."""
    if len(text) > _MAX_CHARS:
        return None
    return next((kind for kind, pattern in _notice_patterns().items() if pattern.search(text)), None)


def load_languages() -> Mapping[str, Mapping[str, Any]]:
    """Read the data file: by language the phrases of each kind (`begins`, `says`) and examples."""
    return tomllib.loads(files(__package__).joinpath("notices.toml").read_text("utf-8"))


@cache
def _notice_patterns() -> dict[EditKind, re.Pattern[str]]:
    phrases_by_language = tuple(load_languages().values())
    return {kind: _compile_phrases(language[kind] for language in phrases_by_language) for kind in NOTICE_KINDS}


def _compile_phrases(phrases_by_language: Iterable[Mapping[str, list[str]]]) -> re.Pattern[str]:
    opening_patterns, sentence_patterns = [], []
    for language_phrases in phrases_by_language:
        opening_patterns += language_phrases["begins"]
        sentence_patterns += language_phrases["says"]
    return re.compile(
        f"{_OPENING}(?:{'|'.join(opening_patterns)}){_STAMP}{_END_MARK}|{'|'.join(sentence_patterns)}", re.IGNORECASE
    )
