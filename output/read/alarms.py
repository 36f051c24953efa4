"""Alarms for hosts whose pages have changed: articles turn short, empty or alike, or a rule that always fired stops.

Each run is compared with the host's earlier runs by the same cleaner. An alarm asks a person to look at the site; it
changes nothing in the archive.

The bounds follow from the counts, so that noise raises no alarm. Every earlier run counts by itself, and the one
nearest to the present decides: a site whose share swings from run to run has a wide past. A past share is taken at its
Wilson bound, three standard errors out. The present must be far from it in size and by the binomial distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from typing import NamedTuple

from sqlite_utils import Database

MIN_PAGES = 8
"""Pages that a run must have for its shares to say anything."""

MIN_DIFFERENCE = 0.25
"""Shares that differ by less count as the same, however many pages they are of."""

MAX_CHANCE = 1e-5
"""Chance with which a run as unlike its past as this would come about by itself: some hundred tests are made a run."""

_STANDARD_ERRORS = 3.0  # standard errors between a past share and the bound that is taken for it


@dataclass(frozen=True, slots=True)
class PageShare:
    """A share of pages: `hits` of `pages` have something."""

    hits: int
    pages: int

    @property
    def share(self) -> float:
        """Return the share from 0 to 1; 0 if there are no pages."""
        return self.hits / self.pages if self.pages else 0.0


def has_fallen(present: PageShare, past: Sequence[PageShare], min_difference: float = MIN_DIFFERENCE) -> bool:
    """Return whether a share is lower than chance explains, given each of its past shares."""
    counted_shares = [share for share in past if share.pages >= MIN_PAGES]
    if not counted_shares or present.pages < MIN_PAGES:
        return False
    lowest_bound = min(_wilson_bound(share, -_STANDARD_ERRORS) for share in counted_shares)
    lowest_share = min(share.share for share in counted_shares)
    return (
        lowest_share - present.share >= min_difference
        and chance_of_at_most(present.hits, present.pages, lowest_bound) < MAX_CHANCE
    )


def has_risen(present: PageShare, past: Sequence[PageShare], min_difference: float = MIN_DIFFERENCE) -> bool:
    """Return whether a share is higher than chance explains, given each of its past shares."""
    return has_fallen(_complement(present), [_complement(share) for share in past], min_difference)


def chance_of_at_most(hits: int, pages: int, share: float) -> float:
    """Return the binomial probability of `hits` or fewer, if each page hits with the probability `share`."""
    if share <= 0.0 or hits >= pages:
        return 1.0
    if share >= 1.0:
        return 0.0
    return min(1.0, sum(exp(_log_probability(count, pages, share)) for count in range(hits + 1)))


def _complement(share: PageShare) -> PageShare:
    """Return the share of the pages that do not hit."""
    return PageShare(share.pages - share.hits, share.pages)


def _wilson_bound(share: PageShare, errors: float) -> float:
    """Return Wilson's bound (1927) of a share, `errors` standard errors out (below it if negative); within 0 and 1 also
    for few pages.
    """
    square, pages = errors * errors, share.pages
    centre = share.share + square / (2 * pages)
    distance = errors * sqrt(share.share * (1 - share.share) / pages + square / (4 * pages * pages))
    return (centre + distance) / (1 + square / pages)


def _log_probability(hits: int, pages: int, share: float) -> float:
    log_combinations = lgamma(pages + 1) - lgamma(hits + 1) - lgamma(pages - hits + 1)
    return log_combinations + hits * log(share) + (pages - hits) * log(1 - share)


_PAST_RUNS = 10
_ALWAYS_SHARE = 0.9  # share of pages from which a rule counts as one that always fires
_LARGE_DIFFERENCE = 0.4  # of a share that swings by itself: articles among new pages, the hits of a rule
_SHORT_DIFFERENCE = 0.5  # by which the share of short articles has to have risen
_SHORT_PART = 10  # `words_low` is the length below which one article in so many was

# The past that is assumed of articles fetched again where there is none: they were articles, and seldom cease to be.
_DEFAULT_ARTICLE_SHARE, _DEFAULT_BARREN_SHARE = PageShare(95, 100), PageShare(5, 100)

_YIELDS_OF_RUN = """SELECT host, part, pages, articles, barren, alike, words_low, words_median, cleaner_version
    FROM _yields WHERE run_id = ? ORDER BY host, part"""
_PAST_YIELDS = f"""SELECT y.pages, y.articles, y.barren, y.alike, y.words_low, y.words_median, y.run_id
    FROM _yields y JOIN runs r ON r.id = y.run_id
    WHERE y.host = ?1 AND y.part = ?2 AND y.run_id <> ?3 AND y.cleaner_version = ?4 AND y.pages >= {MIN_PAGES}
        AND r.started_at <= (SELECT started_at FROM runs WHERE id = ?3)
    ORDER BY r.started_at DESC LIMIT {_PAST_RUNS}"""
_ALARMED_RUNS = "SELECT DISTINCT run_id FROM alarms WHERE host = ? AND part = ? AND what = ?"
_COUNT_SHORT_ARTICLES = "SELECT count(*) FROM surveyed WHERE host = ? AND part = ? AND article AND words < ?"
_FREQUENT_RULES = """SELECT r.id, r.reason, r.rule, coalesce(n.pages, 0)
    FROM _rule_rates p JOIN _reasons r ON r.id = p.reason_id
        LEFT JOIN _rule_rates n ON n.run_id = ?1 AND n.host = p.host AND n.reason_id = p.reason_id
    WHERE p.host = ?2 AND p.run_id = ?3 AND p.pages >= ?4 ORDER BY r.reason, r.rule"""
_RULE_HITS = "SELECT pages FROM _rule_rates WHERE run_id = ? AND host = ? AND reason_id = ?"


class Alarm(NamedTuple):
    """A change in a part of a host's pages that somebody should look at, with the figures as a sentence."""

    host: str
    part: str
    what: str
    message: str


