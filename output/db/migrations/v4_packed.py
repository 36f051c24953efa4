"""Version 4: less to write for a page. New articles enter the full-text index together, and a sketch is one value."""

from __future__ import annotations

from output.db.fulltext import TOGETHER

# Sketches of before are made anew when the archive is settled next.
_SKETCHES = (
    "DROP TABLE sketch_hashes",
    "DELETE FROM sketches",
    "ALTER TABLE sketches ADD COLUMN sketch BLOB",
)

PACKED: tuple[str, ...] = (*TOGETHER, *_SKETCHES)
