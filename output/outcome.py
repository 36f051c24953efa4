"""The frozen values that the crawler hands to the archive: what was found, what was fetched, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cleaners.document import Cleaned
from output.db.ids import content_id
from output.raw.capture import Capture
from output.store.page_rows import PreparedPage


@dataclass(frozen=True, slots=True)
class Found:
    """An in-scope URL that was seen: where, how, and how soon to fetch it.

    `state` is `queued`, or `skipped` with a `reason`. `depth` counts links from a seed. A larger `priority`
    goes first among URLs of the same kind and host. `on` is the URL of the page or file that named it.
    """

    url: str
    host: str
    kind: str = "page"  # page, robots, sitemap, feed
    via: str = "link"  # seed, link, sitemap, feed, redirect, canonical, next, robots, guess
    on: str = ""
    depth: int = 0
    priority: int = 0
    lastmod: str = ""
    state: str = "queued"
    reason: str = ""

    def __reduce__(self) -> tuple[type[Found], tuple[object, ...]]:
        """Pickled as a call with its values, four times as quick as a dataclass's own way."""
        named = (self.url, self.host, self.kind, self.via, self.on)
        return Found, (*named, self.depth, self.priority, self.lastmod, self.state, self.reason)


@dataclass(frozen=True, slots=True)
class RobotsFile:
    """The robots.txt in force for a host: where it was read, what it comes to, and its text, empty if there was none.

    `access` is rules, all or nothing; `reason` says where the decision comes from; `seen_at` is UTC ISO 8601.
    """

    host: str
    url: str
    seen_at: str
    access: str
    reason: str
    text: str = ""

    @property
    def id(self) -> int:
        """The number of this text with this decision for this host, the same in every archive."""
        return content_id(self.host, self.access, self.text)


NOT_MODIFIED = "not_modified"
"""The reason of an answer that what the archive holds still stands; the row in `urls` keeps its own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one URL that left the queue.

    `state` is done, failed or skipped with its `reason`, or queued again with `not_before` (UTC ISO 8601) and
    `retry`. `attempted` says whether a request went out. `found` are the in-scope URLs that it named and
    `outside` counts its links to other hosts.
    """

    url: str
    state: str
    reason: str = ""
    http_status: int | None = None
    fetched_at: str = ""
    capture: Capture | None = None
    cleaned: Cleaned | PreparedPage | None = None
    found: tuple[Found, ...] = ()
    outside: Mapping[str, int] = field(default_factory=dict)
    location: str = ""  # the target, when the answer was a redirect
    not_before: str = ""
    retry: bool = False
    kind: str = "page"  # of a URL that has no row yet
    via: str = "guess"  # how such a URL was found
    older: bool = False  # from before what is stored: its capture is noted, and nothing else changes
    robots_file: RobotsFile | None = None  # what was read, or not, where a robots.txt was asked for
    whole_host: str = ""  # a host given up: what else is queued of it gets the same state and reason
    beside: tuple[Capture, ...] = ()  # responses on the way to it that have no row of their own in `urls`

    @property
    def raw_size(self) -> int:
        """Bytes that went over the connection for it, as far as they are to be kept."""
        captures = (*self.beside, *((self.capture,) if self.capture else ()))
        return sum(capture.raw.size for capture in captures if capture.raw)

    @property
    def attempted(self) -> bool:
        """Whether this outcome counts as an attempt to fetch; a skipped URL was never asked for."""
        return self.state != "skipped"
