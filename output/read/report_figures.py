"""The figures of an archive or one host: URLs by outcome, coverage, removals, runs, changes.

`gather_totals` gives the few that the end of a crawl shows, `gather_report` all of them;
`broadsheet.output.read.report_text` formats them.

For one host, temporary views stand before the tables of the same names, so every query counts that host's rows without
knowing of it. The views are in the connection alone, which may be read-only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import COMPARED_KINDS
from broadsheet.cleaners.judge.certainty import FAIR_F1, HIGH_F1, Certainty
from broadsheet.cleaners.page.url_shapes import folder_of
from broadsheet.cleaners.site.plausibility import SiteFigures, count_folders, implausible_facts

from ..archive.article_filter import host_condition
from ..archive.stored_text import SQL_ARTICLE_TYPES, sql_words
from ..archive.stored_values import json_object, stored_texts
from ..archive.table_columns import quoted_name, table_columns
from ..archive.url_words import PAGE_REASONS, OutcomeReason, UrlCount, count_pages, counts_of_run
from ..write.removed_counts import count_removed
from .coverage import Coverage, measure_coverage

_HOST_TABLES = ("urls", "articles", "shelved", "_yields", "alarms", "_layouts", "_rendered_layouts")
_EMPTY_TABLES = ("_outside_hosts",)  # links are counted for the whole archive


@contextmanager
def host_scope(db: Database, host: str) -> Iterator[None]:
    """Restrict the connection to one host, or to a domain's hosts, while the context is open; no restriction if `host`
    is empty.
    """
    conditions = _conditions(host) if host else {}
    try:
        for table, condition in conditions.items():
            columns = ", ".join(quoted_name(column.name) for column in table_columns(db, table))
            db.execute(f"CREATE TEMP VIEW {table} AS SELECT {columns} FROM main.{table} WHERE {condition}")
        yield
    finally:
        for table in conditions:
            db.execute(f"DROP VIEW IF EXISTS temp.{table}")


def known_hosts(db: Database, host: str) -> list[str]:
    """List the hosts that a host or domain name covers, those with most URLs first; all hosts if it is empty."""
    condition = host_condition(host)
    rows = db.execute(f"SELECT host FROM urls WHERE {condition} GROUP BY host ORDER BY count(*) DESC, host").fetchall()
    return [str(name) for (name,) in rows]


def _conditions(host: str) -> dict[str, str]:
    own = host_condition(host)
    return {**dict.fromkeys(_HOST_TABLES, own), **dict.fromkeys(_EMPTY_TABLES, "false")}


_URL_COUNTS = "SELECT kind, state, {reason}, count(*) FROM urls {bound} GROUP BY 1, 2, 3 ORDER BY kind, 4 DESC, 2, 3"
_REASON_OF_RUN = f"CASE WHEN state = 'done' AND http_status = 304 THEN '{OutcomeReason.NOT_MODIFIED}' ELSE reason END"

_DISCOVERY_COUNTS = f"""SELECT u.found_via, count(*), sum(u.state = 'done' AND u.reason IN {sql_words(PAGE_REASONS)}),
        sum(a.id IS NOT NULL)
    FROM urls u LEFT JOIN articles a ON a.page_id = u.id
    WHERE u.kind = 'page' GROUP BY u.found_via ORDER BY 2 DESC, 1"""

_RUNS = """SELECT started_at, coalesce(finished_at, ''), command, coalesce(outcome, 'running'), coalesce(reason, ''),
        CASE WHEN json_valid(counts) THEN counts ELSE '{}' END
    FROM runs ORDER BY started_at, id"""

_SHELVED_COUNTS = "SELECT why, count(*) FROM shelved GROUP BY why ORDER BY why"
_OUTSIDE_HOSTS = "SELECT host, links FROM _outside_hosts ORDER BY links DESC, host"

# An article is withdrawn as long as its latest revision says so. Those that a person took out need no attention.
_WITHDRAWALS = """SELECT r.seen_at, u.state, u.reason, coalesce(a.url, s.url), coalesce(a.title, s.title)
    FROM revisions r LEFT JOIN articles a ON a.id = r.article_id LEFT JOIN shelved s ON s.id = r.article_id
        JOIN urls u ON u.id = coalesce(a.page_id, s.page_id)
    WHERE r.change = 'withdrawn' AND r.note IS NOT 'withdrawn'
        AND NOT EXISTS (SELECT 1 FROM revisions o WHERE o.article_id = r.article_id
            AND (o.seen_at, o.rowid) > (r.seen_at, r.rowid))
    ORDER BY r.seen_at DESC, 4"""

_MIN_LAYOUT_PAGES = 3
_LAYOUTS = f"""SELECT l.host, l.pages, l.articles, coalesce(nullif(l.kind, ''), 'mixed'), l.evidence, min(u.url)
    FROM _layouts l JOIN pages p ON p.layout_id = l.id JOIN urls u ON u.id = p.id
    WHERE l.pages >= {_MIN_LAYOUT_PAGES} GROUP BY l.id ORDER BY l.pages DESC, l.host, l.id"""

_RENDERED_LAYOUTS = """SELECT host, decision, rendered, gained, words_before, words_after, requests,
        milliseconds / 1000.0
    FROM _rendered_layouts ORDER BY rendered DESC, host, signature"""

_MAX_UNCERTAIN = 100
_UNCERTAIN = f"""SELECT p.certainty, a.title, a.url FROM articles a JOIN pages p ON p.id = a.page_id
    WHERE p.certainty < {HIGH_F1} ORDER BY p.certainty, a.url LIMIT {_MAX_UNCERTAIN}"""
_CERTAINTIES = f"""SELECT CASE WHEN p.certainty >= {HIGH_F1} THEN '{Certainty.HIGH}'
            WHEN p.certainty >= {FAIR_F1} THEN '{Certainty.FAIR}' ELSE '{Certainty.LOW}' END, count(*)
    FROM articles a JOIN pages p ON p.id = a.page_id WHERE p.certainty IS NOT NULL
    GROUP BY 1 ORDER BY min(p.certainty) DESC"""

_LATEST_START = "(SELECT coalesce(max(started_at), '') FROM runs)"
_ALARMS = """SELECT a.at, a.host, a.part, a.what, a.message FROM alarms a JOIN runs r ON r.id = a.run_id
    ORDER BY r.started_at DESC, a.host, a.part, a.what"""

_EDITS = f"""SELECT c.kind, count(*), count(*) FILTER (WHERE c.at >= {_LATEST_START}) FROM changes c
        JOIN (SELECT id FROM articles UNION SELECT id FROM shelved) a ON a.id = c.article_id
    WHERE c.kind IN {sql_words(COMPARED_KINDS)} GROUP BY c.kind ORDER BY 2 DESC, 1"""

_YIELDS = """SELECT y.host, r.started_at, y.part, y.pages, y.articles, y.barren, y.alike, y.words_median,
        y.removed_share
    FROM _yields y JOIN runs r ON r.id = y.run_id ORDER BY y.host, r.started_at DESC, y.part"""


_LARGEST_HOSTS = "SELECT host FROM articles GROUP BY host ORDER BY count(*) DESC, host LIMIT 5"
_FIELDS = "SELECT title, authors, published_day, language FROM articles WHERE host = ?"
_PAGE_KINDS = f"""SELECT u.url, p.page_type IN {SQL_ARTICLE_TYPES} FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.page_type <> 'list'"""
# Texts that several pages keep, by the articles that keep and that lost them.
_SPLIT_LINES = """SELECT t.text, sum(b.kept), sum(1 - b.kept) FROM _common_texts c
        CROSS JOIN _page_blocks b ON b.block_id = c.block_id CROSS JOIN articles a ON a.page_id = b.page_id
        CROSS JOIN _block_texts t ON t.id = c.block_id
    WHERE a.host = ? AND c.asked & 16 GROUP BY c.block_id HAVING min(sum(b.kept), sum(1 - b.kept)) >= 3"""


class RemovedCount(NamedTuple):
    """The number of blocks, and of their words, that a rule removed from the articles' pages for a reason."""

    reason: str
    rule: str
    blocks: int
    words: int


