"""Places of blocks in a layout, judged by what all pages of a host do there; pure.

Only pages of a layout whose models' probabilities are stored take part. The second judge, a model, overrules a page's
own verdict where it is sure enough, on pages of layouts with enough pages. It is not asked about what a phrase rule,
the metadata, an earlier copy or boilerplate above explains. `tests/bench/archives/site_judge.py` trains it on whole
sites.

A slot is a place at which nearly all pages keep nothing, for whatever reason. What the others keep there goes too, such
as tags that a phrase rule does not know, unless the page's models are sure of it. The model that sees the layout is not
asked: it does not see what phrase rules remove.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from ..compare.text_comparison import container_path, fold_digits
from ..document import Column, Verdict
from ..judge.tree_models import SITE_MODEL, predict
from .repeated_blocks import (
    LAYOUT_KEEPS_VERDICT,
    LAYOUT_REMOVES_VERDICT,
    SLOT_VERDICT,
    is_site_slot,
)
from .site_features import (
    MOST_CHANCE,
    SITE_FEATURES,
    BlockColumns,
    PlaceTotals,
    place_use,
    site_features,
)


class PlacedBlock(NamedTuple):
    """A judged block: one that its page keeps, or leaves out for a reason that the site's evidence may overrule.

    `block_id` is the number of its text, `chance` its probability (0 to 255). `link_share` are the thousandths of its
    characters that are linked. `is_shared` is whether another page has its text; `place` and `container` are numbers.
    """

    position: int
    block_id: int
    chance: int
    words: int
    link_share: int
    is_kept: bool
    is_shared: bool
    is_heading: bool
    place: int
    container: int


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """The blocks of a page in rows of `PlacedBlock`, with the page's layout and the number of all its blocks.

    `emptied_places` are the numbers of the places that have blocks, of which the page keeps none.
    """

    layout_id: int
    block_count: int
    rows: Column
    emptied_places: Column

    @property
    def blocks(self) -> BlockColumns:
        """Return the blocks as the features need them."""
        position, _, chance, words, link_share, is_kept, is_shared, is_heading, _, _ = self.rows.T
        return BlockColumns(self.block_count, position, chance, words, link_share, is_kept, is_shared, is_heading)

    @property
    def place_numbers(self) -> Column:
        """Return for each block (rows) the numbers of its place and its container."""
        return self.rows[:, -2:]


class PlaceNumbers:
    """The numbers of places and containers: paths in a layout. Those that have none get the next."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[int, str], int] = {}

    def place(self, layout_id: int, path: str) -> int:
        """Return the number of a place."""
        return self.numbers.setdefault((layout_id, fold_digits(path)), len(self.numbers))

    def container(self, layout_id: int, path: str) -> int:
        """Return the number of the container around a path."""
        return self.numbers.setdefault((layout_id, f"{container_path(path)}>"), len(self.numbers))

    def renumbering(self, other: PlaceNumbers) -> Column:
        """Return for each number of another instance, in order, the number of the same place or container here."""
        numbers = self.numbers
        return np.array([numbers.setdefault(key, len(numbers)) for key in other.numbers], np.int64)


def as_numbers(places: Collection[int]) -> Column:
    """Return the numbers of places as a column, in order."""
    return np.array(sorted(places), np.int64)


def renumber(page: PlacedPage, renumbering: Column) -> PlacedPage:
    """Return the page with other numbers of places and containers."""
    rows = page.rows.copy()
    rows[:, -2:] = renumbering[rows[:, -2:]]
    return PlacedPage(page.layout_id, page.block_count, rows, renumbering[page.emptied_places])


MIN_LAYOUT_PAGES = 8  # of fewer, a page of the layout may be the only one like it
KEEP_FROM, REMOVE_BELOW = 0.75, 0.25  # probabilities, so that what is in doubt stays as its page judged it
_SURE_CHANCE = 0.9 * MOST_CHANCE  # from here on a page's models are sure enough of a block to keep it in a slot
_MOST_SLOT_PART, _FEW_WORDS, _TEXT_WORDS = 3, 60, 8
_PAGES_AT_ONCE = 32  # of which the model sees all blocks at once

_IS_KEPT, _WORDS, _CHANCE, _PLACE = map(PlacedBlock._fields.index, ("is_kept", "words", "chance", "place"))


class HostPlaces(NamedTuple):
    """The places of a host: how its pages treat each, the pages of each layout, and the numbers of the slots."""

    totals: PlaceTotals
    layout_pages: Mapping[int, int]
    slots: Column


