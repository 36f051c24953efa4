"""The one writer: a thread that commits outcomes in batches, so that the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from crawler.session.known_links import KnownLinks
from output.outcome import Outcome
from output.write.archive import Archive

BATCH = 64
"""Outcomes that one transaction takes at most; a batch is what piled up while the last one was written."""

ENOUGH, LINGER, PAUSE = 32, 0.6, 0.1
"""Outcomes for which a batch waits, and for how many seconds: for all of them, and for another. A page in a transaction
of its own costs half as much again as one among many, since what all of them touch is written each time. Nothing is
waited for where all that is under way is in the batch."""

_Waiting = tuple[Outcome, asyncio.Future[None]]


class Writer:
    """Saves outcomes through one thread. `save` returns when the outcome is committed.

    `under_way` says how many URLs have no outcome in the archive yet; it is asked on the thread.
    """

    def __init__(self, archive: Archive, under_way: Callable[[], int] = lambda: ENOUGH) -> None:
        self._archive = archive
        self._under_way = under_way
        self._known = KnownLinks()
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="archive-writer", daemon=True)
        self._thread.start()

    async def save(self, outcome: Outcome) -> None:
        """Store one outcome; returns once it is committed. Raises what the archive raises."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.put((outcome, done))
        await done

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._next()) is not None:
            batch, ended = self._collect(first)
            self._commit(batch)
            if ended:
                return
            self._take_up()

    def _next(self) -> _Waiting | None:
        """The next outcome; while none waits, more of what an earlier run left is queued again."""
        while self._archive.left_over.more:
            try:
                return self._waiting.get_nowait()
            except queue.Empty:
                self._take_up()
        return self._waiting.get()

    def _take_up(self) -> None:
        """Queue a step of what is left over; an archive that cannot be written says so at its next outcome."""
        try:
            if self._archive.left_over.more:
                self._archive.left_over.step()
        except sqlite3.Error:
            self._archive.left_over.drop()

    def _collect(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        batch = [first]
        end = time.monotonic() + LINGER
        while len(batch) < BATCH:
            awaited = len(batch) < min(ENOUGH, self._under_way())
            left = min(PAUSE, end - time.monotonic()) if awaited else 0.0
            try:
                another = self._waiting.get(timeout=max(0.0, left))
            except queue.Empty:
                break
            if another is None:
                return batch, True
            batch.append(another)
        return batch, False

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        """Store a batch, and tell all who wait for it in one call to the event loop."""
        loop, error = batch[0][1].get_loop(), None
        try:
            self._archive.save([self._without_known(outcome) for outcome, _ in batch])
        except BaseException as raised:  # noqa: BLE001 - it belongs to whoever waits for these outcomes
            self._known.forget()
            error = raised
        loop.call_soon_threadsafe(_end, [done for _, done in batch], error)

    def _without_known(self, outcome: Outcome) -> Outcome:
        """The outcome without the links that the archive has already; what a sitemap or feed lists is told whole."""
        if not outcome.found or outcome.found[0].via in ("sitemap", "feed"):
            return outcome
        found = self._known.fresh(outcome.found)
        return outcome if len(found) == len(outcome.found) else replace(outcome, found=found)


def _end(waiting: Sequence[asyncio.Future[None]], error: BaseException | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
