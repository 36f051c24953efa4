"""The article pages of a host as the site's memory needs them: each is read once, and packed in a temporary table.

There are as many blocks as an archive has, so none is held; what a second look needs of a page is unpacked from its
row. `looking.py` makes one of the other.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlite_utils import Database

KEPT, LEFT, SHARED, BESIDE = 1, 2, 4, 8
"""What is asked of a block: whether its page kept it by itself, whether that left it out for a reason that the site's
evidence may overrule, whether another page has its text, and whether some page keeps the text that this one left."""
KIND = 16  # what the number of its kind is multiplied by

Asked = tuple[int, int, int, str]
"""A block: position, number of its text, what was asked of it, text."""
Packed = tuple[int, int, int, int, int, int, int, int]
"""Position, number of the text, key, number of the container, words, and whether heading, named, kept, as 0 or 1."""
Left = tuple[int, int, int, int]
"""Position, number of the text, key, number of the place, of a text that no other page has."""

# What no rule on the words, the metadata, a copy or furniture above it explains.
_LEAVING = """CREATE TEMP TABLE settle_leaving AS SELECT id FROM reasons
    WHERE rule <> 'context/duplicate' AND rule NOT GLOB 'model/beside-*'
        AND (rule GLOB 'model/*' OR rule GLOB 'extractor/*' OR rule GLOB 'first-look/*' OR rule GLOB 'context/*'
            OR rule GLOB 'layout/*')"""

# The texts of several blocks: what is kept on one page only may stand on all.
_COMMON = """INSERT INTO settle_common (block_id, asked) SELECT block_id,
        (min(page_id) <> max(page_id)) * {shared} + {beside} * EXISTS (
            SELECT 1 FROM settle_kept k WHERE k.block_id = b.block_id)
    FROM page_blocks b GROUP BY block_id HAVING count(*) > 1"""

_PREPARE = (
    _LEAVING,
    "CREATE UNIQUE INDEX temp.settle_leaving_id ON settle_leaving (id)",
    "CREATE TEMP TABLE settle_common (block_id INTEGER PRIMARY KEY, asked INTEGER NOT NULL)",
    _COMMON.format(shared=SHARED, beside=BESIDE),
    """CREATE TEMP TABLE settle_looked (page_id INTEGER PRIMARY KEY, counted INTEGER NOT NULL, seen BLOB NOT NULL,
        left_out BLOB NOT NULL, shared BLOB NOT NULL)""",
)
TEMP = ("settle_leaving", "settle_common", "settle_looked")

_PUT_LOOK = """INSERT INTO temp.settle_looked (page_id, counted, seen, left_out, shared)
    VALUES (?, ?, ?, ?, ?)"""
_PAGE = """SELECT l.layout, coalesce(a.title, s.title, ''), coalesce(a.authors, s.authors, '[]'),
        coalesce(a.first_seen, s.first_seen, '')
    FROM page_layout l LEFT JOIN articles a ON a.page_id = l.page_id LEFT JOIN shelved s ON s.page_id = l.page_id
    WHERE l.page_id = ?"""

_BLOCKS = f"""SELECT b.position, b.block_id, {KIND} * b.kind + CASE WHEN {{kept}} THEN {KEPT} ELSE
            coalesce(c.asked, 0) + {LEFT} * ({{reason}} IN temp.settle_leaving) END, t.text
    FROM page_blocks b {{beside}} LEFT JOIN temp.settle_common c ON c.block_id = b.block_id
        CROSS JOIN block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND ({{kept}} OR c.asked & {BESIDE} OR {{reason}} IN temp.settle_leaving)
    ORDER BY b.position"""
_BARE = _BLOCKS.format(kept="b.kept", reason="b.reason_id", beside="")
_JUDGED = _BLOCKS.format(
    kept="coalesce(o.kept, v.kept, b.kept)",
    reason="coalesce(o.reason_id, v.reason_id, b.reason_id)",
    beside="""LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position""",
)
_HAS_OTHERS = """SELECT EXISTS (SELECT 1 FROM own_verdicts WHERE page_id = ?1)
    OR EXISTS (SELECT 1 FROM overruled WHERE page_id = ?1)"""


@dataclass(frozen=True, slots=True)
class Facts:
    """A page before it is looked at: what its article states, its packed layout, and the blocks that are asked about,
    in order, with the page's own verdicts."""

    page_id: int
    layout: bytes
    title: str
    authors: tuple[str, ...]
    first_seen: str
    blocks: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class Looked:
    """A page of the host as it was looked at: whether it is evidence, what counts for what the site repeats (rows of
    `Packed`), what the page left out (rows of `Left`), and the keys of what it left out and others have too."""

    page_id: int
    counted: bool
    seen: array[int]
    left: array[int]
    shared: array[int]


def prepare_looks(db: Database) -> None:
    """Make the temporary tables, once `settle_kept` is there."""
    for statement in _PREPARE:
        db.execute(statement)


def read_facts(db: Database, page_id: int) -> Facts:
    """The facts of a page that has a ledger."""
    layout, title, authors, first_seen = db.execute(_PAGE, [page_id]).fetchone()
    (others,) = db.execute(_HAS_OTHERS, [page_id]).fetchone()
    blocks = db.execute(_JUDGED if others else _BARE, [page_id]).fetchall()
    return Facts(page_id, layout, title, tuple(json.loads(authors)), first_seen, blocks)


def forget_looks(db: Database) -> None:
    """Begin with another host."""
    db.execute("DELETE FROM temp.settle_looked")


def note_look(db: Database, look: Looked) -> None:
    """Pack a page away."""
    packed = [each.tobytes() for each in (look.seen, look.left, look.shared)]
    db.execute(_PUT_LOOK, [look.page_id, look.counted, *packed])


def seen_blocks(db: Database) -> Iterator[tuple[int, bool, list[Packed]]]:
    """Of each page by number: whether it is evidence, and what counts for what the site repeats."""
    for page, counted, seen in db.execute("SELECT page_id, counted, seen FROM temp.settle_looked ORDER BY page_id"):
        yield page, bool(counted), _rows(seen, 8)


def left_blocks(db: Database) -> Iterator[tuple[int, list[Left]]]:
    """Of each page by number, what it left out and no other page has."""
    for page, left in db.execute("SELECT page_id, left_out FROM temp.settle_looked ORDER BY page_id"):
        yield page, _rows(left, 4)


def left_keys(db: Database) -> Iterator[tuple[int, set[int]]]:
    """Of each page by number, the keys of all that it left out."""
    for page, left, shared in db.execute("SELECT page_id, left_out, shared FROM temp.settle_looked ORDER BY page_id"):
        yield page, {row[2] for row in _rows(left, 4)}.union(_numbers(shared))


def numbers_of(rows: Iterable[Sequence[int]]) -> array[int]:
    """The numbers of some rows, one row after the other."""
    return array("q", chain.from_iterable(rows))


def _numbers(packed: bytes) -> array[int]:
    numbers = array("q")
    numbers.frombytes(packed)
    return numbers


def _rows(packed: bytes, width: int) -> list[Any]:
    """The rows of so many numbers each."""
    each = iter(_numbers(packed))
    return list(zip(*[each] * width, strict=True))
