"""What one run of a site came to, read from its archive: also where the run was killed and could say nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from broadsheet.crawler.fleet.site_task import SiteCounts
from broadsheet.output.db.errors import ArchiveError
from broadsheet.output.db.open import open_database

_COUNTS = """SELECT
    (SELECT count(*) FROM articles a WHERE EXISTS
        (SELECT 1 FROM changes c WHERE c.article_id = a.id AND c.change = 'added' AND c.at >= :since)),
    (SELECT count(DISTINCT article_id) FROM changes WHERE at >= :since AND kind NOT IN ('', 'withdrawn', 'returned')),
    (SELECT count(DISTINCT article_id) FROM changes WHERE at >= :since AND kind = 'withdrawn'),
    (SELECT count(*) FROM alarms WHERE at >= :since),
    (SELECT count(*) FROM urls WHERE state = 'failed' AND fetched_at >= :since),
    (SELECT count(*) FROM urls WHERE state = 'done' AND kind = 'page' AND fetched_at >= :since),
    (SELECT count(*) FROM articles)"""


def site_counts(archive: Path, since: str) -> SiteCounts:
    """The counts of what an archive stored from a time on (UTC, ISO 8601); zeros if it cannot be read."""
    try:
        with closing(open_database(archive, read_only=True)) as db:
            return SiteCounts(*map(int, db.execute(_COUNTS, {"since": since}).fetchone()))
    except (ArchiveError, sqlite3.Error):
        return SiteCounts()


def page_count(archive: Path) -> int:
    """How many URLs of an archive have been asked for, as a running crawl knows it; quick, for a progress line."""
    try:
        with closing(open_database(archive, read_only=True)) as db:
            query = "SELECT coalesce(sum(urls), 0) FROM url_counts WHERE state IN ('done', 'failed')"
            return int(db.execute(query).fetchone()[0])
    except (ArchiveError, sqlite3.Error):
        return 0
