"""Learning the weights of words: what only one side says weighs, and the same pages give the same weights."""

from __future__ import annotations

import numpy as np

from broadsheet.cleaners.page_type.page_words import BUCKETS, HashedWords
from broadsheet.cleaners.training.word_weights import learn_word_weights

ARTICLE, OTHER, BOTH, UNSEEN = 5, 6, 7, 8


def test_words_of_one_side_weigh_and_others_do_not() -> None:
    is_article = np.array([1.0, 0.0] * 20)
    pages = [HashedWords(np.array([ARTICLE if one else OTHER, BOTH]), np.array([0.7, 0.7])) for one in is_article]
    weights = learn_word_weights(pages, is_article, np.ones(40))
    assert weights.shape == (BUCKETS,)
    assert weights[ARTICLE] > 1
    assert weights[OTHER] < -1
    assert abs(weights[BOTH]) < 0.1
    assert weights[UNSEEN] == 0
    assert (learn_word_weights(pages, is_article, np.ones(40)) == weights).all()
