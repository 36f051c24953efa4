"""Weights of hashed words, learned: those of a page's words, and those of a block's (`judge/hashed_words.py`).

A weight a bucket says how far its words speak for an article, or for the article's text. Both are logistic regressions
with a penalty for large weights: for pages by gradient descent, for blocks by L-BFGS (scipy). The same pages give the
same weights. The intercept is left out, so that unknown words give no points.

The trees must not learn from sums by weights that were learned from the same pages, or they would believe them too
much: each block's sum is by weights that saw no page of its host (`HostFolds`).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.judge.hashed_words import (
    BLOCK_BUCKETS,
    PAGE_BUCKETS,
    WORD_FEATURES,
    HashedWords,
    hash_block_words,
    word_shares,
)
from tests.training.annotated_pages import BlockExample
from tests.training.corpora import fold_of

_STEPS = 250
_PAGE_PENALTY = 1 / 3
_MOMENTUM = 0.9
_RATE, _INTERCEPT_RATE = 0.02, 0.002


def learn_word_weights(pages: Sequence[HashedWords], is_article: Column, page_weights: Column) -> Column:
    """Return a weight a bucket. `is_article` has 1 or 0 a page, `page_weights` how much the page counts."""
    rows = np.repeat(np.arange(len(pages)), [len(page.buckets) for page in pages])
    buckets = np.concatenate([page.buckets for page in pages])
    shares = np.concatenate([page.shares for page in pages])
    words = _word_table(shares, rows, buckets, (len(pages), PAGE_BUCKETS))
    words_by_bucket = words.T.tocsr()
    weights, velocity, intercept = np.zeros(PAGE_BUCKETS), np.zeros(PAGE_BUCKETS), 0.0
    for _ in range(_STEPS):
        errors = page_weights * (1 / (1 + np.exp(-(words @ weights) - intercept)) - is_article)
        slope = words_by_bucket @ errors + _PAGE_PENALTY * weights
        velocity = _MOMENTUM * velocity - _RATE * slope
        weights = weights + velocity
        intercept -= _INTERCEPT_RATE * float(errors.sum())
    learned: Column = weights.astype(np.float16).astype(np.float64)
    return learned


def _word_table(shares: Column, rows: Column, buckets: Column, shape: tuple[int, int]) -> Any:
    """Return a sparse table of words, with their shares: a row a text, a column a bucket."""
    try:
        from scipy.sparse import csr_matrix
    except ImportError:
        sys.exit("training needs the extra: pip install '.[train]'")
    return csr_matrix((shares, (rows, buckets)), shape=shape)


def write_word_weights(weights: Mapping[str, Column], file: Path) -> None:
    """Write weights of words, a bucket each, by the name of what they are summed for."""
    arrays: dict[str, Any] = {name: column.astype(np.float16) for name, column in weights.items()}
    np.savez_compressed(file, **arrays)


BlockWordWeights = Mapping[str, Column]
"""By the name of the feature, a weight a bucket."""

_BLOCK_PENALTY = 1.0
_MOST_STEPS = 60


class HostFolds:
    """Words of all examples' blocks, with weights learned without the hosts of some folds."""

    def __init__(self, examples: Sequence[BlockExample]) -> None:
        self._folds = np.concatenate([np.full(len(example.blocks), fold_of(example.host)) for example in examples])
        self._ends = np.cumsum([len(example.blocks) for example in examples])
        self._labels = np.concatenate([example.labels for example in examples]).astype(float)
        self._block_weights = np.concatenate([example.weights for example in examples])
        hashed_pages = [hash_block_words(example.blocks) for example in examples]
        self._tables: dict[str, Any] = {}
        for name in WORD_FEATURES:
            rows, buckets, shares = word_shares([hashes for page in hashed_pages for hashes in page[name]])
            self._tables[name] = _word_table(shares, rows, buckets, (len(self._labels), BLOCK_BUCKETS))
        from scipy.sparse import hstack

        self._words = hstack(list(self._tables.values())).tocsr()

    def learn_weights(self, folds_left_out: Collection[int] = ()) -> BlockWordWeights:
        """Learn the weights from all labelled blocks but those of the hosts in these folds."""
        is_used = (self._block_weights > 0) & ~np.isin(self._folds, sorted(folds_left_out))
        learned = _fit(self._words[is_used], self._labels[is_used], self._block_weights[is_used])
        parts = np.split(learned.astype(np.float16).astype(np.float64), len(WORD_FEATURES))
        return dict(zip(WORD_FEATURES, parts, strict=True))

    def sum_words(self) -> list[dict[str, Column]]:
        """Return for each example the features of its blocks, by weights that saw no host of its own fold."""
        sums = {name: np.zeros(len(self._labels)) for name in WORD_FEATURES}
        for fold in np.unique(self._folds).tolist():
            weights = self.learn_weights({fold})
            blocks = self._folds == fold
            for name, table in self._tables.items():
                sums[name][blocks] = table[blocks] @ weights[name]
        pages = {name: np.split(column, self._ends[:-1]) for name, column in sums.items()}
        return [{name: pages[name][n] for name in WORD_FEATURES} for n in range(len(self._ends))]


def with_word_sums(examples: Sequence[BlockExample], sums: Sequence[Mapping[str, Column]]) -> list[BlockExample]:
    """Replace in the examples the features that the weights of the package give by these."""
    return [_with_columns(example, columns) for example, columns in zip(examples, sums, strict=True)]


def _with_columns(example: BlockExample, columns: Mapping[str, Column]) -> BlockExample:
    rows = example.measured.rows.copy()
    for name, column in columns.items():
        rows[:, example.measured.names.index(name)] = column
    return replace(example, measured=example.measured._replace(rows=rows))


def _fit(words: Any, labels: Column, block_weights: Column) -> Column:
    """Fit the weights, a bucket after the other, with the least loss and penalty."""
    from scipy.optimize import minimize

    words_by_bucket = words.T.tocsr()

    def loss_and_slope(weights: Column) -> tuple[float, Column]:
        odds = words @ weights[:-1] + weights[-1]
        errors = block_weights * (1 / (1 + np.exp(-odds)) - labels)
        loss = float((block_weights * (np.logaddexp(0, odds) - labels * odds)).sum())
        penalty = _BLOCK_PENALTY / 2 * float(weights[:-1] @ weights[:-1])
        return loss + penalty, np.append(words_by_bucket @ errors + _BLOCK_PENALTY * weights[:-1], errors.sum())

    start = np.zeros(words.shape[1] + 1)
    result = minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS})
    learned: Column = result.x[:-1]
    return learned
