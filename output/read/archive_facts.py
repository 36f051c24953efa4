"""The facts that an archive is judged by: pages by outcome, start URLs, alarms, edits, dates, coming visits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.judge.certainty import FAIR_F1
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.cleaners.page.date_parser import date_in_url

from ..archive.archive_file import database_file
from ..archive.archive_lock import is_owned
from ..archive.stored_values import utc_now
from ..archive.url_words import OutcomeReason, UrlCount, UrlKind, UrlState, count_pages, http_reason
from ..write.revisit_schedule import VisitOutlook, foresee_visits
from ..write.run_records import crawl_options
from .coverage import Coverage
from .report_figures import AlarmLine, EditCount, Withdrawal, read_edits, read_urls, read_withdrawals

MAX_EXAMPLES = 4
PICTURE_WORDS = 30
"""Words below which an article with a picture is one of pictures only: a caption and a line about it."""

_MAX_REDIRECTS = 10
_FAILED_SKIP_REASONS = (
    OutcomeReason.MEDIA_TYPE, OutcomeReason.ROBOTS_TXT, OutcomeReason.ROBOTS_UNREACHABLE,
    OutcomeReason.PRIVATE_ADDRESS, OutcomeReason.PORT, OutcomeReason.PROXY, OutcomeReason.BAD_URL,
    OutcomeReason.NOT_THERE, OutcomeReason.FORGOTTEN,
)  # fmt: skip
UNREADABLE_TYPES = (
    PageType.EMPTY, PageType.WALL, PageType.CAPTCHA, PageType.NEEDS_JAVASCRIPT, PageType.SOFT_404, PageType.ERROR,
)  # fmt: skip

_URLS_OF_TYPE = f"""SELECT 0, url, url FROM urls WHERE kind = 'page' AND state = 'done' AND reason = ?
    ORDER BY id LIMIT {MAX_EXAMPLES}"""
_PAYWALLS = """SELECT count(*) FROM urls u JOIN pages p ON p.id = u.id WHERE u.kind = 'page' AND u.state = 'done'
    AND u.reason = 'wall' AND p.evidence LIKE '%"wall=paywall"%'"""
_QUEUED = "SELECT count(*) FROM urls WHERE state = 'queued'"
GONE_FEEDS = ((UrlKind.FEED, http_reason(404)), (UrlKind.FEED, http_reason(410)))
"""Feeds that pages name but the site answers with "not found": they cause no gap."""

_FAILED_LISTS = f"""SELECT kind, count(*), min(url) FROM urls
    WHERE state = 'failed' AND kind IN ('sitemap', 'feed') AND reason <> 'not_there'
        AND (kind, reason) NOT IN (VALUES {", ".join(f"('{kind}', '{reason}')" for kind, reason in GONE_FEEDS)})
    GROUP BY kind ORDER BY kind DESC"""
_FAILED_PICTURES = """SELECT sum(state = 'failed') FROM urls WHERE kind = 'picture' AND state IN ('done', 'failed')
        AND found_via <> 'style'
    HAVING max(state = 'done' AND reason = 'picture') = 0"""
_SEED = "SELECT state, reason, location FROM urls WHERE url = ?"
_ALARMS = """SELECT a.at, a.host, a.part, a.what, a.message FROM alarms a JOIN runs r ON r.id = a.run_id
    WHERE NOT EXISTS (SELECT 1 FROM _yields y JOIN runs n ON n.id = y.run_id
        WHERE y.host = a.host AND n.started_at > r.started_at)
    ORDER BY r.started_at DESC, a.host, a.part, a.what"""
_COUNT_ARTICLES = "SELECT count(*), sum(published_day IS NULL) FROM articles"
_UNDATED = f"SELECT id, title, url FROM articles WHERE published_day IS NULL ORDER BY id LIMIT {MAX_EXAMPLES}"
_SHARED_DAYS = "SELECT host, published_day, count(*) FROM articles WHERE published_day IS NOT NULL GROUP BY 1, 2"
_OF_DAY = "SELECT id, title, url FROM articles WHERE host = ? AND published_day = ? ORDER BY id LIMIT ?"
_DATED_URLS = """SELECT a.id, a.title, a.url, a.published_day FROM (SELECT id FROM articles
    WHERE url GLOB '*[12][0-9][0-9][0-9]*[0-3][0-9]*') dated CROSS JOIN articles a ON a.id = dated.id
    WHERE a.published_day IS NOT NULL ORDER BY a.id"""
_SHARED_BY = 20  # articles of a host that have one day, and half of its: the day may be the template's
_DAYS_APART = 2  # a difference of one may come from the time zone
_COUNT_CERTAINTIES = f"""SELECT count(*) FILTER (WHERE p.certainty < {FAIR_F1})
    FROM pages p JOIN articles a ON a.page_id = p.id WHERE p.certainty < {FAIR_F1}"""
_LEAST_CERTAIN = f"""SELECT a.id, a.title, a.url FROM pages p JOIN articles a ON a.page_id = p.id
    WHERE p.certainty < {FAIR_F1} ORDER BY p.certainty, a.id LIMIT 40"""
_PICTURES = f"""SELECT a.id, a.title, a.url FROM (SELECT id FROM articles WHERE word_count < {PICTURE_WORDS}) few
        CROSS JOIN articles a ON a.id = few.id
    WHERE EXISTS (SELECT 1 FROM _images i WHERE i.page_id = a.page_id) ORDER BY a.id"""
_LAST_RUN = "SELECT started_at, coalesce(outcome, '') FROM runs ORDER BY started_at DESC, id DESC LIMIT 1"


class Example(NamedTuple):
    """An example of a fact: the article's number (0 for a URL), its title or address, and its address."""

    article_id: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A number of articles or pages, with some examples."""

    count: int
    examples: tuple[Example, ...] = ()

    def __bool__(self) -> bool:
        return self.count > 0


@dataclass(frozen=True, slots=True)
class SeedOutcome:
    """A start URL, and what it led to after redirects."""

    url: str
    state: UrlState | None
    reason: str

    @property
    def failure(self) -> str:
        """Return why the start URL gave no page; empty if it did, or if it is still queued."""
        is_failure = self.state == UrlState.FAILED
        return self.reason if is_failure or (self.state == "skipped" and self.reason in _FAILED_SKIP_REASONS) else ""


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """Facts by which an archive is judged. `path` is how commands name it; `measured_at` UTC ISO 8601.

    `outcomes` counts page URLs by (state, reason); `unreadable` has pages by type that hold nothing to read, `paywalls`
    counts those of its walls that offer a subscription. `coverage`
    is None where it was not measured. `failed_lists` counts the sitemaps and the feeds that could not be read, with one
    of each; `failed_pictures` the pictures where none could be fetched.
    `visits` is None for an archive that no crawl made.
    """

    path: str
    measured_at: str
    articles: int
    outcomes: Mapping[tuple[str, str], int]
    unreadable: Mapping[str, Sample]
    paywalls: int
    seeds: tuple[SeedOutcome, ...]
    coverage: tuple[Coverage, ...] | None
    alarms: tuple[AlarmLine, ...]
    withdrawals: tuple[Withdrawal, ...]
    edits: tuple[EditCount, ...]
    uncertain: Sample
    pictures: Sample
    undated: Sample
    misdated: Sample
    shared_day: Sample
    queued: int
    failed_lists: tuple[tuple[str, int, str], ...]
    failed_pictures: int
    visits: VisitOutlook | None
    last_run_at: str
    last_outcome: str
    is_at_work: bool

    @property
    def pages_read(self) -> int:
        """Count the pages that were read, of all types."""
        return count_pages(UrlCount(UrlKind.PAGE, *key, urls) for key, urls in self.outcomes.items())

    @property
    def failed_seeds(self) -> tuple[SeedOutcome, ...]:
        """Return the start URLs that gave no page."""
        return tuple(seed for seed in self.seeds if seed.failure)


def gather_facts(
    db: Database, path: str = "", coverage: Iterable[Coverage] | None = None, now: str = ""
) -> ArchiveFacts:
    """Gather the facts of an archive, or of the host that a `host_scope` has narrowed the connection to.

    `path` is the archive's name in commands, the whole path if empty; `now` is UTC ISO 8601, the clock's time if empty.
    """
    file = database_file(db)
    now = now or utc_now()
    articles, undated = db.execute(_COUNT_ARTICLES).fetchone()
    outcomes = {
        (count.state, count.reason): count.urls for count in read_urls(db)
        if count.is_page or (count.kind == UrlKind.PAGE and count.state == UrlState.FAILED)
    }  # fmt: skip
    seeds = tuple(_seed_outcomes(db))
    last_run_at, last_outcome = db.execute(_LAST_RUN).fetchone() or ("", "none")
    # Chapters that share a title need one look.
    examples: dict[str, Example] = {}
    for row in db.execute(_LEAST_CERTAIN):
        examples.setdefault(row[1] or row[2], Example(*row))
    return ArchiveFacts(
        path=path or str(file),
        measured_at=now,
        articles=articles,
        outcomes=outcomes,
        unreadable=dict(_unreadable_pages(db, outcomes)),
        paywalls=db.execute(_PAYWALLS).fetchone()[0],
        seeds=seeds,
        coverage=None if coverage is None else tuple(coverage),
        alarms=tuple(AlarmLine(*row) for row in db.execute(_ALARMS)),
        withdrawals=read_withdrawals(db),
        edits=read_edits(db),
        uncertain=Sample(db.execute(_COUNT_CERTAINTIES).fetchone()[0], tuple(examples.values())[:MAX_EXAMPLES]),
        pictures=_sample(db.execute(_PICTURES).fetchall()),
        undated=Sample(undated or 0, _examples(db.execute(_UNDATED))),
        misdated=_sample(list(_misdated(db))),
        shared_day=_shared_day(db),
        queued=db.execute(_QUEUED).fetchone()[0],
        failed_lists=tuple(db.execute(_FAILED_LISTS)),
        failed_pictures=next((failed or 0 for (failed,) in db.execute(_FAILED_PICTURES)), 0),
        visits=foresee_visits(db, now) if seeds else None,
        last_run_at=last_run_at,
        last_outcome=last_outcome,
        is_at_work=not last_outcome and is_owned(file),
    )


def _misdated(db: Database) -> Iterator[Sequence[object]]:
    """Yield the articles whose day differs from the one in their URL."""
    for *row, day in db.execute(_DATED_URLS):
        url_day = date_in_url(str(row[2]))
        if url_day and abs((date.fromisoformat(url_day) - date.fromisoformat(day)).days) >= _DAYS_APART:
            yield row


def _shared_day(db: Database) -> Sample:
    """Return the articles of the commonest host and day, if too many share it for the date to be right."""
    counts = {(host, day): count for host, day, count in db.execute(_SHARED_DAYS)}
    of_host = Counter[str]()
    for (host, _), count in counts.items():
        of_host[host] += count
    shared = {key: count for key, count in counts.items() if count >= max(_SHARED_BY, of_host[key[0]] / 2)}
    if not shared:
        return Sample(0)
    key = max(shared, key=lambda key: shared[key])
    return Sample(shared[key], _examples(db.execute(_OF_DAY, [*key, MAX_EXAMPLES])))


def find_seed_outcome(db: Database, seed: str) -> SeedOutcome:
    """Find the outcome of a start URL at the end of its redirects; the state is None for an unknown URL."""
    url = seed
    for _ in range(_MAX_REDIRECTS):
        row = db.execute(_SEED, [url]).fetchone()
        if row is None:
            break
        state, reason, location = row
        outcome = SeedOutcome(seed, UrlState(state), str(reason or ""))
        if outcome.failure or not location:
            return outcome
        url = str(location)
    return SeedOutcome(seed, None, "")


def _seed_outcomes(db: Database) -> Iterable[SeedOutcome]:
    """Yield the outcome of each start URL of all crawls that is known in this scope."""
    seeds = dict.fromkeys(str(seed) for run in crawl_options(db) for seed in run["seeds"])
    outcomes = (find_seed_outcome(db, seed) for seed in seeds if host_of(seed))
    return (outcome for outcome in outcomes if outcome.state is not None)


def _unreadable_pages(db: Database, outcomes: Mapping[tuple[str, str], int]) -> Iterable[tuple[str, Sample]]:
    for page_type in UNREADABLE_TYPES:
        if count := outcomes.get((UrlState.DONE, page_type)):
            yield page_type, Sample(count, _examples(db.execute(_URLS_OF_TYPE, [str(page_type)])))


def _examples(rows: Iterable[Sequence[object]]) -> tuple[Example, ...]:
    return tuple(Example(*row) for row in rows)  # type: ignore[arg-type]


def _sample(rows: Sequence[Sequence[object]]) -> Sample:
    return Sample(len(rows), _examples(rows[:MAX_EXAMPLES]))
