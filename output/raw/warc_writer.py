"""Captures stored, each with its row in `captures` and, where raw responses are kept, its WARC/1.1 record, never one
alone.

Each record is a gzip member of its own (ISO 28500:2017, annex D). It holds the HTTP headers as received, which a
library for WARC files would parse and write anew. The payload's digest is that of the bytes after the head as they
stand in the record, with their transfer coding: wget and Heritrix compute it so, and `warcio check` and `fastwarc
check` verify it so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from isal import isal_zlib
from sqlite_utils import Database

from ..archive.stored_text import as_json, storable_text
from ..archive.usage_preferences import usage_of
from .raw_exchange import DOCUMENT_TYPE, STATED_HEADERS, Capture, RawExchange, warc_digest
from .warc_files import WarcFiles

COMPRESSION_LEVEL = 2
"""ISA-L's compression level, 0 to 3.

On 300 pages of 200 KB it takes .3 ms a page for 42 KB, zlib at level 1 takes 1.8 ms for 43 KB.
"""

REDACTED_FIELD = "Broadsheet-Redacted"
"""The field of a `request` record that names the headers whose values are replaced; ISO 28500 allows further fields."""

RENDERED_FIELD = "Broadsheet-Rendered-For"
"""The field of a response's record that names the page for which a browser asked for it."""

_VERSION = "WARC/1.1"
_HTTP_CONTENT = "application/http; msgtype="
_REVISIT_PROFILE = "http://netpreserve.org/warc/1.1/revisit/"
_GZIP_WINDOW_BITS = 31  # window bits that ask for the gzip format
_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD = 32 * 1024  # bytes of a head from which on fastwarc reads none


class OriginalRecord(NamedTuple):
    """The record that holds a revisit's payload in full: URL and WARC-Date. `is_not_modified`: by a 304 response."""

    url: str
    date: str
    is_not_modified: bool = False


class ExchangeRecords(NamedTuple):
    """Records as bytes: `response` is the response or revisit, `companions` its request and any 1xx responses.

    `id` is the WARC-Record-ID of the response.
    """

    response: bytes
    companions: bytes
    id: str


