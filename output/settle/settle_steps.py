"""Settling in steps that are committed each, with pure work spread over processes.

The caller chooses the `map` that spreads the work; the one here runs in this process.

Steps keep SQLite's write-ahead log short. What a transaction has written stays in the log until it ends, and SQLite
looks through the whole index of the log for each page of the file that it reads. Settling 80,000 articles in one
transaction made a log of 1.7 GB, and a host cost half as much again at the end as at the beginning.

A kill between two steps leaves some hosts settled and others not. So the first step takes back the note that the
archive is settled, and the next settling judges all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..archive.atomic_writes import write_transaction
from .unsettled import note_unsettled

if TYPE_CHECKING:
    from sqlite_utils import Database


JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


class ParallelMap(Protocol):
    """A map that runs a pure function over jobs, in any process, and gives the results in the order of the jobs.

    The function is one of a module; jobs and results can be pickled. Jobs are taken from the iterable one after the
    other on the caller's thread, some ahead of the result that is given.
    """

    def __call__(self, function: Callable[[JobT], ResultT], jobs: Iterable[JobT], /) -> Iterator[ResultT]:
        """Yield the function's result for each job."""
        ...


def serial_map(function: Callable[[JobT], ResultT], jobs: Iterable[JobT], /) -> Iterator[ResultT]:
    """Run each job in this process, when its result is asked for."""
    return map(function, jobs)


ROWS_PER_STEP = 100_000
"""How many rows a step changes before it ends. What changes fewer is settled in one transaction."""


class SettleSteps:
    """The steps of one settling: `end_step` is called wherever it is safe to commit.

    `was_alone` says whether nobody else has written to the file between two steps, and so whether it is settled.
    """

    def __init__(self, db: Database, *, is_outermost: bool) -> None:
        self._db = db
        self._is_outermost = is_outermost
        self._changes_before = db.conn.total_changes
        self.was_alone = True

    def end_step(self) -> None:
        """Commit, if much was written, and go on with the write lock; inside a caller's transaction do nothing."""
        if not self._is_outermost or self._db.conn.total_changes - self._changes_before < ROWS_PER_STEP:
            return
        note_unsettled(self._db)
        data_version = self._data_version()
        self._db.conn.execute("COMMIT")
        self._db.conn.execute("BEGIN IMMEDIATE")
        self.was_alone = self.was_alone and self._data_version() == data_version
        self._changes_before = self._db.conn.total_changes

    def _data_version(self) -> int:
        """Return a number that another connection's commit changes, and no commit of this one."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])


@contextmanager
def settle_in_steps(db: Database) -> Iterator[SettleSteps]:
    """Run the body in write transactions of which each step is one; inside another transaction they are part of it."""
    steps = SettleSteps(db, is_outermost=not db.conn.in_transaction)
    with write_transaction(db):
        yield steps
