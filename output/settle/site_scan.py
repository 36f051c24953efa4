"""The scan of a host's article pages: the texts of blocks, their places, and the text that was removed there.

Each page is scanned once, for the texts, lengths and places of its blocks. Everything starts from the pages' own
verdicts, as in `site_repeats.py`, so neither order nor repetition matters.

`SeenTwice` approximates the set of numbers added more than once, by a table of fixed size. A number that it does not
contain was added at most once. One that it contains may have been added once, if another number shares its slot: where
the exact answer matters, the few that it contains are looked up in a table.

A restored block is one that a page left out, at a place where nearly all pages of the host keep text. A place is a path
in the markup. Longer texts show where articles stand, and so do texts of any length where pages leave out hardly
anything; what comes back may be a few words, or an address. What is explained by a phrase rule, the title, a copy or
boilerplate above it stays out. So does a text that several pages have, unless most of them keep it: it may be a promo,
or the title of another article. A slot is a place at which nearly all pages keep nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from broadsheet.cleaners.compare.text_comparison import container_path, edge_template, names_author, page_templates
from broadsheet.cleaners.site.repeated_blocks import find_body_paths, is_site_slot
from broadsheet.cleaners.words import rough_word_count

from ..archive.ledger import read_layout
from ..archive.stored_values import BLOCK_KINDS, content_id, decoding
from .page_table import (
    HEADING_KIND,
    IS_AUTHOR_NOTE,
    IS_CAPTION,
    IS_HEADING,
    IS_KEPT,
    IS_KEPT_ELSEWHERE,
    IS_LEFT_OUT,
    IS_SHARED,
    IS_STORED_ELSEWHERE,
    IS_SURE,
    KIND_FACTOR,
    LEAVES,
    LEAVES_WITH_OTHERS,
    MAY_REPEAT,
    NAMES_AUTHOR,
    SCANNED_BLOCK,
    BoolArray,
    FlaggedBlock,
    HostScans,
    Int64Array,
    PageFacts,
    ScannedBlocks,
    ScannedPages,
    list_unscanned,
    read_page_facts,
    store_scan,
)
from .settle_steps import ParallelMap

if TYPE_CHECKING:
    from sqlite_utils import Database


_MIN_BITS, _MAX_BITS = 12, 23  # at most 8 MB: enough to tell half of ten million numbers apart


class SeenTwice:
    """A set of the numbers that were added at least twice, with false positives.

    Numbers must be evenly spread, as digests are; about `expected_numbers` of them are expected.
    """

    def __init__(self, expected_numbers: int) -> None:
        bits = min(max(expected_numbers.bit_length() + 1, _MIN_BITS), _MAX_BITS)
        self._mask = (1 << bits) - 1
        self._counts = np.zeros(1 << bits, np.uint8)

    def add(self, owners: Int64Array, numbers: Int64Array) -> None:
        """Add each number of each owner once."""
        pairs = np.unique(owners * (self._mask + 1) + (numbers & self._mask))
        slots, counts = np.unique(pairs & self._mask, return_counts=True)
        self._counts[slots] = np.minimum(self._counts[slots] + np.minimum(counts, 2), 2)

    def contains(self, numbers: Int64Array) -> BoolArray:
        """Tell of each number whether it seems to have been added twice."""
        is_twice: BoolArray = self._counts[numbers & self._mask] > 1
        return is_twice


MIN_LONG_WORDS = 8  # of a text that tells by itself where articles stand
MIN_RESTORED_WORDS = 2  # of a text that comes back, unless it is an address
KEPT_FACTOR = 2  # as many pages keep a text that comes back as leave it out, times this
SURE_CHANCE = 230  # of 255, from which on a page's models are sure of a block
_INSERT_EVIDENCE = """INSERT INTO settle_evidence (block_id, host, at_place, pages, of_pages, first_seen)
    VALUES (?, ?, 1, ?, ?, ?)
    ON CONFLICT (block_id, host, at_place) DO UPDATE SET pages = excluded.pages, of_pages = excluded.of_pages"""

# On which pages of one host stand the keys that may be on more than one.
_CREATE_DOUBTFUL_KEYS = (
    "DROP TABLE IF EXISTS temp.settle_left",
    """CREATE TEMP TABLE settle_left (key INTEGER NOT NULL, page_id INTEGER NOT NULL, PRIMARY KEY (key, page_id))
        WITHOUT ROWID""",
)
# The pages that keep a key, and those that leave it out.
_COUNT_KEY = """SELECT (SELECT count(DISTINCT page_id) FROM settle_seen WHERE key = ?1 AND kept AND counted),
    (SELECT count(*) FROM settle_left WHERE key = ?1)"""


class PlaceCounts:
    """The number of a host's pages that keep or leave out text, by number of the path in the markup: of longer texts,
    and of all texts.
    """

    def __init__(self) -> None:
        self.kept_counts: Counter[int] = Counter()
        self.left_out_counts: Counter[int] = Counter()
        self.all_kept_counts: Counter[int] = Counter()
        self.all_left_out_counts: Counter[int] = Counter()
        self.first_kept_at: dict[int, str] = {}

    def count(self, pages: ScannedPages, evidence: BoolArray) -> None:
        """Count the texts of the pages that are evidence: the paths at which a page keeps some, and those at which it
        has some and keeps none. Of the longer ones only those count that the site's evidence might bring back.
        """
        flags, is_long = pages.blocks["flags"], pages.blocks["words"] >= MIN_LONG_WORDS
        is_kept, counts = flags & IS_KEPT > 0, pages.of_pages(evidence)
        is_left_out = flags & (LEAVES | LEAVES_WITH_OTHERS) > 0
        paths, path_indexes = np.unique(pages.blocks["path"], return_inverse=True)
        pairs = pages.owners * len(paths) + path_indexes
        kept, all_kept = np.unique(pairs[counts & is_kept & is_long]), np.unique(pairs[counts & is_kept])
        left_out, all_left_out = np.unique(pairs[counts & is_left_out & is_long]), np.unique(pairs[counts])
        for counter, found in (
            (self.kept_counts, kept),
            (self.left_out_counts, np.setdiff1d(left_out, kept, assume_unique=True)),
            (self.all_kept_counts, all_kept),
            (self.all_left_out_counts, np.setdiff1d(all_left_out, all_kept, assume_unique=True)),
        ):
            numbers, page_counts = np.unique(found % max(len(paths), 1), return_counts=True)
            counter.update(dict(zip(paths[numbers].tolist(), page_counts.tolist(), strict=True)))
        for pair in all_kept.tolist():
            self._note_kept(pages.first_seen[pair // len(paths)], int(paths[pair % len(paths)]))

    def article_places(self) -> dict[int, tuple[int, int]]:
        """Return the paths where the host's articles stand: pages that keep text there, pages with text there."""
        body_paths = find_body_paths(self.all_kept_counts, self.all_left_out_counts)
        return body_paths | find_body_paths(self.kept_counts, self.left_out_counts)

    def slots(self) -> frozenset[int]:
        """Return the paths at which nearly all pages with text keep none."""
        left_out, kept_counts = self.all_left_out_counts, self.all_kept_counts.items()
        return frozenset(path for path, kept in kept_counts if is_site_slot(kept + left_out[path], kept))

    def _note_kept(self, first_seen: str, path: int) -> None:
        self.first_kept_at[path] = min(self.first_kept_at.get(path, first_seen), first_seen)


