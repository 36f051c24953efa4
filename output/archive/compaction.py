"""Space given back at the end of a run: the full-text index merged into one segment, the file cut by its free pages.

FTS5 keeps what each transaction indexed in a segment of its own, and what left the index stays in the old ones until
they are merged: a first crawl leaves up to 2.7 times the bytes that the index needs. Merging rewrites the whole index,
so it waits until a quarter is new. The index then grows by a third from one merge to the next, so that an indexed text
is rewritten a few times only, however large the archive becomes.

VACUUM would pack the tables too, for another 5 %. It needs twice the file's size on the disk, and gives new rowids to
a user's own tables that have no INTEGER PRIMARY KEY.
"""

from __future__ import annotations

from contextlib import suppress
from sqlite3 import DatabaseError

from sqlite_utils import Database

_MIN_NEW_SHARE = 1 / 4  # of the index outside its largest segment
_MIN_FREE_SHARE = 1 / 32  # of the file: fewer free pages are left for the next run

_SEGMENT_SIZES = "SELECT count(*) FROM articles_fts_idx GROUP BY segid"


def compact_file(db: Database) -> None:
    """Merge the index and cut the file, where that gives back enough. Needs autocommit, and keeps no reader waiting.

    What fails, as on a full disk, is left to the next run: nothing is lost but space.
    """
    with suppress(DatabaseError):
        if _new_share(db) >= _MIN_NEW_SHARE:
            db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('optimize')")
        if _free_share(db) >= _MIN_FREE_SHARE:
            db.conn.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page only


def _new_share(db: Database) -> float:
    """Return the share of the index, in pages of its terms, that lies outside its largest segment."""
    sizes = [size for (size,) in db.execute(_SEGMENT_SIZES)]
    return 1 - max(sizes) / sum(sizes) if sizes else 0.0


def _free_share(db: Database) -> float:
    (free_pages,), (pages,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_count"))
    return free_pages / pages if pages else 0.0
