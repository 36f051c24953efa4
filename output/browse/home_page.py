"""Front pages: the archives of a folder, an archive at a glance, and what needs a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.judge.certainty import HIGH_F1, certainty
from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.browse.article_list import FACETS, CubeRow
from broadsheet.output.browse.charts import BarPart, ColumnChart, bar_parts, column_chart, timeline
from broadsheet.output.browse.library import Library
from broadsheet.output.read.coverage import Coverage
from broadsheet.output.read.report_figures import (
    AlarmLine,
    Withdrawal,
    read_alarms,
    read_runs,
    read_withdrawals,
    read_yields,
)

_LINE = """SELECT (SELECT count(*) FROM articles INDEXED BY articles_listed),
    (SELECT group_concat(host, ', ') FROM (SELECT DISTINCT host FROM articles ORDER BY host LIMIT 4)),
    coalesce((SELECT max(started_at) FROM runs), '')"""


@dataclass(frozen=True, slots=True)
class ArchiveLine:
    """An archive: its name in addresses, its file, its size in bytes, its articles, some hosts, its last run; and what
    is wrong with it, in which case the rest is empty.
    """

    name: str
    path: str
    size: int = 0
    articles: int = 0
    hosts: str = ""
    last_run: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveIndex:
    """All archives of the room."""

    archives: tuple[ArchiveLine, ...]


def list_archives(library: Library) -> ArchiveIndex:
    """List the archives by name, each with its figures or the reason why it cannot be read."""
    return ArchiveIndex(tuple(_lines(library)))


def _lines(library: Library) -> Iterator[ArchiveLine]:
    for archive in library.archives.values():
        try:
            with archive.open() as db:
                articles, hosts, last_run = db.execute(_LINE).fetchone()
            size = archive.path.stat().st_size
            yield ArchiveLine(archive.name, str(archive.path), size, articles, hosts or "", last_run)
        except (ArchiveError, OSError) as error:
            yield ArchiveLine(archive.name, str(archive.path), fault=str(error))


SAMPLE_ARTICLES = 300
"""Articles whose blocks are counted by reason. Their ids come from a digest, so that the first ones are a sample."""

_MOST_RUNS = 40
_MOST_LOOKS = 4  # of one kind
_MOST_UNCERTAIN = 40  # articles among which those with titles of their own are looked for
_LEAST_GAP = 2  # URLs that fail for one reason, from which on it is worth a look

_SOURCE_WORDS = {"sitemap": "that sitemaps name", "feed": "that feeds name", "link": "that links lead to"}
_IDLE = "nothing to do"  # what a hint says of a gap that stays

_BY_PUBLISHED = """SELECT substr(published_day, 1, 7), sum(articles)
    FROM (SELECT published_day, count(*) AS articles FROM articles INDEXED BY articles_published_day
        WHERE published_day IS NOT NULL GROUP BY published_day) GROUP BY 1"""
_BY_SEEN = "SELECT substr(first_seen, 1, 7), count(*) FROM articles INDEXED BY articles_listed GROUP BY 1"
_DAYS = """SELECT coalesce((SELECT min(published_day) FROM articles), ''),
    coalesce((SELECT max(published_day) FROM articles), '')"""
_URLS = "SELECT state, urls FROM _url_counts WHERE urls > 0 ORDER BY urls DESC"
_REASONS = f"""SELECT r.reason, count(*), count(DISTINCT b.page_id)
    FROM (SELECT page_id FROM articles ORDER BY id LIMIT {SAMPLE_ARTICLES}) a
        CROSS JOIN _page_blocks b ON b.page_id = a.page_id JOIN _reasons r ON r.id = b.reason_id
    WHERE b.kept = 0 GROUP BY r.reason ORDER BY 2 DESC, 1"""
_ALARMS_BY_RUN = "SELECT r.started_at, count(*) FROM alarms a JOIN runs r ON r.id = a.run_id GROUP BY r.id"
_LEAST_CERTAIN = f"""SELECT a.id, a.title, a.url, p.expected_f1 FROM pages p JOIN articles a ON a.page_id = p.id
    WHERE p.expected_f1 IS NOT NULL ORDER BY p.expected_f1, a.id
    LIMIT {_MOST_UNCERTAIN}"""


@dataclass(frozen=True, slots=True)
class ArchiveTotals:
    """The figures that stand first; days are empty where no article states one."""

    articles: int
    hosts: int
    languages: int
    first_day: str
    last_day: str
    urls: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """A reason for removal in the sampled articles: blocks, pages, and the width of its bar, of 100."""

    reason: str
    blocks: int
    pages: int
    width: float


@dataclass(frozen=True, slots=True)
class CoverageBar:
    """The outcome of the URLs that a source names, as a bar."""

    source: str
    named: int
    parts: tuple[BarPart, ...]


@dataclass(frozen=True, slots=True)
class RunYield:
    """The yield of a run, and the number of its alarms."""

    started_at: str
    outcome: str
    reason: str
    pages: int
    articles: int
    alarms: int


@dataclass(frozen=True, slots=True)
class Look:
    """Something that needs a look: its kind, what it is, what may be done, and the path of the page that shows it."""

    kind: str
    text: str
    hint: str
    path: str


@dataclass(frozen=True, slots=True)
class UncertainLine:
    """One of the articles with the lowest expected F1."""

    article_id: int
    title: str
    url: str
    expected_f1: float


@dataclass(frozen=True, slots=True)
class HomeFigures:
    """The figures that take a pass over all articles, counted once for each state of the archive."""

    totals: ArchiveTotals
    by_published: Mapping[str, int]
    by_seen: Mapping[str, int]
    least_certain: tuple[UncertainLine, ...]


@dataclass(frozen=True, slots=True)
class HomePage:
    """The front page of an archive.

    `coverage` is None while it is being counted. `sampled` is the number of articles behind `reasons`; `has_certainty`
    says whether the verdicts on some article have an expected F1.
    """

    totals: ArchiveTotals
    published: ColumnChart
    seen: ColumnChart
    sampled: int
    reasons: tuple[ReasonLine, ...]
    coverage: tuple[CoverageBar, ...] | None
    runs: tuple[RunYield, ...]
    run_chart: ColumnChart
    looks: tuple[Look, ...]
    has_certainty: bool


def count_home(db: Database, cube: Sequence[CubeRow]) -> HomeFigures:
    """Count the front page's figures over all articles; `cube` has the articles counted by their facets."""
    hosts, languages = ({row[FACETS.index(name)] for row in cube} - {""} for name in ("host", "language"))
    urls = tuple(db.execute(_URLS).fetchall())
    first_day, last_day = db.execute(_DAYS).fetchone()
    totals = ArchiveTotals(sum(row[-1] for row in cube), len(hosts), len(languages), first_day, last_day, urls)
    published, seen = (dict(db.execute(query).fetchall()) for query in (_BY_PUBLISHED, _BY_SEEN))
    return HomeFigures(totals, published, seen, _least_certain(db))


