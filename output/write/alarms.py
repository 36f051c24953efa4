"""Yields of each host in a run, and alarms where they are out of line with the host's past.

An alarm asks a person to look at the site: its articles turn short, empty or alike, a rule stops that always fired, a
new layout takes over, or the articles' layout is gone. It changes nothing in the archive.

Pages are compared in groups of a host: seen before (`again`), new (`new`: first seen in this run, and no lists), and
new by URL pattern, where a pattern has enough of them. All pages together are `*`; a page that was no article before
and is fetched once more is only there.

Each run is compared with the host's earlier runs by the same cleaner. The bounds follow from the counts, so that noise
raises no alarm. Every earlier run counts by itself, and the one nearest to the present decides: a site whose share
swings from run to run has a wide past. A past share is taken at its Wilson bound, three standard errors out. The
present must be far from it in size and by the binomial distribution.

Of layouts, a page that was fetched again is compared with itself, a new page with stored pages of the same URL pattern.
A layout is recognised by what its pages are (`broadsheet.cleaners.compare.page_layouts`), since its number may change
whenever the archive is settled. A new layout beside the old one raises no alarm: a site grows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import (
    MIN_SIMILARITY,
    group_signatures,
    signature_similarity,
    unpack_signature,
)
from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.cleaners.page.url_shapes import patterns_of

from ..archive.atomic_writes import write_transaction
from ..archive.stored_text import sql_words
from ..archive.url_words import OutcomeReason

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

_YIELD = """y.run_id, y.host, y.part, y.pages, y.articles, y.barren, y.alike, y.words_low, y.words_median,
        y.cleaner_version"""
_YIELDS_OF_RUN = f"SELECT {_YIELD} FROM _yields y WHERE y.run_id = ? ORDER BY y.host, y.part"
_PAST_YIELDS = f"""SELECT {_YIELD} FROM _yields y JOIN runs r ON r.id = y.run_id
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
        present = _Yield(*row)
        yield from _rule_alarms(db, present) if present.part == "*" else _part_alarms(db, present)


def _part_alarms(db: Database, present: _Yield) -> Iterator[Alarm]:
    """Yield alarms of a part of a host's pages: more pages with nothing to read, fewer articles, other texts."""
    past = _past_yields(db, present, present.part)
    past_articles = [PageShare(run.articles, run.pages) for run in _without_alarm(db, past, present, "yield")]
    past_barren = [PageShare(run.barren, run.pages) for run in _without_alarm(db, past, present, "barren")]
    if present.part == "again":
        past_articles, past_barren = past_articles or [_DEFAULT_ARTICLE_SHARE], past_barren or [_DEFAULT_BARREN_SHARE]
        past = past or _past_yields(db, present, "*")
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


def _text_alarms(db: Database, present: _Yield, past: Sequence[_Yield]) -> Iterator[Alarm]:
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


