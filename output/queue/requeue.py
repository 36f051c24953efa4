"""What an earlier run left out or gave up for a passing reason, queued again: in steps, since a million rows take long.

Each reason's rows are taken in the order of their ids, up to the newest when it began: a URL that fails again for the
same reason meanwhile stays failed. What a killed run did not come to is taken up by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.transaction import writing

STEP = 5_000
"""Rows of one step: some 50 ms."""

_KINDS = ("robots", "sitemap", "feed", "page")
_NEXT = "SELECT min(reason) FROM urls WHERE state = ? AND kind = ? AND reason {} ? AND reason <= ?"
_ROWS = """SELECT id FROM urls INDEXED BY urls_outcome
    WHERE state = ? AND kind = ? AND reason = ? AND id > ? AND id <= ? {} ORDER BY id LIMIT ?"""
_AGAIN = """UPDATE urls SET state = 'queued', reason = '', not_before = NULL,
    attempts = CASE state WHEN 'failed' THEN 0 ELSE attempts END WHERE id = ?"""


@dataclass(frozen=True, slots=True)
class Passing:
    """A state and reason that may be over; a reason that ends in ":" stands for all that begin so.

    With a `port` only the URLs of hosts with that port.
    """

    state: str
    reason: str
    port: int = 0


HOSTS_BACK = tuple(
    Passing("failed", reason) for reason in ("host_unreachable:", "host_failing:", "dns", "connection_refused", "tls")
)
"""What failed because its host could not be reached or kept failing."""


@dataclass(slots=True)
class _Part:
    """The rows of one kind, state and reason, and how far they are queued again."""

    state: str
    kind: str
    reason: str
    port: int
    last: int = -1


class Requeue:
    """Queues again step by step. Each step is a transaction of its own."""

    def __init__(self, db: Database, passing: Iterable[Passing] = ()) -> None:
        self._db = db
        self._newest = int(db.execute("SELECT coalesce(max(id), 0) FROM urls").fetchone()[0])
        self._parts = [part for each in passing for part in self._parts_of(each)]

    @property
    def more(self) -> bool:
        """Whether there may be rows left."""
        return bool(self._parts)

    def step(self, most: int = STEP) -> int:
        """Queue at most so many rows again; how many."""
        changed = 0
        with writing(self._db):
            while self._parts and changed < most:
                changed += self._advance(self._parts[-1], most - changed)
        return changed

    def drop(self) -> None:
        """Leave the rest to the next run."""
        self._parts.clear()

    def _advance(self, part: _Part, most: int) -> int:
        where = "AND host GLOB ?" if part.port else ""
        given = [part.state, part.kind, part.reason, part.last, self._newest, *([f"*:{part.port}"] * bool(part.port))]
        ids = self._db.execute(_ROWS.format(where), [*given, most]).fetchall()
        self._db.conn.executemany(_AGAIN, ids)
        if len(ids) < most:
            self._parts.remove(part)
        else:
            part.last = int(ids[-1][0])
        return len(ids)

    def _parts_of(self, passing: Passing) -> Iterator[_Part]:
        for kind in _KINDS:
            for reason in self._reasons(passing, kind):
                yield _Part(passing.state, kind, reason, passing.port)

    def _reasons(self, passing: Passing, kind: str) -> Iterator[str]:
        """The reasons that there are, one look at the index each."""
        last = f"{passing.reason}\uffff" if passing.reason.endswith(":") else passing.reason
        sign, after = ">=", passing.reason
        while found := self._db.execute(_NEXT.format(sign), [passing.state, kind, after, last]).fetchone()[0]:
            yield found
            sign, after = ">", found
