"""The blocks of a page judged again by a model that also sees what the other pages of its layout do at each place.

It overrules a page's own verdict where it is sure enough, on pages of layouts with enough pages; what a phrase rule,
the metadata, an earlier copy or boilerplate above explains is not asked about (`page_table.py`). Short blocks that the
markup calls captions and bylines tell what their places are used for, but do not come back: they are stored elsewhere.
Its evidence is the layout: `pages.layout_id`, and in `layouts` how many pages there are of it. It is trained on whole
sites by `tests/bench/archives/site_judge.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from broadsheet.cleaners.compare.site_memory import LAYOUT_KEEPS_VERDICT, LAYOUT_REMOVES_VERDICT
from broadsheet.cleaners.document import Column, Verdict
from broadsheet.cleaners.learned.model import SITE_MODEL, predict
from broadsheet.cleaners.learned.site_features import SITE_FEATURES, PlaceTotals, place_use, site_features
from broadsheet.output.settle.site_memory.page_table import stored_elsewhere
from broadsheet.output.settle.site_memory.place_blocks import PlacedBlock, PlacedPage, count_places, read_placed_pages

if TYPE_CHECKING:
    from sqlite_utils import Database

MIN_LAYOUT_PAGES = 8  # of fewer, a page of the layout may be the only one like it
KEEP_FROM, REMOVE_BELOW = 0.75, 0.25  # probabilities, so that what is in doubt stays as its page judged it
_PAGES_AT_ONCE = 32  # of which the model sees all blocks at once

_IS_KEPT, _WORDS = (PlacedBlock._fields.index(name) for name in ("is_kept", "words"))

# The text itself is on as many pages as the model overrules because of it; what the site repeats has its row already.
_INSERT_EVIDENCE = """INSERT OR IGNORE INTO settle_evidence (block_id, host, pages, of_pages, first_seen)
    SELECT ?1, ?2, json_array_length(?3), ?4, min(coalesce(a.first_seen, s.first_seen, '')) FROM json_each(?3) p
        LEFT JOIN articles a ON a.page_id = p.value LEFT JOIN shelved s ON s.page_id = p.value"""


def judge_by_layout(
    db: Database, host: str, page_count: int, unjudged_pages: Collection[int]
) -> dict[int, dict[int, Verdict]]:
    """The verdicts, by page id and position, that differ from the pages' own, on the scanned host.

    The evidence is written into `settle_evidence`, where the text has none yet; `page_count` are the host's pages.
    """
    verdicts_by_page: dict[int, dict[int, Verdict]] = {}
    pages_by_text: defaultdict[int, dict[int, None]] = defaultdict(dict)
    for page, probabilities in _judged_pages(read_featured_pages(db, unjudged_pages)):
        changed_rows = page.page.rows[changed_indices(page.page, probabilities)].tolist()
        unasked_positions = stored_elsewhere(db, page.page_id) if changed_rows else frozenset()
        for block in map(PlacedBlock._make, changed_rows):
            if block.position not in unasked_positions:
                verdict = LAYOUT_REMOVES_VERDICT if block.is_kept else LAYOUT_KEEPS_VERDICT
                verdicts_by_page.setdefault(page.page_id, {})[block.position] = verdict
                pages_by_text[block.block_id][page.page_id] = None
    rows = [(block_id, host, json.dumps(list(pages)), page_count) for block_id, pages in pages_by_text.items()]
    db.conn.executemany(_INSERT_EVIDENCE, rows)
    return verdicts_by_page


def _judged_pages(pages: Iterator[FeaturedPage]) -> Iterator[tuple[FeaturedPage, Column]]:
    """Each page with how likely its judged blocks are the article's."""
    while batch := list(islice(pages, _PAGES_AT_ONCE)):
        probabilities = predict(list(SITE_FEATURES), np.concatenate([page.features for page in batch]), SITE_MODEL)
        ends = np.cumsum([len(page.features) for page in batch])
        yield from zip(batch, np.split(probabilities, ends[:-1]), strict=True)


def changed_indices(page: PlacedPage, probabilities: Column) -> Column:
    """The indices of the blocks on which the model overrules the page; none where nothing would be left."""
    is_kept, words = page.rows[:, _IS_KEPT] > 0, page.rows[:, _WORDS]
    is_removed = is_kept & (probabilities < REMOVE_BELOW)
    is_restored = ~is_kept & (probabilities > KEEP_FROM) & (words > 0)
    if not words[(is_kept & ~is_removed) | is_restored].any():
        return np.zeros(0, np.int64)
    return np.flatnonzero(is_removed | is_restored)


@dataclass(frozen=True, slots=True)
class FeaturedPage:
    """A page with the features of its judged blocks."""

    page_id: int
    page: PlacedPage
    features: Column


def read_featured_pages(db: Database, unjudged_pages: Collection[int]) -> Iterator[FeaturedPage]:
    """The pages of the scanned host that the model judges, one after the other."""
    totals, layout_pages = count_places(db)
    for page_id, is_evidence, page in read_placed_pages(db):
        page_count = layout_pages.get(page.layout_id, 0)
        if page_count >= MIN_LAYOUT_PAGES and page_id not in unjudged_pages:
            yield _featured_page(page_id, page, totals, page_count, is_counted=is_evidence)


def _featured_page(
    page_id: int, page: PlacedPage, totals: PlaceTotals, layout_pages: int, *, is_counted: bool
) -> FeaturedPage:
    blocks = page.blocks
    use = place_use(page.place_numbers, blocks)
    return FeaturedPage(page_id, page, site_features(blocks, use, totals, layout_pages, is_counted=is_counted))
