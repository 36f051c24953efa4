"""Certainty of a page's verdicts: the estimated accuracy of its text, as a word F1.

The models give each block a probability to be the article's. From these follow the expected recall (of the article's
words, the share kept) and precision (of the kept words, the share that is the article's): their harmonic mean is the F1
that the models expect. Rules put right part of what the models doubt, so less of it is lost than they say
(`_RULES_SHARE`). Verdicts that something stronger than a model gave (a site rule, the rest of the site, a person) count
as certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ..document import Column, RemovalReason, Verdict

_CERTAIN = 255  # a chance is stored as a byte: 0 is 0, 255 is 1
FAIR_F1, HIGH_F1 = 0.8, 0.93
"""The expected F1 from which a text is of fair and of high certainty."""
IS_CALIBRATED = True
"""Agreement of expected F1s with real ones on pages of sites not seen in training (`tests/test_quality_gates.py`).
Readers say "uncalibrated" where they do not."""

_SITE_VOTER = "site"
_RULES_SHARE = 4.5
"""Of an expected loss `l` of F1, `l / (1 + 4.5 l (1 - l))` is lost: next to all where the models are sure, half where
they expect to lose a third. Between what fits the mean (3.6) and the squares (5.8) of 1,987 annotated pages, each
judged by models that saw no page of its host."""


class Certainty(StrEnum):
    """Certainty of a page's verdicts, in a word."""

    HIGH = "high"
    FAIR = "fair"
    LOW = "low"


def certainty(expected_f1: float) -> Certainty:
    """Return the word for an expected F1, 0 to 1."""
    if expected_f1 >= HIGH_F1:
        return Certainty.HIGH
    return Certainty.FAIR if expected_f1 >= FAIR_F1 else Certainty.LOW


def block_chances(probabilities: Column, verdicts: Sequence[Verdict]) -> bytes:
    """Pack each block's chance of belonging to the article into a byte, from probabilities and overriding votes.

    A block that a site rule judges, and one that repeats a kept one, is certain.
    """
    import numpy as np  # here: the crawl's own process has no use for it, and it takes a tenth of the start

    chances = np.rint(np.clip(probabilities, 0, 1) * _CERTAIN).astype(np.uint8)
    for n, verdict in enumerate(verdicts):
        if verdict.reason == RemovalReason.DUPLICATE:
            chances[n] = 0
        elif verdict.votes and verdict.votes[0].voter == _SITE_VOTER:
            chances[n] = _CERTAIN * verdict.kept
    return bytes(chances)


def certain_chance(*, is_kept: bool) -> int:
    """Return the chance of a block whose verdict is certain."""
    return _CERTAIN * is_kept


def expected_verdict_f1(words: Sequence[int], chances: bytes, kept_flags: Sequence[bool]) -> float | None:
    """Return the expected F1 of the kept blocks' text, 0 to 1; None if no block's chance is known.

    The sequences have an entry for each block: its words, its chance (see `block_chances`), and whether it is kept.
    """
    if not chances or len(chances) != len(words):
        return None
    import numpy as np

    weights = np.array(words) + 1
    hits, is_kept = weights * np.frombuffer(chances, np.uint8) / _CERTAIN, np.array(kept_flags, bool)
    total = weights[is_kept].sum() + hits.sum()
    if not total:
        return 0.0
    expected_loss = 1 - float(2 * hits[is_kept].sum() / total)
    return round(1 - expected_loss / (1 + _RULES_SHARE * expected_loss * (1 - expected_loss)), 4)
