from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.word_diff import ADDED_SIGN, REMOVED_SIGN, SAME_SIGN, diff_words


def test_a_word_that_changed() -> None:
    assert diff_words("It cost nine thousand a month.", "It cost ten thousand a month.") == (
        (SAME_SIGN, "It cost "),
        (REMOVED_SIGN, "nine "),
        (ADDED_SIGN, "ten "),
        (SAME_SIGN, "thousand a month."),
    )


def test_a_word_between_two_changes_goes_with_them() -> None:
    changes = diff_words("the first and last word stay", "the second and third word stay")
    assert changes == (
        (SAME_SIGN, "the "),
        (REMOVED_SIGN, "first and last "),
        (ADDED_SIGN, "second and third "),
        (SAME_SIGN, "word stay"),
    )


def test_chinese_is_compared_by_character() -> None:
    assert (REMOVED_SIGN, "三") in diff_words("大桥于一九三一年建成", "大桥于一九四一年建成")


@pytest.mark.parametrize(
    ("old_text", "new_text"), [("", "all new"), ("all gone", ""), ("a “b” c", 'a "b" c'), ("", "")]
)
def test_the_parts_together_are_the_texts(old_text: str, new_text: str) -> None:
    changes = diff_words(old_text, new_text)
    assert "".join(text for what, text in changes if what != REMOVED_SIGN) == new_text
    assert not any(what != SAME_SIGN for what, _ in changes) or old_text.split() != new_text.split()
