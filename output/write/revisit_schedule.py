"""Revisits: when pages are due again, and queueing the due ones.

The time follows from how often a page was found changed: a visit with a change halves the interval, one without makes
it half as long again, between a floor and a ceiling. In the long run about 37 % of visits find a change.
(Multiplicative increase and decrease, as in Cho and Garcia-Molina's estimates of change frequency without their need of
a history; the factors are ours.) Before the second visit the age of the article is the guess: texts are corrected most
on their first days, so a page waits an eighth of its age. A person's word, on the archive or on an article, makes
intervals shorter or longer (`Watch`).

A date in a sitemap or feed goes before the interval: a page dated later than the last visit is due at once. After three
such dates in a row without a change, they are no longer believed for that page.

A URL that is visited again is `queued` like any other, so that a killed update goes on; `held_reason` and `held_at` say
what the archive holds of it. `reason` says why it is queued and what the last fetch gave: `revisit`, or
`revisit:http_404` where that had failed; `announced` where a sitemap or feed says that it has changed. Queueing runs in
the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType, UrlSource

from ..archive.page_rows import article_id
from ..archive.stored_text import storable_text
from ..archive.stored_values import utc_text
from ..archive.url_words import OutcomeReason, Reason, ReasonFamily, UrlKind, UrlState, compound_reason, http_reason
from .corrections import CorrectedField, Correction, store_correction
from .outcome import DiscoveredUrl, Outcome
from .run_records import crawl_options

MIN_INTERVAL = 3_600
"""Seconds: no known page is visited more often, unless a sitemap or feed announces a change."""
MAX_INTERVAL = 30 * 86_400
"""Seconds: every known page is visited at least so often."""

_CHANGED_FACTOR, _UNCHANGED_FACTOR = 0.5, 1.5
_SHARE_OF_AGE = 1 / 8
_DEFAULT_AGE = 8 * 86_400  # seconds
_DUE_SHARE = 0.9  # share of an interval after which a visit is not too soon: a run started each hour is never punctual
_MAX_UNFOUNDED = 3  # announcements in a row that came to nothing


class Watch(StrEnum):
    """A person's setting for an archive, or for an article: how closely pages are watched."""

    CLOSE = "close"
    USUAL = "usual"
    RARE = "rare"


class _WatchBounds(NamedTuple):
    """Effect of such a setting on the interval: a factor, and bounds in seconds."""

    factor: float
    shortest: float
    longest: float


_WATCH_BOUNDS = {
    Watch.CLOSE: _WatchBounds(1 / 4, MIN_INTERVAL, 86_400),
    Watch.USUAL: _WatchBounds(1, MIN_INTERVAL, MAX_INTERVAL),
    Watch.RARE: _WatchBounds(6, 7 * 86_400, 180 * 86_400),
}


class VisitHistory(NamedTuple):
    """The known history of a page.

    Times are ISO 8601; `visited_at` is that of the last visit, `article_date` when the article was published, or else
    the URL first seen. `interval_seconds` is the last interval. `unfounded_announcements` counts the sitemap or feed
    dates in a row without a change; `lastmod` is the last such date as it was written. `watch` is a person's word for
    this page alone; empty for that of the archive.
    """

    visited_at: str
    interval_seconds: int | None = None
    article_date: str = ""
    unfounded_announcements: int = 0
    lastmod: str = ""
    watch: Watch | str = ""


class RevisitPolicy(NamedTuple):
    """A person's wish for revisits: every `interval_seconds`, 0 for the learned interval under `watch`; or all pages
    now.
    """

    interval_seconds: float = 0.0
    revisit_all: bool = False
    watch: Watch = Watch.USUAL


def is_due(history: VisitHistory, now: str, policy: RevisitPolicy) -> bool:
    """Return whether a page is to be visited again. `now` is ISO 8601."""
    visited_at = parse_instant(history.visited_at)
    if policy.revisit_all or visited_at is None:
        return True
    interval = policy.interval_seconds or watched_interval(history, policy.watch)
    return (_parse_now(now) - visited_at).total_seconds() >= _DUE_SHARE * interval


