"""What goes wrong in a bucket, each in a line of ours: whether to try again, to make room, or to ask somebody."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
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
from broadsheet.crawler.fleet.store_address import store_at

REFUSED, AWAY, FULL = StoreRefused, StoreUnreachable, StoreFull


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (FileNotFoundError("no such key"), NotInStore, "s3://b holds no sites/a"),
        (FileNotFoundError("<Code>NoSuchBucket</Code>"), REFUSED, "s3://b: there is no such bucket"),
        (exceptions.AlreadyExistsError("x"), VersionMoved, "sites/a was replaced meanwhile"),
        (exceptions.PreconditionError("x"), VersionMoved, "sites/a was replaced meanwhile"),
        (exceptions.PermissionDeniedError("x"), REFUSED, "s3://b does not let us at sites/a: check its credentials"),
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
    assert [b"".join(store.chunks("a/x", start)) for start in (0, 1, 9, 10, 11)] == [
        b"0123456789", b"123456789", b"9", b"", b"",
    ]  # fmt: skip
    assert b"".join(store.chunks("a/empty")) == b""
    assert (store.keys("a/"), store.keys("a"), store.keys("")) == (["a/empty", "a/x"], ["a/empty", "a/x"], [
        "a/empty", "a/x", "ab/y",
    ])  # fmt: skip


class Refusal(BaseHTTPRequestHandler):
    """Answers as S3 does where a request was signed an hour ago."""

    code = "RequestTimeTooSkewed"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = f"<Error><Code>{self.code}</Code><Message>The difference is too large.</Message></Error>".encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("code", "message"),
    [("RequestTimeTooSkewed", "s3://b/a refuses requests by this machine's clock, which is some minutes wrong: set it"),
     ("AccessDenied", "s3://b/a does not let us at lamp: check its credentials")],
)  # fmt: skip
def test_a_refusal_names_its_cause(code: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), type("Handler", (Refusal,), {"code": code})) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            monkeypatch.setenv(name, "tester")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(StoreRefused, match=f"^{message}$"):
            store_at("s3://b/a").put_bytes("lamp", b"1")
        server.shutdown()
