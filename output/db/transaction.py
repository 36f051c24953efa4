"""A write transaction for statements that belong together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


@contextmanager
def write_transaction(db: Database) -> Iterator[None]:
    """Run the body as one transaction that takes the write lock at once; inside another it becomes part of it.

    A transaction that begins by reading and writes later fails when somebody else has written in between.
    """
    if db.conn.in_transaction:
        with db.atomic():
            yield
        return
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.conn.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise
