"""A page as columns: what several groups of features build on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from cleaners.document import Block, Column, Kind, Metadata, Verdict
from cleaners.learned.characters import Characters, count_characters
from cleaners.learned.markup_groups import Markup, read_markup

_PROSE_WORDS, _LINKED = 15, 0.5


@dataclass(frozen=True, slots=True)
class View:
    """A page's blocks in columns, with what their features are made of. Nobody has judged them yet."""

    blocks: Sequence[Block]
    metadata: Metadata
    text: Characters
    words: Column
    log_words: Column
    links: Column  # link density
    headings: Column
    prose: Column
    markup: Markup

    @property
    def places(self) -> Column:
        """The position of each block."""
        return np.arange(len(self.blocks))


@dataclass(frozen=True, slots=True)
class Heard:
    """A page's blocks in columns, after the extractor's choice and the named voices."""

    view: View
    verdicts: Sequence[Verdict]
    selected: Column  # by the extractor: 0 or 1
    judged: Column  # kept by the named voices: 0 or 1

    @property
    def ruled(self) -> Column:
        """Whether a named phrase rule, or the section that one opened, speaks against a block: 0 or 1."""
        return np.array([any(vote.voter == "rule" for vote in verdict.votes) for verdict in self.verdicts], float)


def read_view(blocks: Sequence[Block], metadata: Metadata) -> View:
    """Read the page's columns. The page must have a block."""
    text = count_characters([block.text for block in blocks])
    links = np.minimum(np.array([block.link_chars for block in blocks]) / text.total, 1)
    return View(
        blocks=blocks,
        metadata=metadata,
        text=text,
        words=text.words,
        log_words=np.log1p(text.words),
        links=links,
        headings=np.array([block.kind is Kind.HEADING for block in blocks]),
        prose=(text.words >= _PROSE_WORDS) & (links < _LINKED),
        markup=read_markup(blocks),
    )


def heard(view: View, selected: Collection[int], verdicts: Sequence[Verdict]) -> Heard:
    """The view with the extractor's choice and the verdicts of the named voices."""
    chosen = np.zeros(len(view.blocks))
    chosen[list(selected)] = 1
    return Heard(view, verdicts, chosen, np.array([verdict.kept for verdict in verdicts], float))
