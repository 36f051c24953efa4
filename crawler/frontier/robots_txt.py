"""What a host's robots.txt allows, by RFC 9309. Pure: the answer goes in as status and bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from protego import Protego

from cleaners.urls.canonical import canonicalise, host_of
from output.outcome import RobotsFile

MAX_BYTES = 500 * 1024
"""What RFC 9309, section 2.5, asks a crawler to read at least; a longer file is cut after its last whole line."""

MAX_AGE = 24 * 3600.0
"""Seconds for which a reading holds (section 2.4); then the file is read again."""

GRACE = 24 * 3600.0
"""Seconds for which the last reading holds beyond that while the file cannot be reached; then nothing is allowed."""

TRY_AGAIN = 3600.0
"""Seconds between two attempts to read it meanwhile."""

_VERDICTS = 256  # verdicts on URLs that are remembered: a long file takes milliseconds to go through
_TOO_MANY = 429  # "unavailable" by the letter of section 2.3.1.3, but it means that we are to wait
_ADDRESS = re.compile(r"\+?(?:https?://|mailto:)\S+|\S+@\S+", re.IGNORECASE)


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
    url: str = field(default="", compare=False)  # where it was read
    host: str = field(default="", compare=False)  # for which it speaks
    text: str = field(default="", repr=False, compare=False)  # as read, empty if there was no file
    id: int = field(default=0, compare=False)  # of `file`
    _rules: Protego | None = field(default=None, repr=False, compare=False)
    _verdicts: dict[tuple[str, str], bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_response(cls, status: int | None, body: bytes, url: str, host: str = "") -> Robots:
        """Decide on the answer that `url` gave; `status` is None or 0 where there was none.

        2xx is parsed; 4xx, and a redirect that led nowhere, mean no file; 5xx, 429 and silence forbid all (section
        2.3.1). `host` is the one for which it speaks, if it was read elsewhere.
        """
        reason, host = f"http_{status}" if status else "unreachable", host or host_of(url)
        if not status or status >= 500 or status < 200 or status == _TOO_MANY:
            return cls._made(Access.NOTHING, reason, url, host)
        if status >= 300:
            return cls._made(Access.ALL, reason, url, host)
        if _is_markup(body):
            return cls._made(Access.ALL, "not_robots", url, host)
        return cls._made(Access.RULES, reason, url, host, _text(body))

    @classmethod
    def _made(cls, access: Access, reason: str, url: str, host: str, text: str = "") -> Robots:
        rules = Protego.parse(text) if access is Access.RULES else None
        sitemaps = _absolute(rules, url) if rules else ()
        number = RobotsFile(host, url, "", access, reason, text).id
        return cls(access, reason, sitemaps, url, host, text, number, rules)

    def file(self, seen_at: str, note: str = "") -> RobotsFile:
        """What the archive keeps of it; `seen_at` is UTC ISO 8601, `note` what became of it besides."""
        reason = f"{self.reason}:{note}" if note else self.reason
        return RobotsFile(self.host, self.url, seen_at, self.access, reason, self.text)

    def allowed(self, url: str, user_agent: str) -> bool:
        """Whether the user agent may ask for the URL; robots.txt itself always."""
        if self._rules is None:
            return self.access is Access.ALL
        if (url, user_agent) not in self._verdicts:
            if len(self._verdicts) >= _VERDICTS:
                self._verdicts.clear()
            self._verdicts[url, user_agent] = self._rules.can_fetch(url, robot_name(user_agent))
        return self._verdicts[url, user_agent]

    def crawl_delay(self, user_agent: str) -> float | None:
        """Seconds between two requests that the host asks for, or None."""
        return self._rules.crawl_delay(robot_name(user_agent)) if self._rules else None

    def request_rate(self, user_agent: str) -> float | None:
        """Requests a second that the host allows at most (`Request-rate`, whatever its hours), or None."""
        rate = self._rules.request_rate(robot_name(user_agent)) if self._rules else None
        return rate.requests / rate.seconds if rate else None

    def asked_delay(self, user_agent: str) -> float:
        """Seconds between two requests that `Crawl-delay` and `Request-rate` come to, the longer of both; or 0."""
        rate = self.request_rate(user_agent)
        return max(self.crawl_delay(user_agent) or 0.0, 1 / rate if rate else 0.0)


@lru_cache(maxsize=64)
def robot_name(user_agent: str) -> str:
    """The User-Agent header without the addresses in it: `(+https://a.example/otherbot)` is no name of ours."""
    return " ".join(_ADDRESS.sub(" ", user_agent).split())


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
