"""Templates of texts: a text with its numbers, dates, addresses, page title and authors replaced by marks.

Pure. Texts that differ only in those have the same template, by which repeated boilerplate is recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from broadsheet.cleaners.metadata.word_lists import month_numbers

_TEMPLATE_CHARS = 400  # a longer text is its own template: it repeats literally or not at all
_NAME_CHARS = 4  # a shorter title or author occurs in other words by chance

_DIGITS = re.compile(r"\d+")
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|www\.\S+")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"\w+")
_FIXED_WORD = re.compile(r"[^\W\d_]{2,}")
DATE_MARK, _ADDRESS_MARK, _TITLE_MARK, _AUTHOR_MARK = "\x01", "\x02", "\x03", "\x04"
"""What a template has in the place of a date, an address, the page's title and an author."""

_NUMERIC_DATE = re.compile(r"\b0([./-])0\1 ?0\b|\b0:0(?::0)?\b")
_VALUE = re.compile(r":\s+\W*0|0\s*/\s*0|0\s*[%€$£]|[€$£]\s*0")  # a score, a price or a measure is content
_MONTH_WITH_NUMBERS = re.compile(rf"(?:0[.,]?\s+(?:de\s+)?)?{DATE_MARK}\.?(?:,?\s+(?:de\s+)?0)*")


def text_template(text: str, title: str = "", authors: Sequence[str] = ()) -> str:
    """The template of one text; the text itself if no fixed word would be left in it."""
    [template] = page_templates([text], title, authors)
    return template


def page_templates(texts: Iterable[str], title: str = "", authors: Sequence[str] = ()) -> list[str]:
    """The templates of all texts of a page, in order."""
    name_marks = [(name, mark) for name, mark in _name_marks(title, authors) if len(name) >= _NAME_CHARS]
    return [_make_template(text, name_marks) if _may_vary(text, name_marks) else text for text in texts]


def _name_marks(title: str, authors: Sequence[str]) -> Iterable[tuple[str, str]]:
    """The title and the authors, each with the mark that replaces it."""
    yield title, _TITLE_MARK
    for author in authors:
        yield author, _AUTHOR_MARK


def _may_vary(text: str, name_marks: Iterable[tuple[str, str]]) -> bool:
    """Whether a text may differ from its template; most do not. `in` for each digit is the quickest test for those."""
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
    """Whether a number in the text, now a 0, is a score, a price or a measure."""
    return any(symbol in dated_text for symbol in ":/%€$£") and _VALUE.search(dated_text) is not None


def _names_month(zeroed_text: str) -> bool:
    """Whether a text, with its numbers as 0, has the name of a month among its words."""
    words = _WORD.findall(zeroed_text.replace("0", " ").replace("_", " "))
    return not month_numbers().keys().isdisjoint(map(str.lower, words))


def _mark_months(zeroed_text: str) -> str:
    month_names = month_numbers()
    return _LETTERS.sub(lambda match: DATE_MARK if match[0].lower() in month_names else match[0], zeroed_text)
