"""What earlier runs left for a crawl that goes on: their start URLs and bounds, and the redirects they followed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

from output.db.text import storable

# From the few rows that redirect to the rows that they name, however long the queue is.
_WAITING = """SELECT q.url, p.url FROM urls p CROSS JOIN urls q ON q.url = p.location
    WHERE p.location IS NOT NULL AND p.state = 'done' AND q.state = 'queued' AND q.held_at IS NULL ORDER BY p.id DESC"""

_BEFORE = "SELECT url FROM urls WHERE location = ? AND state = 'done' ORDER BY id LIMIT 1"

_MOVED = "SELECT location FROM urls WHERE url = ? AND held_reason = 'redirect' AND location IS NOT NULL"

_LATEST = "SELECT started_at, outcome, reason, options FROM runs ORDER BY started_at DESC, rowid DESC"


def runs(db: Database) -> list[dict[str, Any]]:
    """The options of the crawls that the archive saw, the earliest first."""
    rows = db.execute("SELECT options FROM runs ORDER BY started_at, rowid").fetchall()
    return [options for (text,) in rows if (options := json.loads(text)).get("seeds")]


def first_start(db: Database, revisit: str) -> str:
    """When an update that did not come to its end was first begun, where the last run was one of the same kind; what
    was looked at since then need not be looked at again. Empty if there is none."""
    found = ""
    for started_at, outcome, reason, options in db.execute(_LATEST).fetchall():
        cut_short = outcome != "finished" or reason in ("max_pages", "max_time")
        if not (revisit and cut_short and json.loads(options).get("revisit") == revisit):
            break
        found = str(started_at)
    return found


def came_by(db: Database, most: int) -> dict[str, tuple[str, ...]]:
    """For each queued URL that redirects led to, the URLs that led there, first to last; no more than `most`."""
    return {url: _chain(db, before, most) for url, before in db.execute(_WAITING).fetchall()}


def moved_to(db: Database, seeds: Iterable[str], most: int) -> tuple[str, ...]:
    """Where start URLs were found to have moved, in at most `most` steps each."""
    found: dict[str, None] = {}
    for seed in seeds:
        url = storable(seed)
        for _ in range(most):
            row = db.execute(_MOVED, [url]).fetchone()
            if row is None or row[0] in found:
                break
            url = str(row[0])
            found[url] = None
    return tuple(found)


def _chain(db: Database, last: str, most: int) -> tuple[str, ...]:
    chain = [last]
    while len(chain) < most and (row := db.execute(_BEFORE, [chain[0]]).fetchone()) and row[0] not in chain:
        chain.insert(0, str(row[0]))
    return tuple(chain)


def last_site_rules(db: Database) -> str:
    """The folder of site rules of the latest run that says whether it had one; empty if it had none."""
    for (text,) in db.execute("SELECT options FROM runs ORDER BY started_at DESC, rowid DESC"):
        options = json.loads(text)
        if "site_rules" in options:
            return str(options["site_rules"] or "")
    return ""
