"""Queueing again what may have changed, and what a row of `urls` keeps meanwhile.

A URL that is looked at again is `queued` like any other, so that a killed update goes on; `held_reason` and `held_at`
say what the archive holds of it. Its reason says why it waits and what came when it was last asked for: `revisit`, or
`revisit:http_404` where that had failed; `announced` where a sitemap or feed says that it has changed. All of it runs
in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.text import storable
from output.outcome import NOT_MODIFIED, Found, Outcome
from output.watch.when_due import FLOOR, Known, Pace, is_announced, is_due, next_interval

REVISIT, ANNOUNCED = "revisit", "announced"
_FIRST, _LATER = 120, 30  # priorities: lists go first, known articles after new ones
_ANSWERED = ("http_404", "http_410", "http_403", "http_401", "http_451")  # said of the URL, not of the host
_KNOWN = """u.id, u.url, u.kind, u.state, u.reason, coalesce(u.held_at, ''), coalesce(u.fetched_at, ''),
    u.revisit_seconds, coalesce(a.published, u.first_seen), u.unfounded, coalesce(u.lastmod, ''),
    coalesce(u.held_reason, ''), u.depth"""
_ALL = f"""SELECT {_KNOWN} FROM urls u LEFT JOIN articles a ON a.page_id = u.id
    WHERE u.state IN ('done', 'failed') AND u.kind IN ('page', 'sitemap', 'feed') AND u.id > ? ORDER BY u.id LIMIT ?"""
_ONE = f"SELECT {_KNOWN} FROM urls u LEFT JOIN articles a ON a.page_id = u.id WHERE u.url = ?"
_QUEUE = """UPDATE urls SET reason = ?1 || CASE state WHEN 'failed' THEN ':' || reason ELSE '' END, state = 'queued',
        attempts = 0, not_before = NULL, lastmod = coalesce(?2, lastmod),
        priority = CASE WHEN held_reason = 'list' THEN max(priority, ?3) ELSE min(priority, ?4) END
    WHERE id = ?5 AND state IN ('done', 'failed')"""
_BACK = f"""UPDATE urls SET not_before = NULL,
        state = CASE WHEN instr(reason, ':') THEN 'failed' WHEN held_at IS NULL THEN 'skipped' ELSE 'done' END,
        reason = CASE WHEN instr(reason, ':') THEN substr(reason, instr(reason, ':') + 1)
            WHEN held_at IS NULL THEN :reason ELSE held_reason END
    WHERE state = 'queued' AND (held_at IS NOT NULL OR reason GLOB '{REVISIT}:*' OR reason GLOB '{ANNOUNCED}:*')"""
_LOOKED = "UPDATE urls SET revisit_seconds = ?, unfounded = ? WHERE id = ?"
_SEEN = "UPDATE {} SET last_seen = ? WHERE page_id = ?"
_AT_ONCE = 5_000

# The capture whose content the archive holds: that of the page, or for a sitemap or feed the last one that was read.
_VALIDATORS = """SELECT etag, last_modified FROM captures WHERE id = coalesce(
    (SELECT capture_id FROM pages WHERE id = ?1),
    (SELECT id FROM captures WHERE url = ?2 AND http_status = 200 ORDER BY fetched_at DESC, id DESC LIMIT 1))"""


@dataclass(frozen=True, slots=True)
class Update:
    """A run that looks again: how often a person wants that, since when a look counts for it, and which URLs it is
    about. `files`: sitemaps, feeds and the start pages at any rate, else when an hour has passed. `resumed`: an
    earlier run began it, so that some of it has been looked at."""

    pace: Pace
    since: str
    wanted: Callable[[str, int], bool]
    files: bool = True
    resumed: bool = False

    def has_seen(self, row: UrlRow) -> bool:
        """Whether it has looked at a URL before it begins. What was fetched in the second in which a new one begins,
        or later by a clock that has been set back, was fetched by another run."""
        return self.resumed and row.fetched_at >= self.since


@dataclass(frozen=True, slots=True)
class UrlRow:
    """A row of `urls`, as far as looking again goes."""

    id: int
    url: str
    kind: str
    state: str
    reason: str
    held_at: str
    fetched_at: str
    interval: int | None
    born: str
    unfounded: int
    lastmod: str
    held_reason: str
    depth: int

    @property
    def is_known(self) -> bool:
        """Whether it was fetched before, well or not."""
        return bool(self.held_at) or self.reason.startswith((f"{REVISIT}:", f"{ANNOUNCED}:"))

    @property
    def known(self) -> Known:
        """What the policy wants to know. A failure that says nothing about the page is no look at it."""
        answered = self.state == "failed" and (self.reason in _ANSWERED or not self.held_at)
        looked_at = self.fetched_at if answered else self.held_at
        return Known(looked_at, self.interval, self.born, self.unfounded, self.lastmod)

    @property
    def leads(self) -> bool:
        """Whether new articles are announced there: a sitemap, a feed, a start page, a section."""
        return self.kind != "page" or (self.held_reason == "list" and self.depth <= 1)


def url_row(db: Database, url: str) -> UrlRow | None:
    """The row of a URL."""
    row = db.execute(_ONE, [storable(url)]).fetchone()
    return UrlRow(*row) if row else None


def queue_due(db: Database, update: Update, now: str) -> int:
    """Queue again what is due; return how many. In parts, so that memory does not grow with the archive."""
    last, count = 0, 0
    while rows := [UrlRow(*row) for row in db.execute(_ALL, [last, _AT_ONCE]).fetchall()]:
        due = [row for row in rows if _is_due(row, update, now)]
        db.conn.executemany(_QUEUE, [(REVISIT, None, _FIRST, _LATER, row.id) for row in due])
        last, count = rows[-1].id, count + len(due)
    return count


def queue_announced(db: Database, found: Iterable[Found], update: Update, now: str) -> int:
    """Queue again what a sitemap or feed says has changed, and what a redirect leads to; return how many."""
    count = 0
    for one in found:
        if not (one.lastmod or one.via == "redirect") or one.state != "queued":
            continue
        row = url_row(db, one.url)
        if row is None or row.kind != "page" or row.fetched_at >= update.since:
            continue
        if one.via == "redirect" or is_announced(row.known, one.lastmod, now):
            count += db.execute(_QUEUE, [ANNOUNCED, one.lastmod or None, _FIRST, _LATER, row.id]).rowcount
    return count


def note_look(db: Database, before: UrlRow, outcome: Outcome, changed: bool) -> None:
    """Learn from a look at a page that was known, and note that its article was seen if it stands unchanged."""
    if outcome.reason == NOT_MODIFIED:
        for table in ("articles", "shelved"):
            db.execute(_SEEN.format(table), [outcome.fetched_at, before.id])
    if outcome.state == "done" or outcome.reason in _ANSWERED:
        unfounded = before.unfounded + before.reason.startswith(ANNOUNCED)
        interval = next_interval(before.known, changed)
        db.execute(_LOOKED, [interval, 0 if changed else unfounded, before.id])


def give_back(db: Database, reason: str) -> int:
    """End the waiting of what was to be looked at again, for a run that stops at its limit: each row says again what
    it said before; return how many."""
    return int(db.execute(_BACK, {"reason": reason}).rowcount)


def validators(db: Database, url_id: int, url: str) -> dict[str, str]:
    """The headers that ask for a URL only if it is not what the archive holds of it any more."""
    etag, modified = db.execute(_VALIDATORS, [url_id, storable(url)]).fetchone() or (None, None)
    named = {"If-None-Match": etag, "If-Modified-Since": modified}
    return {name: value for name, value in named.items() if value}


def _is_due(row: UrlRow, update: Update, now: str) -> bool:
    if update.has_seen(row) or (row.kind == "page" and not update.wanted(row.url, row.depth)):
        return False
    if row.kind != "page" and row.state == "failed" and not row.held_at:
        return update.pace.all
    if row.leads:
        return update.files or is_due(row.known, now, Pace(every=update.pace.every or FLOOR))
    return is_due(row.known, now, update.pace)