class HostCount(NamedTuple):
    """The number of links out of the crawl's scope that go to a host."""

    host: str
    links: int


class DiscoveryCount(NamedTuple):
    """Page URLs first found in one way: their number, how many were fetched, and how many gave an article."""

    found_via: str
    found: int
    captured: int
    articles: int


class Withdrawal(NamedTuple):
    """An article that its site withdrew: since when, and what its URL gives now. The archive keeps the article."""

    seen_at: str
    state: str
    reason: str
    url: str
    title: str


class LayoutLine(NamedTuple):
    """Pages of a host with the same layout: their number, the articles among them, type, reason, and an example."""

    host: str
    pages: int
    articles: int
    kind: str
    evidence: str
    example: str


class RenderedLayoutLine(NamedTuple):
    """Pages of a layout that a browser rendered: the decision on the rest, how many showed more, and sums over them."""

    host: str
    decision: str
    rendered: int
    gained: int
    words_before: int
    words_after: int
    requests: int
    seconds: float


class CertaintyCount(NamedTuple):
    """The number of articles whose text is of a certainty: high, fair or low."""

    certainty: str
    articles: int


class UncertainArticle(NamedTuple):
    """An article without high certainty, and the estimated accuracy of its text (word F1, 0 to 1)."""

    certainty: float
    title: str
    url: str


