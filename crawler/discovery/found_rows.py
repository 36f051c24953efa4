"""Conversion of links, sitemap entries and feed entries to rows of the queue. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from broadsheet.cleaners.document import Outlink, UrlSource
from broadsheet.cleaners.page.canonical_urls import MAX_URL_CHARS, host_of, is_probably_media
from broadsheet.cleaners.page.page_files import list_files
from broadsheet.output.archive.url_words import NO_REASON, OutcomeReason, Reason, UrlKind, UrlState
from broadsheet.output.write.outcome import MAX_PICTURES, DiscoveredUrl
from broadsheet.output.write.url_queue import QueuedUrl

from ..options import CrawlOptions
from .feed_reader import FeedEntry, NamingPage, is_comment_feed, is_comment_place, is_own_comment_feed
from .scope import Scope
from .sitemaps import Sitemap, SitemapKind
from .traps import trap_reason
from .usual_places import fetch_priority, is_too_old

_MAX_INDEX_DEPTH = 1  # levels of nested indexes that are read; the protocol allows none
_STATED_SOURCES = frozenset((UrlSource.CANONICAL, UrlSource.REDIRECT))  # what a page says of its own address
_SAME_DEPTH_SOURCES = _STATED_SOURCES | {UrlSource.SINGLE_PAGE}
_FREE_SOURCES = frozenset((UrlSource.LINK, UrlSource.NEXT))  # links that a site may make without end
_FEED_SOURCES = frozenset((UrlSource.LINK, UrlSource.FEED))  # how a page may name a feed
_LISTING_KINDS = {UrlSource.FEED: UrlKind.FEED, UrlSource.SITEMAP: UrlKind.SITEMAP}  # what a page's head names


@dataclass(frozen=True, slots=True)
class DiscoveryResult:
    """The URLs in scope as rows, and the number of links to each host out of scope."""

    rows: tuple[DiscoveredUrl, ...] = ()
    outside_hosts: dict[str, int] = field(default_factory=dict)


def urls_from_outlinks(
    links: Iterable[Outlink], queued_url: QueuedUrl, scope: Scope, options: CrawlOptions, is_article: bool = False
) -> DiscoveryResult:
    """Return the rows of the URLs that a page links to.

    Targets of rel=canonical, redirects and single-page versions keep the page's depth; feeds of comments, such as an
    article's own (`is_article`), are skipped.
    """
    page = NamingPage(queued_url.url, is_article)
    rows: list[DiscoveredUrl] = []
    outside_hosts: Counter[str] = Counter()
    for link in links:
        if not is_followed(link.via, options):
            continue
        if kind := _LISTING_KINDS.get(link.via):
            rows += [_listing_row(link, kind, page)] if _is_listing_allowed(link.url, queued_url) else []
            continue
        depth = queued_url.depth + (link.via not in _SAME_DEPTH_SOURCES)
        if judgement := _judge_link(link.url, link.via, link.text, depth, scope):
            rows.append(_link_row(link, judgement, page, depth))
        elif link.via == UrlSource.LINK:
            outside_hosts[host_of(link.url)] += 1
    return DiscoveryResult(tuple(rows), dict(outside_hosts))


@dataclass(frozen=True, slots=True)
class _LinkJudgement:
    """The facts about a link in scope that are the same on every page."""

    host: str
    priority: int
    reason: Reason  # why it is not followed, if anything
    media_reason: Reason  # applies unless the link is a feed of comments


@lru_cache(maxsize=4_096)
def _judge_link(url: str, found_via: UrlSource, text: str, depth: int, scope: Scope) -> _LinkJudgement | None:
    """Judge a link; None if it is out of scope. Cached, since menus and footers repeat the same links on every page."""
    decision = scope.decide(url, depth)
    if not decision.in_scope:
        return None
    # The site itself states canonical and redirect targets: they are never traps.
    trap = trap_reason(url) if found_via in _FREE_SOURCES else None
    reason = decision.skip_reason or trap or NO_REASON
    if not reason and found_via in _FEED_SOURCES and is_comment_place(url):
        reason = OutcomeReason.COMMENT_FEED
    media_reason = OutcomeReason.MEDIA_TYPE if is_probably_media(url) else NO_REASON
    return _LinkJudgement(host_of(url), fetch_priority(url, found_via, text), reason, media_reason)


def _link_row(link: Outlink, judgement: _LinkJudgement, page: NamingPage, depth: int) -> DiscoveredUrl:
    """Make the row of a link, marked as skipped if there is a reason to."""
    reason = judgement.reason
    if not reason and link.via in _FEED_SOURCES and is_own_comment_feed(link.url, link.text, page):
        reason = OutcomeReason.COMMENT_FEED
    reason = reason or judgement.media_reason
    return DiscoveredUrl(
        link.url,
        judgement.host,
        UrlKind.PAGE,
        link.via,
        page.url,
        depth,
        judgement.priority,
        state=UrlState.SKIPPED if reason else UrlState.QUEUED,
        reason=reason,
    )


def is_followed(found_via: UrlSource, options: CrawlOptions) -> bool:
    """Tell whether the options allow URLs from this source."""
    if found_via == UrlSource.FEED:
        return options.feeds
    if found_via == UrlSource.SITEMAP:
        return options.sitemaps
    return options.links or found_via in _STATED_SOURCES


def _listing_row(link: Outlink, kind: UrlKind, page: NamingPage) -> DiscoveredUrl:
    """Make the row of a sitemap or feed that a page's head names. A feed of comments is marked as skipped."""
    row = file_row(link.url, kind, UrlSource.LINK, page.url)
    if link.via not in _FEED_SOURCES or not is_comment_feed(link.url, link.text, page):
        return row
    return replace(row, state=UrlState.SKIPPED, reason=OutcomeReason.COMMENT_FEED)


