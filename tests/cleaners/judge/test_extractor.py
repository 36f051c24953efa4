"""What the extractor selects, laid back over the page's blocks."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.judge.extractor import blocks_in_text, extracted_text, selected_blocks
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks
from tests.cleaners.building import words


def blocks(*texts: str) -> list[Block]:
    return [Block(number, BlockKind.PARAGRAPH, text) for number, text in enumerate(texts)]


STORY = [
    f"Paragraph {n} of the story tells at some length what the council did about the mill in {1990 + n}."
    for n in range(4)
]


@pytest.mark.parametrize(
    ("sources", "extracted", "chosen"),
    [
        (["menu", "The mill burned down.", "share"], "The mill burned down.", {1}),
        (["a b", "x", "a b"], "x\na b", {1, 2}),
        (["The mill", "burned down.", "share"], "The mill burned down.", {0, 1}),
        (["One two three.", "Four five six."], "", set()),
        (["Same — but, for PUNCTUATION"], "same but for punctuation", {0}),
        ([], "words", set()),
        (["...", "!"], "...", set()),
        (["one two three four five six seven eight"], "one two three four five six seven", {0}),
        (["tags: mill"], "a mill stands by the river", set()),
    ],
)
def test_lines_are_laid_back_over_blocks(sources, extracted, chosen):
    assert blocks_in_text(blocks(*sources), extracted) == chosen


def test_a_line_that_repeats_is_found_where_it_stands_in_order():
    sources = ["Follow us", *STORY[:2], "Follow us", *STORY[2:], "Follow us"]
    assert blocks_in_text(blocks(*sources), "\n".join(STORY)) == {1, 2, 4, 5}


def test_the_story_of_a_page_is_found():
    menu = "".join(f"<li><a href='/{n}'>Menu {n}</a></li>" for n in range(9))
    story = "".join(f"<p>{text}</p>" for text in STORY)
    tree = parse(f"<html><body><nav><ul>{menu}</ul></nav><article><h1>Mill</h1>{story}</article></body></html>")
    assert tree is not None
    page_blocks = read_blocks(tree)
    chosen = selected_blocks(page_blocks, tree)
    assert {block.text for block in page_blocks if block.position in chosen} >= set(STORY)
    assert not [block for block in page_blocks if block.position in chosen and block.text.startswith("Menu")]


@pytest.mark.slow
def test_very_many_blocks_are_told_without_their_order_in_no_time():
    sources = ["a"] * 30_000 + ["Menu of the day"] * 30_000 + STORY
    chosen = blocks_in_text(blocks(*sources), "\n".join(["a"] * 30_000 + STORY))
    assert chosen == {*range(30_000), *range(60_000, 60_000 + len(STORY))}


@pytest.mark.parametrize(("parts", "has_vote"), [(100, True), (3_000, False)])
def test_a_line_of_very_many_parts_has_no_vote(parts, has_vote):
    words = "".join(f"<b>The ferry number {number}</b> crossed the sound, " for number in range(parts))
    tree = parse(f"<html><body><article><p>{words}</p></article></body></html>")
    assert tree is not None
    assert bool(extracted_text(tree)) is has_vote


@pytest.mark.parametrize(
    ("block_words", "line", "is_found"),
    [(4, 4, False), (5, 5, True), (10, 8, True), (11, 8, False)],
    ids=["four in another order", "five", "four fifths of them", "fewer"],
)
def test_words_of_a_block_are_in_the_lines_in_part(block_words, line, is_found):
    backwards = " ".join(reversed(words(line).split()))
    assert (blocks_in_text(blocks(words(block_words)), backwards) == {0}) is is_found
