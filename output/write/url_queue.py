"""The queue: rows of `urls` to fetch next, and rows that an earlier run left out or failed to fetch.

Within a host robots.txt goes first, then sitemaps and feeds, then pages; among equals the larger priority, then the one
found first. Taking reads the first entries of the index `urls_ready`, and of `urls_retry` those that are due, however
long the queue is; a URL in flight stays `queued` and is excluded by its id.

Queueing again goes in steps, since a million rows take long. Each reason's rows are taken in the order of their ids, up
to the newest id at the beginning: a URL that fails again for the same reason meanwhile stays failed. What a killed run
did not queue is left for the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.document import UrlSource

from ..archive.atomic_writes import write_transaction
from ..archive.stored_text import sql_words, storable_text
from ..archive.stored_values import utc_now, utc_text
from ..archive.url_words import OutcomeReason, Reason, ReasonFamily, ReasonText, UrlKind, UrlState, compound_reason
from .outcome import DiscoveredUrl

if TYPE_CHECKING:
    from sqlite_utils import Database


LONGEST_WAIT = timedelta(hours=2)
"""No retry is delayed for longer: a later `not_before` comes from a clock that was set back since, and is due."""

# Spelled as in the index `urls_ready`: SQLite uses an index on an expression only for the same expression.
_RANK = "(CASE kind WHEN 'robots' THEN 0 WHEN 'page' THEN 2 WHEN 'picture' THEN 3 ELSE 1 END)"
_READY = "urls INDEXED BY urls_ready WHERE state = 'queued' AND _not_before IS NULL AND host"
_RETRY = "urls INDEXED BY urls_retry WHERE state = 'queued' AND _not_before IS NOT NULL AND host"

_COLUMNS = f"""{_RANK}, -_priority, id, url, host, kind, depth, _priority, attempts, found_via,
        coalesce(found_on, ''), coalesce(lastmod, ''), coalesce(held_at, '')"""
_PICTURE_RANK = 3
PAGE_KINDS = (UrlKind.PAGE, UrlKind.ROBOTS, UrlKind.SITEMAP, UrlKind.FEED)
"""The kinds of URLs that a crawl asks for before any picture."""


@dataclass(frozen=True, slots=True)
class _Statements:
    """The statements that read the queue: of pages and their like, or of pictures."""

    take: str
    take_due: str
    take_too_late: str
    hosts: str
    any: str

    @classmethod
    def of(cls, kinds: Sequence[UrlKind], rank: str, ids: str = "") -> _Statements:
        """Make the statements for some kinds, whose rank has the condition `rank`; for these ids alone, if there are
        any.
        """
        asked = f"AND {_RANK} {rank}" + (f" AND id IN ({ids})" if ids else "")
        # From one host to the next that has a queued row, without reading the rows between.
        hosts = f"""WITH RECURSIVE walk (host) AS (
                SELECT :after
                UNION ALL
                SELECT (SELECT min(next) FROM (
                    SELECT (SELECT host FROM {_READY} > walk.host {asked} ORDER BY host LIMIT 1) AS next
                    UNION ALL
                    SELECT (SELECT host FROM {_RETRY} > walk.host {asked} ORDER BY host LIMIT 1)))
                FROM walk WHERE walk.host IS NOT NULL
                LIMIT :count + 1)
            SELECT host, EXISTS (SELECT 1 FROM {_READY} = walk.host {asked})
                OR EXISTS (SELECT 1 FROM {_RETRY} = walk.host AND _not_before <= :now {asked})
                OR EXISTS (SELECT 1 FROM {_RETRY} = walk.host AND _not_before > :astray {asked})
            FROM walk WHERE host IS NOT NULL LIMIT -1 OFFSET 1"""
        return cls(
            f"SELECT {_COLUMNS} FROM {_READY} = ? {asked} ORDER BY {_RANK}, _priority DESC, id LIMIT ?",
            f"SELECT {_COLUMNS} FROM {_RETRY} = ? AND _not_before <= ? {asked} ORDER BY _not_before LIMIT ?",
            f"SELECT {_COLUMNS} FROM {_RETRY} = ? AND _not_before > ? {asked} ORDER BY _not_before LIMIT ?",
            hosts,
            f"SELECT 1 FROM urls WHERE state = 'queued' AND kind IN {sql_words(kinds)} {asked} LIMIT 1",
        )


_PAGES = _Statements.of(PAGE_KINDS, f"< {_PICTURE_RANK}")
_PICTURES = _Statements.of((UrlKind.PICTURE,), f">= {_PICTURE_RANK}")

_WITH_TARGETS = """WITH RECURSIVE meant (id) AS (VALUES {values} UNION
    SELECT target.id FROM meant JOIN urls source ON source.id = meant.id
        JOIN urls target ON target.url = source.location)
    SELECT id FROM meant"""

# A URL found again on a shorter or better way: a queued row takes the better values, and one that was skipped for
# its depth, or because the page that named it asked not to follow its links, is queued after all, so that what is
# fetched does not depend on the order of the crawl. A queued page stays one, though an article may show it. A picture
# that redirects to a file that a page links to takes that file along, which was left out as no page.
_PUT_URL = """INSERT INTO urls (
        url, host, kind, state, reason, found_via, found_on, depth, _priority, lastmod, first_seen)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (url) DO UPDATE SET
        depth = min(depth, excluded.depth), _priority = max(_priority, excluded._priority),
        lastmod = coalesce(excluded.lastmod, lastmod), state = excluded.state,
        kind = CASE excluded.kind WHEN 'picture' THEN 'picture' ELSE urls.kind END,
        found_via = CASE WHEN excluded.kind = 'picture' AND urls.kind = 'page' THEN excluded.found_via
            ELSE urls.found_via END,
        reason = CASE urls.state WHEN 'queued' THEN urls.reason ELSE excluded.reason END
    WHERE excluded.state = 'queued' AND (
        (urls.state = 'queued' AND (excluded.depth < urls.depth OR excluded._priority > urls._priority)
            AND (excluded.kind <> 'picture' OR urls.kind = 'picture'))
        OR (urls.state = 'skipped' AND urls.reason IN ('depth', 'nofollow'))
        OR (excluded.kind = 'picture' AND urls.kind = 'page' AND urls.reason = 'media_type'))"""

_NOTE_LISTED = {
    source: f"UPDATE urls SET in_{source} = 1 WHERE url = ? AND kind = 'page' AND in_{source} = 0"
    for source in (UrlSource.SITEMAP, UrlSource.FEED)
}

_SET_LASTMOD = "UPDATE urls SET lastmod = ? WHERE url = ? AND lastmod IS NULL"

_REVIVE = """UPDATE urls SET state = 'queued', reason = '', attempts = 0, _not_before = NULL
    WHERE url = ? AND state IN ('failed', 'skipped')"""

_GIVE_UP = """UPDATE urls SET state = ?, reason = ?, _not_before = NULL
    WHERE id IN (SELECT id FROM {rows} = ? LIMIT ?) RETURNING kind"""


@dataclass(frozen=True, slots=True)
class QueuedUrl:
    """A URL in the queue. `attempts` counts the requests already made for it.

    `held_at` is when the content that the archive holds of it was last confirmed; empty if it holds none.
    """

    id: int
    url: str
    host: str
    kind: UrlKind
    depth: int
    priority: int
    attempts: int
    found_via: UrlSource
    found_on: str
    lastmod: str
    held_at: str = ""


class Queue:
    """The queue of one archive, as the scheduler sees it. `clock` gives UTC ISO 8601 times."""

    def __init__(self, db: Database, clock: Callable[[], str] = utc_now) -> None:
        self._db = db
        self._clock = clock
        self.is_still_filling: Callable[[], bool] = lambda: False
        """Whether rows that an earlier run left are still being queued again."""
        self._statements = _PAGES

    def turn_to_pictures(self) -> None:
        """Switch from the queue of pages, sitemaps and feeds to that of pictures."""
        self._statements = _PICTURES

    def turn_to_pages(self, ids: Iterable[int]) -> None:
        """Restrict the queue to these rows, and those that they redirect to."""
        values = ", ".join(f"({int(number)})" for number in ids)
        self._statements = _Statements.of(PAGE_KINDS, f"< {_PICTURE_RANK}", _WITH_TARGETS.format(values=values))

    def take(self, host: str, count: int, exclude: Collection[int | str] = frozenset()) -> list[QueuedUrl]:
        """Return the next `count` URLs of a host that may be fetched now, without those excluded by their id or URL.

        Nothing is changed: a URL leaves the queue when its outcome is saved. The cost grows with `count` and with that
        of `exclude`, so exclude only URLs of this host.
        """
        time, limit = self._clock(), count + len(exclude)
        rows = self._db.execute(self._statements.take, [host, limit]).fetchall()
        rows += self._db.execute(self._statements.take_due, [host, time, limit]).fetchall()
        rows += self._db.execute(self._statements.take_too_late, [host, _latest_due_time(time), limit]).fetchall()
        rows.sort(key=lambda row: row[:3])
        available_rows = (row[2:] for row in rows if row[2] not in exclude and row[3] not in exclude)
        return [QueuedUrl(*row) for row, _ in zip(available_rows, range(count), strict=False)]

    def any_queued(self, host: str, exclude: Collection[int | str] = frozenset()) -> QueuedUrl | None:
        """Return a queued URL of a host that is not excluded, even one that is not due yet; None if there is none."""
        if ready := self.take(host, 1, exclude):
            return ready[0]
        rows = self._db.execute(self._statements.take_due, [host, "~", 1 + len(exclude)])
        return next((QueuedUrl(*row[2:]) for row in rows if row[2] not in exclude and row[3] not in exclude), None)

    def next_hosts(self, previous_host: str, count: int) -> list[tuple[str, bool]]:
        """Return the next `count` hosts in alphabetical order with a queued URL, and whether one of its URLs is due
        now.
        """
        time = self._clock()
        parameters = {"after": previous_host, "count": count, "now": time, "astray": _latest_due_time(time)}
        return [(name, bool(is_due)) for name, is_due in self._db.execute(self._statements.hosts, parameters)]

    def is_empty(self) -> bool:
        """Return whether no URL is queued, due or not, and none is about to be."""
        if self.is_still_filling():  # called first: when it returns False, what was queued is committed
            return False
        return self._db.execute(self._statements.any).fetchone() is None

    def counts(self) -> dict[UrlState, int]:
        """Count the URLs in each state; a state without URLs counts 0."""
        counts = dict(self._db.execute("SELECT state, urls FROM _url_counts").fetchall())
        return {state: counts.get(state, 0) for state in UrlState}

    def add_seeds(self, seeds: Iterable[DiscoveredUrl]) -> None:
        """Queue the start URLs; one that failed or was skipped in an earlier run is tried again.

        The queue's connection must be writable.
        """
        seed_urls = tuple(seeds)
        with write_transaction(self._db):
            add_urls(self._db, seed_urls, self._clock())
            self._db.conn.executemany(_REVIVE, [(seed.url,) for seed in seed_urls if seed.state == UrlState.QUEUED])


def add_urls(db: Database, discovered_urls: Iterable[DiscoveredUrl], seen_at: str) -> None:
    """Add a row for each URL, or improve the row that it has. Runs in the caller's transaction."""
    db.conn.executemany(_PUT_URL, [_url_values(url, seen_at) for url in discovered_urls])


