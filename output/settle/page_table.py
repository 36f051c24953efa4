"""The article pages of a host as the site's memory needs them: each is scanned once, and its scan is kept.

Table `_scans` has what a page's blocks say and where they stand, packed as rows of numbers. A page is scanned again
only if it changed, or if what other pages do with one of its texts did. A host may have more blocks than memory holds,
so what is beyond a bound is read anew by every pass, some pages at a time. `site_scan.py` makes them.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..archive.stored_text import SQL_ARTICLE_TYPES
from ..archive.stored_values import BLOCK_KINDS, decoding, stored_texts, unpacked

if TYPE_CHECKING:
    from sqlite_utils import Database

Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

IS_KEPT, IS_LEFT_OUT, IS_SHARED, IS_KEPT_ELSEWHERE, IS_FREQUENT, IS_CAPTION, IS_AUTHOR_NOTE = 1, 2, 4, 8, 16, 32, 64
"""Flags of a block: its page kept it by its own verdict; its page left it out for a reason that the site's evidence may
overrule; another page has its text; some page keeps the text that this one left out; pages keep the text more than
`MAX_KEPT` times; its page removes it as a caption or byline, since its markup calls it so; its page removes it as a
note on the author below the text."""
MAX_KEPT = 3
KIND_FACTOR = 128  # the number of a block's kind, times this, is added to its flags
HEADING_KIND = BLOCK_KINDS.index("heading")

FlaggedBlock = tuple[int, int, int, str]
"""A block: position, number of its text, flags with its kind, text."""

MAY_REPEAT, LEAVES, LEAVES_WITH_OTHERS, IS_HEADING, NAMES_AUTHOR, IS_SURE, IS_STORED_ELSEWHERE = (
    2, 4, 8, 16, 32, 64, 128
)  # fmt: skip
"""Flags of a scanned block beside `IS_KEPT`: it may be what the site repeats; its page left it out, and no other page
has its text or some keep it; its page left it out, as all do that have it; it is a heading; it begins with an author's
name; the page's models are sure of it; it is a short caption or byline, which the archive has elsewhere."""

SCANNED_BLOCK = np.dtype(
    [
        ("text", "<i8"),
        ("key", "<i8"),
        ("path", "<i8"),
        ("container", "<i8"),
        ("position", "<i4"),
        ("words", "<i4"),
        ("flags", "<i2"),
    ]
)
"""A block of a scan: numbers of its text, of the text's template, of its path in the markup and of the path's
container, its position, its words, its flags. One without flags only says that the page has text at its path."""

ScannedBlocks = NDArray[np.void]
"""An array of `SCANNED_BLOCK`."""

# The reasons that the site's evidence may overrule: no phrase rule, metadata, copy or boilerplate above explains them.
_CREATE_OVERRULABLE_REASONS = """CREATE TEMP TABLE settle_leaving AS SELECT id FROM _reasons
    WHERE rule <> 'context/duplicate' AND rule NOT GLOB 'model/beside-*'
        AND (rule GLOB 'model/*' OR rule GLOB 'extractor/*' OR rule GLOB 'first-look/*' OR rule GLOB 'context/*'
            OR rule GLOB 'layout/*')"""
_CREATE_CAPTION_REASONS = """CREATE TEMP TABLE settle_captions AS SELECT id FROM _reasons
    WHERE reason IN ('caption', 'byline') AND rule GLOB 'layout/*'"""
_CREATE_NOTE_REASONS = "CREATE TEMP TABLE settle_notes AS SELECT id FROM _reasons WHERE rule = 'model/author-note'"

_CREATE_TABLES = (
    _CREATE_OVERRULABLE_REASONS,
    "CREATE UNIQUE INDEX temp.settle_leaving_id ON settle_leaving (id)",
    _CREATE_CAPTION_REASONS,
    "CREATE UNIQUE INDEX temp.settle_captions_id ON settle_captions (id)",
    _CREATE_NOTE_REASONS,
)
PAGE_TABLES = ("settle_leaving", "settle_captions", "settle_notes")

