"""WARC/1.1 records as bytes, a gzip member each (ISO 28500:2017, annex D). Pure, but for the ids, which are passed in.

warcio writes the records; what we hand it are bytes already: it would read HTTP headers and write them anew, and what
is kept here is what came. The payload's digest is that of the bytes after the head, as they stand in the record, with
their transfer coding: so do wget and Heritrix, and so do `warcio check` and `fastwarc check` count it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import uuid4

from isal import isal_zlib
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from output.raw.wire import Wire, digest

LEVEL = 2
"""ISA-L's compression level, 0 to 3: docs/performance.md has what each costs and saves."""

_VERSION = "WARC/1.1"
_HTTP = "application/http; msgtype="
_REVISIT = "http://netpreserve.org/warc/1.1/revisit/"
_GZIP = 31  # window bits that ask for the gzip format
_END = b"\r\n\r\n"
_LONG_HEAD = 32 * 1024  # bytes of a head from which on fastwarc reads none


@dataclass(frozen=True, slots=True)
class Original:
    """The record that holds a payload in full: its URL and its WARC-Date; `same_url` by a 304 answer alone."""

    url: str
    date: str
    not_modified: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """Records ready to be appended: `first` is the response or revisit, `others` its request and what came before."""

    first: bytes
    others: bytes


class RecordMaker:
    """Makes records. `new_id` gives a URI for each."""

    def __init__(self, level: int = LEVEL, new_id: Callable[[], str] = lambda: uuid4().urn) -> None:
        self._out = _Members(level)
        self._writer = _Writer(self._out, gzip=False, warc_version=_VERSION)
        self._new_id = new_id

    def info(self, filename: str, date: str, fields: Mapping[str, str]) -> bytes:
        """A `warcinfo` record about the records that follow."""
        block = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields.items() if value).encode()
        named = {"WARC-Filename": filename, "WARC-Date": date}
        return self._record("warcinfo", named, b"", block, "application/warc-fields")[0]

    def exchange(self, url: str, date: str, wire: Wire, payload: str, original: Original | None = None) -> Made:
        """The records of a request and its response; with an `original` the payload is not written again.

        `date` is UTC, as WARC writes it; `payload` is the digest of the wire's body.
        """
        about = {"WARC-Target-URI": url, "WARC-Date": date, "WARC-IP-Address": wire.address}
        named = about | {"WARC-Payload-Digest": payload if _is_readable(wire.head) or original else ""}
        named["WARC-Truncated"] = wire.truncated
        kind, body = "response", wire.body
        if original is not None:
            kind, body = "revisit", b""
            named |= _referring(original)
        first, its_id = self._record(kind, named, wire.head, body, _HTTP + "response")
        beside = about | {"WARC-Concurrent-To": f"<{its_id}>"}
        others = self._record("request", beside, wire.request, b"", _HTTP + "request")[0]
        if wire.interim:
            others += self._record("metadata", beside, b"", wire.interim, _HTTP + "response")[0]
        return Made(first, others)

    def _record(self, kind: str, named: Mapping[str, str], head: bytes, body: bytes, content: str) -> tuple[bytes, str]:
        """A record's bytes and its id."""
        its_id = self._new_id()
        fields = [("WARC-Type", kind), ("WARC-Record-ID", f"<{its_id}>")]
        fields += [(name, value) for name, value in named.items() if value]
        fields.append(("WARC-Block-Digest", digest(head, body)))
        headers = StatusAndHeaders("", fields, protocol=_VERSION)
        record = ArcWarcRecord("warc", kind, headers, BytesIO(body), _Head(head), content, len(head) + len(body))
        record.payload_length = len(body)
        self._writer.write_record(record)
        return self._out.taken(), its_id


class _Writer(WARCWriter):  # type: ignore[misc]
    """warcio's writer, which takes the digests that it is given."""

    def ensure_digest(self, record: ArcWarcRecord, block: bool = True, payload: bool = True) -> None:
        """Nothing is added."""


class _Head:
    """HTTP headers for warcio, which are not to be written otherwise than they came."""

    def __init__(self, raw: bytes) -> None:
        self.headers_buff = raw

    def compute_headers_buffer(self, header_filter: Any = None) -> None:
        """Nothing to compute."""


class _Members:
    """A stream for warcio that makes a gzip member of what is written between two flushes."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._compressor: Any = None
        self._made = bytearray()

    def write(self, data: bytes) -> None:
        """Compress."""
        if self._compressor is None:
            self._compressor = isal_zlib.compressobj(self._level, isal_zlib.DEFLATED, _GZIP)
        self._made += self._compressor.compress(data)

    def flush(self) -> None:
        """End the member."""
        self._made += self._compressor.flush()
        self._compressor = None

    def taken(self) -> bytes:
        """What was made since the last time."""
        made, self._made = bytes(self._made), bytearray()
        return made


def warc_date(stamp: str) -> str:
    """A time of the archive, UTC ISO 8601, as a WARC-Date."""
    return stamp.removesuffix("+00:00").removesuffix("Z") + "Z"


def _referring(original: Original) -> dict[str, str]:
    profile = "server-not-modified" if original.not_modified else "identical-payload-digest"
    return {
        "WARC-Profile": _REVISIT + profile,
        "WARC-Refers-To-Target-URI": original.url,
        "WARC-Refers-To-Date": original.date,
    }


def _is_readable(head: bytes) -> bool:
    """Whether every tool finds the payload: some look for an empty line that ends as HTTP wants it, and not far."""
    return head.endswith(_END) and head.find(_END) == len(head) - len(_END) and len(head) < _LONG_HEAD


def _one_line(value: str) -> str:
    return " ".join(value.split())
