"""A record of a WARC file to the response it holds: WARC → the page as it came. Pure but for reading the file.

Other tools write what they please: bodies that are unpacked already under headers that say they are packed, chunks
that are no chunks. What a body is decides, not what is said of it.
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
from crawler.answers.outcomes import READ_HEADERS
from crawler.fetch.compression import unpacked
from crawler.fetch.errors import AnswerError
from crawler.fetch.limits import HEAD_BYTES
from output.raw.capture import Place
from output.raw.wire import digest as payload_digest

MAX_BYTES = 32 * 1024 * 1024
"""What a body may have at most, packed and unpacked, as in a crawl."""

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})(?: |$)")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"[ \t\r\n]*([0-9A-Fa-f]{1,8})[^\r\n]{0,200}\r?\n")
_PACKED = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_MARKUP = re.compile(rb"[\xef\xbb\xbf\s]*<")

_SHA1_CHARS = len("sha1:") + 32

Fields = tuple[tuple[str, str], ...]


class ReplayError(Exception):
    """A record that gives no response; `reason` is for the ledger: broken_record, too_large, bad_encoding, cut_off,
    bad_http, raw_missing."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Replayed:
    """A response as a record holds it. `headers` are (lower-case name, value); `body` is unpacked.

    `digest` is that of the body as it came, before it was unpacked. `truncated` is the writer's word for why the record
    is not whole, `revisit` whether the body is in another record.
    """

    url: str
    at: datetime
    status: int
    headers: Fields
    body: bytes
    digest: str = ""
    truncated: str = ""
    revisit: bool = False

    def header(self, name: str) -> str:
        """A header's first value, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def page(self, fetched_at: str) -> Page:
        """The response as the cleaners see it; `fetched_at` is UTC ISO 8601."""
        said = tuple(each for each in self.headers if each[0] in READ_HEADERS)
        return Page(self.url, self.body, self.header("content-type"), self.status, fetched_at, said)


def read_place(place: Place, folder: Path) -> Replayed:
    """The response of the record at a place; a path that is not absolute is below `folder`. ReplayError if none."""
    try:
        with (folder / place.file).open("rb") as stream:
            stream.seek(place.offset)
            data = stream.read(min(place.length, 2 * MAX_BYTES))
    except OSError as error:
        raise ReplayError("raw_missing", f"{place.file}: {error.strerror}") from error
    if not data:
        raise ReplayError("raw_missing", f"{place.file} ends before {place.offset}")
    return read_record(data)


def read_whole(place: Place, body: Place | None, folder: Path) -> Replayed:
    """The response at a place; a revisit has the body of the record at another. ReplayError if there is none."""
    replayed = read_place(place, folder)
    if not replayed.revisit:
        return replayed
    if body is None:
        raise ReplayError("raw_missing", "the record that holds its body is not known")
    return revisited(replayed, read_place(body, folder))


def revisited(revisit: Replayed, original: Replayed) -> Replayed:
    """A revisit with the body of the record that it names."""
    if revisit.status in (0, 304):
        return replace(original, url=revisit.url, at=revisit.at, revisit=True)
    own = revisit.headers if revisit.header("content-type") else original.headers
    return replace(revisit, headers=own, body=original.body, digest=original.digest, truncated=original.truncated)


def read_record(data: bytes) -> Replayed:
    """The response of the one record that these bytes are, packed or not. ReplayError if it cannot be had."""
    record, block = _parsed(data)
    url, kind = uri_of(record), record.record_type
    about: dict[str, Any] = {
        "url": url,
        "at": record.record_date.astimezone(UTC),
        "truncated": record.headers.get("WARC-Truncated") or "",
        "revisit": kind == WarcRecordType.revisit,
    }
    if kind == WarcRecordType.resource:
        stated: Fields = (("content-type", record.headers.get("Content-Type") or ""),)
        return Replayed(status=200, headers=stated, body=block, digest=payload_digest(block), **about)
    if kind == WarcRecordType.revisit and not block.startswith(b"HTTP/"):
        return Replayed(status=0, headers=(), body=b"", **about)
    try:
        status, headers, body = _http(block)
        about["digest"] = payload_digest(body)
        return Replayed(status=status, headers=headers, body=_decoded(headers, body), **about)
    except AnswerError as error:
        raise ReplayError(error.reason, str(error)) from error


def uri_of(record: WarcRecord) -> str:
    """The address that a record is about; wget puts it in angle brackets, as WARC/1.0's grammar said."""
    return (record.headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")


def _parsed(data: bytes) -> tuple[WarcRecord, bytes]:
    try:
        record = next(iter(ArchiveIterator(BytesIO(data), parse_http=False)))
        length = record.content_length
        if length > MAX_BYTES + HEAD_BYTES:
            raise ReplayError("too_large", f"{length:,} bytes")
        block = record.reader.read(length)
    except StopIteration as error:
        raise ReplayError("broken_record", "no record begins here") from error
    except (OSError, ValueError) as error:
        raise ReplayError("broken_record", str(error)) from error
    if len(block) != length:
        raise ReplayError("broken_record", f"{len(block):,} of {length:,} bytes")
    if not _is_as_stated(block, record.headers.get("WARC-Block-Digest") or ""):
        raise ReplayError("broken_record", "it has not the digest that it states")
    return record, block


def _is_as_stated(block: bytes, digest: str) -> bool:
    """Whether a block has its stated digest; one that is not in SHA-1 and base 32 is not looked at."""
    said = digest.strip().lower()
    if not said.startswith("sha1:") or len(said) != _SHA1_CHARS:
        return True
    return payload_digest(block).lower() == said


def _http(block: bytes) -> tuple[int, Fields, bytes]:
    end = _HEAD_END.search(block, 0, HEAD_BYTES)
    head, body = (block[: end.start()], block[end.end() :]) if end else (block[:HEAD_BYTES], b"")
    first, *lines = head.splitlines() or [b""]
    said = _STATUS.match(first)
    if said is None:
        raise AnswerError("bad_http", "no status line")
    return int(said[1]), _fields(lines), body


def _fields(lines: Sequence[bytes]) -> Fields:
    """Header lines as (lower-case name, value); a line that begins with a space goes on with the one before."""
    found: list[tuple[str, str]] = []
    for line in (each.decode("latin-1") for each in lines):
        name, colon, value = line.partition(":")
        if line[:1] in " \t" and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}".strip())
        elif colon:
            found.append((name.strip().lower(), value.strip()))
    return tuple(found)


