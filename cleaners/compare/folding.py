"""Normal forms in which texts and times are compared, without differences of typography and layout; pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_PLAIN_MARKS = str.maketrans({
    **dict.fromkeys("‘’‚‛′`´", "'"), **dict.fromkeys("“”„‟″«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", None),
})  # fmt: skip
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['\-][^\W_{_CJK}]+)*")
_TOKEN = re.compile(rf"[{_CJK}]\s*|[^\s{_CJK}]+\s*|\s+")


def fold_typography(text: str) -> str:
    """The text in NFKC with plain quotation marks and dashes, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_PLAIN_MARKS).split())


def comparison_key(text: str) -> str:
    """The folded text without any white space, so that it does not matter into which elements it was cut."""
    return fold_typography(text).replace(" ", "")


def split_words(text: str) -> list[str]:
    """The text's words in lower case; each Chinese or Japanese character is one."""
    return _WORD.findall(fold_typography(text).lower())


def split_tokens(text: str) -> list[str]:
    """The text cut into words, each with its punctuation and the space after it; joined they are the text again."""
    return _TOKEN.findall(text)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, with the instant in UTC or its own zone where a time of day is stated."""

    day: date
    instant: datetime | None = None

    def may_equal(self, other_moment: Moment) -> bool:
        """Whether both may be the same: equal instants, or days one apart (for zones) if only one has a time."""
        if self.instant and other_moment.instant:
            return self.instant == other_moment.instant
        return abs(self.day - other_moment.day) <= timedelta(days=0 if self.instant is other_moment.instant else 1)


def parse_moment(text: str) -> Moment | None:
    """Parse an ISO 8601 date or time; a time without a zone counts as UTC; None if it is neither."""
    try:
        parsed_time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= len("2026-01-31"):
        return Moment(parsed_time.date())
    return Moment(parsed_time.date(), parsed_time if parsed_time.tzinfo else parsed_time.replace(tzinfo=UTC))