def find_restored_blocks(
    scans: HostScans, place_counts: PlaceCounts, repeated_keys: SeenTwice, unjudged_pages: Collection[int]
) -> dict[int, dict[int, int]]:
    """Find the texts, by page id and position, that the site's evidence brings back; the evidence is written into
    `settle_evidence`.
    """
    places = place_counts.article_places()
    texts_by_page: dict[int, dict[int, int]] = {}
    if places:
        for page_id, position, text, path in _unshared_blocks(scans, repeated_keys, list(places), unjudged_pages):
            texts_by_page.setdefault(page_id, {})[position] = text
            scans.db.execute(_INSERT_EVIDENCE, [text, scans.host, *places[path], place_counts.first_kept_at[path]])
    return texts_by_page


def _unshared_blocks(
    scans: HostScans, repeated_keys: SeenTwice, paths: Sequence[int], unjudged_pages: Collection[int]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (page id, position, text, path) of the blocks that pages left out among article text, that are stored
    nowhere else, and that most pages keep or no other page has.
    """
    doubtful_keys: set[int] = set()
    for pages in scans:
        keys = pages.blocks["key"][_leaves_at(pages, paths)]
        doubtful_keys.update(keys[repeated_keys.contains(keys)].tolist())
    comes_back: dict[int, bool] = {}
    if doubtful_keys:
        _list_leaving_pages(scans, sorted(doubtful_keys))
        comes_back = {key: _is_mostly_kept(scans.db, key) for key in doubtful_keys}
    for pages in scans:
        judged = pages.of_pages(~pages.among(unjudged_pages))
        wanted = judged & _leaves_at(pages, paths) & (pages.blocks["flags"] & IS_STORED_ELSEWHERE == 0)
        for owner, block in zip(pages.owners[wanted].tolist(), pages.blocks[wanted].tolist(), strict=True):
            text, key, path, _, position, *_ = block
            if comes_back.get(key, True):
                yield pages.page_ids[owner], position, text, path


def _leaves_at(pages: ScannedPages, paths: Sequence[int]) -> BoolArray:
    """Tell which blocks the pages left out at one of these paths."""
    is_left_out: BoolArray = pages.blocks["flags"] & LEAVES > 0
    is_left_out[is_left_out] = np.isin(pages.blocks["path"][is_left_out], paths)
    return is_left_out


def _list_leaving_pages(scans: HostScans, keys: Sequence[int]) -> None:
    """List in `settle_left` the pages that left out these keys."""
    for statement in _CREATE_DOUBTFUL_KEYS:
        scans.db.execute(statement)
    for pages in scans:
        leaves = pages.blocks["flags"] & (LEAVES | LEAVES_WITH_OTHERS) > 0
        leaves[leaves] = np.isin(pages.blocks["key"][leaves], keys)
        pairs = zip(pages.blocks["key"][leaves].tolist(), pages.owners[leaves].tolist(), strict=True)
        rows = ((key, pages.page_ids[owner]) for key, owner in sorted(set(pairs)))
        scans.db.conn.executemany("INSERT INTO settle_left (key, page_id) VALUES (?, ?)", rows)


def _is_mostly_kept(db: Database, key: int) -> bool:
    """Return whether most pages that have the key keep it, or only one has it."""
    kept_count, left_count = db.execute(_COUNT_KEY, [key]).fetchone()
    return bool(kept_count >= KEPT_FACTOR * left_count or (kept_count == 0 and left_count == 1))


_PAGES_PER_JOB = 16
_MOST_CAPTION_CHARACTERS = 250  # some forty words; a longer text may be a paragraph that a template only calls so
_ADDRESS_STARTS = ("http://", "https://")
_EXACT_KINDS = {
    BLOCK_KINDS.index("table"),
    BLOCK_KINDS.index("code"),
}  # in these, digits are part of what the text says


def scan_host(
    host_scans: HostScans,
    page_ids: Sequence[int],
    uncounted_pages: Collection[int],
    repeated_keys: SeenTwice,
    parallel_map: ParallelMap,
) -> PlaceCounts:
    """Scan the pages of a host that have no scan, store the scans, and count by place over all scans.

    The keys of each page are added to `repeated_keys` in two sets: those that the site may repeat, and those that the
    page left out. Pages that are not among `uncounted_pages` count.
    """
    db = host_scans.db
    unscanned = list_unscanned(db, host_scans.host, page_ids)
    jobs = (
        [read_page_facts(db, page_id) for page_id in unscanned[start : start + _PAGES_PER_JOB]]
        for start in range(0, len(unscanned), _PAGES_PER_JOB)
    )
    for scans in parallel_map(scan_pages, jobs):
        for page_id, first_seen, blocks in scans:
            store_scan(db, page_id, first_seen, blocks)
    place_counts = PlaceCounts()
    for pages in host_scans:
        for flags in (MAY_REPEAT, LEAVES | LEAVES_WITH_OTHERS):
            wanted = pages.blocks["flags"] & flags > 0
            repeated_keys.add(pages.owners[wanted], pages.blocks["key"][wanted])
        place_counts.count(pages, ~pages.among(uncounted_pages))
    return place_counts


class PageScan(NamedTuple):
    """The scan of a page: its id, when its article was first seen, and its blocks."""

    page_id: int
    first_seen: str
    blocks: ScannedBlocks


def scan_pages(pages: Sequence[PageFacts]) -> list[PageScan]:
    """Scan some pages. Pure."""
    return [PageScan(page.page_id, page.first_seen, _scan_page(page)) for page in pages]


@lru_cache(maxsize=8192)
def _place_numbers(path: str) -> tuple[int, int]:
    """Return the numbers of a path in the markup and of its container."""
    return content_id(path), content_id(container_path(path))


def text_key(text: str, template: str, block_id: int, kind: int) -> int:
    """Hash a block's text into a number that ignores the parts that vary from page to page.

    `template` is the text without those parts.
    """
    return block_id if kind in _EXACT_KINDS or template == text else content_id(template)


def _is_needed(flags: int, text: str, words: int) -> bool:
    """Return whether a block is evidence or may be restored; a short one that is left out and on another page is
    neither.
    """
    return bool(flags & (IS_KEPT | IS_KEPT_ELSEWHERE)) or _is_restorable(flags, text, words)


def _is_restorable(flags: int, text: str, words: int) -> bool:
    """Return whether the site's evidence may bring a left-out block back: a few words, or an address alone."""
    if not flags & IS_LEFT_OUT:
        return False
    if flags & IS_SHARED:
        return words >= MIN_LONG_WORDS
    return words >= MIN_RESTORED_WORDS or text.startswith(_ADDRESS_STARTS)


def _scan_page(facts: PageFacts) -> ScannedBlocks:
    with decoding("_page_layout", "layout", facts.page_id):
        layout_rows, authors = read_layout(facts.layout), facts.authors
        paths = [row[0] for row in layout_rows]
        chances = bytes(len(paths)) if facts.chances is None else facts.chances
        sure_flags = [chances[position] >= SURE_CHANCE for position in range(len(paths))]
        flagged_blocks = _without_returns_below_note(facts.flagged_blocks)
        counted_blocks = [(*block, rough_word_count(block[3])) for block in flagged_blocks]
    needed_blocks = [
        (position, block_id, flags, text, words)
        for position, block_id, flags, text, words in counted_blocks
        if _is_needed(flags, text, words)
    ]
    templates = page_templates([text for _, _, _, text, _ in needed_blocks], facts.title, authors)
    kept_indices = [index for index, (_, _, flags, _, _) in enumerate(needed_blocks) if flags & IS_KEPT]
    for number, index in enumerate(kept_indices):
        if templates[index] is needed_blocks[index][3]:
            templates[index] = edge_template(templates[index], number, len(kept_indices))
    rows = []
    for (position, block_id, flags, text, words), template in zip(needed_blocks, templates, strict=True):
        kind, is_sure = flags // KIND_FACTOR, sure_flags[position]
        key = block_id if template is text else text_key(text, template, block_id, kind)
        is_author_named = bool(authors) and names_author(text, authors)
        scanned_flags = _scanned_flags(flags, text, words) | NAMES_AUTHOR * is_author_named | IS_SURE * is_sure
        rows.append((block_id, key, *_place_numbers(paths[position]), position, words, scanned_flags))
    other_paths = dict.fromkeys(paths).keys() - {paths[position] for position, *_ in needed_blocks}
    rows += [(0, 0, *_place_numbers(path), -1, 0, 0) for path in sorted(other_paths)]
    return np.array(rows, SCANNED_BLOCK)


def _without_returns_below_note(blocks: Sequence[FlaggedBlock]) -> Sequence[FlaggedBlock]:
    """Let nothing return from a note on the author down: a site's notes stand where its articles' last lines do."""
    note = next((n for n, (_, _, flags, _) in enumerate(blocks) if flags & IS_AUTHOR_NOTE), len(blocks))
    below = ((position, text_id, flags & ~IS_LEFT_OUT, text) for position, text_id, flags, text in blocks[note:])
    return [*blocks[:note], *below]


def _scanned_flags(flags: int, text: str, words: int) -> int:
    """Translate a block's own flags into flags of a scanned block."""
    is_heading = flags // KIND_FACTOR == HEADING_KIND
    scanned = flags & IS_KEPT | MAY_REPEAT * bool(flags & (IS_KEPT | IS_KEPT_ELSEWHERE)) | IS_HEADING * is_heading
    if _is_restorable(flags, text, words):
        scanned |= LEAVES_WITH_OTHERS if flags & IS_SHARED and not flags & IS_KEPT_ELSEWHERE else LEAVES
    is_caption = flags & IS_CAPTION and len(text) <= _MOST_CAPTION_CHARACTERS
    return scanned | IS_STORED_ELSEWHERE * bool(is_caption)
