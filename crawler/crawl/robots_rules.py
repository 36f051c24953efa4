"""Robots rules: the URLs that a robots.txt allows (RFC 9309), and what directives of pages forbid. Pure.

Directives are always recorded (`captures.directives`), and binding only for a crawl with `obey_directives`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache

from protego import Protego

from broadsheet.cleaners.document import Outlink, UrlSource
from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of
from broadsheet.cleaners.page.robots_directives import directives_for
from broadsheet.output.archive.url_words import OutcomeReason, Reason, ReasonText, UrlKind, UrlState, http_reason
from broadsheet.output.archive.usage_preferences import RobotsUsage
from broadsheet.output.write.outcome import DiscoveredUrl, RobotsFile

MAX_BYTES = 500 * 1024
"""The least that a crawler is to read by RFC 9309, section 2.5; a longer file is cut after its last whole line."""

MAX_AGE_SECONDS = 24 * 3600.0
"""Seconds after which the file is read again (section 2.4)."""

GRACE_SECONDS = 24 * 3600.0
"""Seconds that it stays valid beyond that while the host is unreachable; then nothing is allowed."""

RETRY_SECONDS = 3600.0
"""Seconds between two attempts to read it during that time."""

_MAX_CACHED_VERDICTS = 256  # of a file: going through a long one takes milliseconds
_TOO_MANY_REQUESTS = 429  # "unavailable" by the letter of section 2.3.1.3, but it asks us to wait
_CONTACT_ADDRESS = re.compile(r"\+?(?:https?://|mailto:)\S+|\S+@\S+", re.IGNORECASE)


class Access(StrEnum):
    """Extent to which a host may be requested."""

    RULES = "rules"  # the file was read and decides
    ALL = "all"  # there is no file: everything is allowed
    NOTHING = "nothing"  # the server failed or cannot be reached: nothing is allowed


@dataclass(frozen=True, slots=True)
class RobotsRules:
    """The robots.txt of one host. `reason` says what decided `access`: `http_200`, `unreachable`, `not_robots`.

    User agents are passed as the whole header or its product token; the group with the longest name that it contains
    decides, else `*`.
    """

    access: Access
    reason: Reason
    sitemaps: tuple[str, ...] = ()
    url: str = field(default="", compare=False)  # from which it was read
    host: str = field(default="", compare=False)  # to which it applies
    text: str = field(default="", repr=False, compare=False)  # as read, empty if there was no file
    id: int = field(default=0, compare=False)  # of `to_robots_file`
    _usage: RobotsUsage = field(default_factory=RobotsUsage, repr=False, compare=False)
    _parser: Protego | None = field(default=None, repr=False, compare=False)
    _verdict_cache: dict[tuple[str, str], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_response(
        cls, status: int | None, body: bytes, url: str, host: str = "", *, is_challenged: bool = False
    ) -> RobotsRules:
        """Read the response of `url`; `status` is None or 0 if there was none.

        2xx is parsed; 4xx, and a redirect that led nowhere, mean that there is no file; 5xx, 429 and no response forbid
        everything (section 2.3.1). `host` is the host to which it applies, if it was read from another one. With
        `is_challenged` the response is a wall in place of the file, which permits nothing.
        """
        if is_challenged:
            return cls._build(Access.NOTHING, OutcomeReason.CHALLENGED, url, host or host_of(url))
        reason = http_reason(status) if status else OutcomeReason.UNREACHABLE
        host = host or host_of(url)
        if not status or status >= 500 or status < 200 or status == _TOO_MANY_REQUESTS:
            return cls._build(Access.NOTHING, reason, url, host)
        if status >= 300:
            return cls._build(Access.ALL, reason, url, host)
        # Many sites without a robots.txt answer with a web page and status 200.
        if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
            return cls._build(Access.ALL, OutcomeReason.NOT_ROBOTS, url, host)
        return cls._build(Access.RULES, reason, url, host, _decode_robots(body))

    @classmethod
    def _build(cls, access: Access, reason: Reason, url: str, host: str, text: str = "") -> RobotsRules:
        parser = Protego.parse(text) if access is Access.RULES else None
        sitemaps = _sitemap_urls(parser, url) if parser else ()
        file_id = RobotsFile(host, url, "", access, reason, text).id
        return cls(access, reason, sitemaps, url, host, text, file_id, RobotsUsage.parse(text), parser)

    def to_robots_file(self, seen_at: str, note: str = "") -> RobotsFile:
        """Return the row for the archive; `seen_at` is UTC ISO 8601, `note` is appended to the reason."""
        reason = ReasonText(f"{self.reason}:{note}") if note else self.reason
        return RobotsFile(self.host, self.url, seen_at, self.access, reason, self.text)

    def allows(self, url: str, user_agent: str) -> bool:
        """Return whether the user agent may request the URL."""
        if self._parser is None:
            return self.access is Access.ALL
        if (url, user_agent) not in self._verdict_cache:
            if len(self._verdict_cache) >= _MAX_CACHED_VERDICTS:
                self._verdict_cache.clear()
            self._verdict_cache[url, user_agent] = self._parser.can_fetch(url, robot_name(user_agent))
        return self._verdict_cache[url, user_agent]

    def usage_statements(self, url: str, user_agent: str) -> tuple[str, ...]:
        """Return the usage preferences that the file states for a URL, as `usage_preferences` has them."""
        return self._usage.statements_for(url, robot_name(user_agent))

    def crawl_delay(self, user_agent: str) -> float | None:
        """Return `Crawl-delay`, the seconds between two requests; None if not stated."""
        return self._parser.crawl_delay(robot_name(user_agent)) if self._parser else None

    def request_rate(self, user_agent: str) -> float | None:
        """Return `Request-rate` in requests per second, ignoring its hours; None if not stated."""
        rate = self._parser.request_rate(robot_name(user_agent)) if self._parser else None
        return rate.requests / rate.seconds if rate else None

    def requested_delay(self, user_agent: str) -> float:
        """Return the longer delay of `Crawl-delay` and `Request-rate`, in seconds; 0 without them."""
        rate = self.request_rate(user_agent)
        return max(self.crawl_delay(user_agent) or 0.0, 1 / rate if rate else 0.0)


@lru_cache(maxsize=64)
def robot_name(user_agent: str) -> str:
    """Remove URLs and mail addresses from a User-Agent header: `(+https://a.example/otherbot)` names no robot."""
    return " ".join(_CONTACT_ADDRESS.sub(" ", user_agent).split())


def _sitemap_urls(parser: Protego, url: str) -> tuple[str, ...]:
    sitemap_urls = (canonicalise(sitemap, url) for sitemap in parser.sitemaps)
    return tuple(dict.fromkeys(sitemap for sitemap in sitemap_urls if sitemap))


def _decode_robots(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        body = body[:MAX_BYTES].rpartition(b"\n")[0]
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace").replace("\0", "")


_REASON_BY_DIRECTIVE = {
    "noindex": OutcomeReason.NOINDEX, "none": OutcomeReason.NOINDEX, "noarchive": OutcomeReason.NOARCHIVE,
    "nocache": OutcomeReason.NOARCHIVE, "noai": OutcomeReason.NOAI, "tdm-reservation: 1": OutcomeReason.TDM_RESERVATION,
}  # fmt: skip
_EXPIRY_PREFIX = "unavailable_after: "

_NOFOLLOW = "nofollow"
_FOLLOWED_SOURCES = (UrlSource.LINK, UrlSource.NEXT, UrlSource.SINGLE_PAGE)
DIRECTIVE_REASONS = tuple(
    dict.fromkeys(
        (
            *_REASON_BY_DIRECTIVE.values(),
            OutcomeReason.UNAVAILABLE_AFTER,
            OutcomeReason.CONTENT_USAGE,
            OutcomeReason.NOFOLLOW,
        )
    )
)
"""The reasons of URLs that a crawl skipped in obedience; a later crawl that does not obey queues them again."""


def exclusion_reason(directives: Iterable[str], robot: str, now: datetime) -> OutcomeReason | None:
    """Return why the directives forbid to keep a page's text; None if they do not."""
    binding_directives = directives_for(directives, robot)
    for directive, reason in _REASON_BY_DIRECTIVE.items():
        if directive in binding_directives:
            return reason
    is_expired = any(_is_expired(directive, now) for directive in binding_directives)
    return OutcomeReason.UNAVAILABLE_AFTER if is_expired else None


