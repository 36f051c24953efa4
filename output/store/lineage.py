"""Which cleaner made which text: the rows of `cleaners`, and a page that the current one reads as it was read."""

from __future__ import annotations

from dataclasses import astuple

from sqlite_utils import Database

from cleaners.lineage import Lineage
from output.db.ids import content_id

_COLUMNS = "version, rules, model, site_rules, libraries"
_SAME = (
    "UPDATE pages SET cleaner_id = ?1, cleaner_version = ?2 WHERE id = ?3",
    "UPDATE articles SET cleaner_version = ?2 WHERE page_id = ?3 AND cleaner_version <> ?2",
    "UPDATE shelved SET cleaner_version = ?2 WHERE page_id = ?3 AND cleaner_version <> ?2",
)


def lineage_id(lineage: Lineage) -> int:
    """The number of a cleaner: 53 bits, the same in every archive."""
    return content_id(*astuple(lineage))


def intern_lineage(db: Database, lineage: Lineage | None) -> int | None:
    """The number of a cleaner, which gets its row if it has none; None for one that is not known."""
    if lineage is None:
        return None
    number = lineage_id(lineage)
    db.execute(
        f"INSERT OR IGNORE INTO cleaners (id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", [number, *astuple(lineage)]
    )
    return number


def stored_lineage(db: Database, number: int | None) -> Lineage | None:
    """The cleaner of a number."""
    row = db.execute(f"SELECT {_COLUMNS} FROM cleaners WHERE id = ?", [number]).fetchone()
    return Lineage(*row) if row else None


def note_same(db: Database, page_id: int, lineage: Lineage) -> None:
    """Note that this cleaner reads a page just as it was read. Runs in the caller's transaction."""
    number = intern_lineage(db, lineage)
    for statement in _SAME:
        db.execute(statement, [number, lineage.version, page_id])
