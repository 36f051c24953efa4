"""Bounds on crawler traps (endless URLs), stored in the archive, so that they survive a killed crawl.

Each URL found on a page belongs to its narrow pattern, to a wide one and to its host
(`broadsheet.cleaners.page.url_shapes`). A new article sets the counts of its own patterns, and of those of the page
that first linked to it, back to zero. A page that brings nothing new, a dry one, counts against its patterns. A hopeful
page (it hides its content, or is the first to lead to another part of the site) counts a tenth of that. A pattern with
too many dry pages is spent: its queued URLs are skipped, until it brings something new again. A pattern that keeps
bringing articles has no bound. What seeds, sitemaps and feeds name is a finite list: it is always fetched and counts
against nothing.

Some patterns are sampled: one of ten of their URLs (of copies, of fifty) is fetched, the others are skipped as `dry`.
Thirty pages of thirty brought nothing, on a host whose sitemaps and feeds name nearly all of its articles. Or, on any
host: thirty pages of thirty are not there, or name another stored article as their canonical page, as pages of comments
do; nine of ten addresses by a convention for copies (`?amp`, `/index.html`, print views), five or more, gave what
another address gave; ten feeds in a row named nothing new or were not there; twenty lists in a row (of a tag, of an
author; not their further pages, which lead from one to the next) led to nothing new. A sampled page that brings or
leads to a new article ends the sampling of its pattern.

A folder's page has two spellings, `…/` and `…/index.html`. Once three such pairs of a host gave the same page, and none
another one, the spelling that is found later is skipped. It is queued again if a pair differs, or if no page comes of
the other spelling.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType, UrlSource
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.cleaners.page.url_shapes import (
    LIST_SEGMENTS,
    NUMBER,
    SLUG,
    WORD,
    UrlShape,
    copy_convention,
    index_spellings,
    patterns_of,
    shape_of,
    sort_parameters,
)

from ..archive.page_rows import PageRows
from ..archive.stored_text import SQL_ARTICLE_TYPES, sql_words, storable_text
from ..archive.stored_values import content_id
from ..archive.url_words import NO_REASON, OutcomeReason, ReasonFamily, UrlKind, UrlState, compound_reason, http_reason
from .outcome import Outcome

WHOLE_HOST = "*"
_LISTED = "listed"  # the pattern that counts the articles of a host's sitemaps and feeds
_LIST_SOURCES = frozenset((UrlSource.SEED, UrlSource.SITEMAP, UrlSource.FEED, UrlSource.ROBOTS, UrlSource.GUESS))
_SAME_PAGE_SOURCES = frozenset(
    (UrlSource.CANONICAL, UrlSource.REDIRECT)
)  # the page's own choice of URL, in any order of parameters
_UNWANTED_ARTICLE_REASONS = frozenset((  # of articles that are not stored
    OutcomeReason.LANGUAGE, OutcomeReason.TOO_OLD, OutcomeReason.NOINDEX, OutcomeReason.NOARCHIVE,
    OutcomeReason.NOAI, OutcomeReason.TDM_RESERVATION, OutcomeReason.UNAVAILABLE_AFTER,
))  # fmt: skip
_HIDING_PAGE_TYPES = frozenset((PageType.WALL, PageType.CAPTCHA, PageType.ERROR, PageType.NEEDS_JAVASCRIPT))
_FILE_KINDS = (UrlKind.SITEMAP, UrlKind.FEED)
_COUNTED_KINDS = (UrlKind.PAGE, UrlKind.FEED)  # whose missing URLs (404) count
_BOUND_REASONS = (
    OutcomeReason.TRAP_PATTERN, OutcomeReason.TRAP_HOST_BOUND, OutcomeReason.DRY, OutcomeReason.SPELLING,
)  # fmt: skip
_SPELLING, _INDEX_COPY = "spelling index", "copy index"  # patterns of pairs of spellings, and of index files
_SAME_PAIRS = 3  # of spellings that gave the same page before a second one is left out
_HOPEFUL_PER_DRY = 10  # hopeful pages that count as much as one dry page
_MIN_LISTED = 30  # articles that sitemaps and feeds must have brought before they can account for a host
_ARTICLES_PER_UNLISTED = 20  # a host is accounted for if links alone found at most one article in 20
_NESTED_INDEX = compound_reason(ReasonFamily.SITEMAP, "nested_index")  # of an index too deep to be followed
_NESTED_SAMPLE = 10  # such indexes in an index, ten more for each sitemap in it, after which its others are left out
_SAMPLE_SHARE, _COPY_SHARE = 10, 50  # fetch one URL in 10 of a sampled pattern, one in 50 of copies

_URL_SOURCE = "SELECT found_via, coalesce(found_on, ''), host FROM urls WHERE id = ?"
_NEW_URLS = "SELECT id, url, host, kind, state, found_via FROM urls WHERE id > ? ORDER BY id"
_COUNTS = "host, pattern, fetched, articles, led, dry, hopes, echoes"
_PUT_COUNTS = f"""INSERT INTO _url_patterns ({_COUNTS})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (host, pattern) DO UPDATE SET fetched = fetched + excluded.fetched, echoes = echoes + excluded.echoes,
        articles = articles + excluded.articles, led = led + excluded.led,
        dry = CASE WHEN excluded.articles + excluded.led THEN 0 ELSE dry + excluded.dry END,
        hopes = CASE WHEN excluded.articles + excluded.led THEN 0 ELSE hopes + excluded.hopes END
    RETURNING {_COUNTS}"""
_COPY, _FEED = "copy ", "feed "  # with which the patterns of copies by a convention, and of feeds, begin
_NOT_THERE_REASONS = frozenset((http_reason(404), http_reason(410), PageType.SOFT_404))
_SKIP_SITEMAPS = f"""UPDATE urls SET state = 'skipped', reason = '{_NESTED_INDEX}', _not_before = NULL
    WHERE state = 'queued' AND kind = 'sitemap' AND found_on = ? RETURNING host"""
_COUNT_SITEMAPS = "SELECT count(*) FROM urls INDEXED BY urls_outcome WHERE state = 'queued' AND kind = 'sitemap'"
_IS_LISTED = "SELECT EXISTS (SELECT 1 FROM urls WHERE id = ? AND (in_sitemap OR in_feed))"
_CANONICAL_TITLE = f"""SELECT p.title FROM urls u JOIN pages p ON p.id = u.id
    WHERE u.url = ? AND u.id <> ? AND u.state = 'done' AND p.own_type IN {SQL_ARTICLE_TYPES}"""
_SAME_TITLE = "SELECT 1 FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = ? AND u.id <> ? AND p.title = ?"
_SPELLED = """SELECT id, state = 'queued', EXISTS (SELECT 1 FROM pages p WHERE p.id = urls.id) FROM urls
    WHERE kind = 'page' AND url IN (SELECT value FROM json_each(?))"""
_CONTENTS = """SELECT p.text_digest, p.title, p.own_type, coalesce(c.payload_digest, '') FROM pages p
    LEFT JOIN captures c ON c.id = p.capture_id WHERE p.id = ?"""
_SKIP_SPELLING = """UPDATE urls SET state = 'skipped', reason = 'spelling' WHERE id = ? AND state = 'queued'
    AND found_via <> 'seed' AND held_at IS NULL"""
_QUEUE_SPELLING = """UPDATE urls SET state = 'queued', reason = '' WHERE id = ? AND state = 'skipped'
    AND reason = 'spelling'"""
_HOST_ROWS = "SELECT id, url, host, kind, state, found_via FROM urls WHERE host = ?1 AND"
_BOUNDED_ROWS = f"""{_HOST_ROWS} state = 'queued' AND _not_before IS NULL
        AND held_at IS NULL
    UNION ALL {_HOST_ROWS} state = 'skipped' AND kind IN ('page', 'feed') AND reason IN {sql_words(_BOUND_REASONS)}"""


class PatternLimits(NamedTuple):
    """Dry pages after which a narrow pattern, a wide one, a host, and a pattern of sitemaps or feeds is spent.

    After `sampled` pages of which none brought anything a narrow pattern may be sampled; 0 samples none. `sitemaps` is
    how many of a host may be queued at a time, and a fifth of how many in all.
    """

    narrow_pattern: int = 500
    wide_pattern: int = 1_500
    host: int = 20_000
    list_file: int = 1_000
    sampled: int = 30
    sitemaps: int = 20_000


@dataclass(frozen=True, slots=True)
class _PatternCounts:
    """A row of `_url_patterns`: fetched pages, articles they brought and led to, dry and hopeful pages since the last
    one, and pages that repeat another.
    """

    host: str
    pattern: str
    fetched_count: int
    article_count: int
    led_count: int
    dry_count: int
    hopeful_count: int
    echo_count: int

    @property
    def is_narrow(self) -> bool:
        """Return whether the pattern is a narrow one of pages."""
        return self.pattern.startswith(("/", _COPY))


@dataclass(frozen=True, slots=True)
class _UrlRow:
    """The columns of `urls` that decide on a URL's patterns."""

    id: int
    url: str
    host: str
    kind: UrlKind
    state: UrlState
    found_via: UrlSource

    def patterns(self) -> Iterator[tuple[str, str]]:
        """Yield the (host, pattern) pairs that bound the URL, the narrowest first."""
        if self.kind == UrlKind.PAGE:
            url_patterns, convention = patterns_of(self.url), copy_convention(self.url)
            if convention:
                yield self.host, _COPY + convention
            yield from ((self.host, url_patterns.narrow), (self.host, url_patterns.wide), (self.host, WHOLE_HOST))
        else:
            yield self.host, f"{self.kind} {patterns_of(self.url).narrow}"

    @property
    def is_bounded(self) -> bool:
        """Return whether a spent pattern keeps the URL from being fetched."""
        return self.kind in _FILE_KINDS or (self.kind == UrlKind.PAGE and self.found_via not in _LIST_SOURCES)


