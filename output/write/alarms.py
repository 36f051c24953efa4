"""Yields of each host in a run, and alarms where they are out of line with the host's past.

An alarm asks a person to look at the site: its pages are barren or no articles any more, or its articles turn short or
alike. It changes nothing in the archive.

Pages are compared in groups of a host: seen before (`again`), new (`new`: first seen in this run, and no lists), and
new by URL pattern, where a pattern has enough of them. All pages together are `*`, for the record alone.

The shares of a run are compared with the medians of the host's last ten runs by the same cleaner. They must be a fixed
distance apart, and more where few pages were counted, so that noise raises no alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.cleaners.page.url_shapes import patterns_of

from ..archive.atomic_writes import write_transaction
from ..archive.stored_text import SQL_ARTICLE_TYPES, sql_words
from ..archive.url_words import OutcomeReason

MIN_PAGES = 8
"""Pages that a run must have for its shares to say anything."""

MIN_DIFFERENCE = 0.25
"""Shares that differ by less count as the same, however many pages they are of."""

ALL_PAGES, KNOWN_PAGES, NEW_PAGES = "*", "again", "new"
BARREN_REASONS = (
    PageType.EMPTY, PageType.WALL, PageType.CAPTCHA, PageType.NEEDS_JAVASCRIPT, PageType.SOFT_404, PageType.ERROR,
    OutcomeReason.CHALLENGED,
)  # fmt: skip

_PAST_RUNS = 10
_LARGE_DIFFERENCE = 0.4  # of articles among new pages, a share that swings by itself
_SHORT_DIFFERENCE = 0.4  # by which the share of short articles has to have risen
_SHORT_SHARE = 0.1  # `words_low` is the length below which one article in ten was

# The past that is assumed of articles fetched again where there is none: they were articles, and seldom cease to be.
_ASSUMED_PAGES, _ASSUMED_ARTICLE_SHARE, _ASSUMED_BARREN_SHARE = 100, 0.95, 0.05

_YIELD = """y.run_id, y.host, y.part, y.pages, y.articles, y.barren, y.alike, y.words_low, y.words_median,
        y.cleaner_version"""
_YIELDS_OF_RUN = f"SELECT {_YIELD} FROM _yields y WHERE y.run_id = ? AND y.part <> '*' ORDER BY y.host, y.part"
_PAST_YIELDS = f"""SELECT {_YIELD} FROM _yields y JOIN runs r ON r.id = y.run_id
    WHERE y.host = ?1 AND y.part = ?2 AND y.run_id <> ?3 AND y.cleaner_version = ?4 AND y.pages >= {MIN_PAGES}
        AND r.started_at <= (SELECT started_at FROM runs WHERE id = ?3)
    ORDER BY r.started_at DESC LIMIT {_PAST_RUNS}"""
_ALARMED_RUNS = "SELECT DISTINCT run_id FROM alarms WHERE host = ? AND part = ? AND what = ?"
_COUNT_SHORT_ARTICLES = "SELECT count(*) FROM surveyed WHERE host = ? AND part = ? AND article AND words < ?"


@dataclass(frozen=True, slots=True)
class PageShare:
    """A share of pages, 0 to 1, and the number of pages that it is of."""

    share: float
    pages: int


def has_fallen(present: PageShare, past: PageShare, min_difference: float = MIN_DIFFERENCE) -> bool:
    """Return whether a share is so far below its past that chance does not explain it.

    Two standard errors of the difference, at their widest, are added to `min_difference`.

    >>> has_fallen(PageShare(0.25, 40), PageShare(0.97, 40)), has_fallen(PageShare(0.25, 8), PageShare(0.97, 8))
    (True, False)
    """
    if min(present.pages, past.pages) < MIN_PAGES:
        return False
    return past.share - present.share >= min_difference + sqrt(1 / present.pages + 1 / past.pages)


def has_risen(present: PageShare, past: PageShare, min_difference: float = MIN_DIFFERENCE) -> bool:
    """Return whether a share is so far above its past that chance does not explain it."""
    return has_fallen(
        PageShare(1 - present.share, present.pages), PageShare(1 - past.share, past.pages), min_difference
    )


class Alarm(NamedTuple):
    """A change in a part of a host's pages that a person should look at, with the figures as a sentence."""

    host: str
    part: str
    what: str
    message: str


class _Yield(NamedTuple):
    """The yield of a part of a host's pages in a run."""

    run_id: int
    host: str
    part: str
    pages: int
    articles: int
    barren: int
    alike: int
    words_low: int
    words_median: int
    cleaner_version: str


