"""What each host gave in a run: pages and articles, their lengths, and how often each rule fired. A few rows a run.

Pages are told apart so that like is compared with like: `again` are pages whose article the archive had before,
`new` are URLs that were first seen in this run and are no lists, and each pattern of new URLs that has enough pages
stands by itself.
A page that was no article before and is fetched once more is in the whole, `*`, only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlite_utils import Database

from cleaners.lineage import CLEANER_VERSION
from cleaners.urls.pattern import patterns_of
from output.db.transaction import writing
from output.report.alarms import raise_alarms
from output.report.drift import LEAST

ALL, AGAIN, NEW = "*", "again", "new"
BARREN = ("empty", "wall", "captcha", "needs_javascript", "soft_404", "error")

_AT_ONCE = 1000
_NO_PAGE = ("redirect", "sitemap", "feed")

# Earlier runs that were cut off had no survey: their pages count for the next one that has.
_SINCE = """SELECT min(started_at) FROM runs WHERE started_at >= coalesce(
    (SELECT max(r.started_at) FROM yields y JOIN runs r ON r.id = y.run_id WHERE r.id <> :run), '')
    AND id NOT IN (SELECT run_id FROM yields WHERE run_id <> :run)"""

# A page whose article is kept although it shows something else now has the capture of then.
_FETCHED = f"""SELECT u.id, u.url, u.host, u.first_seen >= :since, coalesce(a.first_seen, s.first_seen) < :since,
        u.reason IN ('article', 'teaser') AND pc.fetched_at >= :since, u.reason IN {BARREN}, coalesce(p.word_count, 0),
        coalesce(p.text_digest, ''), coalesce(p.blocks, 0), coalesce(p.removed, 0), c.article_id IS NOT NULL,
        u.reason = 'list'
    FROM urls u LEFT JOIN pages p ON p.id = u.id LEFT JOIN articles a ON a.page_id = u.id
        LEFT JOIN shelved s ON s.page_id = u.id LEFT JOIN clusters c ON c.article_id = a.id
        LEFT JOIN captures pc ON pc.id = p.capture_id
    WHERE u.kind = 'page' AND u.state = 'done' AND u.reason NOT IN {_NO_PAGE} AND u.fetched_at >= :since
        AND EXISTS (SELECT 1 FROM captures x WHERE x.url = u.url AND x.fetched_at >= :since AND x.http_status = 200)"""

_TABLE = """CREATE TEMP TABLE surveyed (page_id INTEGER NOT NULL, host TEXT NOT NULL, part TEXT NOT NULL,
    article INTEGER NOT NULL, barren INTEGER NOT NULL, words INTEGER NOT NULL, digest TEXT NOT NULL,
    blocks INTEGER NOT NULL, removed INTEGER NOT NULL, clustered INTEGER NOT NULL, PRIMARY KEY (host, part, page_id)
    ) WITHOUT ROWID"""

_PARTS = f"""SELECT host, part, count(*), sum(article), sum(barren),
        coalesce(round(1.0 * sum(removed * article) / nullif(sum(blocks * article), 0), 4), 0)
    FROM surveyed GROUP BY host, part HAVING part IN ('{ALL}', '{AGAIN}', '{NEW}') OR count(*) >= {LEAST}"""
_ALIKE = """SELECT count(*) FROM (
        SELECT clustered, digest, count(*) OVER (PARTITION BY digest) AS copies FROM surveyed
        WHERE host = ? AND part = ? AND article)
    WHERE clustered OR (digest <> '' AND copies > 1)"""
_WORDS = "SELECT words FROM surveyed WHERE host = ? AND part = ? AND article ORDER BY words LIMIT 1 OFFSET ?"
_PUT_PAGE = """INSERT INTO surveyed (page_id, host, part, article, barren, words, digest, blocks, removed, clustered)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_PUT_YIELD = """INSERT INTO yields (
        run_id, host, part, pages, articles, barren, alike, words_low, words_median, removed_share, cleaner_version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_RULES = f"""INSERT INTO rule_rates (run_id, host, reason_id, pages) SELECT :run, host, reason_id, count(*) FROM (
        SELECT DISTINCT s.host AS host, s.page_id AS page_id, b.reason_id AS reason_id
        FROM surveyed s CROSS JOIN page_blocks b ON b.page_id = s.page_id
        WHERE s.part = '{ALL}' AND s.article AND b.kept = 0)
    GROUP BY host, reason_id"""


def survey(db: Database, run_id: int, at: str) -> int:
    """Store what the run's pages came to, and what in it is out of line with the past; returns how many alarms."""
    since = db.execute(_SINCE, {"run": run_id}).fetchone()[0]
    with writing(db):
        db.execute("DROP TABLE IF EXISTS temp.surveyed")
        db.execute(_TABLE)
        for table in ("yields", "rule_rates", "alarms"):
            db.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
        _gather(db, since)
        db.conn.executemany(_PUT_YIELD, list(_yields(db, run_id)))
        db.execute(_RULES, {"run": run_id})
        alarms = raise_alarms(db, run_id, at)
        db.execute("DROP TABLE temp.surveyed")
    return alarms


def _gather(db: Database, since: str) -> None:
    pages = db.execute(_FETCHED, {"since": since})
    while some := pages.fetchmany(_AT_ONCE):
        rows = [
            (row[0], row[2], part, *row[5:-1]) for row in some for part in _parts_of(row[1], row[3], row[4], row[-1])
        ]
        db.conn.executemany(_PUT_PAGE, rows)


def _parts_of(url: str, new: bool, known: bool, is_list: bool) -> Iterable[str]:
    yield ALL
    if known:
        yield AGAIN
    elif new:
        yield patterns_of(url).wide
        if not is_list:
            yield NEW


def _yields(db: Database, run_id: int) -> Iterator[tuple[object, ...]]:
    for host, part, pages, articles, barren, removed in db.execute(_PARTS).fetchall():
        alike = db.execute(_ALIKE, [host, part]).fetchone()[0]
        low, median = (_words(db, host, part, place) for place in (articles // 10, articles // 2))
        yield run_id, host, part, pages, articles, barren, alike, low, median, removed, CLEANER_VERSION


def _words(db: Database, host: str, part: str, place: int) -> int:
    row = db.execute(_WORDS, [host, part, place]).fetchone()
    return int(row[0]) if row else 0