def fill_dates(db: Database, discovered_urls: Iterable[DiscoveredUrl]) -> None:
    """Fill in missing dates of rows in any state: a page may have been found, or fetched, before the sitemap that
    dates it was read, and an import's pages come after it.

    For after `queue_announced`, which judges a date by the one that was known.
    """
    dates = [(url.lastmod, storable_text(url.url)) for url in discovered_urls if url.lastmod]
    db.conn.executemany(_SET_LASTMOD, dates)


def note_listed_urls(db: Database, discovered_urls: Iterable[DiscoveredUrl]) -> None:
    """Note which pages a sitemap or feed names, also those that were found in another way before."""
    for url in discovered_urls:
        if url.found_via in _NOTE_LISTED:
            db.execute(_NOTE_LISTED[url.found_via], [storable_text(url.url)])


def give_up_host(db: Database, host: str, state: UrlState, reason: Reason, limit: int) -> Counter[str]:
    """Give at most `limit` queued URLs of a host a state and reason without requesting them; count them by kind."""
    kinds = Counter[str]()
    for queue_part in (_READY, _RETRY):
        parameters = [str(state), str(reason), host, limit - kinds.total()]
        kinds.update(kind for (kind,) in db.execute(_GIVE_UP.format(rows=queue_part), parameters).fetchall())
    return kinds


