"""What to fetch next: the queue is the rows of `urls` whose state is `queued`.

Within a host robots.txt goes first, then sitemaps and feeds, then pages; among equals the larger priority, then
the one seen first. Taking reads the first entries of the index `urls_ready`, and of `urls_retry` those that are
due, however long the queue is; what is in flight stays `queued` and is left out by its id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from output.db.clock import utc_now
from output.db.text import storable
from output.db.transaction import writing
from output.outcome import Found

LONGEST_WAIT = timedelta(hours=2)
"""No retry is ever put off for longer. A time further ahead comes from a clock that has been set back since: due."""

# Spelled as in the index `urls_ready`: SQLite uses an index on an expression only for the same expression.
_RANK = "(CASE kind WHEN 'robots' THEN 0 WHEN 'page' THEN 2 ELSE 1 END)"
_READY = "urls INDEXED BY urls_ready WHERE state = 'queued' AND not_before IS NULL AND host"
_RETRY = "urls INDEXED BY urls_retry WHERE state = 'queued' AND not_before IS NOT NULL AND host"

_COLUMNS = f"""{_RANK}, -priority, id, url, host, kind, depth, priority, attempts, found_via,
        coalesce(found_on, ''), coalesce(lastmod, ''), coalesce(held_at, '')"""
_TAKE = f"SELECT {_COLUMNS} FROM {_READY} = ? ORDER BY {_RANK}, priority DESC, id LIMIT ?"
_TAKE_DUE = f"SELECT {_COLUMNS} FROM {_RETRY} = ? AND not_before <= ? ORDER BY not_before LIMIT ?"
_TAKE_ASTRAY = f"SELECT {_COLUMNS} FROM {_RETRY} = ? AND not_before > ? ORDER BY not_before LIMIT ?"

# From one host to the next that has a queued row, without reading the rows between.
_HOSTS = f"""WITH RECURSIVE walk (host) AS (
        SELECT :after
        UNION ALL
        SELECT (SELECT min(next) FROM (
            SELECT (SELECT host FROM {_READY} > walk.host ORDER BY host LIMIT 1) AS next
            UNION ALL
            SELECT (SELECT host FROM {_RETRY} > walk.host ORDER BY host LIMIT 1)))
        FROM walk WHERE walk.host IS NOT NULL
        LIMIT :count + 1)
    SELECT host, EXISTS (SELECT 1 FROM {_READY} = walk.host)
        OR EXISTS (SELECT 1 FROM {_RETRY} = walk.host AND not_before <= :now)
        OR EXISTS (SELECT 1 FROM {_RETRY} = walk.host AND not_before > :astray)
    FROM walk WHERE host IS NOT NULL LIMIT -1 OFFSET 1"""

# A URL seen again on a shorter or better way: a queued row takes the better values, and one that was skipped for
# its depth, or because the page that named it asked not to follow its links, is queued after all, so that what is
# fetched does not depend on the order of the crawl.
_ADD = """INSERT INTO urls (url, host, kind, state, reason, found_via, found_on, depth, priority, lastmod, first_seen)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (url) DO UPDATE SET
        depth = min(depth, excluded.depth), priority = max(priority, excluded.priority),
        lastmod = coalesce(excluded.lastmod, lastmod), state = excluded.state,
        reason = CASE urls.state WHEN 'queued' THEN urls.reason ELSE excluded.reason END
    WHERE excluded.state = 'queued' AND (
        (urls.state = 'queued' AND (excluded.depth < urls.depth OR excluded.priority > urls.priority))
        OR (urls.state = 'skipped' AND urls.reason IN ('depth', 'nofollow')))"""

_LISTS = ("sitemap", "feed")
_LISTED = "INSERT OR IGNORE INTO listed (url_id, kind) SELECT id, ? FROM urls WHERE url = ? AND kind = 'page'"

# What is noted and not queued has a row of its own soon: an import's pages come after the files that date them.
_DATE = "UPDATE urls SET lastmod = ? WHERE url = ? AND lastmod IS NULL"

_REVIVE = """UPDATE urls SET state = 'queued', reason = '', attempts = 0, not_before = NULL
    WHERE url = ? AND state IN ('failed', 'skipped')"""

_GIVE_UP = "UPDATE urls SET state = ?, reason = ?, not_before = NULL WHERE id IN (SELECT id FROM {rows} = ? LIMIT ?)"


@dataclass(frozen=True, slots=True)
class QueuedUrl:
    """A URL that waits to be fetched. `attempts` counts the requests already made for it.

    `held_at` is when what the archive holds of it was last confirmed; empty if it holds nothing.
    """

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
    held_at: str = ""


class Queue:
    """The queue of one archive, as the scheduler sees it. `clock` gives UTC ISO 8601 times."""

    def __init__(self, db: Database, clock: Callable[[], str] = utc_now) -> None:
        self._db = db
        self._clock = clock
        self.more_coming: Callable[[], bool] = lambda: False
        """Whether somebody is still queueing what an earlier run left."""

    def take(self, host: str, count: int, exclude: Collection[int | str] = frozenset()) -> list[QueuedUrl]:
        """The next `count` URLs of a host that may be fetched now, without those excluded by id or URL.

        Nothing is changed: a URL leaves the queue when its outcome is saved. The cost grows with `count` and with
        what is excluded, so exclude only URLs of this host.
        """
        now, most = self._clock(), count + len(exclude)
        rows = self._db.execute(_TAKE, [host, most]).fetchall()
        rows += self._db.execute(_TAKE_DUE, [host, now, most]).fetchall()
        rows += self._db.execute(_TAKE_ASTRAY, [host, _astray(now), most]).fetchall()
        rows.sort(key=lambda row: row[:3])
        free = (row[2:] for row in rows if row[2] not in exclude and row[3] not in exclude)
        return [QueuedUrl(*row) for row, _ in zip(free, range(count), strict=False)]

    def any_of(self, host: str, exclude: Collection[int | str] = frozenset()) -> QueuedUrl | None:
        """Some queued URL of a host that is not excluded, also one that waits for a time."""
        if ready := self.take(host, 1, exclude):
            return ready[0]
        rows = self._db.execute(_TAKE_DUE, [host, "~", 1 + len(exclude)])
        return next((QueuedUrl(*row[2:]) for row in rows if row[2] not in exclude and row[3] not in exclude), None)

    def hosts_after(self, host: str, count: int) -> list[tuple[str, bool]]:
        """The next `count` hosts in alphabetical order that have a queued URL, and whether one of it is due now."""
        now = self._clock()
        given = {"after": host, "count": count, "now": now, "astray": _astray(now)}
        return [(name, bool(due)) for name, due in self._db.execute(_HOSTS, given)]

    def is_empty(self) -> bool:
        """Whether no URL is queued at all, not even one that waits for a time, and none is about to be."""
        if self.more_coming():  # asked first: what it has queued is committed when it says that it is done
            return False
        return self._db.execute("SELECT 1 FROM urls WHERE state = 'queued' LIMIT 1").fetchone() is None

    def counts(self) -> dict[str, int]:
        """How many URLs are in each state; a state without URLs counts 0."""
        found = dict(self._db.execute("SELECT state, urls FROM url_counts").fetchall())
        return {state: found.get(state, 0) for state in ("queued", "done", "failed", "skipped")}

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
    rows = tuple(found)
    db.conn.executemany(_ADD, [_row(one, at) for one in rows])
    noted = [(one.lastmod, storable(one.url)) for one in rows if one.lastmod and one.state == "skipped"]
    db.conn.executemany(_DATE, noted)


def note_listed(db: Database, found: Iterable[Found]) -> None:
    """Remember which pages a sitemap or feed names, also those that were found before by another way."""
    db.conn.executemany(_LISTED, [(one.via, storable(one.url)) for one in found if one.via in _LISTS])


def give_up_host(db: Database, host: str, state: str, reason: str, count: int) -> int:
    """Give at most `count` queued URLs of a host a state and reason without asking for them; return how many."""
    changed = 0
    for rows in (_READY, _RETRY):
        changed += db.execute(_GIVE_UP.format(rows=rows), [state, reason, host, count - changed]).rowcount
    return changed


def _astray(now: str) -> str:
    return (datetime.fromisoformat(now) + LONGEST_WAIT).isoformat(timespec="seconds")


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
