"""Which URLs belong to a crawl. Pure.

A URL belongs when its host is a seed's host and its path lies under the seed's. `www.` and the bare host are one
host here, http and https one scheme; another port is another host. A seed's path means:

- none, or `/`: the whole host;
- a folder, `/blog/` or `/blog`: that page and all below it, not `/blogger`;
- a file, `/150/index.html` or `/sitemap.xml`: the whole host, entered there. Who pastes the address of a start page
  or of one article wants the site; a folder guessed from it would silently leave most of it out.

Patterns are regular expressions searched anywhere in the URL, as in Scrapy's link extractors; each is tried on the
URL as it is sent and in its readable, decoded form. Seeds (depth 0) always pass, or nothing could be entered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from cleaners.urls.canonical import canonicalise, host_of

_FILE = re.compile(r"[^/]\.[a-z][a-z0-9]{1,4}$", re.IGNORECASE)


class ScopeError(ValueError):
    """A seed or pattern that cannot be used; its text is one line for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Out of scope: no row, counted by host. In scope with a reason: a row, skipped. Else: to be fetched."""

    in_scope: bool
    skip_reason: str = ""  # pattern, depth

    @property
    def fetch(self) -> bool:
        """Whether the URL is to be fetched."""
        return self.in_scope and not self.skip_reason


_FETCH = Decision(True)
_OUTSIDE = Decision(False)


@dataclass(frozen=True, slots=True)
class Scope:
    """The crawl's bounds. `places` are (host, path prefix) pairs; an empty prefix is the whole host."""

    places: frozenset[tuple[str, str]]
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    max_depth: int | None = None

    @classmethod
    def from_seeds(
        cls,
        seeds: Iterable[str],
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        max_depth: int | None = None,
    ) -> Scope:
        """The scope that the seeds open. `max_depth` counts links from a seed, which has depth 0; None is no bound.

        ScopeError if a seed is no http(s) URL, a pattern no regular expression, or there is no seed.
        """
        places = frozenset(map(_place, seeds))
        if not places:
            raise ScopeError("no seed URL given")
        return cls(places, _patterns(include), _patterns(exclude), max_depth)

    @classmethod
    def of_hosts(cls, hosts: Iterable[str], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Scope:
        """The scope of whole hosts. ScopeError if a pattern is no regular expression."""
        return cls(frozenset((_bare(host), "") for host in hosts), _patterns(include), _patterns(exclude))

    def widened(self, url: str) -> Scope:
        """This scope and what `url` opens as a seed: for a seed that redirects to another host."""
        return replace(self, places=self.places | {_place(url)})

    def contains(self, url: str) -> bool:
        """Whether a canonical URL lies under a seed's host and path."""
        return any(_under(prefix, url) for prefix in _prefixes(self.places).get(_bare(host_of(url)), ()))

    def decide(self, url: str, depth: int) -> Decision:
        """What to do with a canonical URL found `depth` links away from a seed."""
        if not self.contains(url):
            return _OUTSIDE
        if depth == 0:
            return _FETCH
        if not self._wanted(url):
            return Decision(True, "pattern")
        if self.max_depth is not None and depth > self.max_depth:
            return Decision(True, "depth")
        return _FETCH

    def _wanted(self, url: str) -> bool:
        if not (self.include or self.exclude):
            return True
        spellings = (url, unquote(url))
        if self.include and not _any_match(self.include, spellings):
            return False
        return not _any_match(self.exclude, spellings)


def _place(seed: str) -> tuple[str, str]:
    url = canonicalise(seed)
    if url is None:
        raise ScopeError(f"not an http or https URL: {seed}")
    path = urlsplit(url).path
    return _bare(host_of(url)), "" if _FILE.search(path) else path.rstrip("/")


@lru_cache(maxsize=4)
def _prefixes(places: frozenset[tuple[str, str]]) -> dict[str, list[str]]:
    """The path prefixes by host: an archive of many hosts has many places."""
    found: dict[str, list[str]] = {}
    for host, prefix in places:
        found.setdefault(host, []).append(prefix)
    return found


def _bare(host: str) -> str:
    return host.removeprefix("www.")


def _under(prefix: str, url: str) -> bool:
    if not prefix:
        return True
    path = urlsplit(url).path
    return path == prefix or path.startswith(prefix + "/")


def _any_match(patterns: Iterable[re.Pattern[str]], spellings: tuple[str, ...]) -> bool:
    return any(pattern.search(spelling) for pattern in patterns for spelling in spellings)


def _patterns(texts: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(map(_pattern, texts))


def _pattern(text: str) -> re.Pattern[str]:
    if not text:
        raise ScopeError("an empty pattern matches every URL")
    try:
        return re.compile(text)
    except re.error as error:
        hint = "; in a regular expression 'anything' is .*" if text.startswith("*") else ""
        raise ScopeError(f"not a regular expression: {text} ({error}{hint})") from None
