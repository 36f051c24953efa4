"""The words of a page are hashed: the same words give the same points, and few or unknown ones say little."""

from __future__ import annotations

import numpy as np
import pytest

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.page_type.page_words import BUCKETS, PageWords, load_word_weights, page_words, word_signs

OFFER = "Our company offers affordable services. Contact us today for a free quote."
REPORT = "The minister said on Monday that the council had voted against the plan."
SIGNS = {"words_text", "words_around", "words_names"}
SHOP_LINES = ("Add to cart", "Sort by price", "Shipping & returns", "Shop all", "Wishlist")
BLOG_LINES = ("Older posts", "Leave a comment", "Filed under", "About the author", "Related posts")


def blocks(*texts: str, path: str = "body>p") -> list[Block]:
    return [Block(position, BlockKind.PARAGRAPH, text, path=path) for position, text in enumerate(texts)]


def words(title: str, kept: list[Block], *left_out: str) -> PageWords:
    """The words of a page of which the first blocks are kept and lines below them are not."""
    page = [*kept, *blocks(*left_out)]
    return page_words(title, page, [Verdict(number < len(kept), "", "") for number in range(len(page))])


def signs(title: str, *texts: str, path: str = "body>p", around: tuple[str, ...] = ()) -> dict[str, float]:
    return word_signs(words(title, blocks(*texts, path=path), *around), load_word_weights())


def test_an_offer_reads_less_like_an_article_than_a_report() -> None:
    offer, report = signs("Moving Services", OFFER), signs("Council votes against plan", REPORT)
    assert set(offer) == SIGNS
    assert offer["words_text"] < 0 < report["words_text"]


def test_classes_of_a_shop_speak_less_for_an_article_than_those_of_a_post() -> None:
    shop = signs("", REPORT, path="body>div.product-grid.cart>div.price>p")
    post = signs("", REPORT, path="body>article.post>div.entry-content>p")
    assert shop["words_names"] < post["words_names"]


def test_lines_around_the_text_tell_a_shop_from_a_blog() -> None:
    shop, blog = signs("", REPORT, around=SHOP_LINES), signs("", REPORT, around=BLOG_LINES)
    assert shop["words_around"] < blog["words_around"]
    assert shop["words_text"] == blog["words_text"]


def test_long_lines_around_the_text_and_kept_ones_do_not_count_as_around_it() -> None:
    assert signs("", REPORT, around=(REPORT * 2,))["words_around"] == 0.0
    assert signs("", REPORT, *SHOP_LINES)["words_around"] == 0.0


def test_a_line_counts_by_its_words_and_as_a_whole() -> None:
    one_line, two_lines = (words("", [], *lines)["words_around"] for lines in (("Sort by",), ("Sort", "by")))
    assert len(one_line.buckets) == 3  # "sort", "by" and "sort by"
    assert len(two_lines.buckets) == 4  # each also as a line


@pytest.mark.parametrize("title", ["2019", "1984"])
def test_of_a_number_only_its_length_counts(title: str) -> None:
    assert signs(title)["words_text"] == signs("2024")["words_text"]
    assert signs(title)["words_text"] != signs("24")["words_text"]


def test_a_page_without_words_gets_no_points() -> None:
    assert signs("") == dict.fromkeys(SIGNS, 0.0)


def test_of_few_words_each_says_no_more_than_of_many() -> None:
    few, more = (words("", blocks(text))["words_text"].shares for text in ("a b", "a b c d e f g h"))
    many = words("", blocks(REPORT * 2 + OFFER + "".join(map(" {0}word".format, "abcdefghijklmnop"))))
    assert np.abs(few).max() == np.abs(more).max()
    assert np.abs(many["words_text"].shares).max() < np.abs(few).max()


def test_signs_of_lone_surrogates_are_numbers() -> None:
    assert np.isfinite(list(signs("\ud800 broken", "\udfff").values())).all()


def test_the_weights_that_ship_are_whole() -> None:
    weights = load_word_weights()
    assert set(weights) == SIGNS
    assert all(column.shape == (BUCKETS,) and np.isfinite(column).all() for column in weights.values())