def _least_certain(db: Database) -> tuple[UncertainLine, ...]:
    """Return the least certain articles, one of each title: chapters of a story that all have its title are one to look
    at.
    """
    lines: dict[str, UncertainLine] = {}
    for row in db.execute(_LEAST_CERTAIN):
        line = UncertainLine(*row)
        lines.setdefault(line.title or line.url, line)
    return tuple(lines.values())[:_MOST_LOOKS]


def read_home(
    db: Database, figures: HomeFigures, coverage: Sequence[Coverage] | None, reason_text: Callable[[str], str]
) -> HomePage:
    """Read the front page; `coverage` is the report's, None while it is being counted, `reason_text` says a URL's
    reason.
    """
    runs, alarms = tuple(_runs(db)), read_alarms(db)
    marked = [_run_label(run) for run in runs if run.alarms]
    return HomePage(
        totals=figures.totals,
        published=timeline(figures.by_published),
        seen=timeline(figures.by_seen),
        sampled=min(SAMPLE_ARTICLES, figures.totals.articles),
        reasons=_reasons(db),
        coverage=None if coverage is None else tuple(map(_coverage_bar, coverage)),
        runs=runs,
        run_chart=column_chart("run", [(_run_label(run), run.articles) for run in runs], marked),
        looks=(
            *_alarm_looks(alarms),
            *_gap_looks(coverage or (), reason_text),
            *(_withdrawal_look(withdrawal) for withdrawal in read_withdrawals(db)[:_MOST_LOOKS]),
            *_uncertain_looks(figures.least_certain),
        ),
        has_certainty=bool(figures.least_certain),
    )


