"""A record of another crawler's archive, WARC or ARC, read as far as it can be, with what is wrong with it. Pure.

A wrong digest, a wrong length or an end that is missing costs nothing but a word that says so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, field

from broadsheet.output.raw.packed_member import MemberError, packed_magic, unpack_member
from broadsheet.output.raw.record_head import HEAD_BYTES, RecordHead, ends_record, parse_record_head

DIGEST_MISMATCH = "digest_mismatch"
"""The fault of a block that has not the digest that its record states, or not the checksum of its gzip member."""

TRUNCATED = "truncated"
"""The fault of a block that is shorter than its record states."""

WRONG_LENGTH = "wrong_length"
"""The fault of a block that does not end where its record states, and that was taken whole."""

BAD_REVISIT = "bad_revisit"
"""The fault of a revisit whose body is not in a record that has the payload digest that it states."""

_RECORD_END = b"\r\n\r\n"
_HTTP_HEAD_END = re.compile(rb"\r*\n\r*\n")
_LONGEST_HTTP_HEAD = 256 * 1024  # bytes of an HTTP head, as in a crawl
_ALGORITHMS = {"sha1", "sha-1", "sha256", "sha-256", "sha512", "sha-512", "md5"}


class ImportedRecordError(Exception):
    """Bytes of which no record can be read; the message is one line. `is_too_large`: for its size alone."""

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
        """What follows the HTTP head; the whole block of a record that has none."""
        return self.block if self.is_body_alone else split_http(self.block)[1]

    @property
    def is_body_alone(self) -> bool:
        """Whether the block is a body without an HTTP head: that of a resource, and of some ARC records."""
        return self.head.kind == "resource" or (self.head.is_arc and not self.block.startswith(b"HTTP/"))


def read_imported_record(data: bytes, max_bytes: int) -> ImportedRecord:
    """The first record in some bytes, packed or not. ImportedRecordError if there is none, none that can be unpacked,
    or one whose block has more than `max_bytes` bytes."""
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
    """The HTTP head of a block without the empty line after it, and the body: none where the head has no end."""
    end = _HTTP_HEAD_END.search(block, 0, _LONGEST_HTTP_HEAD)
    return (block[: end.start()], block[end.end() :]) if end else (block[:_LONGEST_HTTP_HEAD], b"")


def has_digest(data: bytes, stated_digest: str) -> bool | None:
    """Whether bytes have a digest as WARC headers state it, in base 32 or hexadecimal; None if that cannot be told."""
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
    """The first member of packed data, or data that is not packed, up to `max_bytes`; and whether it is undamaged."""
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
    """The block in what follows a head, and its faults: where its length is wrong, all there is belongs to it."""
    length = head.length
    if length is not None and length <= len(rest) and ends_record(head, rest[length : length + HEAD_BYTES]):
        return rest[:length], ()
    block = rest.removesuffix(_RECORD_END)
    is_short = length is not None and length > len(rest)
    is_whole = has_digest(block, head.fields.get("warc-block-digest", ""))
    return block, (TRUNCATED if is_short and not is_whole else WRONG_LENGTH,)


def _checked_record(head: RecordHead, block: bytes, faults: tuple[str, ...], is_intact: bool) -> ImportedRecord:
    """The record with the faults that digests show; a shortened block cannot have the digest of the whole."""
    is_whole = has_digest(block, head.fields.get("warc-block-digest", ""))
    if TRUNCATED not in faults and (is_whole is False or (is_whole is None and not is_intact)):
        faults = (*faults, DIGEST_MISMATCH)
    if "warc-segment-number" in head.fields and TRUNCATED not in faults:
        faults = (*faults, TRUNCATED)  # the rest is in continuation records
    return ImportedRecord(head, block, faults)
