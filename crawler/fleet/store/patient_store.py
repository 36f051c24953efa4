"""A store that is waited for while it is away or full, as long as its user has patience."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from broadsheet.crawler.fleet.store.object_store import ObjectStore, StoreFull, StoreUnreachable, VersionedRecord

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try again, and the first and the longest pause between two tries; all in seconds. The longest one is
    so short that a store which is back after most of a lease is found in time to renew it."""

    seconds: float = 3600.0
    first_pause: float = 1.0
    longest_pause: float = 20.0


class PatientStore:
    """Does what the store does, and tries again where that may help; after all patience the last error is raised.

    `sleep` and `clock` are Python's own but in tests; the clock counts seconds from anywhere.
    """

    def __init__(
        self,
        store: ObjectStore,
        patience: Patience,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self.address = store.address

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes as an object."""
        self._try(lambda: self._store.put_file(key, path))

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store a few bytes as an object."""
        self._try(lambda: self._store.put_bytes(key, data))

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object. After a break they go on where they were: an object never changes."""
        position = start
        source: Iterator[bytes] | None = None

        def next_chunk() -> bytes | None:
            nonlocal source
            try:
                source = source or self._store.chunks(key, position)
                return next(source, None)
            except (StoreUnreachable, StoreFull):
                source = None
                raise

        while (chunk := self._try(next_chunk)) is not None:
            position += len(chunk)
            yield chunk

    def length(self, key: str) -> int | None:
        """How many bytes an object has; None if there is none."""
        return self._try(lambda: self._store.length(key))

    def keys(self, prefix: str) -> list[str]:
        """The keys of the objects below a prefix."""
        return self._try(lambda: self._store.keys(prefix))

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._try(lambda: self._store.delete(key))

    def read_record(self, key: str) -> VersionedRecord | None:
        """The newest version of a record."""
        return self._try(lambda: self._store.read_record(key))

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        """Replace the version of a record. A try whose answer was lost may have done it: the next one then raises
        VersionMoved, and the caller finds its own bytes there."""
        return self._try(lambda: self._store.replace_record(key, data, version))

    def _try(self, action: Callable[[], _Result]) -> _Result:
        deadline = self._clock() + self._patience.seconds
        pause = self._patience.first_pause
        while True:
            try:
                return action()
            except (StoreUnreachable, StoreFull) as error:
                if self._clock() + pause > deadline:
                    raise
                _LOG.warning("%s; trying again in %.0f s", error, pause)
            self._sleep(pause)
            pause = min(2 * pause, self._patience.longest_pause)
