"""Texts and times in the forms in which they are compared: folded, as templates, word by word; pure.

A folded text has no differences of typography and layout. A template is a text with its numbers, dates, addresses, page
title and authors replaced by marks: repeated boilerplate has one template.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import SequenceMatcher
from functools import lru_cache

from ..page.word_lists import month_numbers

_PLAIN_MARKS = str.maketrans({
    **dict.fromkeys("‘’‚‛′`´", "'"), **dict.fromkeys("“”„‟″«»", '"'), **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", None),
})  # fmt: skip
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_FOLDED_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['\-][^\W_{_CJK}]+)*")
_TOKEN = re.compile(rf"[{_CJK}]\s*|[^\s{_CJK}]+\s*|\s+")


def fold_typography(text: str) -> str:
    """Fold a text: NFKC, plain quotation marks and dashes, single spaces.

    >>> fold_typography("“Yes” –  he said")
    '"Yes" - he said'
    """
    return " ".join(unicodedata.normalize("NFKC", text).translate(_PLAIN_MARKS).split())


def comparison_key(text: str) -> str:
    """Return the folded text without any white space, so that the elements it was cut into do not matter."""
    return fold_typography(text).replace(" ", "")


def split_words(text: str) -> list[str]:
    """Split a text into words in lower case; each Chinese or Japanese character is one."""
    return _FOLDED_WORD.findall(fold_typography(text).lower())


def split_tokens(text: str) -> list[str]:
    """Split a text into words, each with its punctuation and the space after it; joined they are the text again."""
    return _TOKEN.findall(text)


@dataclass(frozen=True, slots=True)
class Moment:
    """Date, with the instant in UTC or its own zone where a time of day is stated."""

    day: date
    instant: datetime | None = None

    def may_equal(self, other_moment: Moment) -> bool:
        """Return whether two moments may be the same: equal instants, or a day apart (zones) if only one has a time."""
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


_TEMPLATE_CHARS = 400  # a longer text is its own template: it repeats literally or not at all
_NAME_CHARS = 4  # a shorter title or author occurs in other words by chance

_DIGITS = re.compile(r"\d+")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|www\.\S+")
_LETTERS = re.compile(r"[^\W\d_]+")
_TEMPLATE_WORD = re.compile(r"\w+")
_FIXED_WORD = re.compile(r"[^\W\d_]{2,}")
DATE_MARK, _ADDRESS_MARK, _TITLE_MARK, _AUTHOR_MARK = "\x01", "\x02", "\x03", "\x04"
"""Marks that a template has in place of a date, an address, the page's title and an author."""

_NUMERIC_DATE = re.compile(r"\b0([./-])0\1 ?0\b|\b0:0(?::0)?\b")
_VALUE = re.compile(r":\s+\W*0|0\s*/\s*0|0\s*[%€$£]|[€$£]\s*0")  # a score, a price or a measure is content
_MONTH_WITH_NUMBERS = re.compile(rf"(?:0[.,]?\s+(?:de\s+)?)?{DATE_MARK}\.?(?:,?\s+(?:de\s+)?0)*")


def text_template(text: str, title: str = "", authors: Sequence[str] = ()) -> str:
    """Return the template of one text; the text itself if no fixed word would be left in it."""
    [template] = page_templates([text], title, authors)
    return template


def page_templates(texts: Iterable[str], title: str = "", authors: Sequence[str] = ()) -> list[str]:
    """Return the templates of all texts of a page, in order."""
    name_marks = [(name, mark) for name, mark in _name_marks(title, authors) if len(name) >= _NAME_CHARS]
    return [_make_template(text, name_marks) if _may_vary(text, name_marks) else text for text in texts]


_EDGE_BLOCKS, _EDGE_WORDS = 2, 6  # at either end of an article, and words of one, whose numbers are a counter's


def edge_template(text: str, index: int, count: int) -> str:
    """Return a short text with its numbers as 0 if it is one of the first or last two of so many; else the text.

    A counter there is not a fact of the article: `Popularity: 3 %` ends all articles of a site.

    >>> edge_template("Popularity: 3 %", 9, 10), edge_template("Popularity: 3 %", 4, 10)
    ('Popularity: 0 %', 'Popularity: 3 %')
    """
    is_at_edge = index < _EDGE_BLOCKS or index >= count - _EDGE_BLOCKS
    is_counter = is_at_edge and len(text.split()) <= _EDGE_WORDS and _FIXED_WORD.search(text)
    return _DIGITS.sub("0", text) if is_counter else text