def is_announced(history: VisitHistory, announced_date: str, now: str) -> bool:
    """Return whether a sitemap or feed credibly dates a change of the page after its last visit."""
    changed_at, visited_at = parse_last_instant(announced_date), parse_instant(history.visited_at)
    if changed_at is None or visited_at is None or history.unfounded_announcements >= _MAX_UNFOUNDED:
        return False
    is_known_day = (
        _is_day_only(announced_date) and announced_date == history.lastmod and changed_at.date() == visited_at.date()
    )
    return visited_at < min(changed_at, _parse_now(now)) and not is_known_day


def next_interval(history: VisitHistory, changed: bool) -> int:
    """Return the interval in seconds after a visit that found a change, or found none."""
    factor = _CHANGED_FACTOR if changed else _UNCHANGED_FACTOR
    return round(min(max(current_interval(history) * factor, MIN_INTERVAL), MAX_INTERVAL))


def current_interval(history: VisitHistory) -> float:
    """Return the interval in seconds; from the article's age where none has been learned."""
    if history.interval_seconds is not None:
        return min(max(history.interval_seconds, MIN_INTERVAL), MAX_INTERVAL)
    article_date, visited_at = parse_instant(history.article_date), parse_instant(history.visited_at)
    age = (visited_at - article_date).total_seconds() if article_date and visited_at else _DEFAULT_AGE
    return min(max(age * _SHARE_OF_AGE, MIN_INTERVAL), MAX_INTERVAL)


def watched_interval(history: VisitHistory, archive_watch: Watch = Watch.USUAL) -> float:
    """Return the seconds between two visits to a page, as it or else its archive is watched.

    >>> story = VisitHistory("2024-01-09", article_date="2024-01-01")
    >>> [round(watched_interval(story, word) / 3600) for word in Watch]
    [6, 24, 168]
    """
    bounds = _WATCH_BOUNDS[Watch(history.watch or archive_watch)]
    return min(max(current_interval(history) * bounds.factor, bounds.shortest), bounds.longest)


def parse_instant(text: str) -> datetime | None:
    """Parse an ISO 8601 or HTTP date in UTC; without a zone it counts as UTC, a day alone as its beginning.

    Returns None if the text is not a date.

    >>> parse_instant("2024-05-01")
    datetime.datetime(2024, 5, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    moment = _parse_date(text.strip())
    if moment is None:
        return None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return None


def parse_last_instant(text: str) -> datetime | None:
    """Parse a date as `parse_instant` does, but count a day alone as its end.

    A change on that day may have come after the last visit.
    """
    moment = parse_instant(text)
    return datetime.combine(moment.date(), time.max, UTC) if moment and _is_day_only(text) else moment


def _is_day_only(text: str) -> bool:
    return len(text.strip()) <= len("2026-01-31")


def _parse_date(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, _parse_partial_date, parsedate_to_datetime):
        try:
            return parse(text)
        except (ValueError, TypeError, IndexError):
            continue
    return None


def _parse_partial_date(text: str) -> datetime:
    """Parse a year and month, or a year, by its first day."""
    parts = [int(part) for part in text.split("-")]
    return datetime.combine(date(*parts, *(1,) * (3 - len(parts))), time.min)


def _parse_now(text: str) -> datetime:
    """Parse the time in UTC; without one, return nearly the last day that Python knows, so that everything is due."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else datetime.max.replace(tzinfo=UTC) - timedelta(1)


_LIST_PRIORITY, _ARTICLE_PRIORITY = 120, 30  # lists go first, known articles after new ones
_URL_ERRORS = tuple(map(http_reason, (404, 410, 403, 401, 451)))  # errors of the URL, not of the host
_LASTING_OF_LISTS = (*_URL_ERRORS, OutcomeReason.NOT_THERE, OutcomeReason.BAD_FEED, ReasonFamily.BAD_SITEMAP)
_WAS_FETCHED = tuple(compound_reason(family, "") for family in (ReasonFamily.REVISIT, ReasonFamily.ANNOUNCED))
_ROW_COLUMNS = """u.id, u.url, u.kind, u.state, u.reason, coalesce(u.held_at, ''), coalesce(u.fetched_at, ''),
    u._revisit_seconds, coalesce(a.published, a.published_day, u.first_seen), u._unfounded, coalesce(u.lastmod, ''),
    coalesce(u.held_reason, ''), u.depth, coalesce(w.value, '')"""