def is_new_text(db: Database, url: str, page: PageRows) -> bool:
    """Return whether a page is an article that no other page has brought. Call it before the page is stored."""
    if not page.is_article:
        return False
    same_text = f"""SELECT 1 FROM pages p JOIN urls u ON u.id = p.id
        WHERE p.text_digest = ? AND p.own_type IN {SQL_ARTICLE_TYPES} AND u.url <> ?"""
    if db.execute(same_text, [page.digest, storable_text(url)]).fetchone():
        return False
    title, canonical_url = storable_text(page.metadata.title), storable_text(page.metadata.canonical_url)
    similar_page = """SELECT 1 FROM pages p JOIN urls u ON u.id = p.id
        WHERE p.canonical_url = ? AND p.title = ? AND abs(p.word_count - ?) < 10 AND u.url <> ?"""
    return not (
        canonical_url and db.execute(similar_page, [canonical_url, title, page.words, storable_text(url)]).fetchone()
    )


def newest_url_id(db: Database) -> int:
    """Return the highest id in `urls`; URLs that are found later have higher ones."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM urls").fetchone()[0])


def without_excess_sitemaps(db: Database, outcome: Outcome, limits: PatternLimits) -> Outcome:
    """Drop the sitemaps of an index beyond those that may be queued; the outcome's reason says so."""
    if not any(row.kind == UrlKind.SITEMAP for row in outcome.discovered_urls[:1]):
        return outcome
    rooms = {"": 5 * limits.sitemaps - db.execute(_COUNT_SITEMAPS).fetchone()[0]}
    rows = []
    for row in outcome.discovered_urls:
        if row.host not in rooms:
            rooms[row.host] = limits.sitemaps - db.execute(f"{_COUNT_SITEMAPS} AND host = ?", [row.host]).fetchone()[0]
        if row.kind != UrlKind.SITEMAP or min(rooms[""], rooms[row.host]) > 0:
            rows.append(row)
            rooms[""] -= 1
            rooms[row.host] -= 1
    is_said = len(rows) < len(outcome.discovered_urls) and outcome.reason == OutcomeReason.SITEMAP
    reason = compound_reason(ReasonFamily.SITEMAP, "too_many_sitemaps") if is_said else outcome.reason
    return replace(outcome, discovered_urls=tuple(rows), reason=reason)


