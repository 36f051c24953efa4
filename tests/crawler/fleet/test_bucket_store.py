"""What goes wrong in a bucket, each in a line of ours: whether to try again, to make room, or to ask somebody."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from obstore import exceptions
from obstore.store import MemoryStore

from broadsheet.crawler.fleet.bucket_store import BucketStore, first_line
from broadsheet.crawler.fleet.object_store import (
    NotInStore,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreUnreachable,
    VersionedRecord,
    VersionMoved,
)

REFUSED, AWAY, FULL = StoreRefused, StoreUnreachable, StoreFull


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (FileNotFoundError("no such key"), NotInStore, "s3://b holds no sites/a"),
        (FileNotFoundError("<Code>NoSuchBucket</Code>"), REFUSED, "s3://b: there is no such bucket"),
        (exceptions.AlreadyExistsError("x"), VersionMoved, "sites/a was replaced meanwhile"),
        (exceptions.PreconditionError("x"), VersionMoved, "sites/a was replaced meanwhile"),
        (exceptions.PermissionDeniedError("x"), REFUSED, "s3://b does not let us at sites/a: check its credentials"),
        (exceptions.PermissionDeniedError("<Code>RequestTimeTooSkewed</Code>"), REFUSED,
         "s3://b refuses requests by this machine's clock, which is some minutes wrong: set it"),
        (exceptions.UnauthenticatedError("x"), REFUSED, "s3://b does not let us at sites/a: check its credentials"),
        *((exceptions.GenericError(f" {word}\nmore "), FULL, f"s3://b/sites/a: {word}")
          for word in ("507 x", "QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "No space left")),
        *((exceptions.GenericError(f"{word}\nmore"), REFUSED, f"s3://b/sites/a: {word}")
          for word in ("NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch",
                       "PermanentRedirect")),
        (exceptions.GenericError("503 Slow Down"), AWAY, "s3://b/sites/a: 503 Slow Down"),
        (OSError(104, "reset"), AWAY, "s3://b/sites/a: [Errno 104] reset"),
    ],
)  # fmt: skip
def test_each_error_of_a_bucket_is_one_of_a_store(error: Exception, kind: type[StoreError], message: str) -> None:
    store = BucketStore(MemoryStore(), "s3://b")
    with pytest.raises(StoreError) as caught, store._errors("sites/a"):
        raise error
    assert (type(caught.value), str(caught.value), caught.value.__cause__) == (kind, message, error)


def test_a_line_of_an_error_is_bounded() -> None:
    assert first_line("\n" + "x" * 301 + "\nmore") == "x" * 300
    assert first_line("") == ""


def test_a_server_that_gives_no_etag_names_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    store, meta = BucketStore(MemoryStore(), "s3://b"), {"e_tag": None}
    monkeypatch.setattr("obstore.put", lambda *_words, **_options: meta)
    monkeypatch.setattr("obstore.get", lambda *_words: SimpleNamespace(bytes=lambda: b"1", meta=meta))
    assert (store.replace_record("a", b"1", ""), store.replace_record("a", b"1", "x")) == ("", "")
    assert store.read_record("a") == VersionedRecord(b"1", "")


def test_the_end_of_an_object_is_nothing_and_an_empty_one_is_read() -> None:
    store = BucketStore(MemoryStore(), "s3://b")
    for key, data in (("a/x", b"0123456789"), ("a/empty", b""), ("ab/y", b"y")):
        store.put_bytes(key, data)
    assert [b"".join(store.chunks("a/x", start)) for start in (0, 1, 9, 10)] == [
        b"0123456789", b"123456789", b"9", b"",
    ]  # fmt: skip
    assert b"".join(store.chunks("a/empty")) == b""
    with pytest.raises(NotInStore):
        list(store.chunks("a/none", 1))
    assert (store.keys("a/"), store.keys("a"), store.keys("")) == (["a/empty", "a/x"], ["a/empty", "a/x"], [
        "a/empty", "a/x", "ab/y",
    ])  # fmt: skip
