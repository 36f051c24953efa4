"""What to fetch next: the queue is the rows of `urls` whose state is `queued`.

Within a host robots.txt goes first, then sitemaps and feeds, then pages; among equals the larger priority, then
the one seen first. Taking reads the first entries of the index `urls_next`, however long the queue is; what is
in flight stays `queued` and is left out by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database

from output.outcome import Found
from output.text import storable
from output.transaction import writing

# Spelled as in the index `urls_next`: SQLite uses an index on an expression only for the same expression.
_RANK = "(CASE kind WHEN 'robots' THEN 0 WHEN 'page' THEN 2 ELSE 1 END)"

_TAKE = f"""SELECT id, url, host, kind, depth, priority, attempts, found_via, coalesce(found_on, ''),
        coalesce(lastmod, '') FROM urls
    WHERE state = 'queued' AND host = ? AND (not_before IS NULL OR not_before <= ?)
    ORDER BY {_RANK}, priority DESC, id LIMIT ?"""

_HOSTS = """WITH RECURSIVE hosts (host) AS (
        SELECT min(host) FROM urls WHERE state = 'queued'
        UNION ALL
        SELECT (SELECT min(host) FROM urls WHERE state = 'queued' AND host > hosts.host)
        FROM hosts WHERE hosts.host IS NOT NULL)
    SELECT host FROM hosts WHERE host IS NOT NULL"""

# A URL seen again on a shorter or better way: a queued row takes the better values, and one that was skipped for
# its depth alone is queued after all, so that what is fetched does not depend on the order of the crawl.
_ADD = """INSERT INTO urls (url, host, kind, state, reason, found_via, found_on, depth, priority, lastmod, first_seen)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (url) DO UPDATE SET
        depth = min(depth, excluded.depth), priority = max(priority, excluded.priority),
        lastmod = coalesce(excluded.lastmod, lastmod), state = excluded.state, reason = excluded.reason
    WHERE excluded.state = 'queued' AND (
        (urls.state = 'queued' AND (excluded.depth < urls.depth OR excluded.priority > urls.priority))
        OR (urls.state = 'skipped' AND urls.reason = 'depth'))"""

_REVIVE = """UPDATE urls SET state = 'queued', reason = '', attempts = 0, not_before = NULL
    WHERE url = ? AND state IN ('failed', 'skipped')"""


def utc_now() -> str:
    """The time in UTC as ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class QueuedUrl:
    """A URL that waits to be fetched. `attempts` counts the requests already made for it."""

    id: int
    url: str
    host: str
    kind: str
    depth: int
    priority: int
    attempts: int
    found_via: str
    found_on: str
    lastmod: str


class Queue:
    """The queue of one archive, as the scheduler sees it. `clock` gives UTC ISO 8601 times."""

    def __init__(self, db: Database, clock: Callable[[], str] = utc_now) -> None:
        self._db = db
        self._clock = clock

    def take(self, host: str, count: int, exclude: Collection[int | str] = frozenset()) -> list[QueuedUrl]:
        """The next `count` URLs of a host that may be fetched now, without those excluded by id or URL.

        Nothing is changed: a URL leaves the queue when its outcome is saved.
        """
        rows = self._db.execute(_TAKE, [host, self._clock(), count + len(exclude)]).fetchall()
        free = (row for row in rows if row[0] not in exclude and row[1] not in exclude)
        return [QueuedUrl(*row) for row, _ in zip(free, range(count), strict=False)]

    def hosts_with_work(self) -> list[str]:
        """All hosts that have a queued URL, also one that is not due yet, in alphabetical order."""
        return [host for (host,) in self._db.execute(_HOSTS)]

    def counts(self) -> dict[str, int]:
        """How many URLs are in each state; a state without URLs counts 0."""
        found = dict(self._db.execute("SELECT state, count(*) FROM urls GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in ("queued", "done", "failed", "skipped")}

    def next_due(self) -> str | None:
        """When the earliest retry becomes due, UTC ISO 8601; None if no queued URL waits for a time."""
        row = self._db.execute(
            "SELECT min(not_before) FROM urls WHERE state = 'queued' AND not_before IS NOT NULL"
        ).fetchone()
        return str(row[0]) if row[0] is not None else None

    def add_seeds(self, seeds: Iterable[Found]) -> None:
        """Queue the URLs a person asked for; one that failed or was skipped in an earlier run gets another chance.

        The queue's connection must be a writing one.
        """
        wanted = tuple(seeds)
        with writing(self._db):
            add_found(self._db, wanted, self._clock())
            self._db.conn.executemany(_REVIVE, [(seed.url,) for seed in wanted if seed.state == "queued"])


def add_found(db: Database, found: Iterable[Found], at: str) -> None:
    """Give every found URL its row, or better values to the row that it has. Runs in the caller's transaction."""
    db.conn.executemany(_ADD, [_row(one, at) for one in found])


def _row(found: Found, at: str) -> tuple[object, ...]:
    return (
        storable(found.url),
        found.host,
        found.kind,
        found.state,
        found.reason,
        found.via,
        storable(found.on) or None,
        found.depth,
        found.priority,
        found.lastmod or None,
        at,
    )
