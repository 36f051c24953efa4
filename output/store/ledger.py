"""The ledger: one row for each block of an article page, kept or removed, with the reason and the rule.

Texts and reasons are stored once and named by number. What only a judge needs (where a block stood, its markdown)
is packed by page: paths are long and alike, so that over 125 pages of as many sites they take 30 KB a page as a
table of texts, and together with all markdown a few KB when packed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import orjson
from sqlite_utils import Database
from zlib_ng import zlib_ng

from cleaners.document import Block, Kind, Verdict
from output.db.ids import BLOCK_BITS, content_id
from output.db.migrations import BLOCK_KINDS
from output.db.text import storable

# Over 1,261 real pages of 85 KB as JSON: 0.14 ms and 7.5 KB a page; zlib takes 0.42 ms for 6.9 KB. ISA-L takes 0.06 ms,
# but what it makes hangs now and then on what lay in memory: the same page is to have the same bytes each time.
_PACKING = 2
_KIND_NUMBER = {kind: number for number, kind in enumerate(BLOCK_KINDS)}

_PUT_BLOCK = """INSERT INTO page_blocks (page_id, position, block_id, kind, kept, reason_id)
    VALUES (?, ?, ?, ?, ?, ?)"""
_READ = """SELECT b.position, b.kind, t.text, b.kept, r.reason, r.rule
    FROM page_blocks b JOIN block_texts t ON t.id = b.block_id JOIN reasons r ON r.id = b.reason_id
    WHERE b.page_id = ? ORDER BY b.position"""


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """The ledger of a page as rows: plain tuples, quick to send and to store.

    `texts` are (number, text); `blocks` are (position, number of its text, kind, kept, place of its reason in
    `reasons`); `reasons` are (reason, rule).
    """

    texts: tuple[tuple[int, str], ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    blocks: tuple[tuple[int, int, int, bool, int], ...] = ()
    layout: bytes = b""

    def is_read_as(self, other: LedgerRows) -> bool:
        """Whether both say the same; another version of the packer packs a layout otherwise."""
        if self == other:
            return True
        return replace(self, layout=other.layout) == other and _places(self.layout) == _places(other.layout)


def ledger_rows(blocks: Sequence[Block], verdicts: Sequence[Verdict]) -> LedgerRows:
    """The rows of a page's blocks and their verdicts. Pure."""
    stored = {text: storable(text) for text in dict.fromkeys([block.text for block in blocks])}
    texts = {text: content_id(kept, bits=BLOCK_BITS) for text, kept in stored.items()}
    place = {pair: at for at, pair in enumerate(dict.fromkeys((each.reason, each.rule) for each in verdicts))}
    return LedgerRows(
        texts=tuple(zip(texts.values(), stored.values(), strict=True)),
        reasons=tuple(place),
        blocks=tuple(
            (block.position, texts[block.text], _KIND_NUMBER[block.kind], each.kept, place[each.reason, each.rule])
            for block, each in zip(blocks, verdicts, strict=True)
        ),
        layout=_packed(blocks),
    )


def block_id(text: str) -> int:
    """The number that stands for a block's text in `block_texts`."""
    return content_id(storable(text), bits=BLOCK_BITS)


def clear_ledger(db: Database, page_id: int) -> None:
    """Forget the blocks of a page; the texts stay, since other pages may carry them."""
    db.execute("DELETE FROM page_blocks WHERE page_id = ?", [page_id])
    db.execute("DELETE FROM page_layout WHERE page_id = ?", [page_id])


def write_ledger(db: Database, page_id: int, ledger: LedgerRows) -> None:
    """Replace the ledger of a page. Runs in the caller's transaction; the page must have its row in `pages`."""
    clear_ledger(db, page_id)
    db.conn.executemany("INSERT OR IGNORE INTO block_texts (id, text) VALUES (?, ?)", ledger.texts)
    reasons = intern_reasons(db, ledger.reasons)
    rows = [(page_id, at, number, kind, kept, reasons[reason]) for at, number, kind, kept, reason in ledger.blocks]
    db.conn.executemany(_PUT_BLOCK, rows)
    db.execute("INSERT INTO page_layout (page_id, layout) VALUES (?, ?)", [page_id, ledger.layout])


def read_ledger(
    db: Database, page_id: int, which: Callable[[int, bool], bool] | None = None
) -> Iterator[tuple[Block, Verdict]]:
    """The blocks of a page as they were read, in order, with their verdicts (whose votes are not stored).

    `which` says from position and verdict which blocks are asked for, all if None.
    """
    stored = db.execute("SELECT layout FROM page_layout WHERE page_id = ?", [page_id]).fetchone()
    layout = read_layout(stored[0]) if stored else []
    for row, place in zip(db.execute(_READ, [page_id]).fetchall(), layout, strict=True):
        position, kind, text, kept, reason, rule = row
        if which and not which(position, bool(kept)):
            continue
        path, level, link_chars, landmarks, markdown = place
        yield (
            Block(position, Kind(BLOCK_KINDS[kind]), text, markdown, path, level, link_chars, frozenset(landmarks)),
            Verdict(bool(kept), reason, rule),
        )


def _packed(blocks: Sequence[Block]) -> bytes:
    """All that is packed of a page, as JSON: `[[path, level, link_chars, landmarks, markdown], ...]`."""
    rows = [
        (each.path, each.level, each.link_chars, _named(each.landmarks), each.markdown)
        for each in sorted(blocks, key=lambda block: block.position)
    ]
    try:
        packed = orjson.dumps(rows)
    except orjson.JSONEncodeError:  # half a character
        packed = json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")
    return zlib_ng.compress(packed, _PACKING)


@lru_cache(maxsize=256)
def _named(landmarks: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(landmarks))


def read_layout(layout: bytes) -> list[tuple[str, int, int, list[str], str]]:
    """What is packed of a page: of each block its path, level, characters in links, landmarks and markdown."""
    rows: list[tuple[str, int, int, list[str], str]] = orjson.loads(zlib_ng.decompress(layout))
    return rows


def _places(layout: bytes) -> list[tuple[str, int, int, list[str], str]]:
    return read_layout(layout) if layout else []


def read_paths(layout: bytes) -> list[str]:
    """Where each block of a page stood, by position: its path alone."""
    return [place[0] for place in read_layout(layout)]


def intern_reasons(db: Database, pairs: Sequence[tuple[str, str]]) -> list[int]:
    """The number of each (reason, rule), which gets one if it has none."""
    known = _numbers_of(db, pairs)
    if missing := [pair for pair, number in zip(pairs, known, strict=True) if number is None]:
        db.conn.executemany("INSERT OR IGNORE INTO reasons (reason, rule) VALUES (?, ?)", sorted(missing))
        known = _numbers_of(db, pairs)
    return [number for number in known if number is not None]


def _numbers_of(db: Database, pairs: Sequence[tuple[str, str]]) -> list[int | None]:
    """The number of each (reason, rule) that has one."""
    found = "SELECT (SELECT id FROM reasons WHERE reason = ? AND rule = ?)"
    return [db.conn.execute(found, pair).fetchone()[0] for pair in pairs]
