"""A page's blocks as numpy columns, from which the features of the models are computed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from broadsheet.cleaners.document import Block, BlockKind, Column, Metadata, Verdict
from broadsheet.cleaners.learned.characters import Characters, count_characters
from broadsheet.cleaners.learned.markup_groups import MarkupGroups, read_markup_groups

_PROSE_WORDS, _LINKED = 15, 0.5


@dataclass(frozen=True, slots=True)
class PageColumns:
    """A page's blocks in columns, one row a block, before anything has judged them."""

    blocks: Sequence[Block]
    metadata: Metadata
    characters: Characters
    words: Column
    log_words: Column
    link_density: Column  # share of the characters that are link text
    is_heading: Column
    is_prose: Column
    markup: MarkupGroups

    @property
    def positions(self) -> Column:
        """The position of each block."""
        return np.arange(len(self.blocks))


@dataclass(frozen=True, slots=True)
class JudgedColumns:
    """A page's columns with the extractor's selection and the verdicts of the rules."""

    page: PageColumns
    verdicts: Sequence[Verdict]
    selected: Column  # by the extractor: 0 or 1
    kept_by_rules: Column  # by the verdicts: 0 or 1

    @property
    def has_phrase_vote(self) -> Column:
        """Whether a phrase rule, or the section that one opened, votes against a block: 0 or 1."""
        return np.array([any(vote.voter == "rule" for vote in verdict.votes) for verdict in self.verdicts], float)


def read_page_columns(blocks: Sequence[Block], metadata: Metadata) -> PageColumns:
    """Compute the page's columns. The page must have a block."""
    characters = count_characters([block.text for block in blocks])
    link_density = np.minimum(np.array([block.link_chars for block in blocks]) / characters.length, 1)
    return PageColumns(
        blocks=blocks,
        metadata=metadata,
        characters=characters,
        words=characters.words,
        log_words=np.log1p(characters.words),
        link_density=link_density,
        is_heading=np.array([block.kind is BlockKind.HEADING for block in blocks]),
        is_prose=(characters.words >= _PROSE_WORDS) & (link_density < _LINKED),
        markup=read_markup_groups(blocks),
    )


def add_verdicts(page: PageColumns, selected_positions: Collection[int], verdicts: Sequence[Verdict]) -> JudgedColumns:
    """Add the positions that the extractor selected, and the verdicts of the rules, a verdict a block."""
    selected_column = np.zeros(len(page.blocks))
    selected_column[list(selected_positions)] = 1
    return JudgedColumns(page, verdicts, selected_column, np.array([verdict.kept for verdict in verdicts], float))
