"""Records of other crawlers' WARC and ARC files, packed or not, read as far as possible. Pure.

Libraries give up on a file at the first odd head. Here a head may have line ends without CR, an unknown version, bytes
outside UTF-8, lines without a colon, and an invalid length. ARC heads may have spaces in the URL and any date.

A packed member, gzip or Zstandard, is unpacked piece by piece as far as it can be. A wrong digest, a wrong length or a
missing end costs nothing but a word that says so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from mmap import mmap

HEAD_BYTES = 64 * 1024
"""Bytes of a record within which its head has to end."""

WARC_START = rb"(?i:WARC/\d[\d.]*)[ \t]*\r*\n"
"""The first line of a WARC record, as a pattern."""

ARC_START = (
    rb"(?P<url>[A-Za-z][A-Za-z0-9.+-]{1,20}:[^\r\n]{1,8000}?)[ ]"  # a URL may have spaces in it
    rb"(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|-)[ ]"
    rb"(?P<date>[^ \r\n]{1,40})[ ](?P<rest>[^\r\n]{0,2000}[ ])?(?P<length>-?\d{1,18})[ \t]*\r*\n"
)
"""The head of an ARC record, version 1 or 2, as a pattern: a single line."""

_WARC_START = re.compile(WARC_START)
_ARC_START = re.compile(ARC_START)
_HEAD_END = re.compile(rb"\r*\n\r*\n")
_WARC_END, _ARC_END = re.compile(rb"\r*\n\r*\n"), re.compile(rb"\r*\n")
_BLANK = b" \t\r\n\0"
# Text of a rendered page by Browsertrix (`--text to-warc,final-to-warc`); ArchiveWeb.page has a time before the URL.
_RENDERED_TEXT = re.compile(r"urn:text(?:final)?:(?:\d{14,17}/)?(https?://.+)", re.IGNORECASE | re.DOTALL)
_DOM_SNAPSHOT = "x-dom-snapshot"  # the field by which crocoite marks a document
_FILE_HEAD = "filedesc:"  # the scheme of the record that begins an ARC file
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class RecordHead:
    """A record's WARC-Type in lower case, its header fields by lower-case name, and its head's size in bytes.

    `length` is the stated length of the block in bytes; None if it is missing or not a number. ARC records get the
    fields of a WARC record; their type is `response`, or `warcinfo` at the start of a file.
    """

    kind: str
    fields: Mapping[str, str] = field(repr=False)
    size: int
    length: int | None
    is_arc: bool = False

    @property
    def url(self) -> str:
        """Return the record's URL. wget puts it in angle brackets, as the grammar of WARC/1.0 said."""
        return self.fields.get("warc-target-uri", "").strip().removeprefix("<").removesuffix(">")

    @property
    def rendered_text_url(self) -> str:
        """Return the page's URL if the record holds its text as rendered by a browser; otherwise an empty string."""
        match = _RENDERED_TEXT.fullmatch(self.url) if self.kind == "resource" else None
        return match[1] if match else ""

    @property
    def rendered_url(self) -> str:
        """Return the page's URL if the record holds it as rendered by a browser; otherwise an empty string.

        Such a record is a text, a document marked by crocoite, or one of ours, which names its response.
        """
        is_ours = self.kind == "resource" and "warc-refers-to" in self.fields
        is_document = is_ours and self.fields.get("content-type", "").startswith("text/html")
        return self.rendered_text_url or (self.url if is_document or _DOM_SNAPSHOT in self.fields else "")


def parse_record_head(data: bytes) -> RecordHead | None:
    """Parse the head of the record at the start of these bytes, which may be incomplete; None if there is none."""
    data = data[:HEAD_BYTES]
    if _WARC_START.match(data):
        return _warc_head(data)
    if match := _ARC_START.match(data):
        return _arc_head(match)
    return None


def ends_record(head: RecordHead, following: bytes) -> bool:
    """Return whether a record with this head may end before these bytes.

    True if its end mark, the next record or nothing follows.
    """
    if (_ARC_END if head.is_arc else _WARC_END).match(following):
        return True
    rest = following.lstrip(_BLANK)
    return not rest or parse_record_head(rest) is not None


def _warc_head(data: bytes) -> RecordHead:
    end = _HEAD_END.search(data)
    fields = _parse_fields(data[: end.start() if end else len(data)].splitlines()[1:])
    stated_length = fields.get("content-length", "")
    return RecordHead(
        fields.get("warc-type", "").lower() or "unknown",
        fields,
        end.end() if end else len(data),
        int(stated_length) if _LENGTH.fullmatch(stated_length) else None,
    )


