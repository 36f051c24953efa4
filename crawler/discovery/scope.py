"""Scope of a crawl: the URLs that belong to it. Pure.

A URL belongs when its host is a seed's host and its path lies under the seed's. `www.` and the bare host are one
host here, http and https one scheme; another port is another host. A seed's path means:

- none, or `/`: the whole host;
- a folder, `/blog/` or `/blog`: that page and all below it, not `/blogger`;
- a file, `/150/index.html` or `/sitemap.xml`: the whole host, entered there. Somebody who pastes the address of a start
  page or of one article wants the site. Guessing a folder from it would silently leave out most of the site.

Patterns are regular expressions searched anywhere in the URL, as in Scrapy's link extractors; each is tried on the URL
as it is sent and in its readable, decoded form. Seeds (depth 0) always pass, or the crawl could not begin. A URL is
left out if a pattern takes too long on it: `(a|aa)+$` alone could block a crawl for years.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of
from broadsheet.output.archive.url_words import OutcomeReason

from ..options import OptionError

if TYPE_CHECKING:
    import regex

PATTERN_SECONDS = 0.1
"""CPU that a pattern may take on a URL. A pattern that is in order takes some microseconds."""
_logger = logging.getLogger("broadsheet.scope")
_FILE_NAME = re.compile(r"[^/]\.[a-z][a-z0-9]{1,4}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ScopeDecision:
    """A decision on a URL: out of scope (counted by host, no row), in scope with a reason (a skipped row), or to be
    fetched.
    """

    in_scope: bool
    skip_reason: OutcomeReason | None = None  # pattern, depth

    @property
    def should_fetch(self) -> bool:
        """Tell whether the URL is in scope and not skipped."""
        return self.in_scope and not self.skip_reason


_FETCH_DECISION = ScopeDecision(True)
_OUTSIDE_DECISION = ScopeDecision(False)


@dataclass(frozen=True, slots=True)
class Scope:
    """The crawl's bounds. `roots` are (host, path prefix) pairs; an empty prefix is the whole host."""

    roots: frozenset[tuple[str, str]]
    include: tuple[regex.Pattern[str], ...] = ()
    exclude: tuple[regex.Pattern[str], ...] = ()
    max_depth: int | None = None

    @classmethod
    def from_seeds(
        cls,
        seeds: Iterable[str],
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        max_depth: int | None = None,
    ) -> Scope:
        """Make the scope of seeds.

        `max_depth` limits the number of links from a seed, which has depth 0; None means no limit. OptionError if a
        seed is not an http(s) URL, a pattern is not a regular expression, or there is no seed.
        """
        roots = frozenset(map(_seed_root, seeds))
        if not roots:
            raise OptionError("no seed URL given")
        return cls(roots, _compile_patterns(include), _compile_patterns(exclude), max_depth)

    @classmethod
    def from_hosts(cls, hosts: Iterable[str], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Scope:
        """Make the scope of whole hosts. OptionError if a pattern is not a regular expression."""
        return cls(
            frozenset((_without_www(host), "") for host in hosts),
            _compile_patterns(include),
            _compile_patterns(exclude),
        )

    def with_seed(self, url: str) -> Scope:
        """Extend this scope by a seed, for one that redirects to another host."""
        return replace(self, roots=self.roots | {_seed_root(url)})

    def contains(self, url: str) -> bool:
        """Tell whether a canonical URL lies under one of the roots."""
        return any(
            _is_below(prefix, url) for prefix in _prefixes_by_host(self.roots).get(_without_www(host_of(url)), ())
        )

    def decide(self, url: str, depth: int) -> ScopeDecision:
        """Decide on a canonical URL found `depth` links away from a seed."""
        if not self.contains(url):
            return _OUTSIDE_DECISION
        if depth == 0:
            return _FETCH_DECISION
        if not self.fits_patterns(url):
            return ScopeDecision(True, OutcomeReason.PATTERN)
        if self.max_depth is not None and depth > self.max_depth:
            return ScopeDecision(True, OutcomeReason.DEPTH)
        return _FETCH_DECISION

    def fits_patterns(self, url: str) -> bool:
        """Return whether the patterns allow a URL, on any host."""
        if not (self.include or self.exclude):
            return True
        spellings = (url, unquote(url))
        if self.include and not _any_pattern_matches(self.include, spellings, if_too_slow=False):
            return False
        return not _any_pattern_matches(self.exclude, spellings, if_too_slow=True)


def _seed_root(seed: str) -> tuple[str, str]:
    """Return the (host, path prefix) that a seed stands for. OptionError if it is not an http(s) URL."""
    url = canonicalise(seed)
    if url is None:
        raise OptionError(f"not an http or https URL: {seed}")
    path = urlsplit(url).path
    return _without_www(host_of(url)), "" if _FILE_NAME.search(path) else path.rstrip("/")


@lru_cache(maxsize=4)
def _prefixes_by_host(roots: frozenset[tuple[str, str]]) -> dict[str, list[str]]:
    """Group the path prefixes by host once: an import from many hosts has as many roots."""
    prefixes: dict[str, list[str]] = {}
    for host, prefix in roots:
        prefixes.setdefault(host, []).append(prefix)
    return prefixes


def _without_www(host: str) -> str:
    return host.removeprefix("www.")


def _is_below(prefix: str, url: str) -> bool:
    if not prefix:
        return True
    path = urlsplit(url).path
    return path == prefix or path.startswith(prefix + "/")


def _any_pattern_matches(
    patterns: Iterable[regex.Pattern[str]], spellings: tuple[str, ...], *, if_too_slow: bool
) -> bool:
    return any(_matches(pattern, spelling, if_too_slow) for pattern in patterns for spelling in spellings)


def _matches(pattern: regex.Pattern[str], spelling: str, if_too_slow: bool) -> bool:
    try:
        return pattern.search(spelling, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        _warn_of(pattern.pattern)
        return if_too_slow


@lru_cache
def _warn_of(text: str) -> None:
    """Log once that a pattern takes too long."""
    _logger.warning("skipping URLs on which the pattern %s takes more than %g s", text, PATTERN_SECONDS)


def _compile_patterns(texts: Iterable[str]) -> tuple[regex.Pattern[str], ...]:
    return tuple(map(_compile_pattern, texts))


def _compile_pattern(text: str) -> regex.Pattern[str]:
    if not text:
        raise OptionError("an empty pattern matches every URL")
    import regex  # a hundredth of a crawl's start, for those that are given a pattern

    try:
        return regex.compile(text)
    except regex.error as error:
        hint = "; in a regular expression 'anything' is .*" if text.startswith("*") else ""
        raise OptionError(f"not a regular expression: {text} ({error}{hint})") from None
