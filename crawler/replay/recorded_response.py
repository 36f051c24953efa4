"""The response in a record of a WARC or ARC file, unpacked. Pure but for reading the file.

Other tools write unpacked bodies under headers that say they are packed, and unchunked bodies under headers that say
they are chunked. The body decides, not its headers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

from broadsheet.cleaners.document import Page
from broadsheet.cleaners.page.robots_directives import header_directives
from broadsheet.output.archive.archive_errors import NotAnArchive
from broadsheet.output.archive.url_words import OutcomeReason, Reason
from broadsheet.output.raw.imported_records import (
    TRUNCATED,
    ImportedRecord,
    ImportedRecordError,
    read_imported_record,
    split_http,
)
from broadsheet.output.raw.raw_exchange import DOCUMENT_TYPE, STATED_HEADERS, RecordLocation
from broadsheet.output.raw.raw_exchange import warc_digest as payload_digest
from broadsheet.output.raw.warc_folders import open_regular, record_file, shown_name

from ..fetch.compression import GZIP_MAGIC, ZSTD_MAGIC, decompress_partly
from ..fetch.faults import AnswerError
from ..fetch.limits import HEAD_BYTES

MAX_BYTES = 32 * 1024 * 1024
"""Maximum size of a body, compressed and decompressed, as in a crawl."""

_STATUS = re.compile(rb"[A-Za-z]{2,10}(?:/\d(?:\.\d)?)? +(\d{3})(?: |$)")  # servers say ICY, and worse
_CHUNK = re.compile(rb"[ \t\r\n]*([0-9A-Fa-f]{1,8})[^\r\n]{0,200}\r?\n")
_PACKED_MAGIC = {"gzip": GZIP_MAGIC, "x-gzip": GZIP_MAGIC, "zstd": ZSTD_MAGIC}
_MARKUP = re.compile(rb"[\xef\xbb\xbf\s]*<")

HeaderFields = tuple[tuple[str, str], ...]
_DOCUMENT_HEADERS: HeaderFields = (("content-type", DOCUMENT_TYPE),)


class ReplayError(Exception):
    """A record that gives no response; `reason` is for the ledger.

    Reasons: broken_record, too_large, bad_encoding, cut_off, bad_http, raw_missing.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class UnreadResponse:
    """A response that cannot be read: the reason for the ledger, and the error in words."""

    reason: Reason
    detail: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A response from a record. `headers` are (lower-case name, value); `body` is unpacked.

    `digest` is that of the body as it was sent, before it was unpacked. `truncated` is the writer's word for why the
    record is not whole, `faults` what is wrong with it (`output/raw/imported_records.py`); `is_revisit` says that the
    body is in another record.
    """

    url: str
    status: int
    headers: HeaderFields
    body: bytes
    digest: str = ""
    truncated: str = ""
    faults: tuple[str, ...] = ()
    is_revisit: bool = False

    @property
    def truncation(self) -> str:
        """Return WARC's word for the reason why the response is not whole; empty if it is."""
        return self.truncated or ("unspecified" if TRUNCATED in self.faults else "")

    @property
    def has_own_answer(self) -> bool:
        """Tell whether it says all by itself: no revisit, one with a body, or one of an answer that no body belongs
        to.
        """
        return not self.is_revisit or bool(self.body) or (self.status >= 300 and self.status != 304)

    @property
    def evidence(self) -> tuple[str, ...]:
        """Return the remarks on the record for the evidence of its page's verdict."""
        truncation = (f"truncated={self.truncation}",) if self.truncation else ()
        return (*truncation, *(fault for fault in self.faults if fault != TRUNCATED))

    def header(self, name: str) -> str:
        """Return a header's first value, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def page(self, fetched_at: str) -> Page:
        """Return the response as the cleaners take it; `fetched_at` is UTC ISO 8601."""
        directives = header_directives(self.headers)
        return Page(self.url, self.body, self.header("content-type"), self.status, fetched_at, directives)


def read_response(location: RecordLocation, folder: Path) -> RecordedResponse:
    """Read the response of the record at a location. ReplayError if it is missing, or not the one that its row
    describes.

    `folder` is the database whose rows have the location, or a folder (`warc_folders.record_file`).
    """
    name = shown_name(folder, location.file)
    try:
        with open_regular(record_file(folder, location.file)) as stream:
            stream.seek(location.offset)
            data = stream.read(min(location.length, 2 * MAX_BYTES))
    except OSError as error:
        raise ReplayError(OutcomeReason.RAW_MISSING, f"{name}: {error.strerror}") from error
    except NotAnArchive as error:
        raise ReplayError(OutcomeReason.RAW_MISSING, f"{name}: {error}") from error
    if not data:
        raise ReplayError(OutcomeReason.RAW_MISSING, f"{name} ends before {location.offset}")
    response = read_record(data)
    if location.digest and not response.is_revisit and response.digest != location.digest:
        place = f"{name} at {location.offset}"
        raise ReplayError(OutcomeReason.RAW_MISSING, f"{place} holds a different response from the one in its row")
    return response


def read_full_response(
    location: RecordLocation, body_location: RecordLocation | None, folder: Path
) -> RecordedResponse:
    """Read the response at a location; a revisit that needs a body gets that of the record at `body_location`.
    ReplayError if it cannot be read.
    """
    response = read_response(location, folder)
    if not response.is_revisit:
        return response
    if body_location is None:
        if response.has_own_answer:
            return response
        raise ReplayError(OutcomeReason.RAW_MISSING, "the record that holds its body is not known")
    return with_original_body(response, read_response(body_location, folder))


def try_read_response(
    location: RecordLocation, body_location: RecordLocation | None, folder: Path
) -> RecordedResponse | UnreadResponse:
    """Read a response as `read_full_response` does, with a value in place of its error, which crosses processes."""
    try:
        return read_full_response(location, body_location, folder)
    except ReplayError as error:
        return UnreadResponse(error.reason, str(error))


def with_original_body(revisit: RecordedResponse, original: RecordedResponse) -> RecordedResponse:
    """Give a revisit the body of the record that it refers to."""
    faults = tuple(dict.fromkeys((*revisit.faults, *original.faults)))
    if revisit.status in (0, 304):
        return replace(original, url=revisit.url, faults=faults, is_revisit=True)
    headers = revisit.headers if revisit.header("content-type") else original.headers
    payload = replace(original, url=revisit.url, status=revisit.status, headers=headers)
    return replace(payload, faults=faults, is_revisit=True)


def read_record(data: bytes) -> RecordedResponse:
    """Read the response of the one record in these bytes, packed or not. ReplayError if it cannot be read."""
    record = _read_record(data)
    head, block = record.head, record.block
    response = RecordedResponse(
        url=head.url,
        status=200,
        headers=(("content-type", head.fields.get("content-type", "")),),
        body=block,
        truncated=head.fields.get("warc-truncated", ""),
        faults=record.faults,
        is_revisit=head.kind == "revisit",
    )
    if head.kind == "revisit" and not block.startswith(b"HTTP/"):
        return replace(response, status=0, headers=(), body=b"")
    if head.rendered_text_url:
        return replace(response, headers=_DOCUMENT_HEADERS, body=_text_document(block), digest=payload_digest(block))
    if record.is_body_alone:
        stated = tuple((name, head.fields[name]) for name in map(str.lower, STATED_HEADERS) if name in head.fields)
        return replace(response, headers=(*response.headers, *stated), digest=payload_digest(block))
    return _with_http_answer(response, block)


def _text_document(text: bytes) -> bytes:
    """Make a document of a rendered page's text, a paragraph a line: its lines are those of elements."""
    lines = (line.strip() for line in escape(text.decode("utf-8", "replace"), quote=False).splitlines())
    return "".join(f"<p>{line}</p>\n" for line in lines if line).encode()


