"""What a host's robots.txt allows, by RFC 9309. Pure: the answer goes in as status and bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from protego import Protego

from cleaners.urls import canonicalise

MAX_BYTES = 500 * 1024
"""What RFC 9309, section 2.5, asks a crawler to read at least; a longer file is cut after its last whole line."""


class Access(StrEnum):
    """How much of the host may be asked."""

    RULES = "rules"  # the file was read and decides
    ALL = "all"  # there is no file: everything is allowed
    NOTHING = "nothing"  # the server failed or cannot be reached: nothing is allowed


@dataclass(frozen=True, slots=True)
class Robots:
    """The decision for one host. `reason` says where it comes from: `http_200`, `unreachable`, `not_robots`.

    A user agent is the whole header or its product token: the longest group whose name stands in it decides, else `*`.
    """

    access: Access
    reason: str
    sitemaps: tuple[str, ...] = ()
    _rules: Protego | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_response(cls, status: int | None, body: bytes, url: str) -> Robots:
        """Decide on the answer that `url` gave; `status` is None or 0 where there was none.

        2xx is parsed; 4xx, and a redirect that led nowhere, mean no file; 5xx and silence forbid all (section 2.3.1).
        """
        reason = f"http_{status}" if status else "unreachable"
        if not status or status >= 500 or status < 200:
            return cls(Access.NOTHING, reason)
        if status >= 300:
            return cls(Access.ALL, reason)
        if _is_markup(body):
            return cls(Access.ALL, "not_robots")
        rules = Protego.parse(_text(body))
        return cls(Access.RULES, reason, _absolute(rules, url), rules)

    def allowed(self, url: str, user_agent: str) -> bool:
        """Whether the user agent may ask for the URL; robots.txt itself always."""
        if self._rules is not None:
            return self._rules.can_fetch(url, user_agent)
        return self.access is Access.ALL

    def crawl_delay(self, user_agent: str) -> float | None:
        """Seconds between two requests that the host asks for, or None."""
        return self._rules.crawl_delay(user_agent) if self._rules else None

    def request_rate(self, user_agent: str) -> float | None:
        """Requests a second that the host allows at most (`Request-rate`, whatever its hours), or None."""
        rate = self._rules.request_rate(user_agent) if self._rules else None
        return rate.requests / rate.seconds if rate else None


def _absolute(rules: Protego, url: str) -> tuple[str, ...]:
    resolved = (canonicalise(sitemap, url) for sitemap in rules.sitemaps)
    return tuple(dict.fromkeys(sitemap for sitemap in resolved if sitemap))


def _is_markup(body: bytes) -> bool:
    """Whether a page came in place of the file: sites answer so with status 200 where they have none."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def _text(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        body = body[:MAX_BYTES].rpartition(b"\n")[0]
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace").replace("\0", "")
