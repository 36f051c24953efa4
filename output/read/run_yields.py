"""Yields of each host in a run: pages, articles, lengths, how often each rule fired.

A host's pages are divided into parts, so that like is compared with like: `again` are pages whose article the archive
had before, `new` are URLs that were first seen in this run and are no lists, and each pattern of new URLs that has
enough pages is a part of its own. All pages together are `*`; a page that was no article before and is fetched once
more is only there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.cleaners.page.url_shapes import patterns_of

from ..archive.atomic_writes import write_transaction
from ..archive.stored_text import sql_words
from ..archive.url_words import OutcomeReason
from .alarms import MIN_PAGES, find_alarms
from .layout_alarms import find_layout_alarms

ALL_PAGES, KNOWN_PAGES, NEW_PAGES = "*", "again", "new"
BARREN_REASONS = (
    PageType.EMPTY, PageType.WALL, PageType.CAPTCHA, PageType.NEEDS_JAVASCRIPT, PageType.SOFT_404, PageType.ERROR,
    OutcomeReason.CHALLENGED,
)  # fmt: skip

_PAGES_PER_BATCH = 1000
_NO_PAGE_REASONS = (OutcomeReason.REDIRECT, OutcomeReason.SITEMAP, OutcomeReason.FEED)

# Earlier runs that were cut off had no survey: their pages count for the next run that has one.
_SINCE = """SELECT min(started_at) FROM runs WHERE started_at >= coalesce(
    (SELECT max(r.started_at) FROM _yields y JOIN runs r ON r.id = y.run_id WHERE r.id <> :run), '')
    AND id NOT IN (SELECT run_id FROM _yields WHERE run_id <> :run)"""

# A page whose article is kept although its URL shows something else now still has its old capture.
_FETCHED_PAGES = f"""SELECT u.id, u.url, u.host, u.first_seen >= :since, coalesce(a.first_seen, s.first_seen) < :since,
        u.reason IN ('article', 'teaser') AND pc.fetched_at >= :since, u.reason IN {sql_words(BARREN_REASONS)},
        coalesce(p.word_count, 0), coalesce(p.text_digest, ''), coalesce(p.blocks, 0), coalesce(p.removed, 0),
        EXISTS (SELECT 1 FROM duplicates d
            WHERE d.cluster_id IS NOT NULL AND (d.article_id = a.id OR d.duplicate_id = a.id)), u.reason = 'list'
        FROM urls u LEFT JOIN pages p ON p.id = u.id LEFT JOIN articles a ON a.page_id = u.id
        LEFT JOIN _shelved s ON s.page_id = u.id LEFT JOIN captures pc ON pc.id = p.capture_id
        WHERE u.kind = 'page' AND u.state IN ('done', 'failed') AND u.reason NOT IN {sql_words(_NO_PAGE_REASONS)}
        AND (u.state = 'done' OR u.reason = '{OutcomeReason.CHALLENGED}')
        AND u.fetched_at >= :since AND EXISTS (SELECT 1 FROM captures x
        WHERE x.url = u.url AND x.fetched_at >= :since AND x.http_status = 200)"""

_CREATE_SURVEYED = """CREATE TEMP TABLE surveyed (page_id INTEGER NOT NULL, host TEXT NOT NULL, part TEXT NOT NULL,
    article INTEGER NOT NULL, barren INTEGER NOT NULL, words INTEGER NOT NULL, digest TEXT NOT NULL,
    blocks INTEGER NOT NULL, removed INTEGER NOT NULL, clustered INTEGER NOT NULL, PRIMARY KEY (host, part, page_id)
    ) WITHOUT ROWID"""

_COUNTS_BY_PART = f"""SELECT host, part, count(*), sum(article), sum(barren),
        coalesce(round(1.0 * sum(removed * article) / nullif(sum(blocks * article), 0), 4), 0)
    FROM surveyed GROUP BY host, part
    HAVING part IN ('{ALL_PAGES}', '{KNOWN_PAGES}', '{NEW_PAGES}') OR count(*) >= {MIN_PAGES}"""
_COUNT_ALIKE = """SELECT count(*) FROM (
        SELECT clustered, digest, count(*) OVER (PARTITION BY digest) AS copies FROM surveyed
        WHERE host = ? AND part = ? AND article)
    WHERE clustered OR (digest <> '' AND copies > 1)"""
_WORDS_AT_RANK = "SELECT words FROM surveyed WHERE host = ? AND part = ? AND article ORDER BY words LIMIT 1 OFFSET ?"
_INSERT_PAGE = """INSERT INTO surveyed (page_id, host, part, article, barren, words, digest, blocks, removed, clustered)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_YIELD = """INSERT INTO _yields (
        run_id, host, part, pages, articles, barren, alike, words_low, words_median, removed_share, cleaner_version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_ALARM = "INSERT INTO alarms (run_id, at, host, part, what, message) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_RULE_RATES = f"""INSERT INTO _rule_rates (run_id, host, reason_id, pages)
    SELECT :run, host, reason_id, count(*) FROM (
        SELECT DISTINCT s.host AS host, s.page_id AS page_id, b.reason_id AS reason_id
        FROM surveyed s CROSS JOIN _page_blocks b ON b.page_id = s.page_id
        WHERE s.part = '{ALL_PAGES}' AND s.article AND b.kept = 0)
    GROUP BY host, reason_id"""


def survey(db: Database, run_id: int, surveyed_at: str) -> int:
    """Store a run's yields and rule rates, and alarms for what is out of line with the past; returns how many
    alarms.
    """
    since = db.execute(_SINCE, {"run": run_id}).fetchone()[0]
    with write_transaction(db):
        db.execute("DROP TABLE IF EXISTS temp.surveyed")
        db.execute(_CREATE_SURVEYED)
        for table in ("_yields", "_rule_rates", "alarms"):
            db.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
        _gather_pages(db, since)
        db.conn.executemany(_INSERT_YIELD, list(_yield_rows(db, run_id)))
        db.execute(_INSERT_RULE_RATES, {"run": run_id})
        alarms = [*find_alarms(db, run_id), *find_layout_alarms(db, run_id, since)]
        rows = [(run_id, surveyed_at, alarm.host, alarm.part, alarm.what, alarm.message) for alarm in alarms]
        db.conn.executemany(_INSERT_ALARM, rows)
        db.execute("DELETE FROM _earlier_signatures")
        db.execute("DROP TABLE temp.surveyed")
    return len(alarms)


def _gather_pages(db: Database, since: str) -> None:
    """Fill `surveyed` with the pages that were fetched since a time, once for each part that they are in."""
    cursor = db.execute(_FETCHED_PAGES, {"since": since})
    while batch := cursor.fetchmany(_PAGES_PER_BATCH):
        rows = [
            (page_id, host, part, *figures)
            for page_id, url, host, is_new, is_known, *figures, is_list in batch
            for part in _part_names(url, is_new, is_known, is_list)
        ]
        db.conn.executemany(_INSERT_PAGE, rows)


def _part_names(url: str, is_new: bool, is_known: bool, is_list: bool) -> Iterable[str]:
    """Return the parts of its host that a page is in."""
    yield ALL_PAGES
    if is_known:
        yield KNOWN_PAGES
    elif is_new:
        yield patterns_of(url).wide
        if not is_list:
            yield NEW_PAGES


def _yield_rows(db: Database, run_id: int) -> Iterator[tuple[object, ...]]:
    """Yield the rows of `yields` of a run."""
    for host, part, pages, articles, barren, removed_share in db.execute(_COUNTS_BY_PART).fetchall():
        alike = db.execute(_COUNT_ALIKE, [host, part]).fetchone()[0]
        low, median = (_words_at_rank(db, host, part, rank) for rank in (articles // 10, articles // 2))
        yield run_id, host, part, pages, articles, barren, alike, low, median, removed_share, CLEANER_VERSION


def _words_at_rank(db: Database, host: str, part: str, rank: int) -> int:
    """Return the words of the article at a rank, counted from the shortest, which is 0; 0 if there is none."""
    row = db.execute(_WORDS_AT_RANK, [host, part, rank]).fetchone()
    return int(row[0]) if row else 0
