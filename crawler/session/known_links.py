"""A bounded cache of the links that were stored lately, so that the same rows are not sent to the database again.

Most links of a page stand on the page before it too. A queued URL that was stored with a depth at most as great and a
priority at least as high changes no row when it comes again, so it need not be stored.
"""

from __future__ import annotations

from collections.abc import Iterable

from broadsheet.cleaners.document import UrlSource
from broadsheet.output.db.url_words import UrlState
from broadsheet.output.outcome import DiscoveredUrl

MAX_KNOWN_URLS = 40_000
"""URLs remembered at most, some 8 MB; what is forgotten is merely stored once more."""


class KnownLinks:
    """Remembers, of the last `max_urls` queued URLs, the least depth and the highest priority with which they were
    stored."""

    def __init__(self, max_urls: int = MAX_KNOWN_URLS) -> None:
        self._max_urls = max_urls
        self._recent_links: dict[str, tuple[int, int]] = {}
        self._older_links: dict[str, tuple[int, int]] = {}

    def new_rows(self, rows: Iterable[DiscoveredUrl]) -> tuple[DiscoveredUrl, ...]:
        """The rows that may change something in the archive, which are remembered from now on.

        Call `clear` if they are not stored after all.
        """
        return tuple(row for row in rows if self._is_improvement(row) or _may_announce_change(row))

    def clear(self) -> None:
        """Forget all rows: some that were returned as new were not stored."""
        self._recent_links, self._older_links = {}, {}

    def _is_improvement(self, row: DiscoveredUrl) -> bool:
        """Whether the row is unknown, or better than the known one. Two generations of links make this a cache of
        recent ones."""
        if row.state != UrlState.QUEUED:
            return True
        known_values = self._recent_links.get(row.url) or self._older_links.get(row.url)
        if known_values and known_values[0] <= row.depth and known_values[1] >= row.priority:
            self._remember(row.url, known_values)
            return False
        best_values = (
            (min(known_values[0], row.depth), max(known_values[1], row.priority))
            if known_values
            else (row.depth, row.priority)
        )
        self._remember(row.url, best_values)
        return True

    def _remember(self, url: str, values: tuple[int, int]) -> None:
        self._recent_links[url] = values
        if len(self._recent_links) > self._max_urls // 2:
            self._recent_links, self._older_links = {}, self._recent_links


def _may_announce_change(row: DiscoveredUrl) -> bool:
    """Whether the row may say that a page in the archive has changed and is to be fetched again."""
    return bool(row.lastmod) or row.found_via == UrlSource.REDIRECT
