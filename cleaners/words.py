"""Rough word counts: by white space, or in a script that has none by its letters."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice

# The letters of scripts that write no space between words: first and last code point of each range.
_UNSPACED_SCRIPTS = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # marks of iteration
    (0x3040, 0x312F),  # Japanese syllables, bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),
    (0x20000, 0x3FFFF),
)

_LETTERS_A_WORD = 2
_FEW_PIECES = 2  # a text with more white space has it between its words, or is a row of items

_UNSPACED_RUN = re.compile(f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in _UNSPACED_SCRIPTS)}]+")


def rough_word_count(text: str) -> int:
    """Count words by white space; if there is hardly any, pairs of letters of a script without spaces.

    >>> rough_word_count("The mill burned"), rough_word_count("磨坊着火")
    (3, 2)
    """
    by_spaces = len(text.split())
    if by_spaces > _FEW_PIECES or text.isascii():
        return by_spaces
    return max(by_spaces, sum(map(len, _UNSPACED_RUN.findall(text))) // _LETTERS_A_WORD)


CJK_RANGES = "⺀-⿟々-〇぀-ヿ㐀-䶿一-鿿豈-﫿\U00020000-\U000323af"
"""Ranges of a character class, as SQLite's GLOB and regular expressions both read it."""

CJK_CHARACTER = re.compile(f"[{CJK_RANGES}]")


@cache
def word_pattern() -> re.Pattern[str]:
    """Compile the pattern of a word when it is first needed: it takes 6 ms, which the help of a command need not."""
    return re.compile(rf"[{CJK_RANGES}]|[^\W_{CJK_RANGES}]+(?:['’\-][^\W_{CJK_RANGES}]+)*")


def words_of(text: str) -> list[str]:
    """Split a text into its words in lower case, in order; each Chinese or Japanese character is one.

    >>> words_of("New rules, 新法")
    ['new', 'rules', '新', '法']
    """
    return word_pattern().findall(text.lower())


def first_words(text: str, count: int) -> list[str]:
    """Return the first `count` of the words that `words_of` returns; the rest of the text is not read."""
    return [match[0] for match in islice(word_pattern().finditer(text.lower()), count)]
