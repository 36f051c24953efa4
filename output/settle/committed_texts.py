"""Block texts are read past the write-ahead log while an archive is settled.

Settling is one transaction, so all that it writes stays in the log until the end: 1.7 GB at 80,000 articles. SQLite
looks through the whole index of the log for each page of the file that it reads, and texts lie all over the file: by
the end reading a page's texts took two and a half times as long as at the beginning. Settling changes no text. So
they are read by way of the file attached a second time, which sees what was committed before settling began and
looks through that part of the log alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database

from output.db.open import database_file

_ATTACH = "ATTACH ? AS committed"
_CACHE_KB = 16 * 1024  # of texts, most of which are read once or twice
_SHOW_COMMITTED = "CREATE TEMP VIEW block_texts AS SELECT id, text FROM committed.block_texts"
"""A temporary view goes before a table of its name, for every statement but those of triggers."""


@contextmanager
def committed_texts(db: Database) -> Iterator[None]:
    """Read `block_texts` as they are committed, in a transaction of the body that takes the write lock and adds none.

    Inside a transaction, which may have added some, they are read as ever.
    """
    if db.conn.in_transaction:
        yield
        return
    db.execute(_ATTACH, [f"{database_file(db).as_uri()}?mode=ro"])
    try:
        db.execute(f"PRAGMA committed.cache_size = {-_CACHE_KB}")
        db.execute(_SHOW_COMMITTED)
        yield
    finally:
        db.execute("DROP VIEW IF EXISTS temp.block_texts")
        db.execute("DETACH committed")
