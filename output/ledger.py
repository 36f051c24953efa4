"""The ledger: one row for each block of an article page, kept or removed, with the reason and the rule.

Texts and reasons are stored once and named by number. What only a judge needs (where a block stood, its markdown)
is packed by page: paths are long and alike, so that over 125 pages of as many sites they take 30 KB a page as a
table of texts, and together with all markdown a few KB when packed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence

from sqlite_utils import Database

from cleaners.record import Block, Cleaned, Kind, Verdict
from output.ids import BLOCK_BITS, content_id
from output.migrations import BLOCK_KINDS
from output.text import storable

_KIND_NUMBER = {kind: number for number, kind in enumerate(BLOCK_KINDS)}

_READ = """SELECT b.position, b.kind, t.text, b.kept, r.reason, r.rule
    FROM page_blocks b JOIN block_texts t ON t.id = b.block_id JOIN reasons r ON r.id = b.reason_id
    WHERE b.page_id = ? ORDER BY b.position"""


def block_id(text: str) -> int:
    """The number that stands for a block's text in `block_texts`."""
    return content_id(storable(text), bits=BLOCK_BITS)


def clear_ledger(db: Database, page_id: int) -> None:
    """Forget the blocks of a page; the texts stay, since other pages may carry them."""
    db.execute("DELETE FROM page_blocks WHERE page_id = ?", [page_id])
    db.execute("DELETE FROM page_layout WHERE page_id = ?", [page_id])


def write_ledger(db: Database, page_id: int, cleaned: Cleaned) -> None:
    """Replace the ledger of a page. Runs in the caller's transaction; the page must have its row in `pages`."""
    clear_ledger(db, page_id)
    texts = [(block_id(block.text), storable(block.text)) for block in cleaned.blocks]
    db.conn.executemany("INSERT OR IGNORE INTO block_texts VALUES (?, ?)", texts)
    reasons = _intern_reasons(db, cleaned.verdicts)
    rows = [
        (page_id, block.position, number, _KIND_NUMBER[block.kind], verdict.kept, reasons[verdict.reason, verdict.rule])
        for block, (number, _), verdict in zip(cleaned.blocks, texts, cleaned.verdicts, strict=True)
    ]
    db.conn.executemany("INSERT INTO page_blocks VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.execute("INSERT INTO page_layout VALUES (?, ?)", [page_id, _packed(cleaned.blocks)])


def read_ledger(db: Database, page_id: int) -> Iterator[tuple[Block, Verdict]]:
    """The blocks of a page as they were read, in order, with their verdicts (whose votes are not stored)."""
    stored = db.execute("SELECT layout FROM page_layout WHERE page_id = ?", [page_id]).fetchone()
    layout = json.loads(zlib.decompress(stored[0])) if stored else []
    for row, place in zip(db.execute(_READ, [page_id]).fetchall(), layout, strict=True):
        position, kind, text, kept, reason, rule = row
        path, level, link_chars, landmarks, markdown = place
        yield (
            Block(position, Kind(BLOCK_KINDS[kind]), text, markdown, path, level, link_chars, frozenset(landmarks)),
            Verdict(bool(kept), reason, rule),
        )


def _packed(blocks: Sequence[Block]) -> bytes:
    places = [
        (block.path, block.level, block.link_chars, sorted(block.landmarks), block.markdown)
        for block in sorted(blocks, key=lambda block: block.position)
    ]
    return zlib.compress(json.dumps(places, ensure_ascii=False).encode("utf-8", "replace"), 9)


def _intern_reasons(db: Database, verdicts: Iterable[Verdict]) -> dict[tuple[str, str], int]:
    pairs = sorted({(verdict.reason, verdict.rule) for verdict in verdicts})
    db.conn.executemany("INSERT OR IGNORE INTO reasons (reason, rule) VALUES (?, ?)", pairs)
    found = "SELECT id FROM reasons WHERE reason = ? AND rule = ?"
    return {pair: db.execute(found, pair).fetchone()[0] for pair in pairs}
