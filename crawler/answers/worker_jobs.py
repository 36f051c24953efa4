"""What a worker makes of what was fetched: a page cleaned and judged by the crawl's options, links in scope as rows.

All of it happens in the worker process, so that what comes back is what the archive stores and the crawl itself
touches neither blocks nor links. Pure.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from cleaners.document import Cleaned, Metadata, Page, PageType, PageVerdict
from cleaners.lineage import site_rules_digest
from cleaners.site_rules.folder import SiteRules
from cleaners.site_rules.ftr_format import SiteRule
from crawler.answers.obey_directives import kept_out, unfollowed
from crawler.discovery.feeds import read_feed
from crawler.discovery.found_rows import Discovered, found_file, from_feed, from_outlinks, from_sitemap
from crawler.discovery.scope import Scope
from crawler.discovery.sitemaps import SitemapKind, read_sitemap
from crawler.discovery.usual_places import too_old, usual_feed_places
from crawler.options import CrawlOptions
from output.queue.rows import QueuedUrl
from output.store.page_rows import PreparedPage, prepared


@dataclass(frozen=True, slots=True)
class Rules:
    """What is the same for all pages of a crawl: its scope, its options, and the name by which directives call us."""

    scope: Scope
    options: CrawlOptions
    robot: str

    def packed(self) -> bytes:
        """The rules as they go to a worker, which unpacks them once."""
        return pickle.dumps(self)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came: its row in the queue, what its headers asked of robots, and when, UTC."""

    page: Page
    queued: QueuedUrl
    said: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Worked:
    """A page's outcome: state, reason, rows, where it leads, and what it and its headers asked of robots."""

    state: str
    reason: str
    page: PreparedPage
    discovered: Discovered
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """What a sitemap or feed lists; `reason` says what was wrong with it, `readable` whether it is one at all."""

    readable: bool
    reason: str = ""
    discovered: Discovered = field(default_factory=Discovered)


def work_on_page(fetched: Fetched, packed_rules: bytes) -> Worked:
    """Clean a page and decide what the crawl keeps of it. Any bytes give a result."""
    from cleaners.clean import clean  # not in the crawl's own process, which would import it before its first request

    rules = _rules(packed_rules)
    own = _site_rules(rules.options.site_rules, fetched.queued.host)
    cleaned = clean(fetched.page, own)
    by = site_rules_digest(own)
    said = tuple(sorted({*fetched.said, *cleaned.robots}))
    discovered = _discovered(cleaned, fetched.queued, said, rules)
    reason = _unwanted(cleaned, rules.options)
    if forbidden := _forbidden(cleaned, said, fetched.at, rules):
        reason, cleaned = forbidden, _bare(cleaned)
    if not reason:
        return Worked("done", str(cleaned.verdict.page_type), prepared(cleaned, by), discovered, said)
    verdict = PageVerdict(PageType.OTHER, (f"own_type={cleaned.verdict.page_type}", f"left_out={reason}"))
    return Worked("skipped", reason, prepared(replace(cleaned, verdict=verdict), by), discovered, said)


def work_on_sitemap(body: bytes, queued: QueuedUrl, packed_rules: bytes) -> Listed:
    """Read a sitemap and say which of its entries the crawl takes."""
    rules, sitemap = _rules(packed_rules), read_sitemap(body, queued.url)
    if sitemap.kind is SitemapKind.NOT_A_SITEMAP:
        return Listed(False, sitemap.reason)
    return Listed(True, sitemap.reason, from_sitemap(sitemap, queued, rules.scope, rules.options))


def work_on_feed(body: bytes, queued: QueuedUrl, packed_rules: bytes) -> Listed:
    """Read a feed and say which of its entries the crawl takes; its next part, if it names one, is taken too."""
    rules, feed = _rules(packed_rules), read_feed(body, queued.url)
    if feed.reason == "not_a_feed":
        return Listed(False, feed.reason)
    discovered = from_feed(feed.entries, queued, rules.scope, rules.options)
    if feed.following:
        following = found_file(feed.following, "feed", "next", queued.url)
        discovered = replace(discovered, found=(*discovered.found, following))
    return Listed(True, feed.reason, discovered)


@lru_cache(maxsize=4)
def _rules(packed: bytes) -> Rules:
    rules = pickle.loads(packed)
    assert isinstance(rules, Rules)
    return rules


def _site_rules(folder: str, host: str) -> tuple[SiteRule, ...]:
    """What the person's rule files say about a host. A worker looks into the folder once."""
    return _folder(folder).for_host(host) if folder else ()


@lru_cache(maxsize=4)
def _folder(path: str) -> SiteRules:
    return SiteRules(path)


def _discovered(cleaned: Cleaned, queued: QueuedUrl, said: tuple[str, ...], rules: Rules) -> Discovered:
    discovered = from_outlinks(cleaned.outlinks, queued, rules.scope, rules.options)
    if rules.options.obey_directives:
        found = tuple(unfollowed(discovered.found, cleaned.outlinks, said, rules.robot))
        discovered = replace(discovered, found=found)
    return _with_guessed_feeds(queued, discovered, rules.options)


def _with_guessed_feeds(queued: QueuedUrl, discovered: Discovered, options: CrawlOptions) -> Discovered:
    """A start page that names no feed: look at the usual places."""
    if queued.found_via != "seed" or not options.discover_feeds:
        return discovered
    if any(row.kind == "feed" for row in discovered.found):
        return discovered
    guesses = (found_file(url, "feed", "guess") for url in usual_feed_places(queued.url))
    return replace(discovered, found=(*discovered.found, *guesses))


def _forbidden(cleaned: Cleaned, said: Iterable[str], at: datetime, rules: Rules) -> str:
    """Why the crawl, as it obeys directives, must not keep an article; empty if it may."""
    obeys = rules.options.obey_directives and cleaned.is_article
    return kept_out(said, rules.robot, at) if obeys else ""


def _unwanted(cleaned: Cleaned, options: CrawlOptions) -> str:
    if not cleaned.is_article:
        return ""
    language, published = cleaned.metadata.language, cleaned.metadata.published
    if options.languages and language and language not in options.languages:
        return "language"
    if options.since and published and too_old(published, options.since):
        return "too_old"
    return ""


def _bare(cleaned: Cleaned) -> Cleaned:
    """A page without anything of its text, only where it stands and where it leads."""
    stated = Metadata(canonical_url=cleaned.metadata.canonical_url)
    return replace(cleaned, metadata=stated, blocks=(), verdicts=(), text="", markdown="")