_PAGES_OF_HOST = f"""SELECT p.id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.own_type IN {SQL_ARTICLE_TYPES} ORDER BY p.id"""
_PAGE_FACTS = """SELECT l.layout, l.chances, coalesce(a.title, s.title, ''),
        coalesce(a.authors, s.authors, '[]'), coalesce(a.first_seen, s.first_seen, '')
    FROM _page_layout l LEFT JOIN articles a ON a.page_id = l.page_id LEFT JOIN shelved s ON s.page_id = l.page_id
    WHERE l.page_id = ?"""

_BLOCKS_TEMPLATE = f"""SELECT b.position, b.block_id,
        {KIND_FACTOR} * b.kind + CASE WHEN {{kept}} THEN {IS_KEPT} + (coalesce(c.asked, 0) & {IS_SHARED}) ELSE
            coalesce(c.asked, 0) + {IS_LEFT_OUT} * ({{reason}} IN temp.settle_leaving)
                + {IS_CAPTION} * ({{reason}} IN temp.settle_captions)
                + {IS_AUTHOR_NOTE} * ({{reason}} IN temp.settle_notes) END, t.text
    FROM _page_blocks b {{joins}} LEFT JOIN _common_texts c ON c.block_id = b.block_id
        CROSS JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND ({{kept}} OR c.asked & {IS_KEPT_ELSEWHERE} OR {{reason}} IN temp.settle_leaving)
    ORDER BY b.position"""
_OWN_REASON = "coalesce(o.reason_id, b.reason_id)"
_JOIN_OWN_VERDICTS = "LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position"
_LEDGER_BLOCKS = _BLOCKS_TEMPLATE.format(kept="b.kept", reason="b.reason_id", joins="")
_OWN_VERDICT_BLOCKS = _BLOCKS_TEMPLATE.format(
    kept="coalesce(o.kept, b.kept)", reason=_OWN_REASON, joins=_JOIN_OWN_VERDICTS
)
_HAS_OVERRULED_BLOCKS = "SELECT EXISTS (SELECT 1 FROM _own_verdicts WHERE page_id = ?1)"

_PUT_SCAN = "INSERT INTO _scans (page_id, first_seen, scan) VALUES (?, ?, ?)"
_SCANS = """SELECT s.page_id, s.first_seen, s.scan FROM urls u CROSS JOIN _scans s ON s.page_id = u.id
    WHERE u.host = ? AND s.page_id > ? ORDER BY s.page_id"""
_DELETE_CHANGED = """DELETE FROM _scans WHERE page_id IN (
    SELECT n.page_id FROM _unsettled n CROSS JOIN urls u ON u.id = n.page_id WHERE u.host = ?)"""
_SCANNED_PAGES = "SELECT s.page_id FROM urls u CROSS JOIN _scans s ON s.page_id = u.id WHERE u.host = ?"
_PAGES_AT_ONCE = 512
_KEPT_BYTES = 64 << 20  # of unpacked scans: those of some thirty thousand pages


class PageFacts(NamedTuple):
    """A page before it is scanned: its article's title and authors, its packed layout, and its judged blocks.

    `chances` has a byte for each block, None if not known. `flagged_blocks` are those that may matter, in order, with
    the page's own verdicts as flags.
    """

    page_id: int
    layout: bytes
    chances: bytes | None
    title: str
    authors: tuple[str, ...]
    first_seen: str
    flagged_blocks: Sequence[FlaggedBlock]


class ScannedPages(NamedTuple):
    """Some pages of a host, in the order of their ids, with their scans: all their blocks, one page after the other.

    `owners` has for each block the index of its page, and `first_seen` when each article was first seen.
    """

    page_ids: Sequence[int]
    first_seen: Sequence[str]
    owners: Int64Array
    blocks: ScannedBlocks

    def of_pages(self, wanted: BoolArray) -> BoolArray:
        """Tell of each block whether its page is wanted."""
        return wanted[self.owners]

    def among(self, page_ids: Collection[int]) -> BoolArray:
        """Tell of each page whether it is one of these."""
        return np.fromiter((page_id in page_ids for page_id in self.page_ids), bool, len(self.page_ids))

    def having(self, block_mask: BoolArray) -> Iterator[tuple[int, ScannedBlocks]]:
        """Yield the pages with such a block, in order, each with all its blocks."""
        for index in np.unique(self.owners[block_mask]).tolist():
            first, last = np.searchsorted(self.owners, (index, index + 1)).tolist()
            yield self.page_ids[index], self.blocks[first:last]