def _read_record(data: bytes) -> ImportedRecord:
    try:
        return read_imported_record(data, MAX_BYTES + HEAD_BYTES)
    except ImportedRecordError as error:
        reason = OutcomeReason.TOO_LARGE if error.is_too_large else OutcomeReason.BROKEN_RECORD
        raise ReplayError(reason, str(error)) from error


def _with_http_answer(response: RecordedResponse, block: bytes) -> RecordedResponse:
    """Add what the HTTP response in the block says; a body that breaks off ends there."""
    try:
        status, headers, sent_body = parse_http(block)
        body, is_complete = _decode_body(headers, sent_body)
    except AnswerError as error:
        raise ReplayError(error.reason, error.detail) from error
    faults = response.faults if is_complete or TRUNCATED in response.faults else (*response.faults, TRUNCATED)
    return replace(response, status=status, headers=headers, body=body, digest=payload_digest(sent_body), faults=faults)


def parse_http(block: bytes) -> tuple[int, HeaderFields, bytes]:
    """Parse status, headers and body of an HTTP response, nothing unpacked. AnswerError if it has no status line."""
    head, body = split_http(block)
    status_line, *lines = head.splitlines() or [b""]
    status_match = _STATUS.match(status_line)
    if status_match is None:
        raise AnswerError(OutcomeReason.BAD_HTTP, "no status line")
    return int(status_match[1]), _parse_headers(lines), body


def _parse_headers(lines: Sequence[bytes]) -> HeaderFields:
    """Parse header lines as (lower-case name, value); a line that begins with a space continues the one before."""
    headers: list[tuple[str, str]] = []
    for line in (raw_line.decode("latin-1") for raw_line in lines):
        name, colon, value = line.partition(":")
        if line[:1] in " \t" and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}".strip())
        elif colon:
            headers.append((name.strip().lower(), value.strip()))
    return tuple(headers)


def _decode_body(headers: HeaderFields, body: bytes) -> tuple[bytes, bool]:
    """Return the body without transfer chunks and content encoding, where it has them, and whether it is complete.

    AnswerError if it is too large, or its encoding is broken.
    """
    transfer_codings = [
        token for key, value in headers if key == "transfer-encoding" for token in value.lower().split(",")
    ]
    if any(token.strip() == "chunked" for token in transfer_codings):
        body = _join_chunks(body)
    codings = [
        coding for key, value in headers if key == "content-encoding" for coding_text in value.lower().split(",")
        if (coding := coding_text.strip()) and coding != "identity"
    ]  # fmt: skip
    is_complete = True
    if codings and body and _is_packed(body, codings[-1]):
        body, is_complete = decompress_partly(body, codings, MAX_BYTES)
    if len(body) > MAX_BYTES:
        raise AnswerError(OutcomeReason.TOO_LARGE, f"{len(body):,} bytes")
    return body, is_complete


def _is_packed(body: bytes, coding: str) -> bool:
    """Return whether a body is still compressed as its headers say: browsers record decompressed bodies."""
    if magic := _PACKED_MAGIC.get(coding):
        return body.startswith(magic)
    return not _MARKUP.match(body)


def _join_chunks(body: bytes) -> bytes:
    """Join the chunks' data up to where they break off; a body that has no chunks is returned as it is."""
    out, position = bytearray(), 0
    while head := _CHUNK.match(body, position):
        size = int(head[1], 16)
        if size == 0:
            return bytes(out)
        out += body[head.end() : head.end() + size]
        position = head.end() + size
    return bytes(out) if out else body
