"""What a block's text says without what varies from page to page: numbers, dates, addresses, the page's title, authors.

Pure. Texts that differ only in those have one template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cleaners.metadata.word_lists import months

_TEMPLATE_CHARS = 400  # a longer text repeats as it is or not at all
_NAME_CHARS = 4  # a shorter title or name stands in other words by chance

_DIGITS = re.compile(r"\d+")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|www\.\S+")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"\w+")
_FIXED = re.compile(r"[^\W\d_]{2,}")
_DATE, _ANY, _TITLE, _AUTHOR = "\x01", "\x02", "\x03", "\x04"
DATED = _DATE
"""What `template` puts in the place of a date."""

_NUMERIC_DATE = re.compile(r"\b0([./-])0\1 ?0\b|\b0:0(?::0)?\b")
_VALUE = re.compile(r":\s+\W*0|0\s*/\s*0|0\s*[%€$£]|[€$£]\s*0")  # a score, a price, a measure: what the text says
_DATED = re.compile(rf"(?:0[.,]?\s+(?:de\s+)?)?{_DATE}\.?(?:,?\s+(?:de\s+)?0)*")


def template(text: str, title: str = "", authors: Sequence[str] = ()) -> str:
    """The text without what varies from page to page; the text itself where nothing fixed would be left."""
    [made] = templates([text], title, authors)
    return made


def templates(texts: Iterable[str], title: str = "", authors: Sequence[str] = ()) -> list[str]:
    """The template of each text of a page."""
    marks = [(name, mark) for name, mark in _named(title, authors) if len(name) >= _NAME_CHARS]
    return [_template(text, marks) if _varies(text, marks) else text for text in texts]


def _named(title: str, authors: Sequence[str]) -> Iterable[tuple[str, str]]:
    yield title, _TITLE
    for author in authors:
        yield author, _AUTHOR


def _varies(text: str, marks: Iterable[tuple[str, str]]) -> bool:
    """Whether a text may differ from its template, as most do not. Looking for each digit is quick where few occur."""
    if len(text) > _TEMPLATE_CHARS:
        return False
    if "0" in text or "1" in text or "2" in text or "3" in text or "4" in text:
        return True
    if "5" in text or "6" in text or "7" in text or "8" in text or "9" in text:
        return True
    if "@" in text or "://" in text or "www." in text:
        return True
    for name, _ in marks:
        if name in text:
            return True
    return not text.isascii() and _DIGITS.search(text) is not None


def _template(text: str, marks: Iterable[tuple[str, str]]) -> str:
    made = text
    for name, mark in marks:
        if name != text:
            made = made.replace(name, mark)
    if "@" in made or "://" in made or "www." in made:
        made = _ADDRESS.sub(_ANY, made)
    made = _undated(made)
    return made if made == text or _DATE in made or _FIXED.search(made) else text


def _undated(text: str) -> str:
    """The text with each number as 0 and each date as one mark; as it is if a number is a value that it gives."""
    bare = _DIGITS.sub("0", text)
    if bare == text and "0" not in text:
        return text
    if "0." in bare or "0/" in bare or "0-" in bare or "0:" in bare:
        bare = _NUMERIC_DATE.sub(_DATE, bare)
    marked = _with_dates(bare) if _names_month(bare) else bare
    dated = _DATED.sub(_DATE, marked) if _DATE in marked else marked
    return text if _gives_value(dated) else dated


def _gives_value(dated: str) -> bool:
    return any(sign in dated for sign in ":/%€$£") and _VALUE.search(dated) is not None


def _names_month(bare: str) -> bool:
    """Whether a text, with its digits as 0, has the name of a month among its words."""
    words = _WORD.findall(bare.replace("0", " ").replace("_", " "))
    return not months().keys().isdisjoint(map(str.lower, words))


def _with_dates(bare: str) -> str:
    names = months()
    return _LETTERS.sub(lambda word: _DATE if word[0].lower() in names else word[0], bare)
