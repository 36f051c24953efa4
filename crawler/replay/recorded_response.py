"""A record of a WARC file to the response that it holds, unpacked. Pure but for reading the file.

Other tools write bodies that are unpacked already under headers that say they are packed, and bodies that are said to
be chunked and are not. What a body is decides, not what its headers say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from cleaners.document import Page
from cleaners.html.robots_directives import header_directives
from crawler.fetch.compression import decompress
from crawler.fetch.errors import AnswerError
from crawler.fetch.limits import HEAD_BYTES
from output.db.url_words import OutcomeReason
from output.raw.capture import RecordLocation
from output.raw.wire import warc_digest as payload_digest

MAX_BYTES = 32 * 1024 * 1024
"""What a body may have at most, packed and unpacked, as in a crawl."""

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})(?: |$)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"[ \t\r\n]*([0-9A-Fa-f]{1,8})[^\r\n]{0,200}\r?\n")
_PACKED_MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_MARKUP = re.compile(rb"[\xef\xbb\xbf\s]*<")

_SHA1_CHARS = len("sha1:") + 32

HeaderFields = tuple[tuple[str, str], ...]


class ReplayError(Exception):
    """A record that gives no response; `reason` is for the ledger: broken_record, too_large, bad_encoding, cut_off,
    bad_http, raw_missing."""

    def __init__(self, reason: OutcomeReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """A response from a record. `headers` are (lower-case name, value); `body` is unpacked.

    `digest` is that of the body as it was sent, before it was unpacked. `truncated` is the writer's word for why the
    record is not whole; `is_revisit` says that the body is in another record.
    """

    url: str
    recorded_at: datetime
    status: int
    headers: HeaderFields
    body: bytes
    digest: str = ""
    truncated: str = ""
    is_revisit: bool = False

    def header(self, name: str) -> str:
        """A header's first value, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def page(self, fetched_at: str) -> Page:
        """The response as the cleaners take it; `fetched_at` is UTC ISO 8601."""
        directives = header_directives(self.headers)
        return Page(self.url, self.body, self.header("content-type"), self.status, fetched_at, directives)


def read_response(location: RecordLocation, folder: Path) -> RecordedResponse:
    """The response of the record at a location; a relative path is below `folder`. ReplayError if there is none."""
    try:
        with (folder / location.file).open("rb") as stream:
            stream.seek(location.offset)
            data = stream.read(min(location.length, 2 * MAX_BYTES))
    except OSError as error:
        raise ReplayError(OutcomeReason.RAW_MISSING, f"{location.file}: {error.strerror}") from error
    if not data:
        raise ReplayError(OutcomeReason.RAW_MISSING, f"{location.file} ends before {location.offset}")
    return read_record(data)


def read_full_response(
    location: RecordLocation, body_location: RecordLocation | None, folder: Path
) -> RecordedResponse:
    """The response at a location, a revisit with the body of the record at `body_location`. ReplayError if there is
    none."""
    response = read_response(location, folder)
    if not response.is_revisit:
        return response
    if body_location is None:
        raise ReplayError(OutcomeReason.RAW_MISSING, "the record that holds its body is not known")
    return with_original_body(response, read_response(body_location, folder))


def with_original_body(revisit: RecordedResponse, original: RecordedResponse) -> RecordedResponse:
    """A revisit with the body of the record that it refers to."""
    if revisit.status in (0, 304):
        return replace(original, url=revisit.url, recorded_at=revisit.recorded_at, is_revisit=True)
    headers = revisit.headers if revisit.header("content-type") else original.headers
    return replace(revisit, headers=headers, body=original.body, digest=original.digest, truncated=original.truncated)


def read_record(data: bytes) -> RecordedResponse:
    """The response of the one record in these bytes, packed or not. ReplayError if it cannot be read."""
    record, block = _parse_record(data)
    url, kind = target_uri(record), record.record_type
    common_fields: dict[str, Any] = {
        "url": url,
        "recorded_at": record.record_date.astimezone(UTC),
        "truncated": record.headers.get("WARC-Truncated") or "",
        "is_revisit": kind == WarcRecordType.revisit,
    }
    if kind == WarcRecordType.resource:
        type_header: HeaderFields = (("content-type", record.headers.get("Content-Type") or ""),)
        return RecordedResponse(
            status=200, headers=type_header, body=block, digest=payload_digest(block), **common_fields
        )
    if kind == WarcRecordType.revisit and not block.startswith(b"HTTP/"):
        return RecordedResponse(status=0, headers=(), body=b"", **common_fields)
    try:
        status, headers, body = _parse_http(block)
        common_fields["digest"] = payload_digest(body)
        return RecordedResponse(status=status, headers=headers, body=_decode_body(headers, body), **common_fields)
    except AnswerError as error:
        raise ReplayError(error.reason, str(error)) from error


