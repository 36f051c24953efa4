"""The bounds of what a page says twice: each as a number, with a block on both sides."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import BlockKind
from broadsheet.cleaners.judge.repeated_texts import pull_quotes, repeated_blocks
from tests.cleaners.building import block


def words(count: int, name: str = "w") -> str:
    return " ".join(f"{name}{n}" for n in range(count))


@pytest.mark.parametrize(("count", "expected"), [(7, set()), (8, {1})])
def test_a_text_of_eight_words_repeats_elsewhere(count: int, expected: set[int]) -> None:
    text = words(count)
    assert repeated_blocks([block(0, text), block(1, text, path="body>aside>p")], [0, 1]) == expected
    item = block(1, text, path="body>ul>li", kind=BlockKind.LIST_ITEM)
    assert repeated_blocks([block(0, text), item], [0, 1]) == set()


@pytest.mark.parametrize(("count", "expected"), [(59, set()), (60, {2, 3})])
def test_a_passage_of_a_hundred_and_twenty_words_is_there_twice(count: int, expected: set[int]) -> None:
    texts = [words(count), words(60, "v")] * 2
    assert repeated_blocks([block(n, text) for n, text in enumerate(texts)], range(4)) == expected


@pytest.mark.parametrize(("own", "expected"), [(2, {1}), (3, set())])
def test_a_quote_is_pulled_out_of_a_paragraph_that_has_four_fifths_of_its_runs(own: int, expected: set[int]) -> None:
    """Of ten runs of three words, one or two or three end in the quote's own words."""
    quote = block(1, f"{words(12 - own)} {words(own, 'own')}", kind=BlockKind.QUOTE)
    assert pull_quotes([block(0, words(30)), quote], [0, 1]) == expected


@pytest.mark.parametrize(("count", "expected"), [(7, set()), (8, {1})])
def test_a_pulled_quote_has_eight_words(count: int, expected: set[int]) -> None:
    assert pull_quotes([block(0, words(30)), block(1, words(count), kind=BlockKind.QUOTE)], [0, 1]) == expected


@pytest.mark.parametrize(("quotes", "found"), [(100, 100), (101, 0)])
def test_on_a_page_of_a_hundred_and_one_quotes_these_are_the_article(quotes: int, found: int) -> None:
    blocks = [block(0, words(30)), *(block(n, words(9), kind=BlockKind.QUOTE) for n in range(1, quotes + 1))]
    assert len(pull_quotes(blocks, range(len(blocks)))) == found
