"""The expected F1 of a page's verdicts as they stand, after the rest of the site or a person changed some of them."""

from __future__ import annotations

from sqlite_utils import Database

from broadsheet.cleaners.verdicts.certainty import certain_chance, expected_verdict_f1
from broadsheet.cleaners.words import rough_word_count
from broadsheet.output.db.stored_values import decoding

_BLOCKS = """SELECT t.text, b.kept, o.page_id IS NOT NULL OR v.page_id IS NOT NULL
    FROM page_blocks b JOIN block_texts t ON t.id = b.block_id
        LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position
    WHERE b.page_id = ? ORDER BY b.position"""

_UPDATE_CHANCES = """UPDATE page_layout SET chances = ?1, layout = layout
    WHERE page_id = ?2 AND chances IS NOT ?1"""


def put_chances(db: Database, page_id: int, chances: bytes) -> None:
    """Store how likely each block of a page is its article's. Runs in the caller's transaction.

    Settling reads them; since only another layout marks a page as unsettled, the layout is written too.
    """
    db.execute(_UPDATE_CHANCES, [chances or None, page_id])


def stored_chances(db: Database, page_id: int) -> bytes:
    """The chance of each block of a page, a byte a block; empty if they are not known."""
    row = db.execute("SELECT chances FROM page_layout WHERE page_id = ? AND chances IS NOT NULL", [page_id]).fetchone()
    with decoding("page_layout", "chances", page_id):
        return memoryview(row[0]).tobytes() if row else b""


def update_expected_f1(db: Database, page_id: int) -> None:
    """Set a page's expected F1 to that of the verdicts in its ledger. Runs in the caller's transaction.

    What the site's memory or a person decided counts as certain.
    """
    expected_f1 = _stored_expected_f1(db, page_id)
    db.execute("UPDATE pages SET expected_f1 = ?1 WHERE id = ?2 AND expected_f1 IS NOT ?1", [expected_f1, page_id])


def _stored_expected_f1(db: Database, page_id: int) -> float | None:
    if not (stored := stored_chances(db, page_id)):
        return None
    blocks = db.execute(_BLOCKS, [page_id]).fetchall()
    with decoding("page_layout", "chances", page_id):
        chances = [
            certain_chance(is_kept=bool(is_kept)) if is_decided else chance
            for chance, (_, is_kept, is_decided) in zip(stored, blocks, strict=True)
        ]
    words = [rough_word_count(text) for text, _, _ in blocks]
    return expected_verdict_f1(words, bytes(chances), [bool(is_kept) for _, is_kept, _ in blocks])