def _decoded(headers: Fields, body: bytes) -> bytes:
    """The body without chunks and packing, where it has them."""
    named = [token for key, value in headers if key == "transfer-encoding" for token in value.lower().split(",")]
    if any(token.strip() == "chunked" for token in named):
        body = _unchunked(body)
    codings = [
        coding for key, value in headers if key == "content-encoding" for each in value.lower().split(",")
        if (coding := each.strip()) and coding != "identity"
    ]  # fmt: skip
    if codings and body and _is_packed(body, codings[-1]):
        body = unpacked(body, codings, MAX_BYTES)
    if len(body) > MAX_BYTES:
        raise AnswerError("too_large", f"{len(body):,} bytes")
    return body


def _is_packed(body: bytes, coding: str) -> bool:
    """Whether a body is still packed as its headers say: browsers hand out what they have unpacked."""
    if mark := _PACKED.get(coding):
        return body.startswith(mark)
    return not _MARKUP.match(body)


def _unchunked(body: bytes) -> bytes:
    """The chunks' data; a body that is none in chunks as it is, and of one that breaks off what came before."""
    out, at = bytearray(), 0
    while head := _CHUNK.match(body, at):
        size = int(head[1], 16)
        if size == 0:
            return bytes(out)
        out += body[head.end() : head.end() + size]
        at = head.end() + size
    return bytes(out) if out else body
