"""Blocks are values: they count themselves, are equal by what they say, and never change."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from broadsheet.cleaners.document import Block, BlockKind, CleanedPage, Metadata, PageType, PageVerdict

BLOCK = Block(3, BlockKind.HEADING, "The mill is sold", "The *mill* is sold", "body>h2", 2, 8, frozenset({"main"}))


def test_a_block_counts_its_words_and_its_links() -> None:
    assert (BLOCK.words, BLOCK.link_density) == (4, 0.5)
    assert Block(0, BlockKind.PARAGRAPH, "").words == 0
    assert Block(0, BlockKind.PARAGRAPH, "\u6c34\u8eca\u5c0f\u5c4b").words == 2, "two characters count as a word"
    assert Block(0, BlockKind.PARAGRAPH, "ab", link_chars=9).link_density == 1.0


def test_another_text_is_counted_anew() -> None:
    assert replace(BLOCK, text="Sold").words == 1
    assert replace(BLOCK, position=4) != BLOCK


@pytest.mark.parametrize("name", [field.name for field in fields(Block)])
def test_a_block_cannot_be_changed(name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(BLOCK, name, getattr(BLOCK, name))
    with pytest.raises((FrozenInstanceError, AttributeError)):
        delattr(BLOCK, name)


def test_equal_blocks_are_one_in_a_set_and_survive_the_way_to_another_process() -> None:
    unpickled = pickle.loads(pickle.dumps(BLOCK))
    assert type(BLOCK) is Block
    assert {unpickled, BLOCK} == {BLOCK}
    assert (unpickled.words, unpickled.link_density) == (4, 0.5)
    assert repr(unpickled) == repr(BLOCK)


def test_what_no_block_can_do_without_is_asked_for() -> None:
    with pytest.raises(TypeError, match="text"):
        Block(0, BlockKind.PARAGRAPH)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("text", "link_chars", "density"), [("", 3, 0), ("Menu", 0, 0), ("Menu", 1, 0.25), ("Menu", 4, 1), ("Menu", 9, 1)]
)
def test_the_share_of_a_block_that_is_linked(text: str, link_chars: int, density: float) -> None:
    assert Block(0, BlockKind.PARAGRAPH, text, link_chars=link_chars).link_density == density


@pytest.mark.parametrize("page_type", PageType)
def test_articles_and_teasers_are_articles(page_type: PageType) -> None:
    page = CleanedPage("", PageVerdict(page_type), Metadata(), (), (), "", "", ())
    assert page.is_article is page.verdict.is_article is (page_type in ("article", "teaser"))