_WATCHED = """LEFT JOIN (SELECT url, value FROM corrections
    WHERE block_id IS NULL AND field = 'watch' AND undone_at IS NULL) w ON w.url = u.url"""
_FETCHED_ROWS = f"""SELECT {_ROW_COLUMNS} FROM urls u LEFT JOIN articles a ON a.page_id = u.id {_WATCHED}
    WHERE u.state IN ('done', 'failed') AND u.kind IN ('page', 'sitemap', 'feed') AND u.id > ? ORDER BY u.id LIMIT ?"""
_ARTICLE_ROWS = f"""SELECT {_ROW_COLUMNS} FROM articles a JOIN urls u ON u.id = a.page_id {_WATCHED}
    WHERE u.state IN ('done', 'failed')"""
_ROW_OF_URL = f"""SELECT {_ROW_COLUMNS} FROM urls u LEFT JOIN articles a ON a.page_id = u.id {_WATCHED}
    WHERE u.url = ?"""
_QUEUE_AGAIN = """UPDATE urls SET reason = ?1 || CASE state WHEN 'failed' THEN ':' || reason ELSE '' END,
        state = 'queued', attempts = 0, _not_before = NULL, lastmod = coalesce(?2, lastmod),
        _priority = CASE WHEN held_reason = 'list' THEN max(_priority, ?3) ELSE min(_priority, ?4) END
    WHERE id = ?5 AND state IN ('done', 'failed')"""
_QUEUE_SKIPPED = """UPDATE urls SET state = 'queued', reason = '', attempts = 0, _not_before = NULL
    WHERE id = ? AND state = 'skipped'"""
_RESTORE_STATES = f"""UPDATE urls SET _not_before = NULL,
        state = CASE WHEN instr(reason, ':') THEN 'failed' WHEN held_at IS NULL THEN 'skipped' ELSE 'done' END,
        reason = CASE WHEN instr(reason, ':') THEN substr(reason, instr(reason, ':') + 1)
            WHEN held_at IS NULL THEN :reason ELSE held_reason END
    WHERE state = 'queued' AND (held_at IS NOT NULL OR reason GLOB '{ReasonFamily.REVISIT}:*'
        OR reason GLOB '{ReasonFamily.ANNOUNCED}:*')"""
_UPDATE_INTERVAL = "UPDATE urls SET _revisit_seconds = ?, _unfounded = ? WHERE id = ?"
_UPDATE_LAST_SEEN = "UPDATE {} SET last_seen = ? WHERE page_id = ?"
_ROWS_PER_BATCH = 5_000

# The capture whose content the archive holds: that of the page, or for a sitemap or feed the last one that was read.
_CACHE_VALIDATORS = """SELECT etag, last_modified FROM captures WHERE id = coalesce(
    (SELECT capture_id FROM pages WHERE id = ?1),
    (SELECT id FROM captures WHERE url = ?2 AND http_status = 200 ORDER BY fetched_at DESC, id DESC LIMIT 1))
    AND NOT EXISTS (SELECT 1 FROM pages WHERE id = ?1 AND own_type = 'needs_javascript')"""
"""A page that showed nothing is asked for in full, since a browser may show it now."""


@dataclass(frozen=True, slots=True)
class UpdateRun:
    """A run that visits known URLs again.

    `policy` is how often; `started_at` when it began: what was fetched since is not queued. `selects_page` takes a
    page's URL and depth. Sitemaps, feeds and start pages are due in any case with `listings_always_due`, else after
    their interval. `is_resumed`: an earlier process began the run, and has made some of its visits.
    """

    policy: RevisitPolicy
    started_at: str
    selects_page: Callable[[str, int], bool]
    listings_always_due: bool = True
    is_resumed: bool = False

    def has_visited(self, row: UrlRow) -> bool:
        """Return whether the run visited a URL before it was resumed; False for every URL in a new run.

        In a new run, a fetch at or after the start, by a clock that was set back, was another run's.
        """
        return self.is_resumed and row.fetched_at >= self.started_at


