"""Rough word counts: by white space, or in a script that has none by its letters."""

from __future__ import annotations

import re

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
