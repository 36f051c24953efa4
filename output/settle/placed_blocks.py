"""Blocks by their places on a host's pages, judged again by a model that sees the whole layout.

The blocks are packed in a temporary table (`site_scan.py` makes the rows), and what pages do at each place is counted.
Only pages of a layout whose models' probabilities are stored take part.

The model overrules a page's own verdict where it is sure enough, on pages of layouts with enough pages. It is not asked
about what a phrase rule, the metadata, an earlier copy or boilerplate above explains (`page_table.py`). Short blocks
that the markup calls captions and bylines tell what their places are used for, but do not come back: they are stored
elsewhere. The evidence is `pages.layout_id`, and in `layouts` the number of pages. The model is trained on whole sites
by `tests/bench/archives/site_judge.py`.

A slot is a place at which nearly all pages keep nothing, for whatever reason. What the others keep there goes too, such
as tags that a phrase rule does not know, unless the page's models are sure of it. The model that sees the layout is not
asked: it does not see what phrase rules remove.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from broadsheet.cleaners.compare.site_boilerplate import (
    LAYOUT_KEEPS_VERDICT,
    LAYOUT_REMOVES_VERDICT,
    SLOT_VERDICT,
    container_path,
    fold_digits,
    is_site_slot,
)
from broadsheet.cleaners.document import Column, Verdict
from broadsheet.cleaners.judge.site_features import (
    MOST_CHANCE,
    SITE_FEATURES,
    BlockColumns,
    PlaceTotals,
    place_use,
    site_features,
)
from broadsheet.cleaners.judge.tree_models import SITE_MODEL, predict

from ..archive.ledger import LayoutRow
from .page_table import (
    HEADING_KIND,
    IS_KEPT,
    IS_LEFT_OUT,
    IS_SHARED,
    KIND_FACTOR,
    PageFacts,
    stored_elsewhere,
)

if TYPE_CHECKING:
    from sqlite_utils import Database


CountedBlock = tuple[int, int, int, str, int]
"""A block of a page: position, number of its text, flags with its kind, text, words."""

PLACE_TABLES = ("settle_placed",)
_CREATE_PLACED = """CREATE TEMP TABLE settle_placed (page_id INTEGER PRIMARY KEY, counted INTEGER NOT NULL,
    layout_id INTEGER NOT NULL, block_count INTEGER NOT NULL, blocks BLOB NOT NULL, emptied BLOB NOT NULL)"""
_INSERT_PLACED = """INSERT INTO temp.settle_placed (page_id, counted, layout_id, block_count, blocks, emptied)
    VALUES (?, ?, ?, ?, ?, ?)"""
_READ_PLACED = """SELECT page_id, counted, layout_id, block_count, blocks, emptied FROM temp.settle_placed
    ORDER BY page_id"""
_THOUSAND = 1000


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


def place_page(
    facts: PageFacts, layout_rows: Sequence[LayoutRow], counted_blocks: Sequence[CountedBlock], numbers: PlaceNumbers
) -> PlacedPage | None:
    """Return the judged blocks of a page, whose places and containers get their numbers in `numbers`; None if it has no
    layout or its probabilities are not known. Raises LookupError where the page's values do not fit each other.
    """
    if facts.layout_id is None or not facts.chances:
        return None
    blocks = [
        PlacedBlock(
            position,
            block_id,
            facts.chances[position],
            words,
            _THOUSAND * layout_rows[position][2] // max(len(text), 1),
            bool(flags & IS_KEPT),
            bool(flags & IS_SHARED),
            flags // KIND_FACTOR == HEADING_KIND,
            numbers.place(facts.layout_id, layout_rows[position][0]),
            numbers.container(facts.layout_id, layout_rows[position][0]),
        )
        for position, block_id, flags, text, words in counted_blocks
        if flags & (IS_KEPT | IS_LEFT_OUT)
    ]
    rows = np.array(blocks, np.int64).reshape(-1, len(PlacedBlock._fields))
    places = {numbers.place(facts.layout_id, path) for path in dict.fromkeys(row[0] for row in layout_rows)}
    emptied_places = places - {block.place for block in blocks if block.is_kept}
    return PlacedPage(facts.layout_id, len(layout_rows), rows, _as_numbers(emptied_places)) if blocks else None


def _as_numbers(places: Collection[int]) -> Column:
    return np.array(sorted(places), np.int64)


def renumber(page: PlacedPage, renumbering: Column) -> PlacedPage:
    """Return the page with other numbers of places and containers."""
    rows = page.rows.copy()
    rows[:, -2:] = renumbering[rows[:, -2:]]
    return PlacedPage(page.layout_id, page.block_count, rows, renumbering[page.emptied_places])


def create_place_table(db: Database) -> None:
    """Make the temporary table."""
    db.execute(_CREATE_PLACED)


def clear_placed(db: Database) -> None:
    """Remove the pages of the last host, before those of another."""
    db.execute("DELETE FROM temp.settle_placed")


def store_placed_page(db: Database, page_id: int, page: PlacedPage, *, is_evidence: bool) -> None:
    """Pack a page into its row."""
    blobs = [page.rows.tobytes(), page.emptied_places.tobytes()]
    row = [page_id, is_evidence, page.layout_id, page.block_count, *blobs]
    db.execute(_INSERT_PLACED, row)


def read_placed_pages(db: Database) -> Iterator[tuple[int, bool, PlacedPage]]:
    """Read the pages by id, with whether each is evidence."""
    for page_id, is_evidence, layout_id, block_count, blocks, emptied in db.execute(_READ_PLACED):
        rows = np.frombuffer(blocks, np.int64).reshape(-1, len(PlacedBlock._fields))
        yield page_id, bool(is_evidence), PlacedPage(layout_id, block_count, rows, np.frombuffer(emptied, np.int64))


class HostPlaces(NamedTuple):
    """The places of a host: how its pages treat each, the pages of each layout, and the numbers of the slots."""

    totals: PlaceTotals
    layout_pages: Mapping[int, int]
    slots: Column


def count_places(db: Database) -> HostPlaces:
    """Count how the pages that are evidence treat each place, and the pages of each layout."""
    totals = PlaceTotals()
    layout_pages: Counter[int] = Counter()
    keeping_pages: Counter[int] = Counter()
    emptied_pages: Counter[int] = Counter()
    for _, is_evidence, page in read_placed_pages(db):
        if is_evidence:
            layout_pages[page.layout_id] += 1
            totals.add_page(place_use(page.place_numbers, page.blocks))
            keeping_pages.update(set(page.rows[page.rows[:, _IS_KEPT] > 0, _PLACE].tolist()))
            emptied_pages.update(page.emptied_places.tolist())
    slots = [place for place, count in keeping_pages.items() if is_site_slot(count + emptied_pages[place], count)]
    return HostPlaces(totals, layout_pages, _as_numbers(slots))


MIN_LAYOUT_PAGES = 8  # of fewer, a page of the layout may be the only one like it
KEEP_FROM, REMOVE_BELOW = 0.75, 0.25  # probabilities, so that what is in doubt stays as its page judged it
_SURE_CHANCE = 0.9 * MOST_CHANCE  # from here on a page's models are sure enough of a block to keep it in a slot
_MOST_SLOT_PART, _FEW_WORDS, _TEXT_WORDS = 3, 60, 8
_PAGES_AT_ONCE = 32  # of which the model sees all blocks at once

_IS_KEPT, _WORDS, _CHANCE, _PLACE = map(PlacedBlock._fields.index, ("is_kept", "words", "chance", "place"))

# The text itself is on as many pages as the model overrules because of it; what the site repeats has its row already.
_INSERT_EVIDENCE = """INSERT OR IGNORE INTO settle_evidence (block_id, host, pages, of_pages, first_seen)
    SELECT ?1, ?2, json_array_length(?3), ?4, min(coalesce(a.first_seen, s.first_seen, '')) FROM json_each(?3) p
        LEFT JOIN articles a ON a.page_id = p.value LEFT JOIN _shelved s ON s.page_id = p.value
    WHERE NOT EXISTS (SELECT 1 FROM settle_place_evidence e WHERE e.block_id = ?1 AND e.host = ?2)
    HAVING count(*)"""


def judge_by_layout(
    db: Database, host: str, page_count: int, unjudged_pages: Collection[int]
) -> dict[int, dict[int, Verdict]]:
    """Return the verdicts, by page id and position, that differ from the pages' own, on the scanned host.

    The evidence is written into `settle_evidence`, where the text has none yet; `page_count` are the host's pages.
    """
    verdicts_by_page: dict[int, dict[int, Verdict]] = {}
    pages_by_text: defaultdict[int, dict[int, None]] = defaultdict(dict)
    for page, probabilities in _judged_pages(read_featured_pages(db, unjudged_pages)):
        verdicts = _page_verdicts(page, probabilities)
        unasked_positions = stored_elsewhere(db, page.page_id) if verdicts else frozenset()
        for block, verdict in verdicts.items():
            if block.position not in unasked_positions:
                verdicts_by_page.setdefault(page.page_id, {})[block.position] = verdict
                pages_by_text[block.block_id][page.page_id] = None
    rows = [(block_id, host, json.dumps(list(pages)), page_count) for block_id, pages in pages_by_text.items()]
    db.conn.executemany(_INSERT_EVIDENCE, rows)
    return verdicts_by_page


def _judged_pages(pages: Iterator[FeaturedPage]) -> Iterator[tuple[FeaturedPage, Column]]:
    """Yield each page with how likely its judged blocks are the article's."""
    while batch := list(islice(pages, _PAGES_AT_ONCE)):
        probabilities = predict(list(SITE_FEATURES), np.concatenate([page.features for page in batch]), SITE_MODEL)
        ends = np.cumsum([len(page.features) for page in batch])
        yield from zip(batch, np.split(probabilities, ends[:-1]), strict=True)


def _page_verdicts(page: FeaturedPage, probabilities: Column) -> dict[PlacedBlock, Verdict]:
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


class FeaturedPage(NamedTuple):
    """A page with the features of its judged blocks, and whether each is in a slot."""

    page_id: int
    page: PlacedPage
    features: Column
    is_in_slot: Column


def read_featured_pages(db: Database, unjudged_pages: Collection[int]) -> Iterator[FeaturedPage]:
    """Read the pages of the scanned host that the model judges, one after the other."""
    places = count_places(db)
    for page_id, is_evidence, page in read_placed_pages(db):
        page_count = places.layout_pages.get(page.layout_id, 0)
        if page_count >= MIN_LAYOUT_PAGES and page_id not in unjudged_pages:
            use = place_use(page.place_numbers, page.blocks)
            features = site_features(page.blocks, use, places.totals, page_count, is_counted=is_evidence)
            yield FeaturedPage(page_id, page, features, np.isin(page.rows[:, _PLACE], places.slots))