@dataclass(frozen=True, slots=True)
class UrlRow:
    """The columns of `urls` that decide on a revisit."""

    id: int
    url: str
    kind: UrlKind
    state: UrlState
    reason: Reason
    held_at: str
    fetched_at: str
    interval_seconds: int | None
    article_date: str
    unfounded_announcements: int
    lastmod: str
    held_reason: Reason
    depth: int
    watch: str = ""

    @property
    def was_fetched(self) -> bool:
        """Return whether the URL was fetched before, with success or not."""
        return bool(self.held_at) or self.reason.startswith(_WAS_FETCHED)

    @property
    def visit_history(self) -> VisitHistory:
        """Return the history that the policy needs.

        A failure that says nothing about the page does not count as a visit.
        """
        is_final_failure = self.state == UrlState.FAILED and (self.reason in _URL_ERRORS or not self.held_at)
        visited_at = self.fetched_at if is_final_failure else self.held_at
        announced = self.unfounded_announcements, self.lastmod
        return VisitHistory(visited_at, self.interval_seconds, self.article_date, *announced, self.watch)

    @property
    def announces_articles(self) -> bool:
        """Return whether new articles are announced at the URL: a sitemap, a feed, a start page, a section."""
        return self.kind != UrlKind.PAGE or (self.held_reason == PageType.LIST and self.depth <= 1)


def find_url_row(db: Database, url: str) -> UrlRow | None:
    """Find the row of a URL; None if the archive has none."""
    row = db.execute(_ROW_OF_URL, [storable_text(url)]).fetchone()
    return UrlRow(*row) if row else None


class VisitOutlook(NamedTuple):
    """The next visits to the articles of an archive: how many there are, how many of them are due, and when (UTC ISO
    8601) the first of the others is; empty if no other is left.
    """

    articles: int
    due: int
    next_at: str


def foresee_visits(db: Database, now: str) -> VisitOutlook:
    """Foresee the visits that an update without `--every` and `--all` makes; `now` is ISO 8601."""
    moment, articles, due_count = _parse_now(now), 0, 0
    watch = archive_watch(db)
    next_at: datetime | None = None
    for columns in db.execute(_ARTICLE_ROWS):
        history = UrlRow(*columns).visit_history
        visited_at, articles = parse_instant(history.visited_at), articles + 1
        due_at = visited_at and visited_at + timedelta(seconds=_DUE_SHARE * watched_interval(history, watch))
        if due_at is None or due_at <= moment:
            due_count += 1
        elif next_at is None or due_at < next_at:
            next_at = due_at
    return VisitOutlook(articles, due_count, utc_text(next_at) if next_at else "")


def archive_watch(db: Database) -> Watch:
    """Return how closely an archive is watched, by the options of its last crawl."""
    runs = crawl_options(db)
    return Watch(runs[-1].get("watch") or Watch.USUAL) if runs else Watch.USUAL


def set_watch(db: Database, url_ids: Iterable[int], watch: Watch, at: str) -> None:
    """Override how closely these pages are watched, as corrections that can be undone.

    Runs in the caller's transaction.
    """
    for number in url_ids:
        (url,) = db.execute("SELECT url FROM urls WHERE id = ?", [number]).fetchone()
        store_correction(db, Correction(CorrectedField.WATCH, watch, article_id=article_id(url), url=url, at=at))


def queue_due(db: Database, update: UpdateRun, now: str) -> int:
    """Queue the URLs that are due, in batches to bound memory; return how many."""
    last_id, count = 0, 0
    while rows := [UrlRow(*row) for row in db.execute(_FETCHED_ROWS, [last_id, _ROWS_PER_BATCH]).fetchall()]:
        due_rows = [row for row in rows if _is_due(row, update, now)]
        parameters = [(str(OutcomeReason.REVISIT), None, _LIST_PRIORITY, _ARTICLE_PRIORITY, row.id) for row in due_rows]
        db.conn.executemany(_QUEUE_AGAIN, parameters)
        last_id, count = rows[-1].id, count + len(due_rows)
    return count