class AlarmLine(NamedTuple):
    """An alarm of a run: what is out of line with a host's past; `part` and `what` as in table `alarms`."""

    at: str
    host: str
    part: str
    what: str
    message: str


class Yield(NamedTuple):
    """The yield of a part of a host's pages in one run, as `yields` of the report in JSON has it."""

    host: str
    started_at: str
    part: str
    pages: int
    article_pages: int
    barren: int
    alike: int
    words_median: int
    removed_share: float


class RunLine(NamedTuple):
    """One run: its time, command, end, and pages, with the number on which trafilatura was asked."""

    started_at: str
    finished_at: str
    command: str
    outcome: str
    reason: str
    pages: int
    asked: int


class EditCount(NamedTuple):
    """The number of edits of a kind that a publication made, and how many of them the last run found."""

    kind: str
    edits: int
    of_last_run: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals that the end of a crawl shows; `shelved` counts duplicates and lists taken out."""

    articles: int
    shelved: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Report(Totals):
    """Everything that `broadsheet report` shows, but for its judgement; `alarms` are those of all runs, the latest
    first.
    """

    removed: tuple[RemovedCount, ...]
    alarms: tuple[AlarmLine, ...]
    urls: tuple[UrlCount, ...]
    coverage: tuple[Coverage, ...]
    found_by: tuple[DiscoveryCount, ...]
    outside: tuple[HostCount, ...]
    withdrawals: tuple[Withdrawal, ...]
    layouts: tuple[LayoutLine, ...]
    rendered_layouts: tuple[RenderedLayoutLine, ...]
    certainty: tuple[CertaintyCount, ...]
    uncertain: tuple[UncertainArticle, ...]
    yields: tuple[Yield, ...]
    runs: tuple[RunLine, ...]
    edits: tuple[EditCount, ...]
    implausible: tuple[str, ...]


_Row = TypeVar("_Row")


def gather_totals(db: Database) -> Totals:
    """Gather what the end of a crawl shows; a read-only connection is enough."""
    return Totals(_count_articles(db), tuple(db.execute(_SHELVED_COUNTS)))


def gather_report(db: Database, host: str = "") -> Report:
    """Gather the report from an archive, or on one host of it; a read-only connection is enough."""
    with host_scope(db, host):
        return _gather_all(db)


def _gather_all(db: Database) -> Report:
    return Report(
        articles=_count_articles(db),
        shelved=tuple(db.execute(_SHELVED_COUNTS)),
        removed=read_removed(db),
        alarms=_read_rows(db, AlarmLine, _ALARMS),
        urls=read_urls(db),
        coverage=measure_coverage(db),
        found_by=_read_rows(db, DiscoveryCount, _DISCOVERY_COUNTS),
        outside=_read_rows(db, HostCount, _OUTSIDE_HOSTS),
        withdrawals=read_withdrawals(db),
        layouts=_read_rows(db, LayoutLine, _LAYOUTS),
        rendered_layouts=_read_rows(db, RenderedLayoutLine, _RENDERED_LAYOUTS),
        certainty=_read_rows(db, CertaintyCount, _CERTAINTIES),
        uncertain=_read_rows(db, UncertainArticle, _UNCERTAIN),
        yields=read_yields(db),
        runs=read_runs(db),
        edits=read_edits(db),
        implausible=tuple(read_implausible(db)),
    )


def read_implausible(db: Database) -> Iterator[str]:
    """Yield unusual facts about the hosts with the most articles."""
    for (host,) in db.execute(_LARGEST_HOSTS).fetchall():
        values: dict[str, Counter[str]] = defaultdict(Counter)
        titles = []
        for title, authors, day, language in db.execute(_FIELDS, [host]):
            titles.append(title)
            values["title"][title] += 1
            values["authors"][", ".join(stored_texts(authors, "articles", "authors", host))] += 1
            values["day"][day or ""] += 1
            values["language"][language or ""] += 1
        pages = ((folder_of(url), bool(is_article)) for url, is_article in db.execute(_PAGE_KINDS, [host]))
        lines = db.execute(_SPLIT_LINES, [host]).fetchall()
        yield from implausible_facts(SiteFigures(host, len(titles), values, titles, lines, count_folders(pages)))


def read_removed(db: Database) -> tuple[RemovedCount, ...]:
    """Return the removed blocks of each host, from settling's counts; hosts that changed since are counted anew."""
    from ..settle.unsettled import settled_removed_counts  # a crawl's start has no use for settling

    blocks, words = Counter[int](), Counter[int]()
    for host, counts in settled_removed_counts(db):
        for reason_id, (block_count, word_count) in (count_removed(db, host) if counts is None else counts).items():
            blocks[reason_id] += block_count
            words[reason_id] += word_count
    reasons = db.execute("SELECT id, reason, rule FROM _reasons").fetchall()
    removed = (RemovedCount(reason, rule, blocks[number], words[number]) for number, reason, rule in reasons)
    counted = (count for count in removed if count.blocks)
    return tuple(sorted(counted, key=lambda count: (-count.blocks, count.reason, count.rule)))