class RecordMaker:
    """A maker of WARC records as bytes. `new_id` gives a URI for each."""

    def __init__(self, level: int = COMPRESSION_LEVEL, new_id: Callable[[], str] = lambda: uuid4().urn) -> None:
        self._level = level
        self._new_id = new_id

    def warcinfo_record(self, filename: str, date: str, fields: Mapping[str, str]) -> bytes:
        """Make a `warcinfo` record with these fields, about the records that follow it in the file."""
        block = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields.items() if value).encode()
        headers = {"WARC-Filename": filename, "WARC-Date": date}
        return self._record("warcinfo", headers, b"", block, "application/warc-fields")[0]

    def exchange_records(
        self,
        url: str,
        date: str,
        exchange: RawExchange,
        payload_digest: str,
        original: OriginalRecord | None = None,
        *,
        rendered_for: str = "",
    ) -> ExchangeRecords:
        """Make the records of a request and its response; with an `original`, a revisit without the payload.

        `date` is a WARC-Date; `payload_digest` is that of the exchange's body. `rendered_for` is the URL of the page
        for which a browser asked for it.
        """
        common_headers = {"WARC-Target-URI": url, "WARC-Date": date, "WARC-IP-Address": exchange.ip_address}
        headers = common_headers | {
            "WARC-Payload-Digest": payload_digest if _is_readable_head(exchange.head) or original else ""
        }
        headers |= {"WARC-Truncated": exchange.truncated, RENDERED_FIELD: rendered_for}
        kind, body = "response", exchange.body
        if original is not None:
            kind, body = "revisit", b""
            profile = "server-not-modified" if original.is_not_modified else "identical-payload-digest"
            headers |= {
                "WARC-Profile": _REVISIT_PROFILE + profile,
                "WARC-Refers-To-Target-URI": original.url,
                "WARC-Refers-To-Date": original.date,
            }
        response, response_id = self._record(kind, headers, exchange.head, body, _HTTP_CONTENT + "response")
        companion_headers = common_headers | {"WARC-Concurrent-To": f"<{response_id}>"}
        request_headers = companion_headers | {REDACTED_FIELD: ", ".join(exchange.redacted_headers)}
        companions = self._record("request", request_headers, exchange.request, b"", _HTTP_CONTENT + "request")[0]
        if exchange.interim_responses:
            companions += self._record(
                "metadata", companion_headers, b"", exchange.interim_responses, _HTTP_CONTENT + "response"
            )[0]
        return ExchangeRecords(response, companions, response_id)

    def document_record(self, url: str, date: str, document: RawExchange, response_id: str) -> bytes:
        """Make the `resource` record of a document that a browser made of the response with this id, if it is known.

        The document is HTML in UTF-8. What the response's headers permit stands in fields of the same names.
        """
        body = document.body
        headers = {"WARC-Target-URI": url, "WARC-Date": date, "WARC-Payload-Digest": warc_digest(body)}
        headers["WARC-Refers-To"] = f"<{response_id}>" if response_id else ""
        headers |= {name: document.header(name) for name in STATED_HEADERS}
        return self._record("resource", headers, b"", body, DOCUMENT_TYPE)[0]

    def _record(
        self, kind: str, warc_headers: Mapping[str, str], head: bytes, body: bytes, content_type: str
    ) -> tuple[bytes, str]:
        """Return a record's bytes and its id. Headers without value are left out."""
        record_id = self._new_id()
        fields = {"WARC-Type": kind, "WARC-Record-ID": f"<{record_id}>"}
        fields |= {name: value for name, value in warc_headers.items() if value}
        fields |= {"WARC-Block-Digest": warc_digest(head, body), "Content-Type": content_type}
        fields["Content-Length"] = str(len(head) + len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        member = isal_zlib.compressobj(self._level, isal_zlib.DEFLATED, _GZIP_WINDOW_BITS)
        pieces = (f"{_VERSION}\r\n{lines}\r\n".encode(), head, body, b"\r\n\r\n")
        return b"".join((*map(member.compress, pieces), member.flush())), record_id


def _is_readable_head(head: bytes) -> bool:
    """Return whether every WARC tool finds where the payload begins. Some look only for CRLF CRLF, and not far."""
    return head.endswith(_HEAD_END) and head.find(_HEAD_END) == len(head) - len(_HEAD_END) and len(head) < _LONGEST_HEAD


def _one_line(value: str) -> str:
    return " ".join(value.split())


_IS_OURS = "warc_file IN (SELECT name FROM _warc_files)"  # an imported file may go away
_ORIGINAL_BY_PAYLOAD = f"""SELECT id, final_url, fetched_at, payload_digest, warc_file, warc_offset + warc_length
    FROM captures WHERE payload_digest = ?
    AND warc_file IS NOT NULL AND refers_to IS NULL AND truncated IS NULL AND {_IS_OURS} LIMIT 1"""
_ORIGINAL_BY_URL = f"""SELECT o.id, o.final_url, o.fetched_at, o.payload_digest, o.warc_file,
        o.warc_offset + o.warc_length FROM captures c
        JOIN captures o ON o.id = coalesce(c.refers_to, c.id)
    WHERE c.url = ? AND c.http_status = 200 AND c.rendered_for IS NULL AND o.{_IS_OURS} AND o.truncated IS NULL
    ORDER BY c.fetched_at DESC LIMIT 1"""
_NOT_MODIFIED = 304

RecordColumns = tuple[str | None, int | None, int | None, int | None]
"""The columns `warc_file`, `warc_offset`, `warc_length` and `refers_to` of a capture."""


_OriginalRow = tuple[int, str, str, str, str, int]
"""Id, URL, time and payload digest of a capture; the file of its record, and the byte at which that ends."""


class RawResponseWriter(WarcFiles):
    """A writer of the records of captures into an archive's WARC files."""

    def __init__(
        self, db: Database, database: Path, clock: Callable[[], str], warcinfo: Mapping[str, str], size_limit: int
    ) -> None:
        self._record_maker = RecordMaker()
        self._last_response = ("", "")  # its URL, and the id of its record
        super().__init__(
            db,
            database,
            clock,
            lambda name: self._record_maker.warcinfo_record(name, clock(), warcinfo),
            size_limit,
        )

    def write_capture(self, capture: Capture, exchange: RawExchange) -> RecordColumns:
        """Append a capture's records; a payload that an earlier record holds is not written again, but referred to.

        A document that a browser made is written in full, and its record refers to that of the response before it.
        """
        date = capture.fetched_at
        if exchange.is_document:
            last_url, last_id = self._last_response
            response_id = last_id if last_url == capture.url else ""
            record = self._record_maker.document_record(capture.final_url, date, exchange, response_id)
            span = self.append(record, b"")
            return span.file, span.offset, len(record), None
        row = _find_original(self._db, capture, exchange)
        if row and not self.holds(*row[4:]):  # its file was deleted, and the payload with it
            row = None
        original = OriginalRecord(row[1], row[2], capture.http_status == _NOT_MODIFIED) if row else None
        payload_digest = row[3] if row else capture.payload_digest
        records = self._record_maker.exchange_records(
            capture.final_url, date, exchange, payload_digest, original, rendered_for=capture.rendered_for
        )
        self._last_response = capture.url, records.id
        span = self.append(records.response, records.companions)
        return span.file, span.offset, len(records.response), row[0] if row else None


def record_location(db: Database, capture_id: int) -> tuple[str, int, int] | None:
    """Return the file, offset and length of a capture's record; None if it has none."""
    query = "SELECT warc_file, warc_offset, warc_length FROM captures WHERE id = ? AND warc_file IS NOT NULL"
    row = db.execute(query, [capture_id]).fetchone()
    return row and (str(row[0]), int(row[1]), int(row[2]))


def save_capture(db: Database, capture: Capture, raw_writer: RawResponseWriter | None) -> int:
    """Store a capture, with its WARC records if there is a writer, and return its id. A stored capture is kept."""
    exchange = capture.raw
    if exchange is not None:
        capture = replace(
            capture, payload_digest=warc_digest(exchange.body), final_url=capture.final_url or capture.url
        )
    capture_id = capture.id
    if db.execute("SELECT 1 FROM captures WHERE id = ?", [capture_id]).fetchone():
        return capture_id
    if raw_writer and exchange:
        record_columns = raw_writer.write_capture(capture, exchange)
    else:
        record_columns = (
            storable_text(capture.warc_file) or None,
            capture.warc_offset,
            capture.warc_length,
            capture.refers_to,
        )
    db.execute(
        """INSERT INTO captures (id, url, fetched_at, http_status, final_url, content_type, payload_digest,
            payload_length, directives, usage, usage_stated, robots_id, truncated,
            etag, last_modified, warc_file, warc_offset, warc_length,
            refers_to, record_faults, rendered_for)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            capture_id,
            storable_text(capture.url),
            capture.fetched_at,
            capture.http_status,
            storable_text(capture.final_url),
            storable_text(capture.content_type),
            capture.payload_digest,
            capture.payload_length,
            as_json(list(capture.directives)),
            as_json(list(usage_of(capture.usage_stated))),
            as_json([storable_text(statement) for statement in capture.usage_stated]),
            capture.robots_id,
            (exchange.truncated if exchange else capture.truncated) or None,
            storable_text(capture.etag) or None,
            storable_text(capture.last_modified) or None,
            *record_columns,
            " ".join(capture.record_faults) or None,
            storable_text(capture.rendered_for) or None,
        ],
    )
    return capture_id


def _find_original(db: Database, capture: Capture, exchange: RawExchange) -> _OriginalRow | None:
    """Find the capture whose record already holds this one's payload, or None."""
    if capture.http_status == _NOT_MODIFIED:
        row = db.execute(_ORIGINAL_BY_URL, [storable_text(capture.url)]).fetchone()
    elif exchange.body and not exchange.truncated:
        row = db.execute(_ORIGINAL_BY_PAYLOAD, [capture.payload_digest]).fetchone()
    else:
        return None
    return row and (int(row[0]), str(row[1]), str(row[2]), str(row[3]), str(row[4]), int(row[5]))
