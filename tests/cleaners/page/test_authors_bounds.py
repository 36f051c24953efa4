"""Bounds of what is a name, and of a byline: a pair of values around each, as numbers."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.page.authors import clean_names, is_name, is_personal


@pytest.mark.parametrize(("length", "is_one"), [(1, False), (2, True), (60, True), (61, False)])
def test_characters_of_a_name(length: int, is_one: bool) -> None:
    assert is_name("Ana Sol".ljust(60, "x")[: length - 1] + "x" * max(1, length - 59)) is is_one


@pytest.mark.parametrize(("words", "is_one"), [(1, True), (7, True), (8, False)])
def test_words_of_a_name(words: int, is_one: bool) -> None:
    assert is_name(" ".join(["Sol"] * words)) is is_one


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Ana", False), ("Ana Sol", True), ("Ana Lu Mai Sol", True), ("Ana Lu Mai Sol Rey", False), ("ana Sol", False),
        ("Ana SOL", False),
    ],
)  # fmt: skip
def test_words_of_a_person_s_name(name: str, is_one: bool) -> None:
    assert is_personal(name) is is_one


@pytest.mark.parametrize(("count", "kept"), [(29, 29), (30, 30), (31, 30)])
def test_authors_of_an_article(count: int, kept: int) -> None:
    names = [f"Ana {chr(65 + number // 26)}{chr(97 + number % 26)}berg" for number in range(count)]
    assert clean_names(names) == tuple(names[:kept])