def read_urls(db: Database, since: str = "") -> tuple[UrlCount, ...]:
    """Count the URLs by kind, state and reason: all, or those that were asked for since a time (UTC, ISO 8601)."""
    reason, bound = (_REASON_OF_RUN, "WHERE fetched_at >= :since") if since else ("reason", "")
    rows = db.execute(_URL_COUNTS.format(reason=reason, bound=bound), {"since": since})
    return tuple(UrlCount(*row) for row in rows)


def read_edits(db: Database) -> tuple[EditCount, ...]:
    """Count the edits that publications made. Withdrawals and returns do not count as edits."""
    return _read_rows(db, EditCount, _EDITS)


def read_withdrawals(db: Database) -> tuple[Withdrawal, ...]:
    """Read the withdrawn articles, the latest first."""
    return _read_rows(db, Withdrawal, _WITHDRAWALS)


def read_yields(db: Database) -> tuple[Yield, ...]:
    """Read the yield of each part of each host in each run, the latest run of a host first."""
    return _read_rows(db, Yield, _YIELDS)


def read_runs(db: Database) -> tuple[RunLine, ...]:
    """Read all runs, the earliest first."""
    return tuple(_run_line(*row) for row in db.execute(_RUNS))


def _run_line(started_at: str, finished_at: str, command: str, *end: str) -> RunLine:
    outcome, reason, counts_text = end
    counts = json_object(counts_text)
    pages, asked = count_pages(counts_of_run(counts)), counts.get("extractor/asked", 0)
    return RunLine(started_at, finished_at, command, outcome, reason, pages, asked)


def _count_articles(db: Database) -> int:
    return int(db.execute("SELECT count(*) FROM articles").fetchone()[0])


def _read_rows(db: Database, row_type: Callable[..., _Row], query: str) -> tuple[_Row, ...]:
    """Read the rows of a query, each as a value of a type whose fields are the query's columns in order."""
    return tuple(row_type(*row) for row in db.execute(query))