@dataclass(slots=True)
class PatternTracker:
    """A tracker of what each pattern of an archive brings; it skips the URLs of spent ones, in the caller's
    transaction.

    It caches the table `_url_patterns`; `reload` it after a transaction that failed.
    """

    db: Database
    limits: PatternLimits = field(default_factory=PatternLimits)
    _spent_patterns: set[tuple[str, str]] = field(default_factory=set)
    _barren_patterns: set[tuple[str, str]] = field(default_factory=set)
    _echoing_patterns: set[tuple[str, str]] = field(default_factory=set)
    _index_hosts: set[str] = field(default_factory=set)
    _one_page_hosts: set[str] = field(default_factory=set)
    _articles_by_host: dict[str, int] = field(default_factory=dict)
    _listed_by_host: dict[str, int] = field(default_factory=dict)
    _nested_by_index: Counter[str] = field(default_factory=Counter)
    requeued_hosts: set[str] = field(default_factory=set)
    """Hosts of which queued URLs were skipped, or skipped ones queued, for whoever has read the queue ahead."""

    def reload(self) -> None:
        """Read from the table which patterns are spent, and which are sampled."""
        rows = [_PatternCounts(*row) for row in self.db.execute(f"SELECT {_COUNTS} FROM _url_patterns")]
        self._articles_by_host = {row.host: row.article_count for row in rows if row.pattern == WHOLE_HOST}
        self._listed_by_host = {row.host: row.article_count for row in rows if row.pattern == _LISTED}
        self._index_hosts = {row.host for row in rows if row.pattern == _INDEX_COPY}
        self._one_page_hosts = {row.host for row in rows if _is_one_page(row)}
        self._spent_patterns = {(row.host, row.pattern) for row in rows if self._is_spent(row)}
        self._barren_patterns = {(row.host, row.pattern) for row in rows if self._is_barren(row)}
        self._echoing_patterns = {(row.host, row.pattern) for row in rows if self._is_echoing(row)}

    def note_outcome(
        self, url_id: int, outcome: Outcome, has_new_text: bool, newest_id: int, *, is_revisit: bool = False
    ) -> None:
        """Count a stored outcome, whose discovered URLs have ids above `newest_id`.

        A revisited page counts neither for nor against its patterns.
        """
        new_rows = [_UrlRow(*row) for row in self.db.execute(_NEW_URLS, [newest_id])]
        admitted_rows = [row for row in new_rows if self._admit(row)]
        found_via, found_on, host = self.db.execute(_URL_SOURCE, [url_id]).fetchone()
        page = _UrlRow(url_id, outcome.url, host, outcome.kind, outcome.state, found_via)
        if host in self._index_hosts or copy_convention(outcome.url):
            self._compare_spellings(page, outcome)
        if is_revisit:
            return
        if outcome.state == UrlState.FAILED and outcome.reason in _NOT_THERE_REASONS and outcome.kind in _COUNTED_KINDS:
            self._count_page(page, has_gained=False, is_echo=True)
        if outcome.kind == UrlKind.SITEMAP and outcome.state == UrlState.DONE:
            # If hardly any sitemap of an index can be followed, the rest is not tried.
            is_nested = outcome.reason == _NESTED_INDEX
            self._nested_by_index[found_on] += 1 if is_nested else -_NESTED_SAMPLE
            if is_nested and self._nested_by_index[found_on] >= _NESTED_SAMPLE:
                self.requeued_hosts.update(host for (host,) in self.db.execute(_SKIP_SITEMAPS, [found_on]).fetchall())
        if outcome.kind in _FILE_KINDS and outcome.state == UrlState.DONE:
            self._count_page(page, has_gained=any(row.kind == UrlKind.PAGE for row in new_rows))
        elif outcome.page or (outcome.location and outcome.state == UrlState.DONE):
            is_echo = self._is_echo(page, outcome, has_new_text) or outcome.reason in _NOT_THERE_REASONS
            has_gained = (has_new_text and not is_echo) or outcome.reason in _UNWANTED_ARTICLE_REASONS
            is_hopeful = _hides_content(outcome) or _leads_elsewhere(page, admitted_rows)
            self._count_page(page, has_gained, is_hopeful=is_hopeful, is_echo=is_echo)
            if has_gained and self._is_listed(page):
                self._add_counts(host, _LISTED, [1, 1, 0, 0, 0, 0])
            if has_new_text and found_on and found_via not in _LIST_SOURCES:
                self._credit_source(found_on)

    def _admit(self, row: _UrlRow) -> bool:
        """Skip a discovered URL if a pattern is spent; return whether it is still queued."""
        if row.state != UrlState.QUEUED:
            return False
        reason = self._skip_reason(row) or self._order_skip_reason(row)
        if reason:
            self.db.execute("UPDATE urls SET state = 'skipped', reason = ? WHERE id = ?", [str(reason), row.id])
        return not reason

    def _skip_reason(self, row: _UrlRow) -> OutcomeReason | None:
        """Return the reason to skip a URL whose pattern or host is spent, or that is another spelling; else None."""
        if self._is_spelled_otherwise(row):
            return OutcomeReason.SPELLING
        if not row.is_bounded or not (self._spent_patterns or self._barren_patterns or self._echoing_patterns):
            return None
        patterns = list(row.patterns())
        spent_patterns = [pattern for host, pattern in patterns if (host, pattern) in self._spent_patterns]
        if not spent_patterns:
            sampled = next((pattern for host, pattern in patterns if self._is_sampled((host, pattern))), "")
            is_left_out = sampled and content_id(row.url) % (
                _COPY_SHARE if sampled.startswith(_COPY) else _SAMPLE_SHARE
            )
            return OutcomeReason.DRY if is_left_out else None
        is_whole_host = spent_patterns == [WHOLE_HOST]
        return OutcomeReason.TRAP_HOST_BOUND if is_whole_host else OutcomeReason.TRAP_PATTERN

    def _is_spelled_otherwise(self, row: _UrlRow) -> bool:
        """Return whether another spelling gave a page, or was found before and is queued."""
        is_judged = row.kind == UrlKind.PAGE and row.found_via != UrlSource.SEED and self.limits.sampled
        if not is_judged or row.host not in self._one_page_hosts:
            return False
        is_target = row.found_via == UrlSource.REDIRECT  # perhaps of the other spelling
        return any(
            has_page or (is_queued and other < row.id and not is_target)
            for other, is_queued, has_page in self._read_spellings(row.url)
        )

    def _read_spellings(self, url: str) -> list[tuple[int, int, int]]:
        """Read the rows of the other spellings of a URL: id, whether it is queued, and whether a page came of it."""
        spellings = index_spellings(url)
        return self.db.execute(_SPELLED, [json.dumps(spellings)]).fetchall() if spellings else []

    def _compare_spellings(self, page: _UrlRow, outcome: Outcome) -> None:
        """Count the pairs of spellings that a page completes, and skip the others where they are one page; where no
        page came of it, queue the others again.
        """
        spellings = self._read_spellings(page.url) if page.kind == UrlKind.PAGE else []
        if outcome.page is None or outcome.state != UrlState.DONE:
            if not outcome.is_retry:
                self.db.conn.executemany(_QUEUE_SPELLING, [(other,) for other, *_ in spellings])
            return
        own_content = self.db.execute(_CONTENTS, [page.id]).fetchone()
        for other, *_ in spellings:
            content = self.db.execute(_CONTENTS, [other]).fetchone()
            if content and own_content:
                is_same = content[:3] == own_content[:3] or "" != content[3] == own_content[3]
                self._add_counts(page.host, _SPELLING, [1, 0, 0, 0, 0, int(is_same)])
        if page.host in self._one_page_hosts and self.limits.sampled:
            self.db.conn.executemany(_SKIP_SPELLING, [(other,) for other, is_queued, _ in spellings if is_queued])
            self.requeued_hosts.add(page.host)

    def _order_skip_reason(self, row: _UrlRow) -> OutcomeReason | None:
        """Return the reason to skip a URL whose parameters were queued in another order before; else None."""
        key = sort_parameters(row.url) if row.kind == UrlKind.PAGE and "&" in row.url else ""
        if not key:
            return None
        is_first = self.db.execute("INSERT OR IGNORE INTO _url_orders (id) VALUES (?)", [content_id(key)]).rowcount
        is_listed = row.found_via in _LIST_SOURCES or row.found_via in _SAME_PAGE_SOURCES
        return None if is_first or is_listed else OutcomeReason.TRAP_PARAMETER_ORDER

    def _is_listed(self, page: _UrlRow) -> bool:
        """Return whether a sitemap or feed names a page."""
        return page.kind == UrlKind.PAGE and bool(self.db.execute(_IS_LISTED, [page.id]).fetchone()[0])

    def _is_echo(self, page: _UrlRow, outcome: Outcome, has_new_text: bool) -> bool:
        """Return whether a linked page names another stored article as canonical, and has its title, as comments do.

        A copy by a convention is also one if it has another page's text, or names a page of its title.
        """
        if outcome.page and copy_convention(page.url):
            named = (
                storable_text(outcome.page.metadata.canonical_url),
                page.id,
                storable_text(outcome.page.metadata.title),
            )
            return self.db.execute(_SAME_TITLE, named).fetchone() is not None or (
                outcome.page.is_article and not has_new_text
            )
        if page.found_via != UrlSource.LINK or outcome.page is None or shape_of(page.url) == UrlShape.DEEP_LIST:
            return False
        metadata = outcome.page.metadata
        if not metadata.canonical_url:
            return False
        found = self.db.execute(_CANONICAL_TITLE, [storable_text(metadata.canonical_url), page.id]).fetchone()
        titles = (found[0] or "", metadata.title) if found else ("", "")
        return all(titles) and (titles[0] in titles[1] or titles[1] in titles[0])

    def _count_page(self, page: _UrlRow, has_gained: bool, *, is_hopeful: bool = False, is_echo: bool = False) -> None:
        """Count a fetched page for its patterns if it brought something new, else as a dry or a hopeful one."""
        counts_against = not has_gained and page.is_bounded
        article_count, dry_count, hopeful_count = (
            int(has_gained),
            int(counts_against and not is_hopeful),
            int(counts_against and is_hopeful),
        )
        for host, pattern in page.patterns():
            self._add_counts(host, pattern, [1, article_count, 0, dry_count, hopeful_count, int(is_echo)])

    def _credit_source(self, found_on: str) -> None:
        """Count a new article for the patterns of the page that linked to it."""
        page = _UrlRow(0, found_on, host_of(found_on), UrlKind.PAGE, UrlState.DONE, UrlSource.LINK)
        for host, pattern in page.patterns():
            self._add_counts(host, pattern, [0, 0, 1, 0, 0, 0])

    def _add_counts(self, host: str, pattern: str, counts: list[int]) -> None:
        """Add to a pattern's counts, from `fetched` to `echoes`; act if it is spent or sampled, or no longer."""
        row = _PatternCounts(*self.db.execute(_PUT_COUNTS, [host, pattern, *counts]).fetchone())
        was_accounted = self._is_accounted(host)
        if pattern == WHOLE_HOST:
            self._articles_by_host[host] = row.article_count
        elif pattern == _LISTED:
            self._listed_by_host[host] = row.article_count
        key, was_one_page = (host, pattern), host in self._one_page_hosts
        if pattern == _INDEX_COPY:
            self._index_hosts.add(host)
        elif pattern == _SPELLING:
            (self._one_page_hosts.add if _is_one_page(row) else self._one_page_hosts.discard)(host)
        was_sampled, was_spent = self._is_sampled(key), key in self._spent_patterns
        for patterns, is_member in (
            (self._spent_patterns, self._is_spent(row)),
            (self._barren_patterns, self._is_barren(row)),
            (self._echoing_patterns, self._is_echoing(row)),
        ):
            (patterns.add if is_member else patterns.discard)(key)
        has_changed = (was_sampled, was_spent) != (self._is_sampled(key), key in self._spent_patterns)
        if (
            has_changed
            or was_one_page != (host in self._one_page_hosts)
            or (self._barren_patterns and was_accounted != self._is_accounted(host))
        ):
            self._requeue_and_skip(host)

    def _is_accounted(self, host: str) -> bool:
        """Return whether sitemaps and feeds name nearly all articles of a host."""
        articles, listed = self._articles_by_host.get(host, 0), self._listed_by_host.get(host, 0)
        return listed >= _MIN_LISTED and (articles - listed) * _ARTICLES_PER_UNLISTED <= articles

    def _is_sampled(self, key: tuple[str, str]) -> bool:
        return key in self._echoing_patterns or (key in self._barren_patterns and self._is_accounted(key[0]))

    def _is_barren(self, row: _PatternCounts) -> bool:
        """Return whether enough pages of a narrow pattern were fetched, and none brought or led to anything."""
        is_tried = 0 < self.limits.sampled <= row.dry_count
        return row.is_narrow and is_tried and not row.article_count + row.led_count

    def _is_echoing(self, row: _PatternCounts) -> bool:
        """Return whether a pattern is sampled on any host (see the module's docstring)."""
        least = self.limits.sampled
        if not least:
            return False
        if row.pattern.startswith(_COPY):
            return 6 * row.echo_count >= least and 10 * row.echo_count >= 9 * row.fetched_count
        if row.pattern.startswith(_FEED):
            return 3 * row.dry_count >= least
        if row.is_narrow and _is_lone_list_pattern(row.pattern) and 3 * row.dry_count >= 2 * least:
            return True
        return row.is_narrow and least <= row.echo_count == row.fetched_count

    def _is_spent(self, row: _PatternCounts) -> bool:
        return row.dry_count * _HOPEFUL_PER_DRY + row.hopeful_count > self._allowance(row) * _HOPEFUL_PER_DRY

    def _allowance(self, row: _PatternCounts) -> int:
        """Return the dry pages that a pattern may have: more if it has brought articles, or lists articles that are
        known.
        """
        if row.pattern.startswith(("sitemap ", "feed ")):
            return self.limits.list_file
        host_articles = self._articles_by_host.get(row.host, 0)
        if row.pattern == WHOLE_HOST:
            return self.limits.host + host_articles
        base = self.limits.wide_pattern if row.pattern.startswith("*") else self.limits.narrow_pattern
        return (
            base
            + row.article_count
            + row.led_count
            + (host_articles if _is_archive_pattern(row.pattern) else host_articles // 4)
        )

    def _requeue_and_skip(self, host: str) -> None:
        """Skip the queued URLs of a host's spent patterns, and queue again the skipped ones of the others."""
        changes = []
        for row in [_UrlRow(*row) for row in self.db.execute(_BOUNDED_ROWS, [host])]:
            reason = self._skip_reason(row)
            if bool(reason) == (row.state == UrlState.QUEUED):
                state = UrlState.SKIPPED if reason else UrlState.QUEUED
                changes.append((str(state), str(reason or NO_REASON), row.id))
        self.db.conn.executemany("UPDATE urls SET state = ?, reason = ? WHERE id = ?", changes)
        self.requeued_hosts.add(host)


def _is_one_page(row: _PatternCounts) -> bool:
    """Return whether both spellings give the same page on a host."""
    return row.pattern == _SPELLING and row.echo_count == row.fetched_count >= _SAME_PAIRS


def _hides_content(outcome: Outcome) -> bool:
    return outcome.page is not None and outcome.page.verdict.page_type in _HIDING_PAGE_TYPES


def _leads_elsewhere(page: _UrlRow, admitted_rows: list[_UrlRow]) -> bool:
    """Return whether a page was the first to link to a URL of another wide pattern that does not look like a list."""
    own_pattern, list_shapes = patterns_of(page.url).wide, (UrlShape.LIST, UrlShape.DEEP_LIST)
    return any(
        row.kind == UrlKind.SITEMAP
        or (
            row.kind == UrlKind.PAGE
            and patterns_of(row.url).wide != own_pattern
            and shape_of(row.url) not in list_shapes
        )
        for row in admitted_rows
    )


def _is_lone_list_pattern(pattern: str) -> bool:
    """Return whether a pattern is of lists that do not continue one another, such as `/author/word`."""
    *folders, last = pattern.split("/")
    return not LIST_SEGMENTS.isdisjoint(folders) and last in (WORD, SLUG)


def _is_archive_pattern(pattern: str) -> bool:
    """Return whether a pattern is of dates or page numbers alone: its pages may name one known article each."""
    path, _, query = pattern.partition("?")
    parts = [part for part in path.split("/") if part not in ("", "*")]
    return bool(parts) and not query and all(part == NUMBER or part in LIST_SEGMENTS for part in parts)