def find_alarms(db: Database, run_id: int) -> Iterator[Alarm]:
    """Compare a run's yields with the past. Needs the temporary table `surveyed` with the run's pages."""
    for row in db.execute(_YIELDS_OF_RUN, [run_id]).fetchall():
        yield from _part_alarms(db, _Yield(*row))


def _part_alarms(db: Database, present: _Yield) -> Iterator[Alarm]:
    """Yield alarms of a part of a host's pages: more pages with nothing to read, fewer articles, other texts."""
    past = _past_yields(db, present, present.part)
    past_barren = _median_share((run.barren, run.pages) for run in _without_alarm(db, past, present, "barren"))
    past_articles = _median_share((run.articles, run.pages) for run in _without_alarm(db, past, present, "yield"))
    if present.part == KNOWN_PAGES:
        past_barren = past_barren or PageShare(_ASSUMED_BARREN_SHARE, _ASSUMED_PAGES)
        past_articles = past_articles or PageShare(_ASSUMED_ARTICLE_SHARE, _ASSUMED_PAGES)
        past = past or _past_yields(db, present, ALL_PAGES)
    label = _part_label(present.part)
    article_difference = _LARGE_DIFFERENCE if present.part == NEW_PAGES else MIN_DIFFERENCE
    if past_barren and has_risen(_share(present.barren, present.pages), past_barren):
        figures = f"{_counts(present.barren, present.pages)} {label} have nothing to read"
        yield Alarm(present.host, present.part, "barren", f"{figures}; before {_percent(past_barren)}")
    elif past_articles and has_fallen(_share(present.articles, present.pages), past_articles, article_difference):
        figures = f"{_counts(present.articles, present.pages)} {label} are articles"
        yield Alarm(present.host, present.part, "yield", f"{figures}; before {_percent(past_articles)}")
    if present.part != NEW_PAGES:
        yield from _text_alarms(db, present, past)


def _text_alarms(db: Database, present: _Yield, past: Sequence[_Yield]) -> Iterator[Alarm]:
    """Yield alarms of the texts of a part's articles: more are alike, or shorter."""
    label = _part_label(present.part)
    past_alike = _median_share((run.alike, run.articles) for run in _without_alarm(db, past, present, "alike"))
    if past_alike and has_risen(_share(present.alike, present.articles), past_alike):
        figures = f"{_counts(present.alike, present.articles)} articles of {label} are alike"
        yield Alarm(present.host, present.part, "alike", f"{figures}; before {_percent(past_alike)}")
    past_runs = [run for run in _without_alarm(db, past, present, "short") if run.articles >= MIN_PAGES]
    if not past_runs:
        return
    low, middle = round(median(run.words_low for run in past_runs)), median(run.words_median for run in past_runs)
    short_count = db.execute(_COUNT_SHORT_ARTICLES, [present.host, present.part, low]).fetchone()[0]
    past_short = PageShare(_SHORT_SHARE, sum(run.articles for run in past_runs))
    if has_risen(_share(short_count, present.articles), past_short, _SHORT_DIFFERENCE):
        message = f"articles of {label} have {present.words_median} words in the median; before {middle:g}"
        yield Alarm(present.host, present.part, "short", message)


def _past_yields(db: Database, present: _Yield, part: str) -> list[_Yield]:
    """Return a part of the same host in earlier runs with the same cleaner, the latest first."""
    keys = [present.host, part, present.run_id, present.cleaner_version]
    return [_Yield(*row) for row in db.execute(_PAST_YIELDS, keys)]


def _without_alarm(db: Database, past: Sequence[_Yield], present: _Yield, what: str) -> list[_Yield]:
    """Return the earlier runs without the same alarm: until a fault is mended, it raises the alarm in each run."""
    alarmed_runs = {run_id for (run_id,) in db.execute(_ALARMED_RUNS, [present.host, present.part, what])}
    return [run for run in past if run.run_id not in alarmed_runs]


def _share(hits: int, pages: int) -> PageShare:
    return PageShare(hits / pages if pages else 0.0, pages)


def _median_share(counts: Iterable[tuple[int, int]]) -> PageShare | None:
    """Return the median share over the runs with enough pages, and the sum of their pages; None without such a run."""
    counted = [(hits, pages) for hits, pages in counts if pages >= MIN_PAGES]
    if not counted:
        return None
    return PageShare(median(hits / pages for hits, pages in counted), sum(pages for _, pages in counted))


def _part_label(part: str) -> str:
    labels = {KNOWN_PAGES: "pages known as articles", NEW_PAGES: "new pages"}
    return labels.get(part, f"new pages like {part}")


def _counts(hits: int, pages: int) -> str:
    return f"{hits:,} of {pages:,}"


def _percent(past: PageShare) -> str:
    return f"{past.share:.0%}"


