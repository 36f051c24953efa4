"""The frozen values that the crawler hands to the archive: discovered URLs, robots.txt files, outcomes of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from broadsheet.cleaners.document import UrlSource

from ..archive.page_rows import PageRows
from ..archive.pictures import Picture
from ..archive.rendered_layouts import RenderedLayout
from ..archive.stored_values import content_id
from ..archive.url_words import NO_REASON, Reason, UrlCount, UrlKind, UrlState
from ..raw.raw_exchange import Capture

MAX_PICTURES = 50
"""Pictures of an article that are fetched at most, in the order of its page, and its lead."""


@dataclass(frozen=True, slots=True)
class DiscoveredUrl:
    """An in-scope URL that a page, sitemap or feed named: how it was found, and how soon to fetch it.

    `state` is `queued`, or `skipped` with a `reason`. `depth` counts links from a seed. A larger `priority`
    goes first among URLs of the same kind and host. `found_on` is the URL of the page or file that named it.
    """

    url: str
    host: str
    kind: UrlKind = UrlKind.PAGE
    found_via: UrlSource = UrlSource.LINK
    found_on: str = ""
    depth: int = 0
    priority: int = 0
    lastmod: str = ""
    state: UrlState = UrlState.QUEUED
    reason: Reason = NO_REASON

    def __reduce__(self) -> tuple[type[DiscoveredUrl], tuple[object, ...]]:
        """Pickle as a call with the values: four times as fast as what a dataclass does by itself."""
        origin = (self.url, self.host, self.kind, self.found_via, self.found_on)
        return DiscoveredUrl, (*origin, self.depth, self.priority, self.lastmod, self.state, self.reason)


@dataclass(frozen=True, slots=True)
class RobotsFile:
    """The robots.txt in force for a host: where it was read, what it permits, and its text, empty if there was none.

    `access` is rules, all or nothing; `reason` says where the decision comes from; `seen_at` is UTC ISO 8601.
    """

    host: str
    url: str
    seen_at: str
    access: str
    reason: Reason
    text: str = ""

    @property
    def id(self) -> int:
        """Return the id of this text with this decision for this host, the same in every archive."""
        return content_id(self.host, self.access, self.text)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one URL that left the queue.

    `state` is done, failed or skipped with its `reason`, or queued again with `not_before` (UTC ISO 8601) and
    `is_retry`. `discovered_urls` are the in-scope URLs that it named, `outside_links` the number of its links to each
    other host.
    """

    url: str
    state: UrlState
    reason: Reason = NO_REASON
    http_status: int | None = None
    fetched_at: str = ""
    capture: Capture | None = None
    page: PageRows | None = None
    picture: Picture | None = None  # a picture or style sheet that is kept, whose record the capture has
    page_files: tuple[DiscoveredUrl, ...] = ()  # those that the page shows, or the style sheet names
    rendered_layout: RenderedLayout | None = None  # of a page that a browser rendered, or left out for its layout
    discovered_urls: tuple[DiscoveredUrl, ...] = ()
    outside_links: Mapping[str, int] = field(default_factory=dict)
    location: str = ""  # the target of a redirect
    not_before: str = ""
    is_retry: bool = False
    kind: UrlKind = UrlKind.PAGE  # of a URL that has no row yet
    found_via: UrlSource = UrlSource.GUESS  # how such a URL was found
    is_older: bool = False  # than what is stored: its capture is stored, and nothing else changes
    robots_file: RobotsFile | None = None  # the decision where a robots.txt was requested
    given_up_host: str = ""  # its other queued URLs get the same state and reason
    extra_captures: tuple[Capture, ...] = ()  # other responses of the same fetch, without rows in `urls`
    reused_urls: tuple[
        str, ...
    ] = ()  # scripts and stylesheets of a rendered page that other pages of the run asked for

    @property
    def count(self) -> UrlCount:
        """Return the key under which the URL is counted."""
        return UrlCount(self.kind, self.state, self.reason)

    @property
    def raw_size(self) -> int:
        """Return the number of bytes of the raw exchanges to keep."""
        captures = (*self.extra_captures, *((self.capture,) if self.capture else ()))
        return sum(capture.raw.size for capture in captures if capture.raw)

    @property
    def has_new_article(self) -> bool:
        """Return whether the outcome stores an article, new or again."""
        return self.page is not None and self.page.is_article and not self.is_older

    @property
    def is_attempt(self) -> bool:
        """Return whether this outcome counts as an attempt to fetch: a skipped URL was never requested."""
        return self.state != UrlState.SKIPPED