def count_places(pages: Iterable[tuple[bool, PlacedPage]]) -> HostPlaces:
    """Count how the pages that are evidence (True) treat each place, and the pages of each layout."""
    totals = PlaceTotals()
    layout_pages: Counter[int] = Counter()
    keeping_pages: Counter[int] = Counter()
    emptied_pages: Counter[int] = Counter()
    for is_evidence, page in pages:
        if is_evidence:
            layout_pages[page.layout_id] += 1
            totals.add_page(place_use(page.place_numbers, page.blocks))
            keeping_pages.update(set(page.rows[page.rows[:, _IS_KEPT] > 0, _PLACE].tolist()))
            emptied_pages.update(page.emptied_places.tolist())
    slots = [place for place, count in keeping_pages.items() if is_site_slot(count + emptied_pages[place], count)]
    return HostPlaces(totals, layout_pages, as_numbers(slots))


class FeaturedPage(NamedTuple):
    """A page with the features of its judged blocks, and whether each is in a slot."""

    page_id: int
    page: PlacedPage
    features: Column
    is_in_slot: Column


def feature_page(page_id: int, page: PlacedPage, places: HostPlaces, *, is_evidence: bool) -> FeaturedPage | None:
    """Return a page with its features; None where too few pages have its layout."""
    page_count = places.layout_pages.get(page.layout_id, 0)
    if page_count < MIN_LAYOUT_PAGES:
        return None
    use = place_use(page.place_numbers, page.blocks)
    features = site_features(page.blocks, use, places.totals, page_count, is_counted=is_evidence)
    return FeaturedPage(page_id, page, features, np.isin(page.rows[:, _PLACE], places.slots))


def predict_pages(pages: Iterator[FeaturedPage]) -> Iterator[tuple[FeaturedPage, Column]]:
    """Yield each page with how likely its judged blocks are the article's."""
    while batch := list(islice(pages, _PAGES_AT_ONCE)):
        probabilities = predict(list(SITE_FEATURES), np.concatenate([page.features for page in batch]), SITE_MODEL)
        ends = np.cumsum([len(page.features) for page in batch])
        yield from zip(batch, np.split(probabilities, ends[:-1]), strict=True)


def judge_places(page: FeaturedPage, probabilities: Column) -> dict[PlacedBlock, Verdict]:
    """Return the verdicts on a page's blocks that differ from its own; the model's none where the slots leave no text
    beside them.
    """
    placed = page.page
    slots = slot_indices(page)
    changed = np.setdiff1d(changed_indices(placed, probabilities), slots)
    left = placed.rows[:, _IS_KEPT] > 0
    left[slots] = False
    left[changed] = ~left[changed]
    if not placed.rows[left, _WORDS].any():
        changed = changed[:0]
    blocks = list(map(PlacedBlock._make, placed.rows[np.concatenate((slots, changed))].tolist()))
    model_verdicts = [
        LAYOUT_REMOVES_VERDICT if block.is_kept else LAYOUT_KEEPS_VERDICT for block in blocks[len(slots) :]
    ]
    return dict(zip(blocks, [SLOT_VERDICT] * len(slots) + model_verdicts, strict=True))


def slot_indices(page: FeaturedPage) -> Column:
    """Return the indices of the kept blocks in slots, above and below the page's text.

    What the page's models are sure of is left out: between paragraphs, a list may sit where other pages have buttons.
    The indices are of a third of the page's kept words at most, or all of a few: more is an article that stands
    elsewhere.
    """
    rows = page.page.rows
    is_kept = rows[:, _IS_KEPT] > 0
    is_doubtful = page.is_in_slot & is_kept & (rows[:, _CHANCE] < _SURE_CHANCE)
    text_indices = np.flatnonzero(is_kept & ~is_doubtful & (rows[:, _WORDS] >= _TEXT_WORDS))
    if len(text_indices):
        is_doubtful[text_indices[0] : text_indices[-1]] = False
    indices = np.flatnonzero(is_doubtful)
    words, kept_words = rows[indices, _WORDS].sum(), rows[is_kept, _WORDS].sum()
    is_part = _MOST_SLOT_PART * words <= kept_words
    return indices if is_part or words == kept_words <= _FEW_WORDS else indices[:0]


def changed_indices(page: PlacedPage, probabilities: Column) -> Column:
    """Return the indices of the blocks on which the model overrules the page; none where nothing would be left."""
    is_kept, words = page.rows[:, _IS_KEPT] > 0, page.rows[:, _WORDS]
    is_removed = is_kept & (probabilities < REMOVE_BELOW)
    is_restored = ~is_kept & (probabilities > KEEP_FROM) & (words > 0)
    if not words[(is_kept & ~is_removed) | is_restored].any():
        return np.zeros(0, np.int64)
    return np.flatnonzero(is_removed | is_restored)