def create_page_tables(db: Database) -> None:
    """Make the temporary tables."""
    for statement in _CREATE_TABLES:
        db.execute(statement)


def list_article_pages(db: Database, host: str) -> list[int]:
    """List the ids of a host's pages that are articles or teasers by themselves, in order."""
    return [page_id for (page_id,) in db.execute(_PAGES_OF_HOST, [host])]


def read_page_facts(db: Database, page_id: int) -> PageFacts:
    """Read the facts of a page that has a ledger."""
    layout, chances, title, authors, first_seen = db.execute(_PAGE_FACTS, [page_id]).fetchone()
    (has_overruled_blocks,) = db.execute(_HAS_OVERRULED_BLOCKS, [page_id]).fetchone()
    query = _OWN_VERDICT_BLOCKS if has_overruled_blocks else _LEDGER_BLOCKS
    flagged_blocks = db.execute(query, [page_id]).fetchall()
    author_names = stored_texts(authors, "articles", "authors", f"of page {page_id}")
    return PageFacts(page_id, layout, chances, title, author_names, first_seen, flagged_blocks)


def drop_scans(db: Database, host: str) -> None:
    """Forget the scans of a host."""
    db.execute("DELETE FROM _scans WHERE page_id IN (SELECT id FROM urls WHERE host = ?)", [host])


def list_unscanned(db: Database, host: str, page_ids: Sequence[int]) -> list[int]:
    """List those of a host's pages that have no scan, or had one before something of them changed."""
    db.execute(_DELETE_CHANGED, [host])
    scanned = {page_id for (page_id,) in db.execute(_SCANNED_PAGES, [host])}
    return [page_id for page_id in page_ids if page_id not in scanned]


def store_scan(db: Database, page_id: int, first_seen: str, blocks: ScannedBlocks) -> None:
    """Store the scan of a page that has none, with when its article was first seen."""
    db.execute(_PUT_SCAN, [page_id, first_seen, zlib.compress(blocks.tobytes())])


def unpack_scan(scan: bytes) -> bytes:
    """Unpack a stored scan into the bytes of its blocks.

    Raises ValueError if the bytes are not a scan.
    """
    blocks = unpacked(scan)
    if len(blocks) % SCANNED_BLOCK.itemsize:
        raise ValueError(f"{len(blocks)} bytes, no multiple of {SCANNED_BLOCK.itemsize}")
    return blocks


class HostScans:
    """The scans of a host's pages, some pages at a time; can be iterated over several times.

    Scans that fit into `_KEPT_BYTES` are read once, the others anew for each iteration. All scans must be stored before
    the first one.
    """

    def __init__(self, db: Database, host: str) -> None:
        self.db, self.host = db, host
        self._kept: list[ScannedPages] = []
        self._are_all_kept = False

    def __iter__(self) -> Iterator[ScannedPages]:
        yield from self._kept
        if not self._are_all_kept:
            yield from self._read_others()

    def _read_others(self) -> Iterator[ScannedPages]:
        """Read the scans that are not in memory yet, and keep those that fit."""
        free_bytes = _KEPT_BYTES - sum(pages.blocks.nbytes for pages in self._kept)
        last_page = self._kept[-1].page_ids[-1] if self._kept else -1
        rows = self.db.execute(_SCANS, [self.host, last_page])
        while batch := rows.fetchmany(_PAGES_AT_ONCE):
            pages = _unpack_scans(batch)
            free_bytes -= pages.blocks.nbytes
            if free_bytes > 0:
                self._kept.append(pages)
            yield pages
        self._are_all_kept = free_bytes > 0


def _unpack_scans(rows: Sequence[tuple[int, str, bytes]]) -> ScannedPages:
    page_ids, first_seen, packed_scans = zip(*rows, strict=True)
    scans = []
    for page_id, scan in zip(page_ids, packed_scans, strict=True):
        with decoding("_scans", "scan", page_id):
            scans.append(unpack_scan(scan))
    owners = np.repeat(np.arange(len(scans)), [len(scan) // SCANNED_BLOCK.itemsize for scan in scans])
    return ScannedPages(page_ids, first_seen, owners, np.frombuffer(b"".join(scans), SCANNED_BLOCK))
