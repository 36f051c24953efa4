"""The judged blocks of a host's pages, by their places: packed in a temporary table, and what pages do at each place.

Only pages of a layout whose models' probabilities are stored take part. `read_pages.py` makes the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from broadsheet.cleaners.compare.site_memory import container_path, fold_digits
from broadsheet.cleaners.document import Column
from broadsheet.cleaners.learned.site_features import BlockColumns, PlaceTotals, place_use
from broadsheet.output.settle.site_memory.page_table import (
    HEADING_KIND,
    IS_KEPT,
    IS_LEFT_OUT,
    IS_SHARED,
    KIND_FACTOR,
    PageFacts,
)
from broadsheet.output.store.ledger import LayoutRow

if TYPE_CHECKING:
    from sqlite_utils import Database

CountedBlock = tuple[int, int, int, str, int]
"""A block of a page: position, number of its text, flags with its kind, text, words."""

PLACE_TABLES = ("settle_placed",)
_CREATE_PLACED = """CREATE TEMP TABLE settle_placed (page_id INTEGER PRIMARY KEY, counted INTEGER NOT NULL,
    layout_id INTEGER NOT NULL, block_count INTEGER NOT NULL, blocks BLOB NOT NULL)"""
_INSERT_PLACED = """INSERT INTO temp.settle_placed (page_id, counted, layout_id, block_count, blocks)
    VALUES (?, ?, ?, ?, ?)"""
_READ_PLACED = "SELECT page_id, counted, layout_id, block_count, blocks FROM temp.settle_placed ORDER BY page_id"
_THOUSAND = 1000


class PlacedBlock(NamedTuple):
    """A block that its page keeps, or leaves out for a reason that the site's evidence may overrule: position, number
    of its text, probability (0 to 255), words, thousandths of its characters that are linked, whether it is kept,
    whether another page has its text, whether it is a heading, and the numbers of its place and container."""

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
    """The blocks of a page in rows of `PlacedBlock`, with the page's layout and the number of all its blocks."""

    layout_id: int
    block_count: int
    rows: Column

    @property
    def blocks(self) -> BlockColumns:
        """The blocks as the features need them."""
        position, _, chance, words, link_share, is_kept, is_shared, is_heading, _, _ = self.rows.T
        return BlockColumns(self.block_count, position, chance, words, link_share, is_kept, is_shared, is_heading)

    @property
    def place_numbers(self) -> Column:
        """For each block (rows) the numbers of its place and its container."""
        return self.rows[:, -2:]


class PlaceNumbers:
    """The numbers of places and containers: paths in a layout. Those that have none get the next."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[int, str], int] = {}

    def place(self, layout_id: int, path: str) -> int:
        """The number of a place."""
        return self.numbers.setdefault((layout_id, fold_digits(path)), len(self.numbers))

    def container(self, layout_id: int, path: str) -> int:
        """The number of the container around a path."""
        return self.numbers.setdefault((layout_id, f"{container_path(path)}>"), len(self.numbers))

    def renumbering(self, other: PlaceNumbers) -> Column:
        """For the numbers of another, in order, those that its places and containers have here."""
        numbers = self.numbers
        return np.array([numbers.setdefault(key, len(numbers)) for key in other.numbers], np.int64)


def place_page(
    facts: PageFacts, layout_rows: Sequence[LayoutRow], counted_blocks: Sequence[CountedBlock], numbers: PlaceNumbers
) -> PlacedPage | None:
    """The judged blocks of a page, whose places and containers get their numbers in `numbers`; None if it has no layout
    or its probabilities are not known. LookupError where the page's values do not fit each other."""
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
    return PlacedPage(facts.layout_id, len(layout_rows), rows) if blocks else None


def renumber(page: PlacedPage, renumbering: Column) -> PlacedPage:
    """The page with other numbers of places and containers."""
    rows = page.rows.copy()
    rows[:, -2:] = renumbering[rows[:, -2:]]
    return PlacedPage(page.layout_id, page.block_count, rows)


def create_place_table(db: Database) -> None:
    """Make the temporary table."""
    db.execute(_CREATE_PLACED)


def clear_placed(db: Database) -> None:
    """Remove the pages of the last host, before those of another."""
    db.execute("DELETE FROM temp.settle_placed")


def store_placed_page(db: Database, page_id: int, page: PlacedPage, *, is_evidence: bool) -> None:
    """Pack a page into its row."""
    row = [page_id, is_evidence, page.layout_id, page.block_count, page.rows.tobytes()]
    db.execute(_INSERT_PLACED, row)


def read_placed_pages(db: Database) -> Iterator[tuple[int, bool, PlacedPage]]:
    """The pages by id, with whether each is evidence."""
    for page_id, is_evidence, layout_id, block_count, blob in db.execute(_READ_PLACED):
        rows = np.frombuffer(blob, np.int64).reshape(-1, len(PlacedBlock._fields))
        yield page_id, bool(is_evidence), PlacedPage(layout_id, block_count, rows)


def count_places(db: Database) -> tuple[PlaceTotals, Mapping[int, int]]:
    """What the pages that are evidence do at each place, and how many of them each layout has."""
    totals = PlaceTotals()
    layout_pages: Counter[int] = Counter()
    for _, is_evidence, page in read_placed_pages(db):
        if is_evidence:
            layout_pages[page.layout_id] += 1
            totals.add_page(place_use(page.place_numbers, page.blocks))
    return totals, layout_pages
