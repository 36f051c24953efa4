"""Links that the archive has already been told of: a bounded memory that spares it the same rows again and again.

Most links of a page stand on the page before it too. A queued URL that was stored with a depth at most as great and a
priority at least as high changes no row when it comes again, so it need not be sent to the database.
"""

from __future__ import annotations

from collections.abc import Iterable

from output.outcome import Found

KNOWN = 40_000
"""URLs remembered at most, some 8 MB; what is forgotten is merely stored once more."""


class KnownLinks:
    """Remembers, of the last `most` queued URLs, the best depth and priority with which they were stored."""

    def __init__(self, most: int = KNOWN) -> None:
        self._most = most
        self._recent: dict[str, tuple[int, int]] = {}
        self._earlier: dict[str, tuple[int, int]] = {}

    def fresh(self, found: Iterable[Found]) -> tuple[Found, ...]:
        """Those that may change something, and remember them; `forget` if they are not stored after all."""
        return tuple(row for row in found if self._is_news(row) or _announces(row))

    def forget(self) -> None:
        """Remember nothing: what was said to be stored was not."""
        self._recent, self._earlier = {}, {}

    def _is_news(self, row: Found) -> bool:
        """Whether the row is better than what is known; two generations make the memory one of recent links."""
        if row.state != "queued":
            return True
        known = self._recent.get(row.url) or self._earlier.get(row.url)
        if known and known[0] <= row.depth and known[1] >= row.priority:
            self._remember(row.url, known)
            return False
        best = (min(known[0], row.depth), max(known[1], row.priority)) if known else (row.depth, row.priority)
        self._remember(row.url, best)
        return True

    def _remember(self, url: str, best: tuple[int, int]) -> None:
        self._recent[url] = best
        if len(self._recent) > self._most // 2:
            self._recent, self._earlier = {}, self._recent


def _announces(row: Found) -> bool:
    """Whether the row may say that a page which the archive has is to be looked at again."""
    return bool(row.lastmod) or row.via == "redirect"
