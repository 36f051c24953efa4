"""The words in table `urls`: the kind of a URL, its state, and the reason for its state.

A reason is a page's type, a word of `OutcomeReason`, or a text with a part of its own: `http_404`, `retry:timeout`.
Words read from a file are plain strings, equal to the members; a file may also hold words that are gone from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, NewType, TypeAlias

from broadsheet.cleaners.document import PageType


class UrlKind(StrEnum):
    """The kind of a URL: what it is fetched as."""

    PAGE = "page"
    ROBOTS = "robots"
    SITEMAP = "sitemap"
    FEED = "feed"
    PICTURE = "picture"


class UrlState(StrEnum):
    """The state of a URL: still to be fetched, or how it ended."""

    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class OutcomeReason(StrEnum):
    """The reason for a URL's state, where one word says all. `output/read/url_reasons.toml` says each for people."""

    # What was read, where it is not a page, or where a person says so
    WITHDRAWN = "withdrawn"
    FEED = "feed"
    PICTURE = "picture"
    STYLE = "style"
    NOT_MODIFIED = "not_modified"  # a 304: what is stored is still current, and the row keeps its own reason
    REDIRECT = "redirect"
    ROBOTS = "robots"
    SITEMAP = "sitemap"

    # Why it is queued again
    ANNOUNCED = "announced"
    REVISIT = "revisit"

    # Why there was no usable answer
    BAD_ENCODING = "bad_encoding"
    BAD_FEED = "bad_feed"
    BAD_HTTP = "bad_http"
    BAD_REDIRECT = "bad_redirect"
    BROKEN_RECORD = "broken_record"
    CHALLENGED = "challenged"  # a rate limit, a challenge or a CAPTCHA
    CONNECTION = "connection"
    CONNECTION_REFUSED = "connection_refused"
    CUT_OFF = "cut_off"
    DNS = "dns"
    HEADERS_TOO_LARGE = "headers_too_large"
    NO_PICTURE = "no_picture"
    NOT_ROBOTS = "not_robots"
    NOT_THERE = "not_there"
    RAW_MISSING = "raw_missing"
    REDIRECT_LOOP = "redirect_loop"
    TEXT_CONFLICT = "text_conflict"
    TIMEOUT = "timeout"
    TLS = "tls"
    TOO_LARGE = "too_large"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    UNREACHABLE = "unreachable"
    WORKER_DIED = "worker_died"
    WORKER_ERROR = "worker_error"
    WORKER_TIMEOUT = "worker_timeout"

    # Why it was not asked for
    BAD_URL = "bad_url"
    COMMENT_FEED = "comment_feed"
    DRY = "dry"
    FORGOTTEN = "forgotten"
    LIMIT = "limit"
    MEDIA_TYPE = "media_type"
    NOT_IN_ARCHIVE = "not_in_archive"
    PORT = "port"
    PRIVATE_ADDRESS = "private_address"
    PROXY = "proxy"
    ROBOTS_TXT = "robots.txt"
    ROBOTS_UNREACHABLE = "robots_unreachable"
    SPELLING = "spelling"
    TRAP_CALENDAR = "trap:calendar"
    TRAP_DEEP_PATH = "trap:deep_path"
    TRAP_FACETS = "trap:facets"
    TRAP_HOST_BOUND = "trap:host_bound"
    TRAP_LONG_URL = "trap:long_url"
    TRAP_PARAMETERS = "trap:parameters"
    TRAP_PARAMETER_ORDER = "trap:parameter_order"
    TRAP_PATTERN = "trap:pattern"
    TRAP_REPEATING_PATH = "trap:repeating_path"
    TRAP_SYSTEM = "trap:system"

    # What the crawl's options and, with --obey-directives, the site leave out
    CONTENT_USAGE = "content_usage"
    DEPTH = "depth"
    LANGUAGE = "language"
    NOAI = "noai"
    NOARCHIVE = "noarchive"
    NOFOLLOW = "nofollow"
    NOINDEX = "noindex"
    PATTERN = "pattern"
    TDM_RESERVATION = "tdm_reservation"
    TOO_OLD = "too_old"
    UNAVAILABLE_AFTER = "unavailable_after"


class ReasonFamily(StrEnum):
    """The family of a reason that has a part of its own: the word before its colon."""

    ANNOUNCED = "announced"  # and why fetching it had failed
    BAD_SITEMAP = "bad_sitemap"  # and what is wrong with it
    ERROR = "error"  # and the class of an exception that has no reason yet
    HOST_FAILING = "host_failing"  # and the last failure
    HOST_UNREACHABLE = "host_unreachable"
    RETRY = "retry"  # and why the request failed
    REVISIT = "revisit"  # and why fetching it had failed
    SITEMAP = "sitemap"  # and why it is incomplete
    TRAP = "trap"  # and which; these are words of `OutcomeReason`


ReasonText = NewType("ReasonText", str)
"""A reason with a part of its own, or one that was read from a file."""

Reason: TypeAlias = PageType | OutcomeReason | ReasonText
"""Why a URL is in its state."""

NO_REASON = ReasonText("")
"""The reason of a URL that waits for its first request, and of a question whether anything speaks against a URL."""


def http_reason(status: int) -> ReasonText:
    """Return the reason of a URL that was answered with this HTTP status.

    >>> http_reason(404)
    'http_404'
    """
    return ReasonText(f"http_{status}")


def compound_reason(family: ReasonFamily, part: str) -> ReasonText:
    """Join a family and a part into a reason: `retry:timeout`. An empty part gives the prefix of the whole family."""
    return ReasonText(f"{family}:{part}")


class UrlCount(NamedTuple):
    """The number of URLs of a kind that ended in a state for a reason."""

    kind: str
    state: str
    reason: str
    urls: int = 1

    @property
    def key(self) -> str:
        """Return its name among the counts of a run.

        >>> UrlCount("page", "done", "article").key
        'page/done/article'
        """
        return f"{self.kind}/{self.state}/{self.reason}"

    @property
    def is_page(self) -> bool:
        """Return whether these are pages that were fetched and judged: no list of URLs, redirect, picture or 304."""
        return self.kind == UrlKind.PAGE and self.state == UrlState.DONE and self.reason in PAGE_REASONS


PAGE_REASONS = (*PageType, OutcomeReason.WITHDRAWN)
"""The reasons of a page that was fetched and judged, by the cleaner or by a person."""


def counts_of_run(counts: Mapping[str, int]) -> tuple[UrlCount, ...]:
    """Return the URLs among the counts of a run. Runs before version 0.2 did not count by kind: theirs are of pages."""
    named = {key if key.startswith(_KINDS) else f"{UrlKind.PAGE}/{key}": urls for key, urls in counts.items()}
    parts = ((*key.partition("/")[::2], urls) for key, urls in named.items())
    counted = (UrlCount(kind, *rest.partition("/")[::2], urls) for kind, rest, urls in parts)
    return tuple(count for count in counted if count.state in set(UrlState))


_KINDS = tuple(f"{kind}/" for kind in UrlKind)


def count_pages(counts: Iterable[UrlCount]) -> int:
    """Count the pages that were fetched and judged: the one number of them, wherever pages are counted."""
    return sum(count.urls for count in counts if count.is_page)