def with_nofollow_skipped(
    rows: Iterable[DiscoveredUrl], links: Iterable[Outlink], directives: Iterable[str], robot: str
) -> list[DiscoveredUrl]:
    """Mark those rows of a page's links skipped that are not to be followed: all, or those with rel=nofollow."""
    nofollow_urls = {link.url for link in links if _NOFOLLOW in link.rel}
    skips_all_links = bool(directives_for(directives, robot) & {_NOFOLLOW, "none"})
    return [
        replace(row, state=UrlState.SKIPPED, reason=OutcomeReason.NOFOLLOW)
        if _is_queued_link(row) and (skips_all_links or row.url in nofollow_urls)
        else row
        for row in rows
    ]


def _is_queued_link(row: DiscoveredUrl) -> bool:
    return row.kind == UrlKind.PAGE and row.found_via in _FOLLOWED_SOURCES and row.state == UrlState.QUEUED


def _is_expired(directive: str, now: datetime) -> bool:
    if not directive.startswith(_EXPIRY_PREFIX):
        return False
    expiry = _parse_expiry(directive.removeprefix(_EXPIRY_PREFIX))
    return expiry is not None and expiry <= now


def _parse_expiry(text: str) -> datetime | None:
    """Parse a date as HTTP or mail write it, or in ISO 8601, as an aware datetime; None if it is neither.

    A day without a time means the end of that day; without a time zone it is UTC.
    """
    for parse in (_end_of_day, datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text.upper())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment.replace(tzinfo=moment.tzinfo or UTC)
    return None


def _end_of_day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), datetime.min.time()) + timedelta(days=1)
