"""Blocks by their places on a host's pages, packed in a temporary table for the judgement of `cleaners/site`.

`site_scan.py` makes the rows. Short blocks that the markup calls captions and bylines tell what their places are used
for, but do not come back: they are stored elsewhere. The evidence is `pages.layout_id`, and in `layouts` the number of
pages.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from broadsheet.cleaners.document import Verdict
from broadsheet.cleaners.site.block_places import (
    FeaturedPage,
    PlacedBlock,
    PlacedPage,
    PlaceNumbers,
    as_numbers,
    count_places,
    feature_page,
    judge_places,
    predict_pages,
)

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
    return PlacedPage(facts.layout_id, len(layout_rows), rows, as_numbers(emptied_places)) if blocks else None


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


# The text itself is on as many pages as the model overrules because of it; what the site repeats has its row already.
_INSERT_EVIDENCE = """INSERT OR IGNORE INTO settle_evidence (block_id, host, pages, of_pages, first_seen)
    SELECT ?1, ?2, json_array_length(?3), ?4, min(coalesce(a.first_seen, s.first_seen, '')) FROM json_each(?3) p
        LEFT JOIN articles a ON a.page_id = p.value LEFT JOIN shelved s ON s.page_id = p.value
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
    for page, probabilities in predict_pages(read_featured_pages(db, unjudged_pages)):
        verdicts = judge_places(page, probabilities)
        unasked_positions = stored_elsewhere(db, page.page_id) if verdicts else frozenset()
        for block, verdict in verdicts.items():
            if block.position not in unasked_positions:
                verdicts_by_page.setdefault(page.page_id, {})[block.position] = verdict
                pages_by_text[block.block_id][page.page_id] = None
    rows = [(block_id, host, json.dumps(list(pages)), page_count) for block_id, pages in pages_by_text.items()]
    db.conn.executemany(_INSERT_EVIDENCE, rows)
    return verdicts_by_page


def read_featured_pages(db: Database, unjudged_pages: Collection[int]) -> Iterator[FeaturedPage]:
    """Read the pages of the scanned host that the model judges, one after the other."""
    places = count_places((is_evidence, page) for _, is_evidence, page in read_placed_pages(db))
    for page_id, is_evidence, page in read_placed_pages(db):
        featured = None if page_id in unjudged_pages else feature_page(page_id, page, places, is_evidence=is_evidence)
        if featured:
            yield featured
