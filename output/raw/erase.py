"""Taking raw records out of WARC files, without moving the others.

A record that has to go is written over, with its request, by one record of the same length that says nothing: a gzip
member of stored blocks, whose size can be chosen to the byte. What other captures need of it is written anew first.
The places to write over are noted in the transaction that deletes the rows, and written over after it; what a kill
left undone is done when the archive is opened next.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlite_utils import Database

from output.db.transaction import writing
from output.raw.capture import Capture
from output.raw.save_capture import RawKeeper, where
from output.raw.warc_files import SYNC, own_file
from output.raw.warc_reader import Record, RecordError, parse_record, records_in, response_of
from output.raw.warc_records import warc_date
from output.raw.wire import Wire, digest

_GOING = "SELECT id FROM captures WHERE url IN (SELECT url FROM reached)"
_PLACE = """SELECT f.name, c.warc_offset, coalesce((SELECT min(n.warc_offset) FROM captures n
            WHERE n.warc_file = c.warc_file AND n.warc_offset > c.warc_offset), f.length)
    FROM captures c JOIN warc_files f ON f.name = c.warc_file WHERE c.id = ?"""
_LEFT_BEHIND = f"""SELECT id, url, fetched_at, http_status, final_url, content_type, payload_digest
    FROM captures WHERE refers_to IN ({_GOING}) AND id NOT IN ({_GOING}) ORDER BY refers_to, fetched_at, id"""
_PUT_ERASURE = "INSERT OR IGNORE INTO warc_erasures (file, offset, following) VALUES (?, ?, ?)"
_PLACED = "warc_file = ?, warc_offset = ?, warc_length = ?, refers_to = ?"
_BLOCK = 65535  # bytes that a stored block of deflate holds (RFC 1951, section 3.2.4)
_FRAME = 18  # bytes of a gzip member besides its blocks (RFC 1952, section 2.3)


@dataclass(frozen=True, slots=True)
class Rescue:
    """A capture that stays and whose payload is in a record that goes: what its new record is made of."""

    capture_id: int
    capture: Capture
    wire: Wire


def rescues(db: Database, folder: Path) -> list[Rescue]:
    """What has to be written anew before the captures of the URLs in `temp.reached` may go."""
    found = []
    for number, *said in db.execute(_LEFT_BEHIND).fetchall():
        try:
            wire = _whole(db, folder, number)
        except RecordError:
            continue  # it was not there before either
        if wire is not None:
            found.append(Rescue(number, Capture(*said), wire))
    return found


def rescue(db: Database, raw: RawKeeper, found: Sequence[Rescue]) -> None:
    """Write them anew: the first of each payload in full, the others referring to it. Inside the transaction."""
    for each in found:
        place = raw.keep(each.capture, each.wire)
        db.execute(f"UPDATE captures SET {_PLACED} WHERE id = ?", [*place, each.capture_id])


def note_going(db: Database, staying: Sequence[Rescue]) -> None:
    """Note what is to be written over: the records of the URLs in `temp.reached`, and those that refer to them.

    Inside the transaction, before those that stay are written anew.
    """
    going = [number for (number,) in db.execute(_GOING)] + [each.capture_id for each in staying]
    for number in going:
        for place in db.execute(_PLACE, [number]).fetchall():
            db.execute(_PUT_ERASURE, place)
    for number in going:
        db.execute(f"UPDATE captures SET {_PLACED} WHERE id = ?", [None, None, None, None, number])


def erase(db: Database, folder: Path, clock: Callable[[], str]) -> int:
    """Write over what is noted; return how many records with their requests. Again if it was cut off."""
    noted = db.execute("SELECT file, offset, following FROM warc_erasures").fetchall()
    for file, offset, following in noted:
        path = own_file(folder, file)
        if path.is_file():
            _write_over(path, offset, following, warc_date(clock()))
        with writing(db):
            db.execute("DELETE FROM warc_erasures WHERE file = ? AND offset = ?", [file, offset])
    return len(noted)


def blank(length: int, date: str, record_id: str) -> bytes:
    """A gzip member of exactly `length` bytes that holds a WARC record about nothing. ValueError if it has no room."""
    blocks = -(-(length - _FRAME) // (_BLOCK + 5))
    size = length - _FRAME - 5 * blocks
    head = (
        f"WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <{record_id}>\r\nWARC-Date: {date}\r\n"
        "WARC-Block-Digest: {digest}\r\nContent-Type: application/warc-fields\r\nContent-Length: {filler:010d}\r\n\r\n"
    )
    filler = size - len(head.format(digest=digest(b""), filler=0)) - 4
    if filler < 0:
        raise ValueError(f"{length} bytes are too few for a record")
    block = b"taken-down: yes\r\n".ljust(filler)[:filler]
    data = head.format(digest=digest(block), filler=filler).encode() + block + b"\r\n\r\n"
    return b"".join(_stored(data, blocks))


def _stored(data: bytes, blocks: int) -> Iterator[bytes]:
    """A gzip member of so many stored blocks."""
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    for number in range(blocks):
        part = data[number * _BLOCK : (number + 1) * _BLOCK]
        yield struct.pack("<BHH", number == blocks - 1, len(part), len(part) ^ 0xFFFF) + part
    yield struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _write_over(path: Path, offset: int, end: int, date: str) -> None:
    with path.open("rb") as stream:
        stream.seek(offset)
        data = stream.read(end - offset)
    length = _extent(data, f"{path.name} at {offset}")
    fd = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(fd, blank(length, date, uuid4().urn), offset)
        SYNC(fd)
    finally:
        os.close(fd)


def _extent(data: bytes, name: str) -> int:
    """How many bytes the first record takes, with those that were made with it. All, where they cannot be read."""
    try:
        first = parse_record(data, name)
        its_id = first.fields.get("warc-record-id")
        for at, record in records_in(data, name):
            if at and not _belongs(record, str(its_id)):
                return at
    except RecordError:
        pass
    return len(data)


def _belongs(record: Record, its_id: str) -> bool:
    return record.fields.get("warc-concurrent-to") == its_id


def _committed(db: Database, file: str) -> int:
    return int(db.execute("SELECT length FROM warc_files WHERE name = ?", [file]).fetchone()[0])


def _whole(db: Database, folder: Path, number: int) -> Wire | None:
    """A capture's exchange, with its request."""
    answer = response_of(db, folder, number)
    place = where(db, number)
    if answer is None or place is None:
        return None
    file, offset, _ = place
    with (folder / file).open("rb") as stream:
        stream.seek(offset)
        records = records_in(stream.read(_committed(db, file) - offset), file, most=3)
        asked = [record for _, record in records if record.kind == "request"]
    return Wire(asked[0].block if asked else b"", answer.head, answer.body, b"", answer.address, answer.truncated)
