"""Stores: objects and records under keys, their errors, and a store that is waited for while it is away or full.

The message of each error is one line.

StoreError
├── StoreUnreachable   no answer, or a fault on its side: the same thing may work in a while
├── StoreFull          no room: likewise, when somebody has made some
├── StoreRefused       a wrong address, no permission: trying again helps nobody
├── NotInStore         there is no object of that key
├── VersionMoved       a record is not, or no longer, of the version that was to be replaced
└── DamagedObject      an object is not what was put there
    └── NewerState     a newer version of this program wrote it; it is left alone
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

CHUNK_BYTES = 1 << 20


class StoreError(Exception):
    """A failure of a store; the message is one line for the person who asked."""


class StoreUnreachable(StoreError):  # noqa: N818 - named by what it is
    """A store gives no answer, or one that is a fault of its own."""


class StoreFull(StoreError):  # noqa: N818
    """A store has no room."""


class StoreRefused(StoreError):  # noqa: N818
    """An address is wrong, or the store does not let us in."""


class NotInStore(StoreError):  # noqa: N818
    """An object of this key does not exist."""


class VersionMoved(StoreError):  # noqa: N818
    """A record was replaced or made by somebody else in the meantime."""


class DamagedObject(StoreError):  # noqa: N818
    """An object has other bytes than were put there."""


class NewerState(DamagedObject):
    """A newer version of this program wrote an object, which this one cannot read."""


@dataclass(frozen=True, slots=True)
class VersionedRecord:
    """A record as it was read, and the version that has to be named to replace it."""

    data: bytes
    version: str


class ObjectStore(Protocol):
    """A keeper of two things under keys, which look like relative paths: objects and records.

    Objects never change. Records are small values of which a new version replaces a version that is named. Every method
    may raise StoreUnreachable and StoreRefused; those that write StoreFull.
    """

    address: str
    """What a person calls it, without credentials."""

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes as an object, whole or not at all, confirmed by its disk. DamagedObject if it has others then.

        An object that is there is replaced: keys of objects name their content.
        """
        ...

    def put_file(self, key: str, file: Path) -> None:
        """Store a file as an object, whole or not at all, without having all of it in memory."""
        ...

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of an object from one on, in pieces, none of them empty. NotInStore."""
        ...

    def length(self, key: str) -> int | None:
        """Return the number of bytes of an object; None if there is none."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """List the keys of the objects below a prefix that ends in a slash, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object or a record. One that is not there is no error."""
        ...

    def read_record(self, key: str) -> VersionedRecord | None:
        """Read the newest version of a record; None if there is none."""
        ...

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        """Replace the version of a record, or make it if `version` is empty; returns the new version.

        VersionMoved if the record is of another version: of all who try, one succeeds. The bytes of each version are to
        be its own, as those of `SiteHead` are by attempt and generation: S3 names a version by its content.
        """
        ...


_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """The time to try again, and the first and the longest pause between two tries; all in seconds."""

    seconds: float = 3600.0
    first_pause: float = 1.0
    longest_pause: float = 20.0


class PatientStore:
    """A store that tries again what another one refused, where that may help; after all patience it raises the last
    error.  `sleep` and `clock` are Python's own but in tests; the clock counts seconds from anywhere.
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

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store bytes as an object."""
        self._try(lambda: self._store.put_bytes(key, data))

    def put_file(self, key: str, file: Path) -> None:
        """Store a file as an object."""
        self._try(lambda: self._store.put_file(key, file))

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of an object. After a break they go on where they were: an object never changes."""
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
        """Return the number of bytes of an object; None if there is none."""
        return self._try(lambda: self._store.length(key))

    def keys(self, prefix: str) -> list[str]:
        """List the keys of the objects below a prefix."""
        return self._try(lambda: self._store.keys(prefix))

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._try(lambda: self._store.delete(key))

    def read_record(self, key: str) -> VersionedRecord | None:
        """Read the newest version of a record."""
        return self._try(lambda: self._store.read_record(key))

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        """Replace the version of a record.

        A try whose answer was lost may have done it: the next one then raises VersionMoved, and the caller finds its
        own bytes there.
        """
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
