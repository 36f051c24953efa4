"""The jobs of the worker processes: clean a page and judge it by the crawl's options, read a sitemap or a feed.

A worker returns finished rows, so that the crawl's own process never handles blocks or links. Pure.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache

from broadsheet.cleaners.document import CleanedPage, ExtractorUse, Metadata, Page, PageType, PageVerdict, UrlSource
from broadsheet.cleaners.judge.site_rule_files import SiteRuleFile, SiteRuleFolder
from broadsheet.cleaners.lineage import site_rules_digest
from broadsheet.output.archive.metadata_columns import read_stated_date
from broadsheet.output.archive.page_rows import TOLD_ARTICLE, PageRows, make_page_rows
from broadsheet.output.archive.url_words import OutcomeReason, Reason, UrlKind, UrlState
from broadsheet.output.archive.usage_preferences import PICTURE_REFUSALS, refused_uses
from broadsheet.output.write.outcome import DiscoveredUrl
from broadsheet.output.write.url_queue import QueuedUrl

from ..discovery.feed_reader import read_feed
from ..discovery.found_rows import (
    DiscoveryResult,
    file_row,
    page_file_rows,
    urls_from_feed,
    urls_from_outlinks,
    urls_from_sitemap,
)
from ..discovery.scope import Scope
from ..discovery.sitemaps import SitemapKind, read_sitemap
from ..options import PAGE, CrawlOptions
from .robots_rules import exclusion_reason, with_nofollow_skipped


@dataclass(frozen=True, slots=True)
class CrawlPolicy:
    """Facts that are the same for all pages of a crawl: its scope, its options, and the robot name that directives may
    address, and the URLs that a person calls articles.
    """

    scope: Scope
    options: CrawlOptions
    robot: str
    told_articles: frozenset[str] = frozenset()

    def packed(self) -> bytes:
        """Pickle the policy for the workers; a worker unpickles it once."""
        return pickle.dumps(self)


@dataclass(frozen=True, slots=True)
class PageJob:
    """A page to be cleaned: as fetched, its queued URL, when it came (UTC), and its usage preferences."""

    page: Page
    queued_url: QueuedUrl
    fetched_at: datetime
    usage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageResult:
    """Result of a page: state, reason, prepared rows, the URLs on it, the directives of its headers and its HTML, and
    the files that it shows, if the crawl keeps them.
    """

    state: UrlState
    reason: Reason
    page: PageRows
    discovered: DiscoveryResult
    directives: tuple[str, ...]
    files: tuple[DiscoveredUrl, ...] = ()


@dataclass(frozen=True, slots=True)
class ListingResult:
    """URLs that a sitemap or feed lists. `readable` is False for other content; `reason` names a fault, if any."""

    readable: bool
    reason: str = ""
    discovered: DiscoveryResult = field(default_factory=DiscoveryResult)


def process_page(job: PageJob, packed_policy: bytes) -> PageResult:
    """Clean a page and decide what the crawl keeps of it. Never fails on a page's bytes."""
    from broadsheet.cleaners.clean import clean

    policy = _unpack_policy(packed_policy)
    site_rules = _site_rules(policy.options.site_rules, job.queued_url.host)
    extractor_use = policy.options.extractor or ExtractorUse.IN_DOUBT
    cleaned = clean(job.page, site_rules, extractor_use)
    if job.queued_url.url in policy.told_articles and not cleaned.is_article:
        told = PageVerdict(PageType.ARTICLE, (*cleaned.verdict.evidence, TOLD_ARTICLE))
        cleaned = replace(cleaned, verdict=told)
    rules_digest = site_rules_digest(site_rules)
    directives = tuple(sorted({*job.page.directives, *cleaned.robots}))
    discovered = _discovered_urls(cleaned, job.queued_url, directives, policy)
    reason = _option_exclusion(cleaned, policy.options)
    if exclusion := _directive_exclusion(cleaned, directives, job, policy):
        # Keep only where the page leads: its canonical URL.
        metadata = Metadata(canonical_url=cleaned.metadata.canonical_url)
        reason, cleaned = exclusion, replace(cleaned, metadata=metadata, blocks=(), verdicts=(), text="", markdown="")
    state: UrlState = UrlState.DONE
    if reason:
        verdict = PageVerdict(PageType.OTHER, (f"own_type={cleaned.verdict.page_type}", f"left_out={reason}"))
        state, cleaned = UrlState.SKIPPED, replace(cleaned, verdict=verdict)
    elif cleaned.verdict.page_type is PageType.CAPTCHA:
        state, reason = UrlState.FAILED, OutcomeReason.CHALLENGED
    rows = make_page_rows(cleaned, rules_digest, extractor_use)
    files = _files(job.page, directives, policy.options) if state == UrlState.DONE and cleaned.is_article else ()
    return PageResult(state, reason or cleaned.verdict.page_type, rows, discovered, directives, files)


