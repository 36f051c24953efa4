"""WARC/1.1 records as bytes, a gzip member each (ISO 28500:2017, annex D). Pure, but for the ids, which are passed in.

warcio writes the records, but gets HTTP headers as bytes: it would parse them and write them anew, and the record must
hold them as received. The payload's digest is that of the bytes after the head as they stand in the record, with
their transfer coding: wget and Heritrix compute it so, and `warcio check` and `fastwarc check` verify it so.
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

from broadsheet.output.raw.wire import RawExchange, warc_digest

COMPRESSION_LEVEL = 2
"""ISA-L's compression level, 0 to 3: docs/performance.md has what each costs and saves."""

REDACTED_FIELD = "Broadsheet-Redacted"
"""The field of a `request` record that names the headers whose values are replaced; ISO 28500 allows further fields."""

_VERSION = "WARC/1.1"
_HTTP_CONTENT = "application/http; msgtype="
_REVISIT_PROFILE = "http://netpreserve.org/warc/1.1/revisit/"
_GZIP_WINDOW_BITS = 31  # window bits that ask for the gzip format
_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD = 32 * 1024  # bytes of a head from which on fastwarc reads none


@dataclass(frozen=True, slots=True)
class OriginalRecord:
    """The record that holds a revisit's payload in full: URL and WARC-Date. `is_not_modified`: by a 304 response."""

    url: str
    date: str
    is_not_modified: bool = False


@dataclass(frozen=True, slots=True)
class ExchangeRecords:
    """Records as bytes: `response` is the response or revisit, `companions` its request and any 1xx responses."""

    response: bytes
    companions: bytes


class RecordMaker:
    """Makes WARC records as bytes. `new_id` gives a URI for each."""

    def __init__(self, level: int = COMPRESSION_LEVEL, new_id: Callable[[], str] = lambda: uuid4().urn) -> None:
        self._out = _GzipMembers(level)
        self._writer = _UndigestedWriter(self._out, gzip=False, warc_version=_VERSION)
        self._new_id = new_id

    def warcinfo_record(self, filename: str, date: str, fields: Mapping[str, str]) -> bytes:
        """A `warcinfo` record with these fields, about the records that follow it in the file."""
        block = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields.items() if value).encode()
        headers = {"WARC-Filename": filename, "WARC-Date": date}
        return self._record("warcinfo", headers, b"", block, "application/warc-fields")[0]

    def exchange_records(
        self, url: str, date: str, exchange: RawExchange, payload_digest: str, original: OriginalRecord | None = None
    ) -> ExchangeRecords:
        """The records of a request and its response; with an `original`, a revisit without the payload.

        `date` is a WARC-Date; `payload_digest` is that of the exchange's body.
        """
        common_headers = {"WARC-Target-URI": url, "WARC-Date": date, "WARC-IP-Address": exchange.ip_address}
        headers = common_headers | {
            "WARC-Payload-Digest": payload_digest if _is_readable_head(exchange.head) or original else ""
        }
        headers["WARC-Truncated"] = exchange.truncated
        kind, body = "response", exchange.body
        if original is not None:
            kind, body = "revisit", b""
            headers |= _revisit_fields(original)
        response, response_id = self._record(kind, headers, exchange.head, body, _HTTP_CONTENT + "response")
        companion_headers = common_headers | {"WARC-Concurrent-To": f"<{response_id}>"}
        request_headers = companion_headers | {REDACTED_FIELD: ", ".join(exchange.redacted_headers)}
        companions = self._record("request", request_headers, exchange.request, b"", _HTTP_CONTENT + "request")[0]
        if exchange.interim_responses:
            companions += self._record(
                "metadata", companion_headers, b"", exchange.interim_responses, _HTTP_CONTENT + "response"
            )[0]
        return ExchangeRecords(response, companions)

    def _record(
        self, kind: str, warc_headers: Mapping[str, str], head: bytes, body: bytes, content_type: str
    ) -> tuple[bytes, str]:
        """A record's bytes and its id. Headers without value are left out."""
        record_id = self._new_id()
        fields = [("WARC-Type", kind), ("WARC-Record-ID", f"<{record_id}>")]
        fields += [(name, value) for name, value in warc_headers.items() if value]
        fields.append(("WARC-Block-Digest", warc_digest(head, body)))
        headers = StatusAndHeaders("", fields, protocol=_VERSION)
        record = ArcWarcRecord(
            "warc", kind, headers, BytesIO(body), _ReceivedHeaders(head), content_type, len(head) + len(body)
        )
        record.payload_length = len(body)
        self._writer.write_record(record)
        return self._out.take_output(), record_id


class _UndigestedWriter(WARCWriter):  # type: ignore[misc]
    """warcio's writer without its own digests: the headers bring theirs."""

    def ensure_digest(self, record: ArcWarcRecord, block: bool = True, payload: bool = True) -> None:
        """Add no digest."""


class _ReceivedHeaders:
    """HTTP headers as received, in the shape that warcio writes: it takes `headers_buff` as it is."""

    def __init__(self, raw: bytes) -> None:
        self.headers_buff = raw

    def compute_headers_buffer(self, header_filter: Any = None) -> None:
        """Compute nothing: the buffer is complete."""


class _GzipMembers:
    """An output stream for warcio: what is written between two flushes becomes one gzip member."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._compressor: Any = None
        self._output = bytearray()

    def write(self, data: bytes) -> None:
        """Compress and buffer some bytes."""
        if self._compressor is None:
            self._compressor = isal_zlib.compressobj(self._level, isal_zlib.DEFLATED, _GZIP_WINDOW_BITS)
        self._output += self._compressor.compress(data)

    def flush(self) -> None:
        """End the gzip member."""
        self._output += self._compressor.flush()
        self._compressor = None

    def take_output(self) -> bytes:
        """Return the members buffered since the last call, and empty the buffer."""
        output, self._output = bytes(self._output), bytearray()
        return output


def warc_date(stamp: str) -> str:
    """A time of the archive, UTC ISO 8601, as a WARC-Date."""
    return stamp.removesuffix("+00:00").removesuffix("Z") + "Z"


def _revisit_fields(original: OriginalRecord) -> dict[str, str]:
    profile = "server-not-modified" if original.is_not_modified else "identical-payload-digest"
    return {
        "WARC-Profile": _REVISIT_PROFILE + profile,
        "WARC-Refers-To-Target-URI": original.url,
        "WARC-Refers-To-Date": original.date,
    }


def _is_readable_head(head: bytes) -> bool:
    """Whether every WARC tool finds where the payload begins: some look only for CRLF CRLF, and not far."""
    return head.endswith(_HEAD_END) and head.find(_HEAD_END) == len(head) - len(_HEAD_END) and len(head) < _LONGEST_HEAD


def _one_line(value: str) -> str:
    return " ".join(value.split())