def queue_pages(db: Database, urls: Iterable[str]) -> list[int]:
    """Queue known URLs again, whatever their last outcome; return the ids of all that are queued now."""
    rows = [row for url in urls if (row := find_url_row(db, url))]
    values = (str(OutcomeReason.REVISIT), None, _LIST_PRIORITY, _ARTICLE_PRIORITY)
    db.conn.executemany(_QUEUE_AGAIN, [(*values, row.id) for row in rows])
    db.conn.executemany(_QUEUE_SKIPPED, [(row.id,) for row in rows])
    return [row.id for row in rows]


def queue_announced(db: Database, urls: Iterable[DiscoveredUrl], update: UpdateRun, now: str) -> int:
    """Requeue pages that a sitemap or feed says have changed, and redirect targets; return how many."""
    count = 0
    for discovered in urls:
        if (
            not (discovered.lastmod or discovered.found_via == UrlSource.REDIRECT)
            or discovered.state != UrlState.QUEUED
        ):
            continue
        row = find_url_row(db, discovered.url)
        if row is None or row.kind != UrlKind.PAGE or row.fetched_at >= update.started_at:
            continue
        if discovered.found_via == UrlSource.REDIRECT or is_announced(row.visit_history, discovered.lastmod, now):
            parameters = [
                str(OutcomeReason.ANNOUNCED),
                discovered.lastmod or None,
                _LIST_PRIORITY,
                _ARTICLE_PRIORITY,
                row.id,
            ]
            count += db.execute(_QUEUE_AGAIN, parameters).rowcount
    return count


def note_visit(db: Database, row: UrlRow, outcome: Outcome, changed: bool) -> None:
    """Learn the interval from a visit to a known page; if the page is unmodified, note that its article was seen.

    `row` is the one from before the visit.
    """
    if outcome.reason == OutcomeReason.NOT_MODIFIED:
        for table in ("articles", "_shelf"):
            db.execute(_UPDATE_LAST_SEEN.format(table), [outcome.fetched_at, row.id])
    if outcome.state == UrlState.DONE or outcome.reason in _URL_ERRORS:
        unfounded_count = row.unfounded_announcements + row.reason.startswith(OutcomeReason.ANNOUNCED)
        interval = next_interval(row.visit_history, changed)
        db.execute(_UPDATE_INTERVAL, [interval, 0 if changed else unfounded_count, row.id])


def restore_unvisited(db: Database, reason: Reason) -> int:
    """Take what was to be visited again out of the queue, for a run that stops at its limit: each row gets back the
    state and reason that it had; returns how many. `reason` is for those of which the archive holds nothing.
    """
    return int(db.execute(_RESTORE_STATES, {"reason": str(reason)}).rowcount)


def conditional_headers(db: Database, url_id: int, url: str) -> dict[str, str]:
    """Return the request headers If-None-Match and If-Modified-Since for a URL, from the capture that the archive holds
    of it.
    """
    etag, last_modified = db.execute(_CACHE_VALIDATORS, [url_id, storable_text(url)]).fetchone() or (None, None)
    headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {name: value for name, value in headers.items() if value}


def _is_due(row: UrlRow, update: UpdateRun, now: str) -> bool:
    policy = update.policy
    if update.has_visited(row) or (row.kind == UrlKind.PAGE and not update.selects_page(row.url, row.depth)):
        return False
    if row.kind != UrlKind.PAGE and row.state == UrlState.FAILED and not row.held_at:
        is_passing = row.reason.partition(":")[0] not in _LASTING_OF_LISTS
        return policy.revisit_all or (update.listings_always_due and is_passing)
    if row.announces_articles:
        listing_policy = RevisitPolicy(interval_seconds=policy.interval_seconds or MIN_INTERVAL)
        return update.listings_always_due or is_due(row.visit_history, now, listing_policy)
    return is_due(row.visit_history, now, policy)
