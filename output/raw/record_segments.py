"""Segments of a WARC or ARC file: where records begin and end, even if some of them are damaged."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .imported_records import (
    ARC_START,
    HEAD_BYTES,
    WARC_START,
    MemberError,
    RecordHead,
    ends_record,
    packed_magic,
    parse_record_head,
    unpack_member,
)

_WARC_RECORD = re.compile(rb"^" + WARC_START, re.MULTILINE)
_ARC_RECORD = re.compile(rb"^" + ARC_START, re.MULTILINE)
_BLANK_BYTES = re.compile(rb"[\r\n \t\0]*")
# Between packed members also empty ones, as usual writers make them: of those a file can hold a hundred thousand a MB.
# A header (RFC 1952, 2.3) may have extra bytes, a name, a comment and a checksum, as its flags say.
_EXTRA = b"(?:" + b"|".join(rb"\x%02x\0.{%d}" % (length, length) for length in range(48)) + b")"
_FIELDS = ((4, _EXTRA), (8, rb"[^\0]{0,255}+\0"), (16, rb"[^\0]{0,255}+\0"), (2, rb".."))
_HEADERS = b"|".join(
    rb"[\x%02x\x%02x].{6}" % (flags, flags + 1) + b"".join(form for flag, form in _FIELDS if flags & flag)
    for flags in range(0, 32, 2)
)
_EMPTY_GZIP = rb"\x1f\x8b\x08(?:" + _HEADERS + rb")(?:\x03\0|\x01\0\0\xff\xff)\0{8}"
_EMPTY_ZSTD = rb"\x28\xb5\x2f\xfd(?:(?:\0.|\x20\0)\x01\0\0|\x24\0\x01\0\0\x99\xe9\xd8\x51)"
_BLANK_MEMBERS = re.compile(rb"(?:[\r\n \t\0]|" + _EMPTY_GZIP + rb"|" + _EMPTY_ZSTD + rb")*+", re.DOTALL)
_MAX_JOINT_BYTES = 64 * 1024 * 1024  # unpacked bytes of a member in which further records are looked for
_BEGINNING_BYTES = 2 * HEAD_BYTES  # bytes that show what a record is, with the head of the HTTP response in it


@dataclass(frozen=True, slots=True)
class RecordSpan:
    """The place of a record, and its first bytes, unpacked; none where no record can be read.

    `is_unaddressable`: it shares a packed member with the record before it, so that it cannot be read from a location.
    """

    offset: int
    length: int
    beginning: bytes = field(repr=False)
    is_unaddressable: bool = False


class _Member(NamedTuple):
    """A packed member: its end, its first bytes unpacked, and its unpacked size, as far as it can be read."""

    end: int
    beginning: bytes
    size: int


class RecordSegment:
    """A segment of a file, from `start` to `end`, that is records from end to end, all packed or none."""

    def __init__(self, data: mmap.mmap, start: int, end: int) -> None:
        self._data = data
        self._start = start
        self._end = end
        self._magic = packed_magic(data[start : start + 4])
        self._is_arc = False
        self._is_arc = not self.has_records()  # then it has ARC records, or none

    def has_records(self) -> bool:
        """Return whether any record can be found."""
        return self._begins_record(self._start) or self._next_record(self._start) < self._end

    def is_one_member(self) -> bool:
        """Return whether all of it is one packed member that holds several records."""
        if not self._magic:
            return False
        member = self._member_at(self._start)
        if member.end != self._end:
            return False
        return len(list(self._member_spans(self._start, member))) > 1 or self._hides_records(member)

    def _hides_records(self, member: _Member) -> bool:
        """Return whether a member that begins with a warcinfo record of a wrong length has records after it."""
        head = parse_record_head(member.beginning)
        if head is None or head.kind != "warcinfo":
            return False
        pattern = _ARC_RECORD if head.is_arc else _WARC_RECORD
        return pattern.search(self._unpacked_prefix(self._start, member.end), head.size) is not None

    def spans(self) -> Iterator[RecordSpan]:
        """Yield the records in order. Bytes between two records are a span with an empty `beginning`."""
        position = self._skip_blank(self._start)
        while position < self._end:
            if self._magic:
                spans, position = self._packed_spans(position)
                yield from spans
            else:
                span = self._plain_span(position)
                yield span
                position = span.offset + span.length

    def _packed_spans(self, position: int) -> tuple[list[RecordSpan], int]:
        """Return the records in the member at a position, and where the next member begins."""
        if self._data[position : position + len(self._magic)] != self._magic:
            next_position = self._next_record(position)
            return [RecordSpan(position, next_position - position, b"")], next_position
        member = self._member_at(position)
        spans = list(self._member_spans(position, member))
        return spans, self._skip_blank(member.end)

    def _member_at(self, position: int) -> _Member:
        """Return the member at a position. One that is damaged or has no end ends where the next record begins."""
        beginning, size = bytearray(), 0
        pieces = unpack_member(self._data, position, self._end)
        end = None
        try:
            while True:
                piece = next(pieces)
                size += len(piece)
                beginning += piece[: max(0, _BEGINNING_BYTES - len(beginning))]
        except StopIteration as stop:
            end = stop.value
        except MemberError:
            pass
        return _Member(self._next_record(position + 1) if end is None else end, bytes(beginning), size)

    def _member_spans(self, position: int, member: _Member) -> Iterator[RecordSpan]:
        """Return the record of a member, and any others that it should not hold."""
        yield RecordSpan(position, member.end - position, member.beginning)
        head = parse_record_head(member.beginning)
        if head is None or head.length is None or head.size + head.length + 8 >= member.size:
            return
        unpacked = self._unpacked_prefix(position, member.end)
        next_start = head.size + head.length
        while head is not None and (following := _following_record(unpacked, next_start)):
            next_start, head = following
            yield RecordSpan(
                position, member.end - position, unpacked[next_start : next_start + _BEGINNING_BYTES], True
            )
            next_start += head.size + (head.length or 0)

    def _unpacked_prefix(self, position: int, end: int) -> bytes:
        unpacked = bytearray()
        for piece in self._unpacked_pieces(position, end):
            unpacked += piece
            if len(unpacked) >= _MAX_JOINT_BYTES:
                break
        return bytes(unpacked)

    def _unpacked_pieces(self, position: int, end: int) -> Iterator[bytes]:
        try:
            yield from unpack_member(self._data, position, end)
        except MemberError:
            return

    def _plain_span(self, position: int) -> RecordSpan:
        """Return the record at a position of a segment that is not packed, up to the next one."""
        beginning = self._data[position : min(position + _BEGINNING_BYTES, self._end)]
        head = parse_record_head(beginning)
        if head is None:
            return RecordSpan(position, self._next_record(position + 1) - position, b"")
        stated_end = position + head.size + (head.length or 0)
        following = self._data[min(stated_end, self._end) : min(stated_end + HEAD_BYTES, self._end)]
        if head.length is None or stated_end > self._end or not ends_record(head, following):
            end = self._next_record(position + head.size)
        else:
            end = self._skip_blank(stated_end)
        return RecordSpan(position, end - position, beginning[: end - position])

    def _next_record(self, position: int) -> int:
        """Return the offset of the next record at or after a position, the segment's end if there is none."""
        while (position := self._skip_blank(position)) < self._end:
            candidate = self._next_candidate(position)
            if candidate < 0:
                return self._end
            if self._begins_record(candidate):
                return candidate
            position = max(candidate + 1, self._skip_blank(candidate))
        return self._end

    def _next_candidate(self, position: int) -> int:
        if self._magic:
            return self._data.find(self._magic, position, self._end)
        pattern = _ARC_RECORD if self._is_arc else _WARC_RECORD
        match = pattern.search(self._data, position, self._end)
        return match.start() if match else -1

    def _begins_record(self, position: int) -> bool:
        head = parse_record_head(self._beginning_at(position))
        if head is None or head.is_arc:
            return head is not None and self._is_arc
        return "warc-type" in head.fields or "warc-record-id" in head.fields

    def _beginning_at(self, position: int) -> bytes:
        if not self._magic:
            return self._data[position : min(position + HEAD_BYTES, self._end)]
        if self._data[position : position + len(self._magic)] != self._magic:
            return b""
        return next(self._unpacked_pieces(position, min(position + HEAD_BYTES, self._end)), b"")

    def _skip_blank(self, position: int) -> int:
        blank = _BLANK_MEMBERS if self._magic else _BLANK_BYTES
        match = blank.match(self._data, position, self._end) if position < self._end else None
        return match.end() if match else position


def _following_record(unpacked: bytes, position: int) -> tuple[int, RecordHead] | None:
    """Return where the record after a position begins, and its head; None where no further one begins."""
    blank = _BLANK_BYTES.match(unpacked, position)
    start = blank.end() if blank else position
    head = parse_record_head(unpacked[start : start + HEAD_BYTES])
    return (start, head) if head else None
