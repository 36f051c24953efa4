"""The article pages of a host as the site's memory needs them: each is read once, and packed in a temporary table.

A host may have more blocks than memory holds, so none stays there; later passes unpack what they need from a page's
row. `site_scan.py` makes the packed rows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from ..archive.stored_values import BLOCK_KINDS, stored_texts

if TYPE_CHECKING:
    from sqlite_utils import Database

IS_KEPT, IS_LEFT_OUT, IS_SHARED, IS_KEPT_ELSEWHERE, IS_FREQUENT = 1, 2, 4, 8, 16
"""Flags of a block: its page kept it by its own verdict; its page left it out for a reason that the site's evidence may
overrule; another page has its text; some page keeps the text that this one left out; pages keep the text more than
`MAX_KEPT` times."""
MAX_KEPT = 3
KIND_FACTOR = 32  # the number of a block's kind, times this, is added to its flags
HEADING_KIND = BLOCK_KINDS.index("heading")

FlaggedBlock = tuple[int, int, int, str]
"""A block: position, number of its text, flags with its kind, text."""

CandidateRow = tuple[int, int, int, int, int, int, int, int, int]
"""A block that may be what the site repeats: position, number of the text, key, number of its path in the markup,
words, and as 0 or 1 whether it is a heading, whether it names the author, whether it is kept, whether it is sure."""

LeftOutRow = tuple[int, int, int, int]
"""A block that a page left out, and whose text no other page has or some keep: position, number of the text, key,
number of its path in the markup."""

# Columns of these rows. Rows are packed one after the other, so a column of all of them is a slice of the numbers.
KEY_COLUMN, PATH_COLUMN = 2, 3  # of both
KEPT_COLUMN, CANDIDATE_WIDTH, LEFT_OUT_WIDTH = 7, 9, 4
CANDIDATE_KEYS = slice(KEY_COLUMN, None, CANDIDATE_WIDTH)
CANDIDATE_PATHS = slice(PATH_COLUMN, None, CANDIDATE_WIDTH)
LEFT_OUT_KEYS = slice(KEY_COLUMN, None, LEFT_OUT_WIDTH)
LEFT_OUT_PATHS = slice(PATH_COLUMN, None, LEFT_OUT_WIDTH)

# The reasons that the site's evidence may overrule: no phrase rule, metadata, copy or boilerplate above explains them.
_CREATE_OVERRULABLE_REASONS = """CREATE TEMP TABLE settle_leaving AS SELECT id FROM _reasons
    WHERE rule <> 'context/duplicate' AND rule NOT GLOB 'model/beside-*'
        AND (rule GLOB 'model/*' OR rule GLOB 'extractor/*' OR rule GLOB 'first-look/*' OR rule GLOB 'context/*'
            OR rule GLOB 'layout/*')"""

_CREATE_TABLES = (
    _CREATE_OVERRULABLE_REASONS,
    "CREATE UNIQUE INDEX temp.settle_leaving_id ON settle_leaving (id)",
    """CREATE TEMP TABLE settle_looked (page_id INTEGER PRIMARY KEY, counted INTEGER NOT NULL, seen BLOB NOT NULL,
        left_out BLOB NOT NULL, shared BLOB NOT NULL)""",
)
PAGE_TABLES = ("settle_leaving", "settle_looked")

_INSERT_SCAN = """INSERT INTO temp.settle_looked (page_id, counted, seen, left_out, shared)
    VALUES (?, ?, ?, ?, ?)"""
_PAGES_OF_HOST = """SELECT p.id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.own_type IN ('article', 'teaser') ORDER BY p.id"""
_PAGE_FACTS = """SELECT l.layout, l.chances, coalesce(a.title, s.title, ''),
        coalesce(a.authors, s.authors, '[]'), coalesce(a.first_seen, s.first_seen, '')
    FROM _page_layout l LEFT JOIN articles a ON a.page_id = l.page_id LEFT JOIN shelved s ON s.page_id = l.page_id
    WHERE l.page_id = ?"""

_BLOCKS_TEMPLATE = f"""SELECT b.position, b.block_id,
        {KIND_FACTOR} * b.kind + CASE WHEN {{kept}} THEN {IS_KEPT} + (coalesce(c.asked, 0) & {IS_SHARED}) ELSE
            coalesce(c.asked, 0) + {IS_LEFT_OUT} * ({{reason}} IN temp.settle_leaving) END, t.text
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

