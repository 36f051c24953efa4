"""What a resumed crawl needs of earlier runs: their options, an unfinished update, and the redirects they followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

from broadsheet.output.db.stored_values import stored_object
from broadsheet.output.db.text import storable_text
from broadsheet.output.db.url_words import OutcomeReason

# From the few rows that redirect to their targets, so that the queue's length does not matter.
_QUEUED_TARGETS = """SELECT q.url, p.url FROM urls p CROSS JOIN urls q ON q.url = p.location
    WHERE p.location IS NOT NULL AND p.state = 'done' AND q.state = 'queued' AND q.held_at IS NULL ORDER BY p.id DESC"""

_REDIRECTING_URL = "SELECT url FROM urls WHERE location = ? AND state = 'done' ORDER BY id LIMIT 1"

_REDIRECT_TARGET = "SELECT location FROM urls WHERE url = ? AND held_reason = 'redirect' AND location IS NOT NULL"

_QUEUED_SEED = "SELECT host FROM urls WHERE url = ? AND state = 'queued' AND found_via = 'seed'"
_USELESS_SEED = f"""SELECT reason FROM urls
    WHERE url = ? AND (state = 'skipped' AND reason = '{OutcomeReason.FORGOTTEN}'
        OR state = 'failed' AND held_at IS NULL AND location IS NULL)"""

_RUNS_NEWEST_FIRST = "SELECT id, started_at, outcome, reason, options FROM runs ORDER BY started_at DESC, rowid DESC"


def crawl_options(db: Database) -> list[dict[str, Any]]:
    """The options of all crawls into the archive, the earliest first."""
    rows = db.execute("SELECT options, id FROM runs ORDER BY started_at, rowid").fetchall()
    return [options for row in rows if (options := _run_options(*row)).get("seeds")]


def useless_seeds(db: Database, seeds: Iterable[str]) -> dict[str, str]:
    """Of the start URLs, those that failed and never gave anything, and those that were taken down, each with the
    reason."""
    reasons = {seed: db.execute(_USELESS_SEED, [storable_text(seed)]).fetchone() for seed in seeds}
    return {seed: str(row[0]) for seed, row in reasons.items() if row}


def unfinished_update_start(db: Database, revisit: str) -> str:
    """When the first of the latest runs, all unfinished updates with this `revisit`, started; empty if there is none.

    What was fetched since then need not be fetched again.
    """
    started_first_at = ""
    for run_id, started_at, outcome, reason, options in db.execute(_RUNS_NEWEST_FIRST).fetchall():
        is_unfinished = outcome != "finished" or reason in ("max_pages", "max_time")
        if not (revisit and is_unfinished and _run_options(options, run_id).get("revisit") == revisit):
            break
        started_first_at = str(started_at)
    return started_first_at


def redirect_chains(db: Database, max_length: int) -> dict[str, tuple[str, ...]]:
    """For each queued URL that is a redirect's target, the URLs that led there, first to last, at most `max_length`."""
    return {
        url: _redirect_chain(db, redirecting_url, max_length)
        for url, redirecting_url in db.execute(_QUEUED_TARGETS).fetchall()
    }


def moved_seeds(db: Database, seeds: Iterable[str], max_steps: int) -> tuple[str, ...]:
    """The URLs that start URLs are known to redirect to, each followed for at most `max_steps` redirects."""
    targets: dict[str, None] = {}
    for seed in seeds:
        url = storable_text(seed)
        for _ in range(max_steps):
            row = db.execute(_REDIRECT_TARGET, [url]).fetchone()
            if row is None or row[0] in targets:
                break
            url = str(row[0])
            targets[url] = None
    return tuple(targets)


def hosts_of_queued_seeds(db: Database, urls: Iterable[str]) -> set[str]:
    """The hosts of those of the URLs that are queued as start URLs or as what these redirect to."""
    rows = (db.execute(_QUEUED_SEED, [storable_text(url)]).fetchone() for url in urls)
    return {str(row[0]) for row in rows if row}


def _run_options(options: str, run_id: int) -> dict[str, Any]:
    return stored_object(options, "runs", "options", run_id)


def _redirect_chain(db: Database, last_url: str, max_length: int) -> tuple[str, ...]:
    """The URLs that redirect to one another and at last to `last_url`, which is the last of them."""
    chain = [last_url]
    while (
        len(chain) < max_length and (row := db.execute(_REDIRECTING_URL, [chain[0]]).fetchone()) and row[0] not in chain
    ):
        chain.insert(0, str(row[0]))
    return tuple(chain)


def latest_site_rules(db: Database) -> str:
    """The folder of site rules of the latest run whose options have that key; empty if it used none."""
    for row in db.execute("SELECT options, id FROM runs ORDER BY started_at DESC, rowid DESC"):
        options = _run_options(*row)
        if "site_rules" in options:
            return str(options["site_rules"] or "")
    return ""