def _latest_due_time(time: str) -> str:
    """Return the latest `not_before` that a retry can have at this time."""
    return utc_text(datetime.fromisoformat(time) + LONGEST_WAIT)


def _url_values(url: DiscoveredUrl, seen_at: str) -> tuple[object, ...]:
    """Return the values of a new row, in the order of `_PUT_URL`."""
    return (
        storable_text(url.url),
        url.host,
        str(url.kind),  # sqlite3 takes several times as long for a value of a subclass
        str(url.state),
        str(url.reason),
        str(url.found_via),
        storable_text(url.found_on) or None,
        url.depth,
        url.priority,
        url.lastmod or None,
        seen_at,
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
_QUEUE_AGAIN = """UPDATE urls SET state = 'queued', reason = '', _not_before = NULL,
    attempts = CASE state WHEN 'failed' THEN 0 ELSE attempts END WHERE id = ?"""


class PassingReason(NamedTuple):
    """A state and a reason that may no longer hold; a reason that ends in ":" is a prefix.

    With a `port`, only the URLs of hosts with that port are meant.
    """

    state: UrlState
    reason: Reason
    port: int = 0


_UNREACHED: tuple[Reason, ...] = (
    compound_reason(ReasonFamily.HOST_UNREACHABLE, ""),
    compound_reason(ReasonFamily.HOST_FAILING, ""),
    *(OutcomeReason.DNS, OutcomeReason.CONNECTION_REFUSED, OutcomeReason.TLS, OutcomeReason.CHALLENGED),
)
UNREACHED_HOSTS = tuple(PassingReason(UrlState.FAILED, reason) for reason in _UNREACHED)
"""The reasons of URLs that failed because their host could not be reached, kept failing, or put up a wall."""


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
    """Queue the URLs that were skipped for one of these reasons and that `is_wanted` accepts; return how many.

    Runs in a transaction of its own.
    """
    if not reasons:
        return 0
    query = _LEFT_OUT.format(", ".join("?" * len(_KINDS)), ", ".join("?" * len(reasons)))
    rows = db.execute(query, [*_KINDS, *reasons])
    ids = [(url_id,) for url_id, *values in rows if is_wanted(LeftOutUrl(*values))]
    with write_transaction(db):
        db.conn.executemany(_QUEUE_AGAIN, ids)
    return len(ids)


class Requeuer:
    """A task that queues rows again step by step, each step in its own transaction."""

    def __init__(self, db: Database, passing_reasons: Iterable[PassingReason] = ()) -> None:
        self._db = db
        self._newest_id = int(db.execute("SELECT coalesce(max(id), 0) FROM urls").fetchone()[0])
        self._groups = [group for passing_reason in passing_reasons for group in self._groups_of(passing_reason)]

    @property
    def has_more(self) -> bool:
        """Return whether there may be rows left."""
        return bool(self._groups)

    def step(self, limit: int = STEP_ROWS) -> int:
        """Queue at most `limit` rows again; return how many."""
        changed_count = 0
        with write_transaction(self._db):
            while self._groups and changed_count < limit:
                changed_count += self._advance(self._groups[-1], limit - changed_count)
        return changed_count

    def drop_rest(self) -> None:
        """Stop queueing; the next run gets the rest."""
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
        """Yield the matching stored reasons, with one index look-up each."""
        last_reason = f"{passing_reason.reason}\uffff" if passing_reason.reason.endswith(":") else passing_reason.reason
        operator, bound = ">=", passing_reason.reason
        while reason := self._db.execute(
            _NEXT_REASON.format(operator), [passing_reason.state, kind, bound, last_reason]
        ).fetchone()[0]:
            yield reason
            operator, bound = ">", reason