def _parse_fields(lines: Iterable[bytes]) -> dict[str, str]:
    """Return header fields by lower-case name, the first of each. A line that begins with a space continues the one
    before.
    """
    fields: dict[str, str] = {}
    last_name = ""
    for line in map(_decode, lines):
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and last_name:
            fields[last_name] = f"{fields[last_name]} {line.strip()}"
        elif colon and (last_name := name.strip().lower()):
            fields.setdefault(last_name, value.strip())
    return fields


def _arc_head(match: re.Match[bytes]) -> RecordHead:
    url = _decode(match["url"])
    fields = {
        "warc-target-uri": url,
        "warc-ip-address": _decode(match["address"]),
        "warc-date": _decode(match["date"]),
        "content-type": _decode((match["rest"] or b"").partition(b" ")[0].rstrip(b";")),
    }
    kind = "warcinfo" if url.startswith(_FILE_HEAD) else "response"
    length = int(match["length"])
    return RecordHead(kind, fields, match.end(), length if length >= 0 else None, is_arc=True)


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_CHUNK_BYTES = 64 * 1024  # packed bytes read at a time
_PIECE_BYTES = 1024 * 1024  # unpacked bytes given out at a time
_GZIP_WINDOW_BITS = 31

PieceGenerator = Generator[bytes, None, int | None]
"""Yields unpacked pieces; returns the position behind the member, None if the data ends before it does."""


class MemberError(Exception):
    """A damaged member of a packed file; what precedes the damage was yielded."""


def packed_magic(data: bytes) -> bytes:
    """Return the magic bytes at the start of packed data; empty for other data."""
    return next((magic for magic in (GZIP_MAGIC, ZSTD_MAGIC) if data.startswith(magic)), b"")


def unpack_member(data: bytes | mmap, start: int, end: int) -> PieceGenerator:
    """Unpack the member between `start` and, at most, `end`. Raises MemberError where it is damaged."""
    is_zstd = data[start : start + len(ZSTD_MAGIC)] == ZSTD_MAGIC
    return _unpack_zstd(data, start, end) if is_zstd else _unpack_gzip(data, start, end)


def _unpack_gzip(data: bytes | mmap, start: int, end: int) -> PieceGenerator:
    stream = zlib.decompressobj(_GZIP_WINDOW_BITS)
    for chunk_start in range(start, end, _CHUNK_BYTES):
        chunk = data[chunk_start : min(chunk_start + _CHUNK_BYTES, end)]
        chunk_end = chunk_start + len(chunk)
        is_pending = True
        while is_pending and not stream.eof:
            stream_before = stream.copy()
            try:
                piece = stream.decompress(chunk, _PIECE_BYTES)
            except zlib.error as error:
                yield b"".join(_bytes_before_damage(stream_before, chunk))
                raise MemberError(str(error)) from error
            yield piece
            chunk = stream.unconsumed_tail
            is_pending = bool(chunk) or len(piece) == _PIECE_BYTES
        if stream.eof:
            return chunk_end - len(stream.unused_data)
    return None


