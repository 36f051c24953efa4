"""Writer thread, the only one of an archive: it commits outcomes in batches, beside the event loop.

Most links of a page stand on the page before it too. A queued URL changes no row when it comes again, unless its depth
is smaller or its priority higher. A bounded cache keeps such URLs from being stored.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from broadsheet.cleaners.document import UrlSource
from broadsheet.output.archive.url_words import UrlState
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome

MAX_KNOWN_URLS = 40_000
"""Maximum number of remembered URLs (about 8 MB). A forgotten URL is stored once more, which changes nothing."""


class KnownLinks:
    """Remembers, of the last `max_urls` queued URLs, the least depth and the highest priority with which they were
    stored.
    """

    def __init__(self, max_urls: int = MAX_KNOWN_URLS) -> None:
        self._max_urls = max_urls
        self._recent_links: dict[str, tuple[int, int]] = {}
        self._older_links: dict[str, tuple[int, int]] = {}

    def new_rows(self, rows: Iterable[DiscoveredUrl]) -> tuple[DiscoveredUrl, ...]:
        """Return the rows that may change something in the archive, and remember them.

        Call `clear` if they are not stored after all.
        """
        return tuple(row for row in rows if self._is_improvement(row) or _may_announce_change(row))

    def clear(self) -> None:
        """Forget all rows: some that were returned as new were not stored."""
        self._recent_links, self._older_links = {}, {}

    def _is_improvement(self, row: DiscoveredUrl) -> bool:
        """Return whether the row is unknown, or better than the known one.

        Two generations of links make this a cache of recent ones.
        """
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
    """Return whether the row may announce a change of a stored page, which is then fetched again."""
    return bool(row.lastmod) or row.found_via == UrlSource.REDIRECT


MAX_BATCH = 64
"""Maximum number of outcomes in a transaction. A batch is what queued up while the last one was written."""

BATCH_TARGET, MAX_BATCH_SECONDS, MAX_IDLE_SECONDS = 32, 2.0, 0.1
"""How many outcomes a batch waits for, how many seconds it waits in all, and how many for the next outcome. A page in
a transaction of its own costs half as much again as one among many, since the database pages that all of them touch are
written each time. A batch that has all the URLs under way does not wait. While as many URLs are under way as a batch is
to have, none of them waits for what this batch has found, so only the whole time bounds it: a page takes longer than
`MAX_IDLE_SECONDS` where the machine is slow."""

_LIST_SOURCES = (UrlSource.SITEMAP, UrlSource.FEED)
_PendingOutcome = tuple[Outcome, asyncio.Future[None]]


class Writer:
    """Saves outcomes through one thread. `save` returns when the outcome is committed.

    `pending_count` says how many URLs under way have no outcome in the archive yet; it is called on the thread.
    """

    def __init__(self, archive: Archive, pending_count: Callable[[], int] = lambda: 0) -> None:
        self._archive = archive
        self._pending_count = pending_count
        self._known_links = KnownLinks()
        self._queue: queue.SimpleQueue[_PendingOutcome | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="archive-writer", daemon=True)
        self._thread.start()

    async def save(self, outcome: Outcome) -> None:
        """Store one outcome; returns once it is committed. Raises what the archive raises."""
        committed = asyncio.get_running_loop().create_future()
        self._queue.put((outcome, committed))
        await committed

    def close(self) -> None:
        """Commit the queued outcomes, and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first_outcome := self._next_outcome()) is not None:
            batch, is_closing = self._collect_batch(first_outcome)
            loop, error = batch[0][1].get_loop(), None
            try:
                self._archive.save([self._without_known_links(outcome) for outcome, _ in batch])
            except BaseException as exception:  # noqa: BLE001 - raised in the tasks that wait for these outcomes
                self._known_links.clear()
                error = exception
            loop.call_soon_threadsafe(_resolve_futures, [committed for _, committed in batch], error)
            if is_closing:
                return
            self._requeue_leftovers()

    def _next_outcome(self) -> _PendingOutcome | None:
        """Wait for the next outcome in the queue, and meanwhile requeue what an earlier run left; None at the end."""
        while self._archive.requeuer.has_more:
            try:
                return self._queue.get_nowait()
            except queue.Empty:
                self._requeue_leftovers()
        return self._queue.get()

    def _requeue_leftovers(self) -> None:
        """Requeue a batch of URLs that an earlier run left. A failed write is raised with the next outcome."""
        try:
            if self._archive.requeuer.has_more:
                self._archive.requeuer.step()
        except sqlite3.Error:
            self._archive.requeuer.drop_rest()

    def _collect_batch(self, first_outcome: _PendingOutcome) -> tuple[list[_PendingOutcome], bool]:
        """Collect the outcomes of the next transaction; return them, and whether the writer is to end after it."""
        batch = [first_outcome]
        deadline = time.monotonic() + MAX_BATCH_SECONDS
        while len(batch) < MAX_BATCH:
            pending_count = self._pending_count()
            is_awaiting_more = len(batch) < min(BATCH_TARGET, pending_count)
            patience = MAX_IDLE_SECONDS if pending_count < BATCH_TARGET else MAX_BATCH_SECONDS
            seconds_left = min(patience, deadline - time.monotonic()) if is_awaiting_more else 0.0
            try:
                next_outcome = self._queue.get(timeout=max(0.0, seconds_left))
            except queue.Empty:
                break
            if next_outcome is None:
                return batch, True
            batch.append(next_outcome)
        return batch, False

    def _without_known_links(self, outcome: Outcome) -> Outcome:
        """Remove links that the archive has already from the outcome; the rows of a sitemap or feed all stay."""
        if not outcome.discovered_urls or outcome.discovered_urls[0].found_via in _LIST_SOURCES:
            return outcome
        new_rows = self._known_links.new_rows(outcome.discovered_urls)
        return outcome if len(new_rows) == len(outcome.discovered_urls) else replace(outcome, discovered_urls=new_rows)


def _resolve_futures(futures: Sequence[asyncio.Future[None]], error: BaseException | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
