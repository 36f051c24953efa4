"""Words are counted alike in every script."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.words import rough_word_count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("one two\nthree", 3),
        ("M\u00e1s all\u00e1", 2),  # accents are no reason to count letters
        ("\u00dcber uns", 2),
        ("Read more\u2026", 2),
        ("\u0413\u043b\u0430\u0432\u043d\u0430\u044f \u0441\u0442\u0440\u0430\u043d\u0438\u0446\u0430", 2),
        ("\u0627\u0644\u0635\u0641\u062d\u0629 \u0627\u0644\u0631\u0626\u064a\u0633\u064a\u0629", 2),
        ("\ud55c\uad6d\uc5b4 \uae30\uc0ac\ub97c \uc77d\uc2b5\ub2c8\ub2e4", 3),  # Korean has spaces
        ("\u8fd9\u662f\u4e00\u4e2a\u6ca1\u6709\u7a7a\u683c\u7684\u53e5\u5b50", 5),
        ("\u6c34\u8eca\u3002\u5c0f\u5c4b", 2),
        (
            "\u6c34\u8eca\u5c0f\u5c4b \u6c34\u8eca\u5c0f\u5c4b \u6c34\u8eca\u5c0f\u5c4b \u6c34\u8eca",
            4,
        ),  # a row of items
        ("He said \u6c34\u8eca\u5c0f\u5c4b loudly", 4),
        ("\u5c4b", 1),
        ("\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01", 6),
    ],
)
def test_words_are_pieces_between_spaces_or_pairs_of_letters(text: str, words: int) -> None:
    assert rough_word_count(text) == words
