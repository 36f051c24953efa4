"""Characters by class: which is which, and how words are counted from them."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.judge.characters import (
    DIGIT,
    END,
    IDEOGRAPH,
    LETTER,
    MARK,
    OTHER,
    PAUSE,
    SPACE,
    UPPER,
    count_characters,
)

CLASSES = {
    DIGIT: "7٣½", UPPER: "AÄД", LETTER: "aäдا", IDEOGRAPH: "火あ한", END: ".!?…。؟।", PAUSE: ",;:،、：",
    SPACE: " \n\t\u00a0", MARK: "-(“»", OTHER: "$+\x07\u200b",
}  # fmt: skip


@pytest.mark.parametrize("number", CLASSES)
def test_each_character_is_of_one_class(number: int) -> None:
    for character in CLASSES[number]:
        counted = count_characters([character])
        assert counted.class_counts[0, number] == counted.class_counts.sum() == 1, character
        assert counted.first_class[0] == counted.last_class[0] == number


def test_characters_beyond_the_first_plane_are_others_and_scripts_without_spaces_have_an_end() -> None:
    counted = count_characters(["\U0001f600", "\U00020000", "\u2e80", "\ud7a3"])
    assert counted.class_counts[:, OTHER].tolist() == [1, 1, 1, 0]
    assert counted.class_counts[:, IDEOGRAPH].tolist() == [0, 0, 0, 1]


def test_texts_are_counted_each_by_itself() -> None:
    counted = count_characters(["Ab 1.", "x"])
    assert counted.length.tolist() == [5, 1]
    assert (counted.first_class.tolist(), counted.last_class.tolist()) == ([UPPER, LETTER], [END, LETTER])
    assert counted.class_share(DIGIT, END).tolist() == pytest.approx([0.4, 0])
    assert count_characters([]).length.tolist() == []


@pytest.mark.parametrize(
    ("text", "words"), [("one", 1), ("one two", 2), ("one  two", 3), ("火事", 2), ("火事 火", 3.5)]
)
def test_words_are_spaces_and_pairs_of_ideographs(text: str, words: float) -> None:
    assert count_characters([text]).words.tolist() == [words]
