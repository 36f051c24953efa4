"""A first look at a page's blocks: which are the article's, told from the page alone.

Where it is sure of the page as a whole, nobody else need be asked, and trafilatura is not: held against annotated
pages, its choice then makes no text better. Where it is in doubt, it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaners.document import Block, Column, Metadata
from cleaners.learned.block_features import first_features
from cleaners.learned.model import FIRST, expected_f1, probabilities
from cleaners.learned.page_columns import read_view

SURE_OF_PAGE = 0.93
"""The F1 that the best choice of blocks is expected to have, from which a look is sure of the page."""

_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """How likely each block is the article's, 0 to 1, and the F1 that the best choice is expected to have."""

    chances: Column
    expected: float

    @property
    def sure(self) -> bool:
        """Whether the look is sure of the page as a whole."""
        return self.expected >= SURE_OF_PAGE

    @property
    def selected(self) -> frozenset[int]:
        """The positions of the blocks that are more likely the article's than not."""
        return frozenset(np.flatnonzero(self.chances >= _HALF).tolist())


def first_look(blocks: Sequence[Block], metadata: Metadata) -> Look:
    """Look at a page's blocks; without any there is nothing to be sure of."""
    if not blocks:
        return Look(np.zeros(0), 0.0)
    view = read_view(blocks, metadata)
    chances = probabilities(*first_features(view), FIRST)
    return Look(chances, expected_f1(view.words, chances))