_MOST_CAPTION_CHARACTERS = 250  # some forty words; a longer text may be a paragraph that a template only calls so
_STORED_ELSEWHERE = f"""SELECT b.position FROM _page_blocks b {_JOIN_OWN_VERDICTS}
        JOIN _reasons r ON r.id = {_OWN_REASON} JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND r.reason IN ('caption', 'byline') AND r.rule GLOB 'layout/*'
        AND length(t.text) <= {_MOST_CAPTION_CHARACTERS}"""


class PageFacts(NamedTuple):
    """A page before it is scanned: what its article states, its packed layout, and its judged blocks.

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


class StoredScan(NamedTuple):
    """A scanned page as its row holds it: whether it is evidence, what the site may repeat (numbers of rows of
    `CandidateRow`), what the page left out (of `LeftOutRow`), and the keys of what both it and others left out.
    """

    page_id: int
    is_evidence: bool
    candidates: array[int]
    left_out: array[int]
    shared_keys: array[int]


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


def stored_elsewhere(db: Database, page_id: int) -> frozenset[int]:
    """Return the positions of the short blocks that a page removes as captions or bylines, since its markup calls them
    so.
    """
    return frozenset(position for (position,) in db.execute(_STORED_ELSEWHERE, [page_id]))


def clear_scans(db: Database) -> None:
    """Remove the scans of the last host, before those of another."""
    db.execute("DELETE FROM temp.settle_looked")


def store_scan(db: Database, scan: StoredScan) -> None:
    """Pack a scanned page into its row."""
    blobs = [numbers.tobytes() for numbers in (scan.candidates, scan.left_out, scan.shared_keys)]
    db.execute(_INSERT_SCAN, [scan.page_id, scan.is_evidence, *blobs])


def read_candidates(db: Database) -> Iterator[tuple[int, bool, list[CandidateRow]]]:
    """Yield by page id whether the page is evidence, and its blocks that the site may repeat."""
    rows = db.execute("SELECT page_id, counted, seen FROM temp.settle_looked ORDER BY page_id")
    for page_id, is_evidence, candidates in rows:
        yield page_id, bool(is_evidence), _unpack_rows(candidates, CANDIDATE_WIDTH)


def read_left_out(db: Database) -> Iterator[tuple[int, list[LeftOutRow]]]:
    """Yield by page id the blocks that the page left out and whose text no other page has."""
    for page_id, left_out in db.execute("SELECT page_id, left_out FROM temp.settle_looked ORDER BY page_id"):
        yield page_id, _unpack_rows(left_out, LEFT_OUT_WIDTH)


def read_left_out_keys(db: Database) -> Iterator[tuple[int, set[int]]]:
    """Yield by page id the keys of all blocks that the page left out."""
    rows = db.execute("SELECT page_id, left_out, shared FROM temp.settle_looked ORDER BY page_id")
    for page_id, left_out, shared_keys in rows:
        keys = {row[KEY_COLUMN] for row in _unpack_rows(left_out, LEFT_OUT_WIDTH)}
        yield page_id, keys.union(_unpack_numbers(shared_keys))


def flatten_rows(rows: Iterable[Sequence[int]]) -> array[int]:
    """Return the numbers of some rows, one row after the other."""
    return array("q", chain.from_iterable(rows))


def _unpack_numbers(blob: bytes) -> array[int]:
    numbers = array("q")
    numbers.frombytes(blob)
    return numbers


def _unpack_rows(blob: bytes, width: int) -> list[Any]:
    """Unpack the rows, as tuples of `width` numbers."""
    numbers = iter(_unpack_numbers(blob))
    return list(zip(*[numbers] * width, strict=True))
