"""A store in a bucket of S3, or of a server that speaks its protocol, by way of obstore.

Records rest on conditional puts: `If-None-Match: *` makes one, `If-Match` with the version's ETag replaces it. AWS,
MinIO, Ceph, Cloudflare and others honour both; `store_address.py` tries that out before a server is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .object_store import (
    CHUNK_BYTES,
    NotInStore,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
    VersionedRecord,
    VersionMoved,
)

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore as ObstoreStore

_FULL_WORDS = ("507", "QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "No space left")
_REFUSED_WORDS = ("NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "PermanentRedirect")

_CLOCK_WORD = "RequestTimeTooSkewed"  # S3's, of a signature that is fifteen minutes old, or of the future


class BucketStore:
    """Objects and records below a prefix of a bucket."""

    def __init__(self, bucket: ObstoreStore, address: str) -> None:
        self._bucket = bucket
        self.address = address

    def put_bytes(self, key: str, data: bytes) -> None:
        """Upload bytes, many of them in parts. The server compares them with their SHA-256."""
        import obstore

        with self._errors(key):
            obstore.put(self._bucket, key, data)

    def put_file(self, key: str, file: Path) -> None:
        """Upload a file, in parts, of which few are in memory."""
        import obstore

        with self._errors(key):
            obstore.put(self._bucket, key, file)

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of an object from one on. S3 takes it for an error to ask for what follows the last."""
        import obstore

        if start and start == self.length(key):
            return
        options: GetOptions = {"range": {"offset": start}} if start else {}
        with self._errors(key):
            for chunk in obstore.get(self._bucket, key, options=options).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def length(self, key: str) -> int | None:
        """Return the number of bytes of an object; None if there is none."""
        meta = self.meta(key)
        return int(meta["size"]) if meta else None

    def meta(self, key: str) -> ObjectMeta | None:
        """Return what the server says of an object without its bytes: size, ETag, time; None if there is none."""
        import obstore

        try:
            with self._errors(key):
                return obstore.head(self._bucket, key)
        except NotInStore:
            return None

    def keys(self, prefix: str) -> list[str]:
        """List the keys of the objects below a prefix."""
        return sorted(meta["path"] for meta in self.metas(prefix))

    def metas(self, prefix: str) -> list[ObjectMeta]:
        """List what the server says of the objects below a prefix: key, size, ETag, time."""
        import obstore

        with self._errors(prefix):
            return [meta for batch in obstore.list(self._bucket, prefix.rstrip("/") or None) for meta in batch]

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        import obstore

        try:
            with self._errors(key):
                obstore.delete(self._bucket, key)
        except NotInStore:
            return

    def read_record(self, key: str) -> VersionedRecord | None:
        """Return a record and its ETag."""
        import obstore

        try:
            with self._errors(key):
                result = obstore.get(self._bucket, key)
                return VersionedRecord(bytes(result.bytes()), str(result.meta["e_tag"] or ""))
        except NotInStore:
            return None

    def replace_record(self, key: str, data: bytes, version: str) -> str:
        """Put a record conditionally; return the new ETag."""
        import obstore

        with self._errors(key):
            if version:
                return str(obstore.put(self._bucket, key, data, mode={"e_tag": version})["e_tag"] or "")
            return str(obstore.put(self._bucket, key, data, mode="create")["e_tag"] or "")

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Turn an error of obstore into one of a store. Its texts go on for many lines, of which a person gets the
        first.
        """
        from obstore import exceptions

        try:
            yield
        except FileNotFoundError as error:  # obstore's own error for what is not there is Python's
            if "NoSuchBucket" in str(error):
                raise StoreRefused(f"{self.address}: there is no such bucket") from error
            raise NotInStore(f"{self.address} holds no {key}") from error
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
            raise VersionMoved(f"{key} was replaced meanwhile") from error
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise StoreRefused(self._refusal(key, str(error))) from error
        except (exceptions.BaseError, OSError) as error:
            raise self._other_error(key, error) from error

    def _refusal(self, key: str, text: str) -> str:
        if _CLOCK_WORD in text:
            return f"{self.address} refuses requests by this machine's clock, which is some minutes wrong: set it"
        return f"{self.address} does not let us at {key}: check its credentials"

    def _other_error(self, key: str, error: Exception) -> StoreFull | StoreRefused | StoreUnreachable:
        text = str(error)
        message = f"{self.address}/{key}: {first_line(text)}"
        if any(word in text for word in _FULL_WORDS):
            return StoreFull(message)
        if any(word in text for word in _REFUSED_WORDS):
            return StoreRefused(message)
        return StoreUnreachable(message)


def first_line(text: str) -> str:
    """Return the first line of an error text, without the debugging output that follows it."""
    return text.strip().partition("\n")[0][:300]