_PAGES_PER_BATCH = 1000
_NO_PAGE_REASONS = (OutcomeReason.REDIRECT, OutcomeReason.SITEMAP, OutcomeReason.FEED)

# Earlier runs that were cut off had no survey: their pages count for the next run that has one.
_SINCE = """SELECT min(started_at) FROM runs WHERE started_at >= coalesce(
    (SELECT max(r.started_at) FROM _yields y JOIN runs r ON r.id = y.run_id WHERE r.id <> :run), '')
    AND id NOT IN (SELECT run_id FROM _yields WHERE run_id <> :run)"""

# A page whose article is kept although its URL shows something else now still has its old capture.
_FETCHED_PAGES = f"""SELECT u.id, u.url, u.host, u.first_seen >= :since, coalesce(a.first_seen, s.first_seen) < :since,
        u.reason IN {SQL_ARTICLE_TYPES} AND pc.fetched_at >= :since, u.reason IN {sql_words(BARREN_REASONS)},
        coalesce(p.word_count, 0), coalesce(p.text_digest, ''), coalesce(p.blocks, 0), coalesce(p.removed, 0),
        u.reason = 'list'
        FROM urls u LEFT JOIN pages p ON p.id = u.id LEFT JOIN articles a ON a.page_id = u.id
        LEFT JOIN shelved s ON s.page_id = u.id LEFT JOIN captures pc ON pc.id = p.capture_id
        WHERE u.kind = 'page' AND u.state IN ('done', 'failed') AND u.reason NOT IN {sql_words(_NO_PAGE_REASONS)}
        AND (u.state = 'done' OR u.reason = '{OutcomeReason.CHALLENGED}')
        AND u.fetched_at >= :since AND EXISTS (SELECT 1 FROM captures x
        WHERE x.url = u.url AND x.fetched_at >= :since AND x.http_status = 200)"""

_CREATE_SURVEYED = """CREATE TEMP TABLE surveyed (page_id INTEGER NOT NULL, host TEXT NOT NULL, part TEXT NOT NULL,
    article INTEGER NOT NULL, barren INTEGER NOT NULL, words INTEGER NOT NULL, digest TEXT NOT NULL,
    blocks INTEGER NOT NULL, removed INTEGER NOT NULL, PRIMARY KEY (host, part, page_id)
    ) WITHOUT ROWID"""

_COUNTS_BY_PART = f"""SELECT host, part, count(*), sum(article), sum(barren),
        coalesce(round(1.0 * sum(removed * article) / nullif(sum(blocks * article), 0), 4), 0)
    FROM surveyed GROUP BY host, part
    HAVING part IN ('{ALL_PAGES}', '{KNOWN_PAGES}', '{NEW_PAGES}') OR count(*) >= {MIN_PAGES}"""
_COUNT_ALIKE = """SELECT count(*) FROM (
        SELECT digest, count(*) OVER (PARTITION BY digest) AS copies FROM surveyed
        WHERE host = ? AND part = ? AND article)
    WHERE digest <> '' AND copies > 1"""
_WORDS_AT_RANK = "SELECT words FROM surveyed WHERE host = ? AND part = ? AND article ORDER BY words LIMIT 1 OFFSET ?"
_INSERT_PAGE = """INSERT INTO surveyed (page_id, host, part, article, barren, words, digest, blocks, removed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_YIELD = """INSERT INTO _yields (
        run_id, host, part, pages, articles, barren, alike, words_low, words_median, removed_share, cleaner_version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_ALARM = "INSERT INTO alarms (run_id, at, host, part, what, message) VALUES (?, ?, ?, ?, ?, ?)"


def survey(db: Database, run_id: int, surveyed_at: str) -> int:
    """Store a run's yields, and alarms for what is out of line with the past; returns how many alarms."""
    since = db.execute(_SINCE, {"run": run_id}).fetchone()[0]
    with write_transaction(db):
        db.execute("DROP TABLE IF EXISTS temp.surveyed")
        db.execute(_CREATE_SURVEYED)
        for table in ("_yields", "alarms"):
            db.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
        _gather_pages(db, since)
        db.conn.executemany(_INSERT_YIELD, list(_yield_rows(db, run_id)))
        alarms = list(find_alarms(db, run_id))
        rows = [(run_id, surveyed_at, alarm.host, alarm.part, alarm.what, alarm.message) for alarm in alarms]
        db.conn.executemany(_INSERT_ALARM, rows)
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
    """Return the words of the article at a rank, 0 for the shortest; 0 without such an article."""
    row = db.execute(_WORDS_AT_RANK, [host, part, rank]).fetchone()
    return int(row[0]) if row else 0