def _is_listing_allowed(url: str, queued_url: QueuedUrl) -> bool:
    """Tell whether to fetch a sitemap or feed: it must be on the page's own host, or be named by a start page (depth
    0).
    """
    return queued_url.depth == 0 or host_of(url).removeprefix("www.") == queued_url.host.removeprefix("www.")


def urls_from_sitemap(sitemap: Sitemap, queued_url: QueuedUrl, scope: Scope, options: CrawlOptions) -> DiscoveryResult:
    """Return the rows of the URLs that a sitemap lists.

    Sitemaps that an index lists are accepted on any host, even if the index is itself listed by an index.
    """
    if sitemap.kind is SitemapKind.INDEX:
        depth = queued_url.depth if queued_url.kind == UrlKind.SITEMAP else 0
        entries = sitemap.entries if depth <= _MAX_INDEX_DEPTH else ()
        origin = (UrlKind.SITEMAP, UrlSource.SITEMAP, queued_url.url, depth + 1)
        return DiscoveryResult(tuple(file_row(entry.url, *origin) for entry in entries))
    dated_urls = ((entry.url, entry.lastmod) for entry in sitemap.entries)
    return _urls_from_entries(dated_urls, UrlSource.SITEMAP, queued_url, scope, options)


def urls_from_feed(
    entries: Iterable[FeedEntry], queued_url: QueuedUrl, scope: Scope, options: CrawlOptions
) -> DiscoveryResult:
    """Return the rows of the URLs that a feed lists."""
    dated_urls = ((entry.url, entry.updated or entry.published) for entry in entries)
    return _urls_from_entries(dated_urls, UrlSource.FEED, queued_url, scope, options)


def file_row(url: str, kind: UrlKind, found_via: UrlSource, found_on: str = "", depth: int = 0) -> DiscoveredUrl:
    """Make the row of a sitemap or feed, or of a picture; `depth` counts the indexes above a sitemap."""
    return DiscoveredUrl(url, host_of(url), kind, found_via, found_on, depth, fetch_priority(url, found_via))


MAX_SHEETS, MAX_SHEET_PICTURES = 20, 30
"""Style sheets of a page, or imported by one, and pictures of a style sheet, that are fetched at most."""


def page_file_rows(text: str, url: str, depth: int | None = None) -> tuple[DiscoveredUrl, ...]:
    """Make the rows of the files that a page shows; with a `depth`, of those that a style sheet of the page names.

    A page names the sheets of depth 1, these those of depth 2, whose imports are left out.
    """
    files = list_files(text, url, is_sheet=depth is not None)
    most_sheets = MAX_SHEETS if (depth or 0) < _DEEPEST_SHEET else 0
    rows = (file_row(file_url, UrlKind.PICTURE, kind, url, (depth or 0) + 1) for kind, file_url in files)
    known = [row for row in rows if row.host and len(row.url) <= MAX_URL_CHARS]
    sheets = [row for row in known if row.found_via == UrlSource.STYLE]
    pictures = [row for row in known if row.found_via == UrlSource.IMAGE]
    return (*sheets[:most_sheets], *pictures[: MAX_PICTURES if depth is None else MAX_SHEET_PICTURES])


_DEEPEST_SHEET = 2


def _urls_from_entries(
    dated_urls: Iterable[tuple[str, str]],
    found_via: UrlSource,
    queued_url: QueuedUrl,
    scope: Scope,
    options: CrawlOptions,
) -> DiscoveryResult:
    rows: list[DiscoveredUrl] = []
    outside_hosts: Counter[str] = Counter()
    for url, date_text in dated_urls:
        decision = scope.decide(url, 1)
        if not decision.in_scope:
            outside_hosts[host_of(url)] += 1
            continue
        reason: Reason = decision.skip_reason or NO_REASON
        if not reason and options.since and date_text and is_too_old(date_text, options.since):
            reason = OutcomeReason.TOO_OLD
        if not reason and is_probably_media(url):
            reason = OutcomeReason.MEDIA_TYPE
        state, priority = UrlState.SKIPPED if reason else UrlState.QUEUED, fetch_priority(url, found_via)
        place = (url, host_of(url), UrlKind.PAGE, found_via, queued_url.url, 1, priority, date_text)
        rows.append(DiscoveredUrl(*place, state=state, reason=reason))
    return DiscoveryResult(tuple(rows), dict(outside_hosts))
