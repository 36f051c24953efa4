"""The first look: a model that selects the article's blocks from the page alone, before rules and trafilatura.

Where it is sure of the page as a whole, its selection is used and trafilatura is not run: on the annotated pages,
trafilatura's selection made no text better there. Where it is in doubt, its selection is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from broadsheet.cleaners.document import Block, Column, Metadata
from broadsheet.cleaners.learned.block_features import MeasuredPage, first_look_features, measure_page
from broadsheet.cleaners.learned.model import FIRST_LOOK_MODEL, expected_f1, predict

SURE_OF_PAGE_F1 = 0.93
"""The expected F1 (see `expected_f1`) from which the first look is sure of a page."""

_HALF = 0.5


@dataclass(frozen=True, slots=True)
class FirstLook:
    """How likely each block is the article's, 0 to 1, and the F1 that the best choice is expected to have."""

    probabilities: Column
    expected_f1: float
    measured: MeasuredPage | None = field(default=None, compare=False, repr=False)  # what it was computed from

    @property
    def is_sure(self) -> bool:
        """Whether the model is sure of the page as a whole."""
        return self.expected_f1 >= SURE_OF_PAGE_F1

    @property
    def selected_positions(self) -> frozenset[int]:
        """The positions of the blocks that are more likely the article's than not."""
        return frozenset(np.flatnonzero(self.probabilities >= _HALF).tolist())


def take_first_look(blocks: Sequence[Block], metadata: Metadata) -> FirstLook:
    """Run the first-look model over a page's blocks; on a page without blocks it is not sure."""
    if not blocks:
        return FirstLook(np.zeros(0), 0.0)
    measured = measure_page(blocks, metadata)
    probabilities = predict(*first_look_features(measured), FIRST_LOOK_MODEL)
    return FirstLook(probabilities, expected_f1(measured.page.words, probabilities), measured)
