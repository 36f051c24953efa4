"""Counts of the blocks that were removed from a host's articles: a fact of the file for each host, in `meta`.

Settling counts the hosts where something has changed, so that a report adds counts up and reads no ledger; the counts
of each page stay beside its scan, so that only pages that changed are counted. A host has no fact from when a verdict
on one of its blocks changes until its archive is settled, and the fact says nothing while one of its pages is in
`_unsettled`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..archive.stored_values import STORE_FACT, decoding, json_object

if TYPE_CHECKING:
    from sqlite_utils import Database

_KEY = "removed in "
# Words are counted by their spaces here: exact enough for a sum, and SQLite does it without leaving C. They are counted
# once for each text that a rule removed, which may stand on all pages; LIMIT keeps SQLite from carrying whole texts
# into the sums.
_COUNTS = """SELECT w.reason_id, sum(w.blocks), sum(w.words) FROM (
        SELECT c.reason_id AS reason_id, c.blocks AS blocks,
            c.blocks * (length(t.text) - length(replace(replace(t.text, ' ', ''), char(10), '')) + 1) AS words
        FROM (SELECT b.reason_id AS reason_id, b.block_id AS block_id, count(*) AS blocks
                FROM urls u CROSS JOIN articles a ON a.page_id = u.id CROSS JOIN _page_blocks b ON b.page_id = u.id
                WHERE u.host = ? AND b.kept = 0 GROUP BY b.block_id, b.reason_id) c
            CROSS JOIN _block_texts t ON t.id = c.block_id LIMIT -1) w
    GROUP BY w.reason_id ORDER BY w.reason_id"""
# The same by page, for those that are not counted yet; and the sum, NULL if an article's page has no count.
_COUNT_PAGES = """UPDATE _scans SET removed = (
        SELECT json_group_object(w.reason_id, json_array(w.blocks, w.words)) FROM (
        SELECT b.reason_id, count(*) AS blocks, sum(
            length(t.text) - length(replace(replace(t.text, ' ', ''), char(10), '')) + 1) AS words
        FROM _page_blocks b CROSS JOIN _block_texts t ON t.id = b.block_id
        WHERE b.page_id = _scans.page_id AND b.kept = 0 GROUP BY b.reason_id) w)
    WHERE NOT coalesce(json_valid(removed), 0) AND page_id IN (
        SELECT s.page_id FROM urls u CROSS JOIN _scans s ON s.page_id = u.id WHERE u.host = ?)"""
_IS_UNCOUNTED = """SELECT 1 FROM urls u CROSS JOIN articles a ON a.page_id = u.id
        LEFT JOIN _scans s ON s.page_id = u.id
    WHERE u.host = ? AND s.removed IS NULL LIMIT 1"""
_SUM_PAGES = """SELECT CAST(j.key AS INTEGER) AS reason_id, sum(j.value ->> 0), sum(j.value ->> 1)
    FROM urls u CROSS JOIN articles a ON a.page_id = u.id CROSS JOIN _scans s ON s.page_id = u.id
        CROSS JOIN json_each(s.removed) j
    WHERE u.host = ? GROUP BY 1 ORDER BY 1"""
_FORGET_PAGE = "UPDATE _scans SET removed = NULL WHERE page_id = ? AND removed IS NOT NULL"
_READ = f"SELECT value FROM meta WHERE key = '{_KEY}' || ?"
_DROP = f"DELETE FROM meta WHERE key = '{_KEY}' || (SELECT host FROM urls WHERE id = ?)"

RemovedByReason = Mapping[int, tuple[int, int]]
"""The number of blocks, and of their words, by the number of the reason."""


def count_removed(db: Database, host: str) -> RemovedByReason:
    """Count the removed blocks of a host's articles in its ledgers."""
    return _summed(db.execute(_COUNTS, [host]))


def _summed(rows: Iterable[tuple[int, int, int]]) -> RemovedByReason:
    return {reason_id: (blocks, words) for reason_id, blocks, words in rows}


def stored_counts(db: Database, host: str) -> RemovedByReason | None:
    """Return the counts that settling stored for a host; None without any."""
    if (row := db.execute(_READ, [host]).fetchone()) is None:
        return None
    with decoding("meta", "value", f"{_KEY}{host}"):
        return {int(reason_id): (blocks, words) for reason_id, (blocks, words) in json_object(row[0]).items()}


def store_counts(db: Database, hosts: Iterable[str]) -> None:
    """Count the removed blocks of these hosts. Runs in the transaction that settles the archive."""
    for host in hosts:
        db.execute(_COUNT_PAGES, [host])
        is_uncounted = db.execute(_IS_UNCOUNTED, [host]).fetchone()
        counts = count_removed(db, host) if is_uncounted else _summed(db.execute(_SUM_PAGES, [host]))
        db.execute(STORE_FACT, [f"{_KEY}{host}", json.dumps(counts)])


def drop_counts(db: Database, page_id: int) -> None:
    """Forget the count of a page's host: a verdict on one of its blocks has changed."""
    db.execute(_DROP, [page_id])
    db.execute(_FORGET_PAGE, [page_id])
