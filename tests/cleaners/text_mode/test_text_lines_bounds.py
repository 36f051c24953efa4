"""Bounds of the shapes of lines: a pair of values around each, as numbers."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.text_mode.text_lines import _is_wrapped, _unruled_shape


@pytest.mark.parametrize(
    ("ending", "words", "shape"),
    [
        (".", 6, "S"), (".", 7, "P"), ("", 7, "S"), ("…", 7, "S"), ("…", 8, "C"), ("[...]", 8, "C"),
        ("?", 18, "S"), ("?", 19, "P"), ("?”", 18, "S"), ("!", 7, "P"), ("。", 7, "P"),
    ],
)  # fmt: skip
def test_words_of_a_line(ending: str, words: int, shape: str) -> None:
    assert _unruled_shape(" ".join(["word"] * words) + ending, words) == shape


@pytest.mark.parametrize(("letters", "shape"), [(10, "S"), (60, "P")])
def test_a_line_without_spaces(letters: int, shape: str) -> None:
    assert _unruled_shape("河" * letters + "。", 1) == shape


@pytest.mark.parametrize(
    ("widths", "is_wrapped"),
    [
        ((50, 30), True), ((49, 30), False), ((100, 30), True), ((101, 30), False), ((75, 100, 30), True),
        ((74, 100, 30), False), ((60, 70), True), ((60, 71), False), ((60,), False), ((), False),
    ],
)  # fmt: skip
def test_a_wrapped_paragraph(widths: tuple[int, ...], is_wrapped: bool) -> None:
    assert _is_wrapped(["x" * width for width in widths]) is is_wrapped
    assert not _is_wrapped(["X" * width for width in widths])
