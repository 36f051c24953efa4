"""Weights of words: what only one side says weighs, equally each time, and no page is judged by its own host."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from broadsheet.cleaners.judge.hashed_words import (
    BLOCK_BUCKETS,
    PAGE_BUCKETS,
    WORD_FEATURES,
    HashedWords,
    hash_block_words,
    word_shares,
)
from tests.training.annotated_pages import BlockExample, read_block_examples
from tests.training.corpora import fold_of
from tests.training.word_weights import HostFolds, learn_word_weights, with_word_sums


@pytest.fixture
def annotated(corpus: Path) -> list[BlockExample]:
    pytest.importorskip("scipy", reason="needs the extra: pip install '.[train]'")
    return read_block_examples(corpus)


@pytest.mark.slow
def test_words_of_one_side_weigh_and_the_same_pages_give_the_same_weights(annotated):
    weights = HostFolds(annotated).learn_weights()
    assert tuple(weights) == WORD_FEATURES
    blocks = annotated[0].blocks
    rows, buckets, shares = word_shares(hash_block_words(blocks)["says"])
    sums = np.bincount(rows, weights["says"][buckets] * shares, len(blocks))
    assert sums[annotated[0].labels == 1].min() > sums[[block.text.startswith("Menu") for block in blocks]].max()
    for name, column in HostFolds(annotated).learn_weights().items():
        assert column.shape == (BLOCK_BUCKETS,)
        assert (column == weights[name]).all()


@pytest.mark.nightly
def test_a_page_s_sums_are_by_weights_that_did_not_see_its_fold(annotated):
    host_folds = HostFolds(annotated)
    found = host_folds.sum_words()
    for example, sums in zip(annotated, found, strict=True):
        weights = host_folds.learn_weights({fold_of(example.host)})
        for name, hashes in hash_block_words(example.blocks).items():
            rows, buckets, shares = word_shares(hashes)
            assert sums[name] == pytest.approx(np.bincount(rows, weights[name][buckets] * shares, len(example.blocks)))
    measured, changed = annotated[0].measured, with_word_sums(annotated, found)[0].measured
    assert changed.rows[:, changed.names.index("says")] == pytest.approx(found[0]["says"], abs=1e-5)
    others = [n for n, name in enumerate(measured.names) if name not in WORD_FEATURES]
    assert (changed.rows[:, others] == measured.rows[:, others]).all()


ARTICLE, OTHER, BOTH, UNSEEN = 5, 6, 7, 8


@pytest.mark.slow
def test_words_of_one_side_weigh_and_others_do_not():
    pytest.importorskip("scipy", reason="needs the extra: pip install '.[train]'")
    is_article = np.array([1.0, 0.0] * 20)
    pages = [HashedWords(np.array([ARTICLE if one else OTHER, BOTH]), np.array([0.7, 0.7])) for one in is_article]
    weights = learn_word_weights(pages, is_article, np.ones(40))
    assert weights.shape == (PAGE_BUCKETS,)
    assert weights[ARTICLE] > 1
    assert weights[OTHER] < -1
    assert abs(weights[BOTH]) < 0.1
    assert weights[UNSEEN] == 0
    assert (learn_word_weights(pages, is_article, np.ones(40)) == weights).all()
