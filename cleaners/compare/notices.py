"""Whether a block is a publication's notice that it corrected or updated the article; its phrases are data."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

CORRECTION, UPDATE = "correction", "update"
_LONGEST = 1_200  # characters; a longer block tells a story that a notice may be quoted in
_OPENING = r"^[\W_]*"
_STAMP = r"(?:\s*[(\[（【][^)\]）】]{1,40}[)\]）】]|,?\s[^:：.。]{0,40}?\d[^:：。]{0,30}?)?"  # a date or a time
_MARK = r"\s*(?:[:：.。|]|\s[-–—]|[–—])"


def notice(text: str) -> str:
    """`correction` or `update` if the block says so, in any language that the data knows; empty if it does not."""
    if len(text) > _LONGEST:
        return ""
    return next((kind for kind, phrase in _phrases().items() if phrase.search(text)), "")


def languages() -> Mapping[str, Mapping[str, Any]]:
    """The data file: language, then the phrases and examples of a kind."""
    return tomllib.loads(files(__package__).joinpath("notices.toml").read_text("utf-8"))


@cache
def _phrases() -> dict[str, re.Pattern[str]]:
    told = tuple(languages().values())
    return {kind: _pattern(each[kind] for each in told) for kind in (CORRECTION, UPDATE)}


def _pattern(phrases: Iterable[Mapping[str, list[str]]]) -> re.Pattern[str]:
    begins, says = [], []
    for each in phrases:
        begins += each["begins"]
        says += each["says"]
    return re.compile(f"{_OPENING}(?:{'|'.join(begins)}){_STAMP}{_MARK}|{'|'.join(says)}", re.IGNORECASE)
