"""Blocks are values: they count themselves in every script, are equal by what they say, and never change."""

import pickle
from dataclasses import replace

import pytest

from broadsheet.cleaners.document import Block, BlockKind, CleanedPage, Metadata, PageType, PageVerdict
from broadsheet.cleaners.words import rough_word_count

BLOCK = Block(3, BlockKind.HEADING, "The mill is sold", "The *mill* is sold", "body>h2", 2, 8, frozenset({"main"}))


def test_a_block_counts_its_words_and_its_links():
    assert (BLOCK.words, BLOCK.link_density) == (4, 0.5)
    assert Block(0, BlockKind.PARAGRAPH, "").words == 0
    assert Block(0, BlockKind.PARAGRAPH, "\u6c34\u8eca\u5c0f\u5c4b").words == 2, "two characters count as a word"
    assert replace(BLOCK, text="Sold").words == 1


def test_equal_blocks_are_one_in_a_set_and_survive_the_way_to_another_process():
    unpickled = pickle.loads(pickle.dumps(BLOCK))
    assert type(BLOCK) is Block
    assert {unpickled, BLOCK} == {BLOCK}
    assert (unpickled.words, unpickled.link_density) == (4, 0.5)
    assert repr(unpickled) == repr(BLOCK)


@pytest.mark.parametrize(
    ("text", "link_chars", "density"), [("", 3, 0), ("Menu", 0, 0), ("Menu", 1, 0.25), ("Menu", 4, 1), ("Menu", 9, 1)]
)
def test_the_share_of_a_block_that_is_linked(text, link_chars, density):
    assert Block(0, BlockKind.PARAGRAPH, text, link_chars=link_chars).link_density == density


@pytest.mark.parametrize("page_type", PageType)
def test_articles_and_teasers_are_articles(page_type):
    page = CleanedPage("", PageVerdict(page_type), Metadata(), (), (), "", "", ())
    assert page.is_article is page.verdict.is_article is (page_type in ("article", "teaser"))


TEXTS = {
    0: [""],
    1: ["\u5c4b"],
    2: [
        *("M\u00e1s all\u00e1", "\u00dcber uns", "Read more\u2026", "\u6c34\u8eca\u3002\u5c0f\u5c4b"),
        "\u0413\u043b\u0430\u0432\u043d\u0430\u044f \u0441\u0442\u0440\u0430\u043d\u0438\u0446\u0430",
        "\u0627\u0644\u0635\u0641\u062d\u0629 \u0627\u0644\u0631\u0626\u064a\u0633\u064a\u0629",
    ],
    3: [
        "one two\nthree",
        " ".join(["\u6c34\u8eca\u5c0f\u5c4b"] * 3),
        "\ud55c\uad6d\uc5b4 \uae30\uc0ac\ub97c \uc77d\uc2b5\ub2c8\ub2e4",
    ],
    4: [" ".join(["\u6c34\u8eca\u5c0f\u5c4b"] * 3 + ["\u6c34\u8eca"]), "He said \u6c34\u8eca\u5c0f\u5c4b loudly"],
    5: ["\u8fd9\u662f\u4e00\u4e2a\u6ca1\u6709\u7a7a\u683c\u7684\u53e5\u5b50"],
    6: ["\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01"],
}


@pytest.mark.parametrize(("words", "text"), [(words, text) for words, texts in TEXTS.items() for text in texts])
def test_words_are_pieces_between_spaces_or_pairs_of_letters(words, text):
    assert rough_word_count(text) == words