class _PastYield(NamedTuple):
    """A part of a host's pages in one earlier run."""

    pages: int
    articles: int
    barren: int
    alike: int
    words_low: int
    words_median: int
    run_id: int


class _RunYield(NamedTuple):
    """A part of a host's pages in the run that is checked."""

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
        present = _RunYield(*row)
        yield from _rule_alarms(db, run_id, present) if present.part == "*" else _part_alarms(db, run_id, present)


def _part_alarms(db: Database, run_id: int, present: _RunYield) -> Iterator[Alarm]:
    """Yield alarms of a part of a host's pages: more pages with nothing to read, fewer articles, other texts."""
    past = _past_yields(db, run_id, present, present.part)
    past_articles = [PageShare(run.articles, run.pages) for run in _without_alarm(db, past, present, "yield")]
    past_barren = [PageShare(run.barren, run.pages) for run in _without_alarm(db, past, present, "barren")]
    if present.part == "again":
        past_articles, past_barren = past_articles or [_DEFAULT_ARTICLE_SHARE], past_barren or [_DEFAULT_BARREN_SHARE]
        past = past or _past_yields(db, run_id, present, "*")
    label = _part_label(present.part)
    barren, articles = PageShare(present.barren, present.pages), PageShare(present.articles, present.pages)
    if has_risen(barren, past_barren):
        message = f"{_format_share(barren)} {label} have nothing to read; before {_format_pooled(past_barren)}"
        yield Alarm(present.host, present.part, "barren", message)
    elif has_fallen(articles, past_articles, _LARGE_DIFFERENCE if present.part == "new" else MIN_DIFFERENCE):
        message = f"{_format_share(articles)} {label} are articles; before {_format_pooled(past_articles)}"
        yield Alarm(present.host, present.part, "yield", message)
    if present.part != "new":
        yield from _text_alarms(db, present, past)


