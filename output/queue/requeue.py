"""Queueing again, in steps since a million rows take long, what an earlier run skipped or failed for a passing reason.

Each reason's rows are taken in the order of their ids, up to the newest id at the beginning: a URL that fails again for
the same reason meanwhile stays failed. What a killed run did not queue is left for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.document import UrlSource
from broadsheet.output.db.transaction import write_transaction
from broadsheet.output.db.url_words import (
    OutcomeReason,
    Reason,
    ReasonFamily,
    ReasonText,
    UrlKind,
    UrlState,
    compound_reason,
)

STEP_ROWS = 5_000
"""Rows of one step: some 50 ms."""

_LEFT_OUT = (
    "SELECT id, kind, url, depth, found_via FROM urls WHERE state = 'skipped' AND kind IN ({}) AND reason IN ({})"
)
_KINDS = (UrlKind.ROBOTS, UrlKind.SITEMAP, UrlKind.FEED, UrlKind.PAGE)
_NEXT_REASON = "SELECT min(reason) FROM urls WHERE state = ? AND kind = ? AND reason {} ? AND reason <= ?"
_NEXT_IDS = """SELECT id FROM urls INDEXED BY urls_outcome
    WHERE state = ? AND kind = ? AND reason = ? AND id > ? AND id <= ? {} ORDER BY id LIMIT ?"""
_QUEUE_AGAIN = """UPDATE urls SET state = 'queued', reason = '', not_before = NULL,
    attempts = CASE state WHEN 'failed' THEN 0 ELSE attempts END WHERE id = ?"""


@dataclass(frozen=True, slots=True)
class PassingReason:
    """A state and a reason that may no longer hold; a reason that ends in ":" stands for all that begin with it.

    With a `port`, only the URLs of hosts with that port are meant.
    """

    state: UrlState
    reason: Reason
    port: int = 0


_UNREACHED: tuple[Reason, ...] = (
    compound_reason(ReasonFamily.HOST_UNREACHABLE, ""),
    compound_reason(ReasonFamily.HOST_FAILING, ""),
    *(OutcomeReason.DNS, OutcomeReason.CONNECTION_REFUSED, OutcomeReason.TLS),
)
UNREACHED_HOSTS = tuple(PassingReason(UrlState.FAILED, reason) for reason in _UNREACHED)
"""The reasons of URLs that failed because their host could not be reached or kept failing."""


@dataclass(slots=True)
class _RowGroup:
    """The rows of one kind, state and reason, and the id up to which they are queued again."""

    state: UrlState
    kind: UrlKind
    reason: Reason
    port: int
    last_id: int = -1


@dataclass(frozen=True, slots=True)
class LeftOutUrl:
    """A URL that a crawl left out, and how it was found."""

    kind: UrlKind
    url: str
    depth: int
    found_via: UrlSource


def queue_left_out(db: Database, reasons: Sequence[OutcomeReason], is_wanted: Callable[[LeftOutUrl], bool]) -> int:
    """Queue the URLs that were skipped for one of these reasons and that `is_wanted` accepts; return how many. Runs in
    a transaction of its own."""
    if not reasons:
        return 0
    query = _LEFT_OUT.format(", ".join("?" * len(_KINDS)), ", ".join("?" * len(reasons)))
    rows = db.execute(query, [*_KINDS, *reasons])
    ids = [(url_id,) for url_id, *values in rows if is_wanted(LeftOutUrl(*values))]
    with write_transaction(db):
        db.conn.executemany(_QUEUE_AGAIN, ids)
    return len(ids)


class Requeuer:
    """Queues rows again step by step, each step in its own transaction."""

    def __init__(self, db: Database, passing_reasons: Iterable[PassingReason] = ()) -> None:
        self._db = db
        self._newest_id = int(db.execute("SELECT coalesce(max(id), 0) FROM urls").fetchone()[0])
        self._groups = [group for passing_reason in passing_reasons for group in self._groups_of(passing_reason)]

    @property
    def has_more(self) -> bool:
        """Whether there may be rows left."""
        return bool(self._groups)

    def step(self, limit: int = STEP_ROWS) -> int:
        """Queue at most `limit` rows again; return how many."""
        changed_count = 0
        with write_transaction(self._db):
            while self._groups and changed_count < limit:
                changed_count += self._advance(self._groups[-1], limit - changed_count)
        return changed_count

    def drop_rest(self) -> None:
        """Queue no more; the rest is left for the next run."""
        self._groups.clear()

    def _advance(self, group: _RowGroup, limit: int) -> int:
        """Queue the next rows of a group, which is dropped when it has no more; return how many."""
        condition = "AND host GLOB ?" if group.port else ""
        parameters = [
            group.state,
            group.kind,
            group.reason,
            group.last_id,
            self._newest_id,
            *([f"*:{group.port}"] * bool(group.port)),
        ]
        ids = self._db.execute(_NEXT_IDS.format(condition), [*parameters, limit]).fetchall()
        self._db.conn.executemany(_QUEUE_AGAIN, ids)
        if len(ids) < limit:
            self._groups.remove(group)
        else:
            group.last_id = int(ids[-1][0])
        return len(ids)

    def _groups_of(self, passing_reason: PassingReason) -> Iterator[_RowGroup]:
        for kind in _KINDS:
            for reason in self._reasons(passing_reason, kind):
                yield _RowGroup(passing_reason.state, kind, reason, passing_reason.port)

    def _reasons(self, passing_reason: PassingReason, kind: UrlKind) -> Iterator[ReasonText]:
        """The stored reasons that are meant, found with one index look-up each."""
        last_reason = f"{passing_reason.reason}\uffff" if passing_reason.reason.endswith(":") else passing_reason.reason
        operator, bound = ">=", passing_reason.reason
        while reason := self._db.execute(
            _NEXT_REASON.format(operator), [passing_reason.state, kind, bound, last_reason]
        ).fetchone()[0]:
            yield reason
            operator, bound = ">", reason
