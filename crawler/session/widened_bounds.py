"""Which URLs a crawl takes up that the one before it left out by its bounds, since its own are wider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broadsheet.cleaners.urls.canonical import host_of, is_probably_media
from broadsheet.crawler.discovery.found_rows import is_followed
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.discovery.traps import trap_reason
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.db.url_words import OutcomeReason, UrlKind
from broadsheet.output.queue.requeue import LeftOutUrl


def widened_reasons(options: CrawlOptions, earlier: Mapping[str, Any]) -> tuple[OutcomeReason, ...]:
    """The reasons that left URLs out of the crawl before, and that need not hold any longer; `earlier` are its options
    as the row of its run has them."""
    depth, since = earlier.get("max_depth"), earlier.get("since")
    patterns = [list(earlier.get(name) or ()) for name in ("include", "exclude")]
    languages = set(earlier.get("languages") or ())
    is_widened = {
        OutcomeReason.DEPTH: depth is not None and (options.max_depth is None or options.max_depth > depth),
        OutcomeReason.PATTERN: any(patterns) and patterns != [list(options.include), list(options.exclude)],
        OutcomeReason.TOO_OLD: bool(since) and (options.since is None or options.since.isoformat() < str(since)),
        OutcomeReason.LANGUAGE: bool(languages) and not (options.languages and languages.issuperset(options.languages)),
    }
    return tuple(reason for reason, is_true in is_widened.items() if is_true)


def is_within(scope: Scope, options: CrawlOptions, row: LeftOutUrl) -> bool:
    """Whether a URL that was left out is to be fetched now: a page within the bounds that is no file and no trap, a
    sitemap or feed of one of the hosts, each if URLs of its source are followed."""
    if not is_followed(row.found_via, options):
        return False
    if row.kind != UrlKind.PAGE:
        return host_of(row.url).removeprefix("www.") in {host for host, _ in scope.roots}
    return scope.decide(row.url, row.depth).should_fetch and not trap_reason(row.url) and not is_probably_media(row.url)
