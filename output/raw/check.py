"""What is wrong with the raw responses of an archive: records that are not as they say, rows that find none.

A file is read a capture at a time, each from its own place to the next one's, so that damage in one hides no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from sqlite_utils import Database

from output.raw.warc_reader import Record, RecordError, parse_record, read_span, records_in, without_chunks
from output.raw.warc_records import warc_date
from output.raw.wire import Wire, digest

_ROWS = """SELECT c.warc_file, c.warc_offset, c.warc_length, c.final_url, c.fetched_at, c.payload_digest,
        (SELECT length FROM warc_files WHERE name = c.warc_file)
    FROM captures c WHERE c.warc_file IS NOT NULL ORDER BY c.warc_file, c.warc_offset"""
_NO_ROWS = """SELECT name, length FROM warc_files f WHERE length > 0
    AND NOT EXISTS (SELECT 1 FROM captures WHERE warc_file = f.name)"""
_KIND = "sha1:"

Row = tuple[str, int, int, str, str, str, int | None]


def raw_faults(db: Database, folder: Path) -> Iterator[str]:
    """Each fault in one line."""
    for _, rows in groupby(db.execute(_ROWS), key=lambda row: row[0]):
        yield from _of_file(folder, list(rows))
    for name, length in db.execute(_NO_ROWS).fetchall():
        yield from _of_span(folder, name, 0, length)


def _of_file(folder: Path, rows: Sequence[Row]) -> Iterator[str]:
    file, first, committed = rows[0][0], rows[0][1], rows[0][6]
    if committed is None:  # imported, and somebody else's: the records that we name are looked at, and no others
        for row in rows:
            yield from _of_row(folder, row, row[2])
        return
    if first:
        yield from _of_span(folder, file, 0, first)
    for row, end in zip(rows, [*(each[1] for each in rows[1:]), committed], strict=True):
        yield from _of_row(folder, row, end - row[1])


def _of_row(folder: Path, row: Row, length: int) -> Iterator[str]:
    """A capture's record, and what stands between it and the next capture's."""
    file, offset, own_length, url, _, _, committed = row
    where = f"{file} at {offset}"
    try:
        data = read_span(folder, file, offset, length)
        record = parse_record(data[:own_length], where)
    except RecordError as error:
        yield f"{url}: {error}"
        return
    yield from _of_record(record, where)
    if committed is not None:
        yield from _of_pair(record, row, where)
        yield from _of_bytes(data[own_length:], f"{file} after {offset}")


def _of_pair(record: Record, row: Row, where: str) -> Iterator[str]:
    """Whether a record is that of its row."""
    _, _, _, url, at, payload, _ = row
    stated = record.fields.get("warc-payload-digest", payload)
    found = stated if record.kind == "revisit" else digest(record.parts[1])
    if record.kind not in ("response", "revisit"):
        yield f"{where}: a {record.kind} record in place of the response of {url}"
    elif (record.url, record.fields.get("warc-date")) != (url, warc_date(at)):
        yield f"{where}: the record is of {record.url}, {record.fields.get('warc-date')}, its row of {url}, {at}"
    elif found != payload and not _not_modified(record):
        yield f"{where}: the payload of {url} has not the digest of its row"


def _of_span(folder: Path, file: str, offset: int, length: int) -> Iterator[str]:
    """Records that no row names."""
    try:
        yield from _of_bytes(read_span(folder, file, offset, length), f"{file} at {offset}")
    except RecordError as error:
        yield str(error)


def _of_bytes(data: bytes, where: str) -> Iterator[str]:
    try:
        for _, record in records_in(data, where):
            yield from _of_record(record, where)
    except RecordError as error:
        yield str(error)


def _of_record(record: Record, where: str) -> Iterator[str]:
    """Whether a record has the digests that it states, as far as they are of our kind."""
    stated = record.fields.get("warc-block-digest", "")
    if stated.startswith(_KIND) and stated != digest(record.block):
        yield f"{where}: the {record.kind} record has not the digest that it states"
    stated = record.fields.get("warc-payload-digest", "")
    if record.kind == "response" and stated.startswith(_KIND) and stated not in _digests(record):
        yield f"{where}: the payload of {record.url} has not the digest that it states"


def _digests(record: Record) -> tuple[str, str]:
    """The payload's digest as it stands, and without its chunks, as some other tools count it."""
    head, body = record.parts
    return digest(body), digest(without_chunks(Wire(b"", head, body)))


def _not_modified(record: Record) -> bool:
    return record.fields.get("warc-profile", "").endswith("server-not-modified")
