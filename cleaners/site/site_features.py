"""Features of a page's blocks that say what the other pages of its layout do where each block stands.

A place is the path of a block in the markup of one layout; a container is the path of the part of the page around it.
For each place a page has two numbers in thousandths: how much of the words there it keeps, and how likely the models
find them to be the article's. All counts are whole numbers, so neither order nor grouping of the pages changes a sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..document import Column

SITE_FEATURES = (
    "log_odds",
    "kept",
    "place_pages",
    "place_kept",
    "place_chance",
    "container_pages",
    "container_kept",
    "container_chance",
    "shared",
    "words",
    "link_share",
    "position",
    "blocks_before_text",
    "blocks_after_text",
    "layout_pages",
    "place_chance_above",
    "place_chance_below",
    "heading",
)
"""The columns of `site_features`, in order."""

MOST_CHANCE = 255  # chances are stored in a byte
_LEAST_CHANCE, _HIGHEST_CHANCE = 0.004, 0.996  # a byte tells no more
_SURE_CHANCE = 0.9
_THOUSAND = 1000
_MOST_WORDS = 50  # a longer block counts no more for what a page does at a place
_HALF = 0.5


class BlockColumns(NamedTuple):
    """Blocks of a page that its models judged, in order, as whole numbers.

    `positions` are those among all `block_count` blocks of the page, `chances` 0 to 255, `link_shares` thousandths of
    the characters; `is_kept`, `is_shared` (another page has the text) and `is_heading` are 0 or 1.
    """

    block_count: int
    positions: Column
    chances: Column
    words: Column
    link_shares: Column
    is_kept: Column
    is_shared: Column
    is_heading: Column


class PlaceUse(NamedTuple):
    """Use that a page makes of its places and containers.

    By place or container: its number, and in thousandths how much of the words there the page keeps and how likely they
    are the article's. `of_block` has for each block (rows) the index here of its place and of its container.
    """

    numbers: Column
    kept_shares: Column
    chances: Column
    of_block: Column


def place_use(numbers: Column, blocks: BlockColumns) -> PlaceUse:
    """Measure a page's use of its places; `numbers` has for each block (row) the numbers of its place and container."""
    places, of_block = np.unique(numbers.ravel(), return_inverse=True)
    weights = np.minimum(np.maximum(blocks.words, 1), _MOST_WORDS)
    totals = np.bincount(of_block, weights.repeat(2), len(places))
    kept_shares = _thousandths(of_block, weights * blocks.is_kept, totals)
    chances = _thousandths(of_block, weights * blocks.chances, MOST_CHANCE * totals)
    return PlaceUse(places, kept_shares, chances, of_block.reshape(-1, 2))


def _thousandths(of_block: Column, amounts: Column, totals: Column) -> Column:
    """Sum, by place, its blocks' amounts as thousandths of the place's total. Each block has two places."""
    return (_THOUSAND * np.bincount(of_block, amounts.repeat(2), len(totals)) / totals).astype(np.int64)


class PlaceTotals:
    """Totals over the pages of a host for each place and container.

    They are the number of pages that have it, and the sums, in thousandths, of what they keep there and how likely it
    is.
    """

    def __init__(self) -> None:
        self._sums = np.zeros((3, 0), np.int64)

    def add_page(self, use: PlaceUse) -> None:
        """Count a page."""
        self._make_room(use)
        self._sums[:, use.numbers] += np.stack((np.ones_like(use.kept_shares), use.kept_shares, use.chances))

    def other_pages(self, use: PlaceUse, *, is_counted: bool) -> tuple[Column, Column, Column]:
        """Return for each place of a page the number of other pages that have it, and two shares of these.

        The shares are of the words there that they keep, and of their likelihood, both 0 to 1 and near a half if few
        pages tell. `is_counted` says that the page was added.
        """
        self._make_room(use)
        pages, kept_shares, chances = self._sums[:, use.numbers]
        if is_counted:
            pages, kept_shares, chances = pages - 1, kept_shares - use.kept_shares, chances - use.chances
        kept_share, chance = ((sums / _THOUSAND + _HALF) / (pages + 1) for sums in (kept_shares, chances))
        return pages, kept_share, chance

    def _make_room(self, use: PlaceUse) -> None:
        missing = (int(use.numbers[-1]) + 1 if len(use.numbers) else 0) - self._sums.shape[1]
        if missing > 0:
            room = max(missing, self._sums.shape[1])
            self._sums = np.concatenate((self._sums, np.zeros((3, room), np.int64)), axis=1)


def site_features(
    blocks: BlockColumns, use: PlaceUse, totals: PlaceTotals, layout_pages: int, *, is_counted: bool
) -> Column:
    """Compute the features of each block (rows) by `SITE_FEATURES` (columns), as 32-bit floats.

    `use` is the page's use of its places, `layout_pages` the number of pages of its layout; `is_counted` says that the
    page is among the totals.
    """
    pages, kept_shares, place_chances = totals.other_pages(use, is_counted=is_counted)
    block_chances = np.clip(blocks.chances / MOST_CHANCE, _LEAST_CHANCE, _HIGHEST_CHANCE)
    count = len(block_chances)
    rows = np.zeros((len(SITE_FEATURES), count), np.float32)
    rows[0] = np.log(block_chances / (1 - block_chances))
    rows[1] = blocks.is_kept
    for first, column in ((2, np.log1p(pages)), (3, kept_shares), (4, place_chances)):
        rows[first : first + 4 : 3] = column[use.of_block].T
    rows[8] = blocks.is_shared
    rows[9] = np.log1p(blocks.words)
    rows[10] = blocks.link_shares / _THOUSAND
    rows[11] = blocks.positions / max(blocks.block_count, 1)
    first_sure, last_sure = _sure_span(blocks)
    indices = np.arange(count)
    rows[12] = np.maximum(0, first_sure - indices)
    rows[13] = np.maximum(0, indices - last_sure)
    rows[14] = np.log1p(layout_pages)
    rows[15, 1:] = rows[4, :-1]
    rows[16, :-1] = rows[4, 1:]
    rows[17] = blocks.is_heading
    return rows.T


def _sure_span(blocks: BlockColumns) -> tuple[int, int]:
    """Return the indices of the first and last block that is surely the page's own text; or that is kept; or 0."""
    is_sure = (blocks.is_kept > 0) & (blocks.chances > _SURE_CHANCE * MOST_CHANCE) & (blocks.is_shared == 0)
    for chosen in (np.flatnonzero(is_sure), np.flatnonzero(blocks.is_kept)):
        if len(chosen):
            return int(chosen[0]), int(chosen[-1])
    return 0, 0
