"""The signature of each page's layout, in `page_signatures`; settling finds the layouts by them."""

from __future__ import annotations

from sqlite_utils import Database

_PUT_SIGNATURE = """INSERT INTO page_signatures (page_id, signature) VALUES (?, ?)
    ON CONFLICT (page_id) DO UPDATE SET signature = excluded.signature WHERE signature <> excluded.signature"""


def put_signature(db: Database, page_id: int, signature: bytes | None) -> None:
    """Store a page's signature in place of an earlier one; None leaves that. Runs in the caller's transaction."""
    if signature is not None:
        db.execute(_PUT_SIGNATURE, [page_id, signature])


def stored_signature(db: Database, page_id: int) -> bytes | None:
    """The signature of a page; None if it was not taken."""
    row = db.execute("SELECT signature FROM page_signatures WHERE page_id = ?", [page_id]).fetchone()
    return bytes(row[0]) if row else None
