"""Links, sitemap entries and feed entries to the rows they become in the queue. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from cleaners.document import Outlink
from cleaners.urls.canonical import host_of, is_probably_media
from crawler.discovery.feeds import FeedEntry
from crawler.discovery.scope import Scope
from crawler.discovery.sitemaps import Entry, Sitemap, SitemapKind
from crawler.discovery.traps import trap_of
from crawler.discovery.usual_places import priority, too_old
from crawler.options import CrawlOptions
from output.outcome import Found
from output.queue.rows import QueuedUrl


@dataclass(frozen=True, slots=True)
class Discovered:
    """In-scope URLs as rows, and links to other hosts by host."""

    found: tuple[Found, ...] = ()
    outside: dict[str, int] = field(default_factory=dict)


def from_outlinks(links: Iterable[Outlink], queued: QueuedUrl, scope: Scope, options: CrawlOptions) -> Discovered:
    """What a page's links lead to. Canonical, whole-article and redirect targets stay at its own depth."""
    rows: list[Found] = []
    outside: Counter[str] = Counter()
    for link in links:
        if not _wanted(link.via, options):
            continue
        if link.via == "feed":
            rows += [found_file(link.url, "feed", "link", queued.url)] if _near(link.url, queued) else []
            continue
        depth = queued.depth + (link.via not in ("canonical", "redirect", "single_page"))
        decision = scope.decide(link.url, depth)
        if decision.in_scope:
            row = Found(link.url, host_of(link.url), "page", link.via, queued.url, depth, priority(link.url, link.via))
            rows.append(_page_row(replace(row, reason=decision.skip_reason or _trap(link))))
        elif link.via == "link":
            outside[host_of(link.url)] += 1
    return Discovered(tuple(rows), dict(outside))


def _wanted(via: str, options: CrawlOptions) -> bool:
    if via == "feed":
        return options.discover_feeds
    return options.discover_links or via in ("canonical", "redirect")


def _near(feed: str, queued: QueuedUrl) -> bool:
    """Whether a feed is asked for: on the page's own host, or wherever a start page says that its feed is."""
    return queued.depth == 0 or host_of(feed).removeprefix("www.") == queued.host.removeprefix("www.")


def _trap(link: Outlink) -> str:
    """Why a link is not followed. What a page or an answer says of its own address is no trap of the site's."""
    return trap_of(link.url) if link.via in ("link", "next") else ""


def _page_row(found: Found) -> Found:
    """The row as it enters the table: skipped if it has a reason to be, or names a media file."""
    reason = found.reason or ("media_type" if is_probably_media(found.url) else "")
    return replace(found, state="skipped", reason=reason) if reason else found


def from_sitemap(sitemap: Sitemap, queued: QueuedUrl, scope: Scope, options: CrawlOptions) -> Discovered:
    """What a sitemap lists; the sitemaps of an index are taken wherever they are."""
    if sitemap.kind is SitemapKind.INDEX:
        return Discovered(tuple(found_file(entry.url, "sitemap", "sitemap", queued.url) for entry in sitemap.entries))
    return _from_entries(_dated(sitemap.entries), "sitemap", queued, scope, options)


def from_feed(entries: Iterable[FeedEntry], queued: QueuedUrl, scope: Scope, options: CrawlOptions) -> Discovered:
    """What a feed lists."""
    dated = ((entry.url, entry.updated or entry.published) for entry in entries)
    return _from_entries(dated, "feed", queued, scope, options)


def found_file(url: str, kind: str, via: str, on: str = "") -> Found:
    """The row of a sitemap or feed."""
    return Found(url, host_of(url), kind, via, on, 0, priority(url, via))


def _dated(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    return ((entry.url, entry.lastmod) for entry in entries)


def _from_entries(
    entries: Iterable[tuple[str, str]], via: str, queued: QueuedUrl, scope: Scope, options: CrawlOptions
) -> Discovered:
    rows: list[Found] = []
    outside: Counter[str] = Counter()
    for url, when in entries:
        decision = scope.decide(url, 1)
        if not decision.in_scope:
            outside[host_of(url)] += 1
            continue
        skip = decision.skip_reason
        if not skip and options.since and when and too_old(when, options.since):
            skip = "too_old"
        rows.append(
            _page_row(Found(url, host_of(url), "page", via, queued.url, 1, priority(url, via), when, reason=skip))
        )
    return Discovered(tuple(rows), dict(outside))
