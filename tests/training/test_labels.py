"""How the words of annotated texts are counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from broadsheet.cleaners.document import Block, BlockKind
from tests.training.labels import covered_shares, snippet_labels, word_f1, words_of


def test_characters_of_scripts_without_spaces_are_words_of_their_own():
    assert words_of("The 東京 Mill, ゲーム2") == ["the", "東", "京", "mill", "ゲ", "ー", "ム", "2"]


@pytest.mark.parametrize(
    ("extracted", "truth", "f1"),
    [
        ("村里的磨坊很老请订阅", "村里的磨坊很老", 14 / 17),
        ("a b", "a b", 1),
        ("a b", "b c", 0.5),
        ("", "b", 0),
        ("", "", 1),
    ],
)
def test_f1_of_words(extracted, truth, f1):
    assert word_f1(Counter(words_of(extracted)), Counter(words_of(truth))) == f1


def shares(blocks: list[str], text: str) -> list[float]:
    return [round(float(share), 2) for share in covered_shares([block.split() for block in blocks], text.split())]


def letters(text: str) -> str:
    return " ".join(text)


@pytest.mark.parametrize(
    ("blocks", "text", "expected"),
    [
        (["abcd"], "abcd", [1]),
        (["abcdxyzw"], "abcd", [0.5]),
        (["abc"], "abc", [1]),
        (["abc", "abc"], "abc", [1, 0]),
        (["ab", "defgh", "ab", "klmno", "ab"], "defghabklmno", [0, 1, 1, 1, 0]),
        (["ab", "defgh", "ab"], "abdefghab", [1, 1, 1]),
        (["ab", "ab", "defgh"], "ababdefgh", [1, 1, 1]),
        (["klmnopqrs", "abcdefghi"], "abcdefghiklmnopqrs", [1, 1]),
        (["klmnopqrs", "abcdefghi", "klmnopqrs"], "abcdefghiklmnopqrs", [1, 1, 0]),
        (["klmnoxyzw", "abcdefghi"], "abcdefghiklmno", [0, 1]),
        (["klmnopqrx", "abcdefghi"], "abcdefghiklmnopqr", [0.89, 1]),
        (["klmn", "abcdefghi"], "abcdefghiklmn", [0, 1]),
        (["", "abcd"], "abcd", [0, 1]),
        (["abcd", "ab"], "", [0, 0]),
        ([], "text", []),
    ],
)
def test_how_much_of_each_block_an_annotated_text_covers(blocks, text, expected):
    assert shares([letters(block) for block in blocks], letters(text)) == expected


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("The  mill burned down", 1), ("Sign up today", 0), ("Sign up to the mill burned news", None), ("Else", None),
        ("burned down at night and all of it was gone", 1), ("burned down at night an", None), ("Share this", 0),
    ],
)  # fmt: skip
def test_a_block_with_a_snippet_has_its_label(text, label):
    article = ["mill burned", "It burned down at night and all of it was gone, they say"]
    [found] = snippet_labels([Block(0, BlockKind.PARAGRAPH, text)], article, ["Sign up", "Share"]).tolist()
    assert (None if np.isnan(found) else found) == label