def _text_alarms(db: Database, present: _RunYield, past: Sequence[_PastYield]) -> Iterator[Alarm]:
    """Yield alarms of the texts of a part's articles: more are alike, or shorter."""
    label = _part_label(present.part)
    past_alike = [PageShare(run.alike, run.articles) for run in _without_alarm(db, past, present, "alike")]
    alike = PageShare(present.alike, present.articles)
    if has_risen(alike, past_alike):
        message = f"{_format_share(alike)} articles of {label} are alike; before {_format_pooled(past_alike)}"
        yield Alarm(present.host, present.part, "alike", message)
    past_runs = [run for run in _without_alarm(db, past, present, "short") if run.articles >= MIN_PAGES]
    if not past_runs:
        return
    low, median = min(run.words_low for run in past_runs), min(run.words_median for run in past_runs)
    short_count = db.execute(_COUNT_SHORT_ARTICLES, [present.host, present.part, low]).fetchone()[0]
    past_short = [PageShare(run.articles // _SHORT_PART, run.articles) for run in past_runs]
    if has_risen(PageShare(short_count, present.articles), past_short, _SHORT_DIFFERENCE):
        message = f"articles of {label} have {present.words_median} words in the median; before {median}"
        yield Alarm(present.host, present.part, "short", message)


def _rule_alarms(db: Database, run_id: int, present: _RunYield) -> Iterator[Alarm]:
    """Yield alarms of rules that fired on nearly every article page of each earlier run, and do so no more."""
    past = [run for run in _past_yields(db, run_id, present, "*") if run.articles >= MIN_PAGES]
    if not past or present.articles < MIN_PAGES:
        return
    latest = past[0]
    for reason_id, reason, rule, hits in db.execute(
        _FREQUENT_RULES, [run_id, present.host, latest.run_id, latest.articles * _ALWAYS_SHARE]
    ):
        fired = PageShare(hits, present.articles)
        past_fired = [PageShare(_rule_hits(db, run.run_id, present.host, reason_id), run.articles) for run in past]
        always_fired = min(share.share for share in past_fired) >= _ALWAYS_SHARE
        if always_fired and has_fallen(fired, past_fired, _LARGE_DIFFERENCE):
            figures = f"{_format_share(fired)} article pages; before on {_format_pooled(past_fired)}"
            yield Alarm(present.host, "*", f"rule:{rule}", f"the rule {rule} ({reason}) fired on {figures}")


def _rule_hits(db: Database, run_id: int, host: str, reason_id: int) -> int:
    """Count the article pages of a host on which a rule fired in a run."""
    row = db.execute(_RULE_HITS, [run_id, host, reason_id]).fetchone()
    return int(row[0]) if row else 0


def _past_yields(db: Database, run_id: int, present: _RunYield, part: str) -> list[_PastYield]:
    """Return a part of the same host in earlier runs with the same cleaner, the latest first."""
    return [_PastYield(*row) for row in db.execute(_PAST_YIELDS, [present.host, part, run_id, present.cleaner_version])]


def _without_alarm(db: Database, past: Sequence[_PastYield], present: _RunYield, what: str) -> list[_PastYield]:
    """Return the earlier runs in which the same alarm was not raised: a fault goes on raising it until it is mended."""
    alarmed_runs = {run_id for (run_id,) in db.execute(_ALARMED_RUNS, [present.host, present.part, what])}
    return [run for run in past if run.run_id not in alarmed_runs]


def _part_label(part: str) -> str:
    labels = {"again": "pages known as articles", "new": "new pages"}
    return labels.get(part, f"new pages like {part}")


def _format_share(share: PageShare) -> str:
    return f"{share.hits:,} of {share.pages:,}"


def _format_pooled(past: Sequence[PageShare]) -> str:
    """Format the shares of several runs as one."""
    return _format_share(PageShare(sum(share.hits for share in past), sum(share.pages for share in past)))
