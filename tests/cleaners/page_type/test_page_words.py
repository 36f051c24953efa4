"""The words of a page are hashed: the same words give the same points, and few or unknown ones say little."""

from __future__ import annotations

import numpy as np
import pytest

from cleaners.document import Block, BlockKind
from cleaners.page_type.page_words import BUCKETS, WordWeights, load_word_weights, page_words, word_signs

OFFER = "Our company offers affordable services. Contact us today for a free quote."
REPORT = "The minister said on Monday that the council had voted against the plan."
SIGNS = {"words_text", "words_names"}


def blocks(*texts: str, path: str = "body>p") -> list[Block]:
    return [Block(position, BlockKind.PARAGRAPH, text, path=path) for position, text in enumerate(texts)]


def signs(title: str, *texts: str, path: str = "body>p", weights: WordWeights | None = None) -> dict[str, float]:
    page = blocks(*texts, path=path)
    return word_signs(page_words(title, page, page), weights or load_word_weights())


def test_an_offer_reads_less_like_an_article_than_a_report() -> None:
    offer, report = signs("Moving Services", OFFER), signs("Council votes against plan", REPORT)
    assert set(offer) == SIGNS
    assert offer["words_text"] < 0 < report["words_text"]


def test_classes_of_a_shop_speak_less_for_an_article_than_those_of_a_post() -> None:
    shop = signs("", REPORT, path="body>div.product-grid.cart>div.price>p")
    post = signs("", REPORT, path="body>article.post>div.entry-content>p")
    assert shop["words_names"] < post["words_names"]


@pytest.mark.parametrize("title", ["2019", "1984"])
def test_of_a_number_only_its_length_counts(title: str) -> None:
    assert signs(title)["words_text"] == signs("2024")["words_text"]
    assert signs(title)["words_text"] != signs("24")["words_text"]


def test_a_page_without_words_gets_no_points() -> None:
    assert word_signs(page_words("", [], []), load_word_weights()) == dict.fromkeys(SIGNS, 0.0)


def test_of_few_words_each_says_no_more_than_of_many() -> None:
    few, more = (page_words("", [], blocks(text))["words_text"].shares for text in ("a b", "a b c d e f g h"))
    many = page_words("", [], blocks(REPORT * 2 + OFFER + "".join(map(" {0}word".format, "abcdefghijklmnop"))))
    assert np.abs(few).max() == np.abs(more).max()
    assert np.abs(many["words_text"].shares).max() < np.abs(few).max()


def test_signs_of_lone_surrogates_are_numbers() -> None:
    assert np.isfinite(signs("\ud800 broken", "\udfff")["words_text"])


def test_the_weights_that_ship_are_whole() -> None:
    weights = load_word_weights()
    assert set(weights) == SIGNS
    assert all(column.shape == (BUCKETS,) and np.isfinite(column).all() for column in weights.values())
