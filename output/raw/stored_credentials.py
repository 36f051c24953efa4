"""Credentials in the requests that an archive's own WARC files hold: found, and left out of a copy of such a file.

An archive of before requests were redacted, or one that was told to keep them, holds what its crawl sent. Requests
stand between the records that rows of `captures` name, so only these gaps are unpacked.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from sqlite3 import DatabaseError
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.archive_errors import NotAnArchive
from .imported_records import MemberError, unpack_member
from .raw_exchange import warc_digest
from .redaction import RedactedRequest, redact_request
from .warc_folders import warc_path
from .warc_reader import RecordError, read_span
from .warc_writer import REDACTED_FIELD

_FILES = "SELECT name, length FROM _warc_files WHERE length > 0 ORDER BY name"
_RECORDS = """SELECT warc_offset, warc_length FROM captures WHERE warc_file = ?
    AND typeof(warc_offset) = 'integer' AND typeof(warc_length) = 'integer' ORDER BY warc_offset"""
_GZIP_WINDOW_BITS = 31
_COMPRESSION_LEVEL = 6
_REPLACED_FIELD = re.compile(rb"^(Content-Length|WARC-Block-Digest):[^\r\n]*", re.MULTILINE | re.IGNORECASE)
_REQUEST_TYPE = re.compile(rb"^WARC-Type:[ \t]*request[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"


class FileSpan(NamedTuple):
    """A span of a WARC file: a record that a row of `captures` names, or what stands between two of them."""

    offset: int
    length: int
    is_capture: bool


def credentials_warning(db: Database, folder: Path) -> str:
    """Return a one-line warning if the archive's requests hold credentials; empty if none are seen.

    `folder` is the database (`raw_folder`). What cannot be read is passed over:
    `broadsheet.output.raw.warc_reader` says where that is.
    """
    counts: Counter[str] = Counter()
    with suppress(DatabaseError, NotAnArchive):
        counts = count_stored_credentials(db, folder)
    counts_text = ", ".join(f"{name} in {count:,}" for name, count in counts.most_common())
    return counts_text and (
        f"raw requests hold what looks like credentials ({counts_text}): whoever gets the WARC files can read them;"
        " a WACZ is written without them"
    )


def count_stored_credentials(db: Database, folder: Path) -> Counter[str]:
    """Count in how many stored requests each header has a value that looks like a credential."""
    counts: Counter[str] = Counter()
    for file, length in db.execute(_FILES).fetchall():
        for span in file_spans(db, file, length):
            if not span.is_capture:
                counts.update(_credentials_in(folder, file, span))
    return counts


def file_spans(db: Database, file: str, committed_length: int) -> Iterator[FileSpan]:
    """Return the spans of a WARC file in order, without empty ones, up to its committed length."""
    end = 0
    for offset, length in db.execute(_RECORDS, [file]).fetchall():
        if offset > end:
            yield FileSpan(end, offset - end, is_capture=False)
        yield FileSpan(offset, length, is_capture=True)
        end = offset + length
    if committed_length > end:
        yield FileSpan(end, committed_length - end, is_capture=False)


def redacted_span(data: bytes) -> bytes:
    """Return the records between two captures' with the credentials of requests replaced; all others byte for byte.

    Everything after the last whole record is left out, since its content is unknown.
    """
    return b"".join(_redacted_member(member, record) for member, record in _members(data))


def _redacted_member(member: bytes, record: bytes) -> bytes:
    """Return the gzip member of a record, which it unpacks to, with a request's credentials replaced."""
    head, request = _split_request(record)
    if not request.header_names:
        return member
    values = {
        b"content-length": str(len(request.data)).encode(),
        b"warc-block-digest": warc_digest(request.data).encode(),
    }
    new_head = _REPLACED_FIELD.sub(lambda field: field[1] + b": " + values[field[1].lower()], head)
    redacted_field = f"\r\n{REDACTED_FIELD}: {', '.join(request.header_names)}".encode()
    packer = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    return packer.compress(new_head + redacted_field + _HEAD_END + request.data + _HEAD_END) + packer.flush()


def _split_request(record: bytes) -> tuple[bytes, RedactedRequest]:
    """Return a record's WARC headers, and the request that it holds, redacted; an empty one if it is not a request."""
    head, _, block = record.partition(_HEAD_END)
    is_request = _REQUEST_TYPE.search(head) is not None
    return head, redact_request(block.removesuffix(_HEAD_END)) if is_request else RedactedRequest(b"")


def _members(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the gzip members in some bytes, packed and unpacked, up to the first incomplete one."""
    position: int | None = 0
    with suppress(MemberError):
        while position is not None and position < len(data):
            record, end = _unpacked(data, position)
            if end is not None:
                yield data[position:end], record
            position = end


def _unpacked(data: bytes, start: int) -> tuple[bytes, int | None]:
    """Return what the member at `start` unpacks to, and its end; None if it does not unpack. MemberError if it is
    damaged.
    """
    pieces: list[bytes] = []
    member = unpack_member(data, start, len(data))
    while True:
        try:
            pieces.append(next(member))
        except StopIteration as end:
            return b"".join(pieces), end.value


def _credentials_in(folder: Path, file: str, span: FileSpan) -> Iterator[str]:
    """Return the headers with credentials in the requests of a gap, each as often as it stands there."""
    warc_path(folder, file)  # refuses a name that leads elsewhere
    with suppress(RecordError):
        for _, record in _members(read_span(folder, file, span.offset, span.length)):
            yield from _split_request(record)[1].header_names
