"""Learns a weight a bucket of hashed words: whether they speak for an article (`cleaners/page_type/page_words.py`).

A logistic regression with a penalty for large weights, by gradient descent over all pages: the same pages give the same
weights. What is common to all pages (the intercept) is left out, so that a page of unknown words gets no points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.page_type.page_words import BUCKETS, HashedWords

_STEPS = 250
_PENALTY = 1 / 3
_MOMENTUM = 0.9
_RATE, _INTERCEPT_RATE = 0.02, 0.002


def learn_word_weights(pages: Sequence[HashedWords], is_article: Column, page_weights: Column) -> Column:
    """Return a weight a bucket. `is_article` has 1 or 0 a page, `page_weights` how much the page counts."""
    rows = np.repeat(np.arange(len(pages)), [len(page.buckets) for page in pages])
    buckets = np.concatenate([page.buckets for page in pages]).astype(np.int64)
    shares = np.concatenate([page.shares for page in pages])
    weights, velocity, intercept = np.zeros(BUCKETS), np.zeros(BUCKETS), 0.0
    for _ in range(_STEPS):
        odds = np.bincount(rows, weights[buckets] * shares, len(pages)) + intercept
        errors = page_weights * (1 / (1 + np.exp(-odds)) - is_article)
        slope = np.bincount(buckets, errors[rows] * shares, BUCKETS) + _PENALTY * weights
        velocity = _MOMENTUM * velocity - _RATE * slope
        weights = weights + velocity
        intercept -= _INTERCEPT_RATE * float(errors.sum())
    learned: Column = weights.astype(np.float16).astype(np.float64)
    return learned


def write_word_weights(weights: Mapping[str, Column], file: Path) -> None:
    """Write weights of words, a bucket each, by the name of what they are summed for."""
    arrays: dict[str, Any] = {name: column.astype(np.float16) for name, column in weights.items()}
    np.savez_compressed(file, **arrays)