def _files(page: Page, directives: Iterable[str], options: CrawlOptions) -> tuple[DiscoveredUrl, ...]:
    """Make the rows of the files that an article's page shows, if the options say so."""
    if options.keep != PAGE:
        return ()
    from broadsheet.cleaners.page.parsed_page import decode

    rows = page_file_rows(decode(page.body, page.content_type).text, page.url)
    refuses_pictures = options.obey_directives and not set(PICTURE_REFUSALS).isdisjoint(directives)
    return tuple(row for row in rows if not refuses_pictures or row.found_via == UrlSource.STYLE)


def process_empty_page(page: Page) -> PageRows:
    """Make the rows of an answer without a body."""
    from broadsheet.cleaners.clean import clean

    return make_page_rows(clean(page))


def process_sitemap(body: bytes, queued_url: QueuedUrl, packed_policy: bytes) -> ListingResult:
    """Read a sitemap and decide which of its entries the crawl takes."""
    policy, sitemap = _unpack_policy(packed_policy), read_sitemap(body, queued_url.url)
    if sitemap.kind is SitemapKind.NOT_A_SITEMAP:
        return ListingResult(False, sitemap.reason)
    discovered = urls_from_sitemap(sitemap, queued_url, policy.scope, policy.options)
    is_left = sitemap.kind is SitemapKind.INDEX and sitemap.entries and not discovered.rows
    return ListingResult(True, sitemap.reason or ("nested_index" if is_left else ""), discovered)


def process_feed(body: bytes, queued_url: QueuedUrl, packed_policy: bytes) -> ListingResult:
    """Read a feed and decide which of its entries the crawl takes; its next page, if it names one, is queued too."""
    policy, feed = _unpack_policy(packed_policy), read_feed(body, queued_url.url)
    if feed.reason == "not_a_feed":
        return ListingResult(False, feed.reason)
    discovered = urls_from_feed(feed.entries, queued_url, policy.scope, policy.options)
    if feed.next_url:
        next_feed = file_row(feed.next_url, UrlKind.FEED, UrlSource.NEXT, queued_url.url)
        discovered = replace(discovered, rows=(*discovered.rows, next_feed))
    return ListingResult(True, feed.reason, discovered)


@lru_cache(maxsize=4)
def _unpack_policy(packed: bytes) -> CrawlPolicy:
    policy = pickle.loads(packed)
    assert isinstance(policy, CrawlPolicy)
    return policy


def _site_rules(folder: str, host: str) -> tuple[SiteRuleFile, ...]:
    """Return the site rules for a host from the user's folder. A worker opens the folder once."""
    return _open_site_rules(folder).for_host(host) if folder else ()


@lru_cache(maxsize=4)
def _open_site_rules(path: str) -> SiteRuleFolder:
    return SiteRuleFolder(path)


def _discovered_urls(
    cleaned: CleanedPage, queued_url: QueuedUrl, directives: tuple[str, ...], policy: CrawlPolicy
) -> DiscoveryResult:
    discovered = urls_from_outlinks(cleaned.outlinks, queued_url, policy.scope, policy.options, cleaned.is_article)
    if policy.options.obey_directives:
        rows = tuple(with_nofollow_skipped(discovered.rows, cleaned.outlinks, directives, policy.robot))
        discovered = replace(discovered, rows=rows)
    return discovered


def _directive_exclusion(
    cleaned: CleanedPage, directives: Iterable[str], job: PageJob, policy: CrawlPolicy
) -> OutcomeReason | None:
    """Return why a crawl that obeys directives must not keep an article; None if it may."""
    if not policy.options.obey_directives or not cleaned.is_article:
        return None
    reason = exclusion_reason(directives, policy.robot, job.fetched_at)
    return reason or (OutcomeReason.CONTENT_USAGE if refused_uses(job.usage) else None)


def _option_exclusion(cleaned: CleanedPage, options: CrawlOptions) -> OutcomeReason | None:
    """Return why the crawl's options leave an article out, its language or its date; None if they do not."""
    if not cleaned.is_article:
        return None
    language, day = cleaned.metadata.language, read_stated_date(cleaned.metadata.published).day
    if options.languages and language and language not in options.languages:
        return OutcomeReason.LANGUAGE
    if options.since and day and date.fromisoformat(day) < options.since:
        return OutcomeReason.TOO_OLD
    return None