def target_uri(record: WarcRecord) -> str:
    """The record's URL; wget puts it in angle brackets, as the grammar of WARC/1.0 said."""
    return (record.headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")


def _parse_record(data: bytes) -> tuple[WarcRecord, bytes]:
    try:
        record = next(iter(ArchiveIterator(BytesIO(data), parse_http=False)))
        length = record.content_length
        if length > MAX_BYTES + HEAD_BYTES:
            raise ReplayError(OutcomeReason.TOO_LARGE, f"{length:,} bytes")
        block = record.reader.read(length)
    except StopIteration as error:
        raise ReplayError(OutcomeReason.BROKEN_RECORD, "no record begins here") from error
    except (OSError, ValueError) as error:
        raise ReplayError(OutcomeReason.BROKEN_RECORD, str(error)) from error
    if len(block) != length:
        raise ReplayError(OutcomeReason.BROKEN_RECORD, f"{len(block):,} of {length:,} bytes")
    if not _has_stated_digest(block, record.headers.get("WARC-Block-Digest") or ""):
        raise ReplayError(OutcomeReason.BROKEN_RECORD, "it has not the digest that it states")
    return record, block


def _has_stated_digest(block: bytes, digest: str) -> bool:
    """Whether a block has its stated digest; digests in other forms than SHA-1 in base 32 are not checked."""
    stated_digest = digest.strip().lower()
    if not stated_digest.startswith("sha1:") or len(stated_digest) != _SHA1_CHARS:
        return True
    return payload_digest(block).lower() == stated_digest


def _parse_http(block: bytes) -> tuple[int, HeaderFields, bytes]:
    end = _HEAD_END.search(block, 0, HEAD_BYTES)
    head, body = (block[: end.start()], block[end.end() :]) if end else (block[:HEAD_BYTES], b"")
    status_line, *lines = head.splitlines() or [b""]
    status_match = _STATUS.match(status_line)
    if status_match is None:
        raise AnswerError(OutcomeReason.BAD_HTTP, "no status line")
    return int(status_match[1]), _parse_headers(lines), body


def _parse_headers(lines: Sequence[bytes]) -> HeaderFields:
    """Header lines as (lower-case name, value); a line that begins with a space continues the one before."""
    headers: list[tuple[str, str]] = []
    for line in (raw_line.decode("latin-1") for raw_line in lines):
        name, colon, value = line.partition(":")
        if line[:1] in " \t" and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}".strip())
        elif colon:
            headers.append((name.strip().lower(), value.strip()))
    return tuple(headers)


def _decode_body(headers: HeaderFields, body: bytes) -> bytes:
    """The body without transfer chunks and content encoding, where it has them. AnswerError if it is too large."""
    transfer_codings = [
        token for key, value in headers if key == "transfer-encoding" for token in value.lower().split(",")
    ]
    if any(token.strip() == "chunked" for token in transfer_codings):
        body = _join_chunks(body)
    codings = [
        coding for key, value in headers if key == "content-encoding" for coding_text in value.lower().split(",")
        if (coding := coding_text.strip()) and coding != "identity"
    ]  # fmt: skip
    if codings and body and _is_packed(body, codings[-1]):
        body = decompress(body, codings, MAX_BYTES)
    if len(body) > MAX_BYTES:
        raise AnswerError(OutcomeReason.TOO_LARGE, f"{len(body):,} bytes")
    return body


def _is_packed(body: bytes, coding: str) -> bool:
    """Whether a body is still packed as its headers say: browsers record what they have unpacked."""
    if magic := _PACKED_MAGIC.get(coding):
        return body.startswith(magic)
    return not _MARKUP.match(body)


def _join_chunks(body: bytes) -> bytes:
    """The chunks' data joined: up to where they break off; a body that has no chunks is returned as it is."""
    out, position = bytearray(), 0
    while head := _CHUNK.match(body, position):
        size = int(head[1], 16)
        if size == 0:
            return bytes(out)
        out += body[head.end() : head.end() + size]
        position = head.end() + size
    return bytes(out) if out else body
