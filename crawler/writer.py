"""The one writer: a thread that commits outcomes in batches, so that the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence

from output.archive import Archive
from output.outcome import Outcome

BATCH = 64
"""Outcomes that one transaction takes at most; a batch is what piled up while the last one was written."""


class Writer:
    """Saves outcomes through one thread. `save` returns when the outcome is committed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._waiting: queue.SimpleQueue[tuple[Outcome, asyncio.Future[None]] | None] = queue.SimpleQueue()
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
        while (first := self._waiting.get()) is not None:
            batch, ended = self._collect(first)
            self._commit(batch)
            if ended:
                return

    def _collect(
        self, first: tuple[Outcome, asyncio.Future[None]]
    ) -> tuple[list[tuple[Outcome, asyncio.Future[None]]], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                another = self._waiting.get_nowait()
            except queue.Empty:
                break
            if another is None:
                return batch, True
            batch.append(another)
        return batch, False

    def _commit(self, batch: Sequence[tuple[Outcome, asyncio.Future[None]]]) -> None:
        try:
            self._archive.save([outcome for outcome, _ in batch])
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for these outcomes
            for _, done in batch:
                done.get_loop().call_soon_threadsafe(_fail, done, error)
        else:
            for _, done in batch:
                done.get_loop().call_soon_threadsafe(_finish, done)


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _fail(done: asyncio.Future[None], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
