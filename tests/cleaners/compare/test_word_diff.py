from __future__ import annotations

import pytest

from cleaners.compare.word_diff import CAME, GONE, SAME, word_changes


def test_a_word_that_changed() -> None:
    assert word_changes("It cost nine thousand a month.", "It cost ten thousand a month.") == (
        (SAME, "It cost "),
        (GONE, "nine "),
        (CAME, "ten "),
        (SAME, "thousand a month."),
    )


def test_a_word_between_two_changes_goes_with_them() -> None:
    got = word_changes("the first and last word stay", "the second and third word stay")
    assert got == ((SAME, "the "), (GONE, "first and last "), (CAME, "second and third "), (SAME, "word stay"))


def test_chinese_is_compared_by_character() -> None:
    assert (GONE, "三") in word_changes("大桥于一九三一年建成", "大桥于一九四一年建成")


@pytest.mark.parametrize(("one", "other"), [("", "all new"), ("all gone", ""), ("a “b” c", 'a "b" c'), ("", "")])
def test_the_parts_together_are_the_texts(one: str, other: str) -> None:
    got = word_changes(one, other)
    assert "".join(text for what, text in got if what != GONE) == other
    assert not any(what != SAME for what, _ in got) or one.split() != other.split()