def _rule_alarms(db: Database, present: _Yield) -> Iterator[Alarm]:
    """Yield alarms of rules that fired on nearly every article page of each earlier run, and do so no more."""
    past = [run for run in _past_yields(db, present, "*") if run.articles >= MIN_PAGES]
    if not past or present.articles < MIN_PAGES:
        return
    latest = past[0]
    for reason_id, reason, rule, hits in db.execute(
        _FREQUENT_RULES, [present.run_id, present.host, latest.run_id, latest.articles * _ALWAYS_SHARE]
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


def _past_yields(db: Database, present: _Yield, part: str) -> list[_Yield]:
    """Return a part of the same host in earlier runs with the same cleaner, the latest first."""
    keys = [present.host, part, present.run_id, present.cleaner_version]
    return [_Yield(*row) for row in db.execute(_PAST_YIELDS, keys)]


def _without_alarm(db: Database, past: Sequence[_Yield], present: _Yield, what: str) -> list[_Yield]:
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


NEW_LAYOUT, LAYOUT_GONE = "layout_new", "layout_gone"

_MOSTLY = 0.5  # share of the pages that a new layout has to have, if it has taken over
_DEFAULT_CHANGED_SHARE = PageShare(5, 100)  # of pages that are fetched again and have another layout by themselves

_LAST_RUN = """SELECT max(r.started_at) FROM _yields y JOIN runs r ON r.id = y.run_id
    WHERE y.run_id <> ?1 AND r.started_at <= (SELECT started_at FROM runs WHERE id = ?1)"""
_KNOWN_PAGES = """SELECT s.host, u.url, p.id, p.layout_id, g.signature, coalesce(e.signature, g.signature)
    FROM temp.surveyed s JOIN pages p ON p.id = s.page_id JOIN urls u ON u.id = p.id
        JOIN _page_signatures g ON g.page_id = p.id LEFT JOIN _earlier_signatures e ON e.page_id = p.id
    WHERE s.part = 'again' AND g.signature <> x'' ORDER BY s.host, u.url"""
# What was published before the last run was there then, whatever its layout; the day before it for other time zones.
_NEW_PAGES = """SELECT s.host, u.url, p.id, p.layout_id, g.signature, g.signature
    FROM temp.surveyed s JOIN pages p ON p.id = s.page_id JOIN urls u ON u.id = p.id
        JOIN _page_signatures g ON g.page_id = p.id LEFT JOIN articles a ON a.page_id = p.id
    WHERE s.part = 'new' AND g.signature <> x''
        AND (a.published_day IS NULL OR a.published_day >= date(?, '-1 day')) ORDER BY s.host, u.url"""
_OLDER_PAGES = """SELECT u.host, u.url, p.id, p.layout_id, g.signature, coalesce(e.signature, g.signature)
    FROM urls u JOIN pages p ON p.id = u.id JOIN _page_signatures g ON g.page_id = p.id
        LEFT JOIN _earlier_signatures e ON e.page_id = p.id
    WHERE u.host = ?1 AND u.first_seen < ?2 AND g.signature <> x'' AND p.own_type <> 'list'
        AND p.cleaner_version IN (SELECT n.cleaner_version FROM temp.surveyed s JOIN pages n ON n.id = s.page_id
            WHERE s.host = ?1 AND s.part = 'new')
    ORDER BY u.url"""
# A layout is known if a page had it before the run: one that was fetched before, and has not come to it since.
_IS_KNOWN = """SELECT 1 FROM pages p JOIN urls u ON u.id = p.id WHERE p.layout_id = ?1
    AND p.id NOT IN (SELECT page_id FROM temp.moved_pages)
    AND EXISTS (SELECT 1 FROM captures c WHERE c.url = u.url AND c.fetched_at < ?2) LIMIT 1"""
_LAYOUT_KIND = "SELECT kind FROM _layouts WHERE id = ?"
_SIGNATURES_OF_RUN = """SELECT DISTINCT g.signature FROM temp.surveyed s
        JOIN _page_signatures g ON g.page_id = s.page_id
    WHERE s.host = ? AND s.part = '*' AND g.signature <> x''
        AND s.page_id NOT IN (SELECT page_id FROM temp.moved_pages)"""


@dataclass(frozen=True, slots=True)
class _LaidOutPage:
    """A page with its layout's number as it was settled last, its signature, and the one that it had before the run."""

    host: str
    url: str
    page_id: int
    layout_id: int | None
    signature: bytes
    earlier_signature: bytes

    @property
    def has_moved(self) -> bool:
        """Return whether the page has another layout than before."""
        if self.signature == self.earlier_signature:
            return False
        signatures = unpack_signature(self.signature), unpack_signature(self.earlier_signature)
        return signature_similarity(*signatures) < MIN_SIMILARITY


@dataclass(frozen=True, slots=True)
class _Past:
    """The start of this run and of the last one that was surveyed, and the numbers of the layouts new in this one."""

    since: str
    last_run: str
    new_layouts: frozenset[int]

    @property
    def day(self) -> str:
        return self.since[:10]


def find_layout_alarms(db: Database, run_id: int, since: str) -> Iterator[Alarm]:
    """Find the alarms of the run that began at a time. Needs the temporary table `surveyed` with the run's pages."""
    (last_run,) = db.execute(_LAST_RUN, [run_id]).fetchone()
    if last_run is None:
        return
    known_pages = _read_pages(db, _KNOWN_PAGES, [])
    new_pages = _read_pages(db, _NEW_PAGES, [last_run])
    _note_moved_pages(db, known_pages)
    layout_ids = {page.layout_id for page in (*known_pages, *new_pages) if page.layout_id is not None}
    new_layouts = frozenset(layout for layout in layout_ids if not db.execute(_IS_KNOWN, [layout, since]).fetchone())
    past = _Past(since, last_run, new_layouts)
    for host in sorted({page.host for page in known_pages}):
        yield from _known_page_alarms(db, [page for page in known_pages if page.host == host], past)
    for host in sorted({page.host for page in new_pages if page.layout_id in new_layouts}):
        yield from _new_page_alarms(db, host, [page for page in new_pages if page.host == host], past)
    db.execute("DROP TABLE temp.moved_pages")


def _read_pages(db: Database, query: str, parameters: Sequence[object]) -> list[_LaidOutPage]:
    return [_LaidOutPage(*row) for row in db.execute(query, parameters)]


def _note_moved_pages(db: Database, known_pages: Iterable[_LaidOutPage]) -> None:
    """Make the temporary table `moved_pages` of the pages that are made otherwise than before."""
    db.execute("DROP TABLE IF EXISTS temp.moved_pages")
    db.execute("CREATE TEMP TABLE moved_pages (page_id INTEGER PRIMARY KEY)")
    rows = [(page.page_id,) for page in known_pages if page.has_moved]
    db.conn.executemany("INSERT INTO moved_pages (page_id) VALUES (?)", rows)


def _known_page_alarms(db: Database, pages: Sequence[_LaidOutPage], past: _Past) -> Iterator[Alarm]:
    """Yield the alarm of a host's pages that were articles before: most of them have come to another layout."""
    moved_pages = [page for page in pages if page.has_moved]
    if not has_risen(PageShare(len(moved_pages), len(pages)), [_DEFAULT_CHANGED_SHARE]):
        return
    layout_counts = Counter(page.layout_id for page in moved_pages)
    layout_id, count = max(layout_counts.items(), key=lambda pair: (pair[1], str(pair[0])))
    host, example = pages[0].host, next(page.url for page in moved_pages if page.layout_id == layout_id)
    figures = f"{len(moved_pages):,} of {len(pages):,} pages known as articles"
    if layout_id in past.new_layouts and count > _MOSTLY * len(pages):
        message = f"{figures} have left their layout, {count:,} of them for one that no page had before {past.day}"
        yield Alarm(host, "again", NEW_LAYOUT, f"{message}: {example}")
    elif not _is_article_layout(db, layout_id) and not _is_still_there(db, host, moved_pages):
        message = f"{figures} have lost the layout that they had before {past.day}, and no page of this run has it"
        yield Alarm(host, "again", LAYOUT_GONE, f"{message}: {example}")


def _is_article_layout(db: Database, layout_id: int | None) -> bool:
    """Return whether a layout is a main layout of articles, to which old pages come one by one after a redesign."""
    row = db.execute(_LAYOUT_KIND, [layout_id]).fetchone()
    return row is not None and row[0] == "article"


def _is_still_there(db: Database, host: str, moved_pages: Sequence[_LaidOutPage]) -> bool:
    """Return whether another page of the run has the layout that most of these pages had."""
    present_signatures = {bytes(signature) for (signature,) in db.execute(_SIGNATURES_OF_RUN, [host])}
    names = _layout_names([*present_signatures, *(page.earlier_signature for page in moved_pages)])
    (name, _), *_ = Counter(names[page.earlier_signature] for page in moved_pages).most_common(1)
    return any(names[signature] == name for signature in present_signatures)


def _new_page_alarms(db: Database, host: str, new_pages: Sequence[_LaidOutPage], past: _Past) -> Iterator[Alarm]:
    """Yield the alarms of a host's new pages: those like pages that the archive had are made otherwise."""
    pages_by_pattern: dict[str, list[_LaidOutPage]] = defaultdict(list)
    for page in new_pages:
        pages_by_pattern[patterns_of(page.url).wide].append(page)
    older_by_pattern: dict[str, list[_LaidOutPage]] = defaultdict(list)
    for page in _read_pages(db, _OLDER_PAGES, [host, past.since]):
        older_by_pattern[patterns_of(page.url).wide].append(page)
    for pattern, pages in sorted(pages_by_pattern.items()):
        alarm_message = _takeover_message(pattern, pages, older_by_pattern[pattern], past)
        if alarm_message:
            yield Alarm(host, pattern, NEW_LAYOUT, alarm_message)


def _takeover_message(
    pattern: str, pages: Sequence[_LaidOutPage], older_pages: Sequence[_LaidOutPage], past: _Past
) -> str:
    """Describe new pages of a pattern, most of which have a layout that no older page had; empty if most do not."""
    new_counts = Counter(page.layout_id for page in pages if page.layout_id in past.new_layouts)
    layout_id, count = max(new_counts.items(), key=lambda pair: (pair[1], str(pair[0])), default=(None, 0))
    if not has_risen(PageShare(count, len(pages)), [PageShare(0, len(older_pages))], _MOSTLY):
        return ""
    names = _layout_names(signature for page in (*pages, *older_pages) for signature in _signatures(page))
    (old_name, old_count), *_ = Counter(names[page.earlier_signature] for page in older_pages).most_common(1)
    remaining_count = sum(names[page.signature] == old_name for page in pages)
    old_example = next(page.url for page in older_pages if names[page.earlier_signature] == old_name)
    example = next(page.url for page in pages if page.layout_id == layout_id)
    return (
        f"until {past.last_run[:10]}, {old_count:,} of {len(older_pages):,} pages like {pattern} had the layout of"
        f" {old_example}; of {len(pages):,} new ones {remaining_count or 'none'} has it, and {count:,} have a new one,"
        f" that of {example}"
    )


def _signatures(page: _LaidOutPage) -> tuple[bytes, bytes]:
    return page.signature, page.earlier_signature


def _layout_names(signatures: Iterable[bytes]) -> Mapping[bytes, bytes]:
    """Return the layout of each signature, named by the lowest signature of the group."""
    return {signature: group[0] for group in group_signatures(set(signatures)) for signature in group}


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
        LEFT JOIN shelved s ON s.page_id = u.id LEFT JOIN captures pc ON pc.id = p.capture_id
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
