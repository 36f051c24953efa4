"""The report of an archive as a page: what needs a look, coverage, what was removed, the runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from sqlite_utils import Database

from ..archive.stored_values import utc_now
from ..read import judgement
from ..read.archive_facts import ArchiveFacts
from ..read.judgement import LookKind, judge
from ..read.report_figures import RemovedCount, read_runs, read_yields
from .article_list import FACETS, CubeRow
from .url_pages import SourceCoverage, source_coverage

_MOST_RUNS = 40

_DAYS = """SELECT coalesce((SELECT min(published_day) FROM articles), ''),
    coalesce((SELECT max(published_day) FROM articles), '')"""
_URLS = "SELECT state, urls FROM _url_counts WHERE urls > 0 ORDER BY urls DESC, state"
_ALARMS_BY_RUN = "SELECT r.started_at, count(*) FROM alarms a JOIN runs r ON r.id = a.run_id GROUP BY r.id"
_HAS_CERTAINTY = "SELECT EXISTS (SELECT 1 FROM pages WHERE certainty IS NOT NULL)"


class ArchiveTotals(NamedTuple):
    """The figures that stand first; days are empty where no article states one, which `undated` counts."""

    articles: int
    hosts: int
    languages: int
    first_day: str
    last_day: str
    undated: int
    urls: tuple[tuple[str, int], ...]


class ReasonLine(NamedTuple):
    """A reason for removal: blocks, their words, and the width of its bar, of 100."""

    reason: str
    blocks: int
    words: int
    width: float


class RunYield(NamedTuple):
    """The pages that a run fetched, those of them that read as articles, and the number of its alarms."""

    started_at: str
    outcome: str
    reason: str
    pages: int
    articles: int
    alarms: int


class LookExample(NamedTuple):
    """An article that a look is about: its title, and the path of its page."""

    title: str
    path: str


class ReportLook(NamedTuple):
    """A finding about the archive: its kind, the sentence, advice, the path of the page that shows it, and
    whether it is more than good to know. The path is empty where no page does. `examples` are some of the articles.
    """

    kind: str
    text: str
    hint: str
    path: str
    needs_look: bool
    examples: tuple[LookExample, ...] = ()


class ArchiveFigures(NamedTuple):
    """The figures that need a pass over all articles, counted once for each state of the archive."""

    totals: ArchiveTotals
    has_certainty: bool


class ReportWords(NamedTuple):
    """Sentences on an archive: how complete it is (empty while that is being counted), and what is unusual about it."""

    completeness: str = ""
    implausible: tuple[str, ...] = ()


class ReportPage(NamedTuple):
    """The report of an archive.

    `coverage` and `reasons` are None, and `looks` empty, while they are being counted. `has_certainty` says whether it
    is known of some article how certain its text is.
    """

    totals: ArchiveTotals
    reasons: tuple[ReasonLine, ...] | None
    coverage: tuple[SourceCoverage, ...] | None
    runs: tuple[RunYield, ...]
    looks: tuple[ReportLook, ...]
    calm: str
    has_certainty: bool
    told: ReportWords


def count_figures(db: Database, cube: Sequence[CubeRow]) -> ArchiveFigures:
    """Count the figures over all articles; `cube` has the articles counted by their facets."""
    hosts, languages = ({row[FACETS.index(name)] for row in cube} - {""} for name in ("host", "language"))
    urls = tuple(db.execute(_URLS).fetchall())
    first_day, last_day = db.execute(_DAYS).fetchone()
    undated = sum(row[-1] for row in cube if not row[FACETS.index("year")])
    counts = (sum(row[-1] for row in cube), len(hosts), len(languages))
    totals = ArchiveTotals(*counts, first_day, last_day, undated, urls)
    return ArchiveFigures(totals, bool(db.execute(_HAS_CERTAINTY).fetchone()[0]))


def read_report(
    db: Database,
    figures: ArchiveFigures,
    facts: ArchiveFacts | None,
    removed: Sequence[RemovedCount] | None,
    told: ReportWords,
) -> ReportPage:
    """Read the report; `facts` is what the archive is judged by, None while it is being gathered, as is `removed`."""
    runs = tuple(_runs(db))
    coverage = None if facts is None else facts.coverage
    looks = judge(facts, utc_now()) if facts else ()
    return ReportPage(
        totals=figures.totals,
        reasons=None if removed is None else _reasons(removed),
        coverage=None if coverage is None else tuple(map(source_coverage, coverage)),
        runs=runs,
        looks=tuple(_report_look(db, look) for look in looks),
        calm=judgement.calm_sentence(looks),
        has_certainty=figures.has_certainty,
        told=told,
    )


def _reasons(removed: Sequence[RemovedCount]) -> tuple[ReasonLine, ...]:
    """Add up what all rules removed for each reason, the most frequent first."""
    blocks, words = Counter[str](), Counter[str]()
    for count in removed:
        blocks[count.reason] += count.blocks
        words[count.reason] += count.words
    largest = max(blocks.values(), default=1)
    rows = sorted(blocks.items(), key=lambda row: (-row[1], row[0]))
    return tuple(ReasonLine(reason, count, words[reason], round(100 * count / largest, 1)) for reason, count in rows)


def _runs(db: Database) -> Iterator[RunYield]:
    """Yield the latest runs that fetched a page, the earliest of them first."""
    articles, alarms = Counter[str](), Counter[str]()
    for host_yield in read_yields(db):
        if host_yield.part == "*":
            articles[host_yield.started_at] += host_yield.article_pages
    for started_at, count in db.execute(_ALARMS_BY_RUN):
        alarms[started_at] = count
    for run in [run for run in read_runs(db) if run.pages][-_MOST_RUNS:]:
        at = run.started_at
        yield RunYield(at, run.outcome, run.reason, run.pages, articles[at], alarms[at])


def _report_look(db: Database, look: judgement.Look) -> ReportLook:
    needs_look = look.severity != judgement.Severity.NOTE
    examples = tuple(_examples(db, look)) if look.kind in _ARTICLE_KINDS else ()
    path = examples[0].path if look.count == 1 and examples else _look_path(db, look)
    listed = examples if look.count > 1 else ()
    return ReportLook(str(look.kind), look.sentence, look.advice, path, needs_look, listed)


_ARTICLE_KINDS = (LookKind.WITHDRAWN, LookKind.UNCERTAIN, LookKind.PICTURES, LookKind.UNDATED, LookKind.MISDATED)
_ARTICLE_AT = "SELECT id FROM articles WHERE url = ?1 UNION ALL SELECT id FROM shelved WHERE url = ?1 LIMIT 1"


def _examples(db: Database, look: judgement.Look) -> Iterator[LookExample]:
    """Yield the articles that a look names; a withdrawal names them by their URLs."""
    view = "?view=blocks" if look.kind is LookKind.UNCERTAIN else ""
    for example in look.examples:
        row = [example.article_id] if example.article_id else db.execute(_ARTICLE_AT, [example.url]).fetchone()
        if row:
            yield LookExample(example.title or example.url, f"article/{row[0]}{view}")


_URL_AT = "SELECT id FROM urls WHERE url = ?"


def _look_path(db: Database, look: judgement.Look) -> str:
    """Return the path of the page that shows what a look is about; empty where the report itself does."""
    if look.kind is LookKind.GAP:
        source, state, reason = look.subject.split("/", 2)
        if not reason:  # lists and pictures of all reasons, which are named by no source
            rows = [db.execute(_URL_AT, [example.url]).fetchone() for example in look.examples]
            return next((f"url/{row[0]}" for row in rows if row), "")
        return f"coverage/urls?{urlencode({'source': source, 'state': state, 'reason': reason})}"
    return _PATHS.get(look.kind, "")


_PATHS = {
    LookKind.ALARM: "coverage", LookKind.WITHDRAWN: "changes?kind=withdrawn",
    LookKind.EDITED: "changes", LookKind.UNCERTAIN: "articles?sort=certainty", LookKind.UNDATED: "articles?year=",
    LookKind.PICTURES: "articles?sort=shortest", LookKind.UNREADABLE: "coverage", LookKind.START: "coverage",
    LookKind.BROWSER: "coverage", LookKind.WALL: "coverage", LookKind.QUEUED: "coverage",
}  # fmt: skip
