"""What a store can do, whatever it is made of; and what can go wrong with one, each message one line.

StoreError
├── StoreUnreachable   no answer, or a fault on its side: the same thing may work in a while
├── StoreFull          no room: likewise, when somebody has made some
├── StoreRefused       a wrong address, no permission: trying again helps nobody
├── NotInStore         there is no object of that key
├── VersionMoved       a record is not, or no longer, of the version that was to be replaced
└── DamagedObject      an object is not what was put there
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

CHUNK_BYTES = 1 << 20


class StoreError(Exception):
    """Something is wrong with a store; the message is one line for the person who asked."""


class StoreUnreachable(StoreError):  # noqa: N818 - named by what it is
    """The store gives no answer, or one that is a fault of its own."""


class StoreFull(StoreError):  # noqa: N818
    """The store has no room."""


class StoreRefused(StoreError):  # noqa: N818
    """The address is wrong, or the store does not let us in."""


class NotInStore(StoreError):  # noqa: N818
    """There is no object of this key."""


class VersionMoved(StoreError):  # noqa: N818
    """Somebody else has replaced the record, or made it, in the meantime."""


class DamagedObject(StoreError):  # noqa: N818
    """An object has other bytes than were put there."""


@dataclass(frozen=True, slots=True)
class FileDigest:
    """How many bytes a file has, and their SHA-256 in hexadecimal digits."""

    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class VersionedRecord:
    """A record as it was read, and the version that has to be named to replace it."""

    data: bytes
    version: str


class ObjectStore(Protocol):
    """Keeps two things under keys, which look like relative paths: objects, which never change, and records, small
    values of which a new version replaces a version that is named. Every method may raise StoreUnreachable and
    StoreRefused; those that write StoreFull."""

    address: str
    """What a person calls it, without credentials."""

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes as an object, whole or not at all, confirmed by its disk. One that is there is replaced:
        keys of objects name their content."""
        ...

    def put_bytes(self, key: str, data: bytes) -> None:
        """Likewise for a few bytes."""
        ...

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from one on, in pieces, none of them empty. NotInStore."""
        ...

    def length(self, key: str) -> int | None:
        """How many bytes an object has; None if there is none."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """The keys of the objects below a prefix that ends in a slash, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object or a record. One that is not there is no error."""
        ...

    def read_record(self, key: str) -> VersionedRecord | None:
        """The newest version of a record; None if there is none."""
        ...

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        """Replace the version of a record, or make it if `version` is empty; returns the new version.

        VersionMoved if the record is of another version: of all who try, one succeeds. The bytes of each version are to
        be its own, as those of `LeaseRecord` are by their `write_id`: S3 names a version by its content.
        """
        ...


def digest_of(chunks: Iterable[bytes]) -> FileDigest:
    """Length and digest of bytes that come in pieces."""
    digest, length = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        length += len(chunk)
    return FileDigest(length, digest.hexdigest())


def file_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, in pieces."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def file_digest(path: Path) -> FileDigest:
    """Length and digest of a file."""
    with path.open("rb") as stream:
        return digest_of(file_chunks(stream))


def put_verified(store: ObjectStore, key: str, path: Path, expected: FileDigest) -> None:
    """Store a file, then read it back and compare. One that is there already, from a task that was cut off, is only
    read back. DamagedObject if the store gives other bytes."""
    if store.length(key) == expected.length and digest_of(store.chunks(key)) == expected:
        return
    store.put_file(key, path)
    if digest_of(store.chunks(key)) != expected:
        raise DamagedObject(f"{store.address} does not give back what was put there as {key}")
