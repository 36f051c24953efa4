"""The ledger: one row for each block of an article page, kept or removed, with the reason and the rule.

Texts and reasons are stored once and referred to by number. What is needed only to judge the blocks again (the path
of each in the document, its markdown) is packed into one value a page, its layout: paths are long and alike. Over 125
pages of as many sites they take 30 KB a page as a table of texts, and together with all markdown a few KB when packed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from sqlite3 import IntegrityError
from typing import TYPE_CHECKING, Any

from broadsheet.cleaners.document import Block, BlockKind, RemovalReason, Verdict

from .archive_errors import TextConflict
from .stored_text import storable_text
from .stored_values import BLOCK_KINDS, content_id, decoding, unpacked

if TYPE_CHECKING:
    from sqlite_utils import Database

_COMPRESSION_LEVEL = 2  # 0.4 ms a page; other levels and libraries save or cost a hundredth of what cleaning it takes
_REMEMBERED_TEXTS, _MAX_REMEMBERED_CHARS = 2048, 500  # at most 2 MB of texts as they mostly are, in each process
_KIND_NUMBER = {kind: number for number, kind in enumerate(BLOCK_KINDS)}

_PUT_BLOCK = """INSERT INTO _page_blocks (page_id, position, block_id, kind, kept, reason_id, repeats)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
# A text under a number that stands for another one fails, since the column takes no NULL; SQLite compares them.
_PUT_TEXT = """INSERT INTO _block_texts (id, text) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET text = NULL WHERE text <> excluded.text"""
REPEATED_POSITION = f"CASE WHEN r.reason = '{RemovalReason.DUPLICATE}' THEN b.repeats END"
"""SQL for the position of the kept block that a block `b`, removed for the reason `r`, repeats; NULL for others."""

_READ_BLOCKS = f"""SELECT b.position, b.kind, t.text, b.kept, r.reason, r.rule,
        {REPEATED_POSITION}
    FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id JOIN _reasons r ON r.id = b.reason_id
    WHERE b.page_id = ? ORDER BY b.position"""
_READ_KEPT = """SELECT b.position, b.kind, t.text FROM _page_blocks b CROSS JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND b.kept = 1 ORDER BY b.position"""
_COUNT_BLOCKS = "SELECT count(*), coalesce(max(position), -1) FROM _page_blocks WHERE page_id = ?"