def _name_marks(title: str, authors: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Yield the title and the authors, each with the mark that replaces it."""
    yield title, _TITLE_MARK
    for author in authors:
        yield author, _AUTHOR_MARK


def _may_vary(text: str, name_marks: Iterable[tuple[str, str]]) -> bool:
    """Return whether a text may differ from its template. Most do not, and `in` for each digit is the quickest test."""
    if len(text) > _TEMPLATE_CHARS:
        return False
    if "0" in text or "1" in text or "2" in text or "3" in text or "4" in text:
        return True
    if "5" in text or "6" in text or "7" in text or "8" in text or "9" in text:
        return True
    if "@" in text or "://" in text or "www." in text:
        return True
    for name, _ in name_marks:
        if name in text:
            return True
    return not text.isascii() and _DIGITS.search(text) is not None


def _make_template(text: str, name_marks: Iterable[tuple[str, str]]) -> str:
    template = text
    for name, mark in name_marks:
        if name != text:
            template = template.replace(name, mark)
    if "@" in template or "://" in template or "www." in template:
        template = _ADDRESS.sub(_ADDRESS_MARK, template)
    template = _replace_numbers(template)
    return template if template == text or DATE_MARK in template or _FIXED_WORD.search(template) else text


def _replace_numbers(text: str) -> str:
    """Replace each number by 0 and each date by its mark; a text that states a value (score, price) is not changed."""
    zeroed_text = _DIGITS.sub("0", text)
    if zeroed_text == text and "0" not in text:
        return text
    if "0." in zeroed_text or "0/" in zeroed_text or "0-" in zeroed_text or "0:" in zeroed_text:
        zeroed_text = _NUMERIC_DATE.sub(DATE_MARK, zeroed_text)
    marked_text = _mark_months(zeroed_text) if _names_month(zeroed_text) else zeroed_text
    dated_text = _MONTH_WITH_NUMBERS.sub(DATE_MARK, marked_text) if DATE_MARK in marked_text else marked_text
    return text if _states_value(dated_text) else dated_text


def _states_value(dated_text: str) -> bool:
    """Return whether a number in the text, now a 0, is a score, a price or a measure."""
    return any(symbol in dated_text for symbol in ":/%€$£") and _VALUE.search(dated_text) is not None


def _names_month(zeroed_text: str) -> bool:
    """Return whether a text, with its numbers as 0, has the name of a month among its words."""
    words = _TEMPLATE_WORD.findall(zeroed_text.replace("0", " ").replace("_", " "))
    return not month_numbers().keys().isdisjoint(map(str.lower, words))


def _mark_months(zeroed_text: str) -> str:
    month_names = month_numbers()
    return _LETTERS.sub(lambda match: DATE_MARK if match[0].lower() in month_names else match[0], zeroed_text)


SAME_SIGN, REMOVED_SIGN, ADDED_SIGN = "=", "-", "+"
_MAX_BRIDGE_TOKENS = 1  # this many equal words between two changes are counted as part of the change


WordChanges = tuple[tuple[str, str], ...]
"""(sign, text) in order, as `diff_words` gives them."""


def diff_words(old_text: str, new_text: str) -> WordChanges:
    """Compare two texts word by word: return (sign, text) pairs in order.

    The sign is `=` for words of both texts, `-` for words of the old one, `+` for words of the new one. The texts of
    `=` and `+` together are the new text, except for differences that `fold_typography` removes.

    >>> diff_words("The mill burned down.", "The barn burned down.")
    (('=', 'The '), ('-', 'mill '), ('+', 'barn '), ('=', 'burned down.'))
    """
    old_tokens, new_tokens = split_tokens(old_text), split_tokens(new_text)
    matcher = SequenceMatcher(
        None, list(map(fold_typography, old_tokens)), list(map(fold_typography, new_tokens)), autojunk=False
    )
    return tuple(_merge_steps(list(_diff_steps(matcher, old_tokens, new_tokens))))


def _diff_steps(
    matcher: SequenceMatcher[str], old_tokens: list[str], new_tokens: list[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield (sign, old words, new words) of each step; a single equal word between two changes counts as changed."""
    opcodes = matcher.get_opcodes()
    for index, (tag, old_start, old_end, new_start, new_end) in enumerate(opcodes):
        is_bridge = 0 < index < len(opcodes) - 1 and new_end - new_start <= _MAX_BRIDGE_TOKENS
        sign = SAME_SIGN if tag == "equal" and not is_bridge else REMOVED_SIGN + ADDED_SIGN
        yield sign, "".join(old_tokens[old_start:old_end]), "".join(new_tokens[new_start:new_end])


def _merge_steps(steps: list[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Join neighbouring changes into one removed and one added text."""
    removed_text = added_text = ""
    for sign, old_text, new_text in [*steps, (SAME_SIGN, "", "")]:
        if sign == SAME_SIGN:
            yield from (
                (change_sign, text)
                for change_sign, text in ((REMOVED_SIGN, removed_text), (ADDED_SIGN, added_text))
                if text
            )
            removed_text = added_text = ""
            if new_text:
                yield SAME_SIGN, new_text
        else:
            removed_text, added_text = removed_text + old_text, added_text + new_text


_AUTHOR_WITHIN_WORDS = 6  # an author note has the author's name within its first words
_AUTHOR_WITHIN_CHARS = 100
_TEXT_LEVEL_STEP = re.compile(
    r"(?:p|blockquote|q|ul|ol|li|dl|dt|dd|pre|code|h[1-6]|em|strong|small|b|i|u|a|span|font|center|figure|"
    r"figcaption)(?:$|[.#])"
)
_DIGITS = re.compile(r"\d+")
_WORD, _NAME = re.compile(r"\w+"), re.compile(r"\w{3,}")


@lru_cache(maxsize=2048)
def container_path(path: str) -> str:
    """Return the path of a block's container: its path without text-level tags at the end, with numbers as 0."""
    parts = path.split(">")
    while len(parts) > 1 and _TEXT_LEVEL_STEP.match(parts[-1]):
        parts.pop()
    return fold_digits(">".join(parts))


@lru_cache(maxsize=2048)
def fold_digits(path: str) -> str:
    """Write each number of a path as 0."""
    return _DIGITS.sub("0", path)


def names_author(text: str, authors: Iterable[str]) -> bool:
    """Return whether any part of an author's name is among the first words of the text."""
    beginning = text[:_AUTHOR_WITHIN_CHARS]
    name_parts = [part for part in _author_name_parts(tuple(authors)) if part in beginning]
    return bool(name_parts) and not set(name_parts).isdisjoint(_WORD.findall(beginning)[:_AUTHOR_WITHIN_WORDS])


@lru_cache(maxsize=16)
def _author_name_parts(authors: tuple[str, ...]) -> frozenset[str]:
    """Return the capitalised parts of the authors' names."""
    return frozenset(part for author in authors for part in _NAME.findall(author) if part[:1].isupper())
