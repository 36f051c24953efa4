"""Texts and times as they are compared: without what a template, an editor's program or a font makes of them. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_MARKS = str.maketrans({
    **dict.fromkeys("‘’‚‛′`´", "'"), **dict.fromkeys("“”„‟″«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", None),
})  # fmt: skip
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['\-][^\W_{_CJK}]+)*")
_PIECE = re.compile(rf"[{_CJK}]\s*|[^\s{_CJK}]+\s*|\s+")


def folded(text: str) -> str:
    """The text in compatibility form, with plain quotation marks and dashes, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_MARKS).split())


def squeezed(text: str) -> str:
    """The folded text without any white space: the same whichever elements it was cut into."""
    return folded(text).replace(" ", "")


def words_of(text: str) -> list[str]:
    """The text's words in lower case; each Chinese or Japanese character is one."""
    return _WORD.findall(folded(text).lower())


def pieces_of(text: str) -> list[str]:
    """The text cut into words, each with its punctuation and the space after it; together they are the text."""
    return _PIECE.findall(text)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is said to be: a day, and the instant where a time is said."""

    day: date
    instant: datetime | None = None

    def agrees(self, other: Moment) -> bool:
        """Whether two may be one: the same instant, or, where one is a day alone, within a day for the zones."""
        if self.instant and other.instant:
            return self.instant == other.instant
        return abs(self.day - other.day) <= timedelta(days=0 if self.instant is other.instant else 1)


def moment(text: str) -> Moment | None:
    """An ISO 8601 date or time; a time without a zone counts as UTC; None if it is neither."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= len("2026-01-31"):
        return Moment(found.date())
    return Moment(found.date(), found if found.tzinfo else found.replace(tzinfo=UTC))