LayoutRow = tuple[str, int, int, list[str], str]
"""Of a block: its path, level, number of characters in links, landmarks and markdown."""


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """The ledger of a page as rows: plain tuples, quick to send and to store.

    `texts` are (id, text); `reasons` are (reason, rule); `blocks` are (position, id of its text, number of its kind,
    whether it is kept, index of its reason in `reasons`). `chances` are as in `page_layout`; empty if not known.
    `repeats` are pairs of positions: of a block that is said twice, and of the kept one that it repeats.
    """

    texts: tuple[tuple[int, str], ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    blocks: tuple[tuple[int, int, int, bool, int], ...] = ()
    layout: bytes = b""
    chances: bytes = b""
    repeats: tuple[tuple[int, int], ...] = ()

    def has_same_content(self, rows: LedgerRows) -> bool:
        """Return whether both hold the same, chances apart, even if another version of the packer made other bytes of
        it.
        """
        same_rows = replace(rows, chances=self.chances)
        if self == same_rows:
            return True
        return replace(self, layout=rows.layout) == same_rows and _layout_rows(self.layout) == _layout_rows(rows.layout)


def make_ledger_rows(blocks: Sequence[Block], verdicts: Sequence[Verdict], chances: bytes = b"") -> LedgerRows:
    """Make the rows of a page's blocks and their verdicts. Pure."""
    text_rows = {text: _text_row(text) for text in dict.fromkeys([block.text for block in blocks])}
    reason_indexes = {
        reason_and_rule: index
        for index, reason_and_rule in enumerate(dict.fromkeys([(verdict.reason, verdict.rule) for verdict in verdicts]))
    }
    rows = [
        (block.path, block.level, block.link_chars, _sorted_landmarks(block.landmarks), block.markdown)
        for block in sorted(blocks, key=lambda block: block.position)
    ]
    packed = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")  # a lone surrogate
    return LedgerRows(
        texts=tuple(text_rows.values()),
        reasons=tuple([(str(reason), rule) for reason, rule in reason_indexes]),
        blocks=tuple(
            [
                (
                    block.position,
                    text_rows[block.text][0],
                    _KIND_NUMBER[block.kind],
                    verdict.kept,
                    reason_indexes[verdict.reason, verdict.rule],
                )
                for block, verdict in zip(blocks, verdicts, strict=True)
            ]
        ),
        layout=zlib.compress(packed, _COMPRESSION_LEVEL),
        chances=chances,
        repeats=tuple(
            [
                (block.position, verdict.repeats)
                for block, verdict in zip(blocks, verdicts, strict=True)
                if verdict.repeats is not None
            ]
        ),
    )


def block_id(text: str) -> int:
    """Return the id of a block's text in `block_texts`."""
    return _text_row(text)[0]


def _text_row(text: str) -> tuple[int, str]:
    """Return the (id, text) of a block's text as it is stored; short ones are remembered, since a site repeats them."""
    return _short_text_row(text) if len(text) <= _MAX_REMEMBERED_CHARS else _make_text_row(text)


def _make_text_row(text: str) -> tuple[int, str]:
    stored_text = storable_text(text)
    return content_id(stored_text), stored_text


_short_text_row = lru_cache(maxsize=_REMEMBERED_TEXTS)(_make_text_row)


def clear_ledger(db: Database, page_id: int) -> None:
    """Delete the blocks of a page; their texts stay, since other pages may have them."""
    db.execute("DELETE FROM _page_blocks WHERE page_id = ?", [page_id])
    db.execute("DELETE FROM _page_layout WHERE page_id = ?", [page_id])


def write_ledger(db: Database, page_id: int, ledger: LedgerRows) -> None:
    """Replace the ledger of a page. Runs in the caller's transaction; the page must have its row in `pages`."""
    clear_ledger(db, page_id)
    store_texts(db, ledger.texts)
    reason_ids = intern_reasons(db, ledger.reasons)
    repeats = dict(ledger.repeats)
    rows = [
        (page_id, position, text_id, kind, is_kept, reason_ids[reason_index], repeats.get(position))
        for position, text_id, kind, is_kept, reason_index in ledger.blocks
    ]
    db.conn.executemany(_PUT_BLOCK, rows)
    columns = [page_id, ledger.layout, ledger.chances or None]
    db.execute("INSERT INTO _page_layout (page_id, layout, chances) VALUES (?, ?, ?)", columns)


def store_texts(db: Database, texts: Sequence[tuple[int, str]]) -> None:
    """Store texts of blocks that are not stored yet.

    Raises TextConflict if the number of one stands for another text.
    """
    try:
        db.conn.executemany(_PUT_TEXT, texts)
    except IntegrityError as error:
        raise _text_conflict(db, texts) or error from error


def _text_conflict(db: Database, texts: Sequence[tuple[int, str]]) -> TextConflict | None:
    numbers: dict[int, str] = {}
    for text_id, text in texts:
        row = db.execute("SELECT text FROM _block_texts WHERE id = ?", [text_id]).fetchone()
        stored_text = numbers.setdefault(text_id, row[0] if row else text)
        if stored_text != text:
            return TextConflict(text_id, stored_text, text)
    return None


def read_ledger(
    db: Database, page_id: int, is_wanted: Callable[[int, bool], bool] | None = None
) -> Iterator[tuple[Block, Verdict]]:
    """Read the blocks of a page as they were read, in order, with their verdicts (whose votes are not stored).

    `is_wanted` gets position and verdict of a block and selects the blocks to read; None reads all.
    """
    rows = db.execute(_READ_BLOCKS, [page_id]).fetchall()
    pairs = list(zip(rows, _layout_of_page(db, page_id, len(rows)), strict=True))
    for row, layout_row in pairs:
        position, _, _, is_kept, reason, rule, repeats = row
        if is_wanted and not is_wanted(position, bool(is_kept)):
            continue
        with decoding("_page_blocks", "kind", f"{page_id}/{position}"):
            block = _stored_block(row, layout_row)
        yield block, Verdict(bool(is_kept), reason, rule, repeats=repeats)


def read_kept_blocks(db: Database, page_id: int) -> Iterator[Block]:
    """Read the kept blocks of a page, in order: no text of a removed one is read."""
    count, last = db.execute(_COUNT_BLOCKS, [page_id]).fetchone()
    if count != last + 1:  # positions with gaps: the layout has a row for each block, not for each position
        yield from (block for block, _ in read_ledger(db, page_id, lambda _, is_kept: is_kept))
        return
    layout = _layout_of_page(db, page_id, count)
    for row in db.execute(_READ_KEPT, [page_id]).fetchall():
        with decoding("_page_blocks", "kind", f"{page_id}/{row[0]}"):
            block = _stored_block(row, layout[row[0]])
        yield block


def _layout_of_page(db: Database, page_id: int, block_count: int) -> list[LayoutRow]:
    """Return the layout of a page with this number of blocks.

    Raises DamagedValue if it has another number.
    """
    column = db.execute("SELECT layout FROM _page_layout WHERE page_id = ?", [page_id]).fetchone()
    with decoding("_page_layout", "layout", page_id):
        layout = read_layout(column[0]) if column else []
        if len(layout) != block_count:
            raise ValueError(f"{len(layout)} blocks, not {block_count}")
    return layout


def _stored_block(row: Sequence[Any], layout_row: LayoutRow) -> Block:
    position, kind, text, *_ = row
    path, level, link_chars, landmarks, markdown = layout_row
    return Block(position, BlockKind(BLOCK_KINDS[kind]), text, markdown, path, level, link_chars, frozenset(landmarks))


@lru_cache(maxsize=256)
def _sorted_landmarks(landmarks: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(landmarks))


def read_layout(layout: bytes) -> list[LayoutRow]:
    """Read a layout unpacked: a row for each block.

    Raises ValueError or TypeError if it is not one.
    """
    rows: list[LayoutRow] = json.loads(unpacked(layout))
    return rows


def _layout_rows(layout: bytes) -> list[LayoutRow]:
    """Read a layout as `read_layout` does, with no rows for the empty layout of a page without ledger."""
    return read_layout(layout) if layout else []


def intern_reasons(db: Database, pairs: Sequence[tuple[str, str]]) -> list[int]:
    """Return the id in `reasons` of each (reason, rule), adding missing rows."""
    numbers = _reason_numbers(db, pairs)
    if missing := [pair for pair, number in zip(pairs, numbers, strict=True) if number is None]:
        db.conn.executemany("INSERT OR IGNORE INTO _reasons (reason, rule) VALUES (?, ?)", sorted(missing))
        numbers = _reason_numbers(db, pairs)
    return [number for number in numbers if number is not None]


def _reason_numbers(db: Database, pairs: Sequence[tuple[str, str]]) -> list[int | None]:
    """Return the id of each (reason, rule); None for unknown ones."""
    query = "SELECT (SELECT id FROM _reasons WHERE reason = ? AND rule = ?)"
    return [db.conn.execute(query, pair).fetchone()[0] for pair in pairs]