def _reasons(db: Database) -> tuple[ReasonLine, ...]:
    rows = db.execute(_REASONS).fetchall()
    largest = max((blocks for _, blocks, _ in rows), default=1)
    return tuple(ReasonLine(reason, blocks, pages, round(100 * blocks / largest, 1)) for reason, blocks, pages in rows)


def _coverage_bar(coverage: Coverage) -> CoverageBar:
    other, missing = (sum(gap.urls for gap in gaps) for gaps in (coverage.pages, coverage.gaps))
    parts = bar_parts([("articles", coverage.articles), ("other pages", other), ("not read", missing)])
    return CoverageBar(coverage.source, coverage.named, parts)


def _runs(db: Database) -> Iterator[RunYield]:
    """Yield the latest runs, the earliest of them first; those that only ruled or recleaned gave nothing and are left
    out.
    """
    pages, articles, alarms = Counter[str](), Counter[str](), Counter[str]()
    for host_yield in read_yields(db):
        if host_yield.part == "*":
            pages[host_yield.started_at] += host_yield.pages
            articles[host_yield.started_at] += host_yield.articles
    for started_at, count in db.execute(_ALARMS_BY_RUN):
        alarms[started_at] = count
    for run in [run for run in read_runs(db) if pages[run.started_at]][-_MOST_RUNS:]:
        at = run.started_at
        yield RunYield(at, run.outcome, run.reason, pages[at], articles[at], alarms[at])


def _run_label(run: RunYield) -> str:
    """Return the start of a run, to the second: several may begin in a minute."""
    return run.started_at[:19].replace("T", " ")


def _alarm_looks(alarms: Sequence[AlarmLine]) -> Iterator[Look]:
    for alarm in alarms[:_MOST_LOOKS]:
        is_of_template = alarm.what.startswith(("rule:", "layout"))
        path = "layouts" if alarm.what.startswith("layout") else "rules"
        yield Look("layout" if is_of_template else "alarm", f"{alarm.host}: {alarm.message}", alarm.at[:10], path)


def _uncertain_looks(lines: Sequence[UncertainLine]) -> Iterator[Look]:
    for line in lines:
        if line.expected_f1 < HIGH_F1:
            path = f"article/{line.article_id}?view=blocks"
            hint = f"{certainty(line.expected_f1)}: expected F1 {line.expected_f1:.2f}"
            yield Look("uncertain", line.title or line.url, hint, path)


def _gap_looks(coverage: Sequence[Coverage], reason_text: Callable[[str], str]) -> Iterator[Look]:
    """Yield the largest gaps of each source for which there is something to do."""
    for source in coverage:
        gaps = [gap for gap in source.gaps if gap.urls >= _LEAST_GAP and gap.hint and _IDLE not in gap.hint]
        for gap in sorted(gaps, key=lambda gap: -gap.urls)[:_MOST_LOOKS]:
            path = f"coverage/urls?source={source.source}&state={gap.state}&reason={gap.reason}"
            outcome = reason_text(gap.reason) if gap.reason else gap.state
            text = f"{gap.urls:,} URLs {_SOURCE_WORDS[source.source]}: {outcome}"
            yield Look("gap", text, gap.hint, path)


def _withdrawal_look(withdrawal: Withdrawal) -> Look:
    text = f"{withdrawal.title or withdrawal.url}: withdrawn {withdrawal.seen_at[:10]}"
    return Look("withdrawn", text, "the archive keeps it", "changes?kind=withdrawn")
