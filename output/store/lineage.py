"""Which cleaner made which text: the rows of `cleaners`, and the pages that refer to them."""

from __future__ import annotations

from dataclasses import astuple
from functools import lru_cache

from sqlite_utils import Database

from broadsheet.cleaners.lineage import Lineage
from broadsheet.output.db.ids import content_id

_COLUMNS = "version, rules, model, site_rules, libraries"
_SAME_READING = (
    "UPDATE pages SET cleaner_id = ?1, cleaner_version = ?2 WHERE id = ?3",
    "UPDATE articles SET cleaner_version = ?2 WHERE page_id = ?3 AND cleaner_version <> ?2",
    "UPDATE shelved SET cleaner_version = ?2 WHERE page_id = ?3 AND cleaner_version <> ?2",
)


@lru_cache(maxsize=256)
def lineage_id(lineage: Lineage) -> int:
    """The id of a cleaner: 53 bits, the same in every archive."""
    return content_id(*astuple(lineage))


def intern_lineage(db: Database, lineage: Lineage | None) -> int | None:
    """The id of a cleaner, whose row is added if it is missing; None for None."""
    if lineage is None:
        return None
    cleaner_id = lineage_id(lineage)
    values = (lineage.version, lineage.rules, lineage.model, lineage.site_rules, lineage.libraries)
    db.execute(f"INSERT OR IGNORE INTO cleaners (id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", [cleaner_id, *values])
    return cleaner_id


def stored_lineage(db: Database, cleaner_id: int | None) -> Lineage | None:
    """The cleaner with an id; None if the archive has none."""
    row = db.execute(f"SELECT {_COLUMNS} FROM cleaners WHERE id = ?", [cleaner_id]).fetchone()
    return Lineage(*row) if row else None


def note_same_reading(db: Database, page_id: int, lineage: Lineage) -> None:
    """Note that this cleaner reads a page with the same result as before. Runs in the caller's transaction."""
    cleaner_id = intern_lineage(db, lineage)
    for statement in _SAME_READING:
        db.execute(statement, [cleaner_id, lineage.version, page_id])
