"""A page as columns: what several groups of features build on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleaners.characters import Characters, count_characters
from cleaners.columns import Column
from cleaners.markup import Markup, read_markup
from cleaners.record import Block, Kind, Metadata, Reading, Verdict

_PROSE_WORDS, _LINKED = 15, 0.5


@dataclass(frozen=True, slots=True)
class View:
    """A page's blocks in columns, with what their features are made of."""

    blocks: Sequence[Block]
    verdicts: Sequence[Verdict]
    metadata: Metadata
    selected: Column  # by the extractor: 0 or 1
    judged: Column  # kept by the named voices: 0 or 1
    text: Characters
    words: Column
    links: Column  # link density
    headings: Column
    prose: Column
    markup: Markup

    @property
    def places(self) -> Column:
        """The position of each block."""
        return np.arange(len(self.blocks))

    @property
    def ruled(self) -> Column:
        """Whether a named phrase rule, or the section that one opened, speaks against a block: 0 or 1."""
        return np.array([any(vote.voter == "rule" for vote in verdict.votes) for verdict in self.verdicts], float)


def read_view(reading: Reading, verdicts: Sequence[Verdict]) -> View:
    """Read the page's columns. The page must have a block."""
    blocks = reading.blocks
    text = count_characters([block.text for block in blocks])
    selected = np.zeros(len(blocks))
    selected[list(reading.selected)] = 1
    links = np.minimum(np.array([block.link_chars for block in blocks]) / text.total, 1)
    return View(
        blocks=blocks,
        verdicts=verdicts,
        metadata=reading.metadata,
        selected=selected,
        judged=np.array([verdict.kept for verdict in verdicts], float),
        text=text,
        words=text.words,
        links=links,
        headings=np.array([block.kind is Kind.HEADING for block in blocks]),
        prose=(text.words >= _PROSE_WORDS) & (links < _LINKED),
        markup=read_markup(blocks),
    )