def _bytes_before_damage(stream: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """Unpack a chunk byte by byte, up to the damage."""
    for position in range(len(chunk)):
        try:
            yield stream.decompress(chunk[position : position + 1])
        except zlib.error:
            return


def _unpack_zstd(data: bytes | mmap, start: int, end: int) -> PieceGenerator:
    stream = zstd.ZstdDecompressor()
    for chunk_start in range(start, end, _CHUNK_BYTES):
        chunk = data[chunk_start : min(chunk_start + _CHUNK_BYTES, end)]
        chunk_end = chunk_start + len(chunk)
        is_pending = True
        while is_pending and not stream.eof:
            try:
                yield stream.decompress(chunk, _PIECE_BYTES)
            except zstd.ZstdError as error:
                raise MemberError(str(error)) from error
            chunk, is_pending = b"", not stream.needs_input
        if stream.eof:
            return chunk_end - len(stream.unused_data)
    return None


DIGEST_MISMATCH = "digest_mismatch"
"""The fault of a block whose digest differs from the one its record states, or whose gzip checksum is wrong."""

TRUNCATED = "truncated"
"""The fault of a block that is shorter than its record states."""

WRONG_LENGTH = "wrong_length"
"""The fault of a block that does not end where its record states, and that was taken whole."""

BAD_REVISIT = "bad_revisit"
"""The fault of a revisit whose body is not in a record that has the payload digest that it states."""

BODY_KINDS = ("resource", "conversion")
"""The types of records whose block is a body without an HTTP head."""

_RECORD_END = b"\r\n\r\n"
_HTTP_HEAD_END = re.compile(rb"\r*\n\r*\n")
_LONGEST_HTTP_HEAD = 256 * 1024  # bytes of an HTTP head, as in a crawl
_ALGORITHMS = {"sha1", "sha-1", "sha256", "sha-256", "sha512", "sha-512", "md5"}


class ImportedRecordError(Exception):
    """Bytes without a readable record; the message is one line. `is_too_large`: rejected only for its size."""

    def __init__(self, message: str, *, is_too_large: bool = False) -> None:
        super().__init__(message)
        self.is_too_large = is_too_large


@dataclass(frozen=True, slots=True)
class ImportedRecord:
    """A record's head and block; `faults` says what is wrong with it, in the words of this module."""

    head: RecordHead
    block: bytes = field(repr=False)
    faults: tuple[str, ...] = ()

    @property
    def payload(self) -> bytes:
        """Return what follows the HTTP head; the whole block of a record that has none."""
        return self.block if self.is_body_alone else split_http(self.block)[1]

    @property
    def is_body_alone(self) -> bool:
        """Return whether the block is a body without an HTTP head, as in a resource and some ARC records."""
        return self.head.kind in BODY_KINDS or (self.head.is_arc and not self.block.startswith(b"HTTP/"))


def read_imported_record(data: bytes, max_bytes: int) -> ImportedRecord:
    """Read the first record in some bytes, packed or not.

    Raises ImportedRecordError if no record can be read, or if its block is larger than `max_bytes`.
    """
    unpacked, is_intact = _unpack(data, max_bytes + 2 * HEAD_BYTES)
    head = parse_record_head(unpacked)
    if head is None:
        raise ImportedRecordError("no record begins here")
    block, faults = _block_of(head, unpacked[head.size :])
    if max(len(block), head.length or 0) > max_bytes:
        raise ImportedRecordError(f"{max(len(block), head.length or 0):,} bytes", is_too_large=True)
    if not is_intact and (faults or not block):
        raise ImportedRecordError("it cannot be unpacked to its end")
    if faults and not block:
        raise ImportedRecordError("it breaks off before its block")
    return _checked_record(head, block, faults, is_intact)


def split_http(block: bytes) -> tuple[bytes, bytes]:
    """Split a block into its HTTP head, without the empty line after it, and its body: none if the head has no end."""
    end = _HTTP_HEAD_END.search(block, 0, _LONGEST_HTTP_HEAD)
    return (block[: end.start()], block[end.end() :]) if end else (block[:_LONGEST_HTTP_HEAD], b"")


def has_digest(data: bytes, stated_digest: str) -> bool | None:
    """Return whether data has a digest as stated in WARC headers, in base 32 or hexadecimal; None if it cannot be
    checked.
    """
    algorithm, _, value = stated_digest.strip().partition(":")
    if algorithm.lower() not in _ALGORITHMS:
        return None
    digest = hashlib.new(algorithm.lower().replace("-", ""), data, usedforsecurity=False).digest()
    stated_value = value.strip().rstrip("=")
    with suppress(binascii.Error, ValueError):
        if len(stated_value) == 2 * len(digest):
            return bytes.fromhex(stated_value) == digest
        if len(stated_value) == len(base64.b32encode(digest).rstrip(b"=")):
            return base64.b32encode(digest).decode().rstrip("=") == stated_value.upper()
    return None


def _unpack(data: bytes, max_bytes: int) -> tuple[bytes, bool]:
    """Return the first member of packed data, or data that is not packed, up to `max_bytes`; and whether it is
    undamaged.
    """
    if not packed_magic(data):
        return data, True
    unpacked = bytearray()
    try:
        for piece in unpack_member(data, 0, len(data)):
            unpacked += piece
            if len(unpacked) > max_bytes:
                break
    except MemberError:
        return bytes(unpacked), False
    return bytes(unpacked), True


def _block_of(head: RecordHead, rest: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the block that follows a head, and its faults. If its length is wrong, it takes all bytes there are."""
    length = head.length
    if length is not None and length <= len(rest) and ends_record(head, rest[length : length + HEAD_BYTES]):
        return rest[:length], ()
    block = rest.removesuffix(_RECORD_END)
    is_short = length is not None and length > len(rest)
    is_whole = has_digest(block, head.fields.get("warc-block-digest", ""))
    return block, (TRUNCATED if is_short and not is_whole else WRONG_LENGTH,)


def _checked_record(head: RecordHead, block: bytes, faults: tuple[str, ...], is_intact: bool) -> ImportedRecord:
    """Return the record with the faults that digests show. A shortened block cannot have the digest of the whole."""
    is_whole = has_digest(block, head.fields.get("warc-block-digest", ""))
    if TRUNCATED not in faults and (is_whole is False or (is_whole is None and not is_intact)):
        faults = (*faults, DIGEST_MISMATCH)
    if "warc-segment-number" in head.fields and TRUNCATED not in faults:
        faults = (*faults, TRUNCATED)  # the rest is in continuation records
    return ImportedRecord(head, block, faults)
