"""Where to look for sitemaps and feeds that nothing names: the usual places, one after the other, until one is there.

A guess is a row like any other, stored in the transaction of the outcome that leads to it: what a page or a robots.txt
came to leads to the first place, and a place that is not there to the next one.
"""

from __future__ import annotations

from dataclasses import replace

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.urls.canonical import host_of
from broadsheet.crawler.discovery.found_rows import file_row
from broadsheet.crawler.discovery.usual_places import is_named_as, usual_urls
from broadsheet.crawler.frontier.robots_txt import Access, RobotsRules
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.db.url_words import OutcomeReason, UrlKind, UrlState
from broadsheet.output.outcome import DiscoveredUrl, Outcome
from broadsheet.output.queue.rows import QueuedUrl

_LISTING_KINDS = (UrlKind.SITEMAP, UrlKind.FEED)
_NO_GUESS_REASONS = (OutcomeReason.REDIRECT, OutcomeReason.SITEMAP, OutcomeReason.NOT_MODIFIED)


class GuessedPlaces:
    """Adds guesses to outcomes, for the hosts where they are needed.

    Sitemaps are guessed where neither the robots.txt nor a start page names one, feeds where a start page names none.
    `awaited_hosts` are those with a start page that is still to be read; on others the robots.txt alone decides.
    """

    def __init__(self, options: CrawlOptions) -> None:
        self.awaited_hosts: set[str] = set()
        self._options = options

    def extend(self, outcome: Outcome, queued_url: QueuedUrl, robots: RobotsRules | None) -> Outcome:
        """The outcome of a URL with the guess that it leads to, if any; `robots` is the robots.txt of its host."""
        if outcome.state == UrlState.QUEUED or robots is None or robots.access is Access.NOTHING:
            return outcome
        if queued_url.found_via == UrlSource.SEED and outcome.reason == OutcomeReason.REDIRECT:
            self.awaited_hosts.add(host_of(outcome.location))
        guesses = tuple(guess for guess in self._guesses(outcome, queued_url, robots) if guess)
        return replace(outcome, discovered_urls=(*outcome.discovered_urls, *guesses)) if guesses else outcome

    def _guesses(
        self, outcome: Outcome, queued_url: QueuedUrl, robots: RobotsRules
    ) -> tuple[DiscoveredUrl | None, ...]:
        if queued_url.kind in _LISTING_KINDS:
            return (_next_guess(outcome, queued_url),)
        if queued_url.kind == UrlKind.ROBOTS:
            needs_guess = queued_url.host not in self.awaited_hosts
            return (self._first_guess(UrlKind.SITEMAP, queued_url, robots),) if needs_guess else ()
        if queued_url.found_via != UrlSource.SEED or outcome.reason in _NO_GUESS_REASONS:
            return ()
        kinds = _LISTING_KINDS if outcome.page is not None else (UrlKind.SITEMAP,)
        unnamed_kinds = (kind for kind in kinds if not _names(kind, outcome.discovered_urls))
        return tuple(self._first_guess(kind, queued_url, robots) for kind in unnamed_kinds)

    def _first_guess(self, kind: UrlKind, queued_url: QueuedUrl, robots: RobotsRules) -> DiscoveredUrl | None:
        """The first place to try, unless the options want none or the robots.txt names some."""
        is_wanted = self._options.discover_feeds if kind == UrlKind.FEED else self._options.discover_sitemaps
        if not is_wanted or (kind == UrlKind.SITEMAP and robots.sitemaps):
            return None
        return _guess(kind, usual_urls(kind, queued_url.url), 0)


def _next_guess(outcome: Outcome, queued_url: QueuedUrl) -> DiscoveredUrl | None:
    """The place to try after one that is not there; None after a hit, and where the URL was no guess.

    A guess that redirects is a hit if the target is named like one; else the target is tried, and the next place too.
    """
    is_redirect = outcome.reason == OutcomeReason.REDIRECT
    is_hit = is_named_as(queued_url.kind, outcome.location) if is_redirect else outcome.state == UrlState.DONE
    is_guess = queued_url.found_via == UrlSource.GUESS
    origin = queued_url.url if is_guess else queued_url.found_on
    if is_hit or not (is_guess or queued_url.found_via == UrlSource.REDIRECT) or not origin:
        return None
    places = usual_urls(queued_url.kind, origin)
    tried = [places.index(url) for url in (origin, queued_url.url) if url in places]
    return _guess(queued_url.kind, places, max(tried) + 1) if origin in places else None


def _guess(kind: UrlKind, places: tuple[str, ...], position: int) -> DiscoveredUrl | None:
    return file_row(places[position], kind, UrlSource.GUESS) if position < len(places) else None


def _names(kind: UrlKind, rows: tuple[DiscoveredUrl, ...]) -> bool:
    """Whether a page's links name a sitemap or feed; one of comments does not count."""
    return any(
        row.reason != OutcomeReason.COMMENT_FEED and (row.kind == kind or is_named_as(kind, row.url)) for row in rows
    )
