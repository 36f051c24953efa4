"""The file of a picture, read from its capture's record as it was sent."""

import gzip
import hashlib
import zlib
from dataclasses import replace

import pytest
from sqlite_utils import Database

from broadsheet.output.archive.pictures import Picture
from broadsheet.output.raw.picture_files import find_picture, picture_faults, read_picture_file
from broadsheet.output.raw.warc_reader import RecordError
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import PICTURES
from tests.output.filled_rows import put
from tests.output.wires import fetched

DATA = b"the bytes of a picture " * 40
PICTURE = Picture(hashlib.sha256(DATA).hexdigest(), "image/png", 3, 4, len(DATA))


def store(archive: Archive, body: bytes, encoding: str = "", *, is_kept: bool = True) -> Database:
    """Store a picture's capture, and the facts of the picture."""
    outcome = fetched("http://a.test/p.png", 1, body)
    assert outcome.capture.raw is not None
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n".encode()
    outcome = replace(outcome, capture=replace(outcome.capture, raw=replace(outcome.capture.raw, head=head)))
    if is_kept:
        archive.keep_raw({"software": "test"}, 10**9)
    archive.db.execute("PRAGMA foreign_keys = OFF")
    archive.save([outcome])
    put(archive.db, PICTURES, 1, url_id=7, capture_id=capture_of(archive.db), digest=PICTURE.digest,
        type=PICTURE.type, width=3, height=4, bytes=len(DATA))  # fmt: skip
    archive.db.conn.commit()
    return archive.db


def capture_of(db: Database) -> int:
    return int(db.execute("SELECT id FROM captures").fetchone()[0])


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (DATA, ""),
        (DATA, "identity"),
        (gzip.compress(DATA, mtime=0), "gzip"),
        (gzip.compress(DATA, mtime=0), " X-GZIP "),
        (zlib.compress(DATA), "deflate"),
        (DATA, "gzip"),  # as some servers say of what they send as it is
    ],
)
def test_its_bytes_are_those_that_were_sent_unpacked(archive, file, body, encoding):
    db = store(archive, body, encoding)
    assert find_picture(db, capture_of(db)) == PICTURE
    assert find_picture(db, 1) is None
    assert read_picture_file(db, file, capture_of(db), PICTURE) == DATA
    assert list(picture_faults(db, file)) == []


@pytest.mark.parametrize(
    ("body", "encoding", "fault"),
    [
        (DATA[:-1], "", "the record holds another file than the picture"),
        (gzip.compress(DATA, mtime=0), "br", "the record holds another file than the picture"),
        (gzip.compress(b"another", mtime=0), "gzip", "the record holds another file than the picture"),
        (b"\x1f\x8b\x08" + bytes(40), "gzip", "its content encoding is broken: "),
    ],
)
def test_other_bytes_are_a_fault(archive, file, body, encoding, fault):
    db = store(archive, body, encoding)
    with pytest.raises(RecordError, match=fault):
        read_picture_file(db, file, capture_of(db), PICTURE)
    [(url_id, text)] = picture_faults(db, file)
    assert (url_id, text.startswith(fault)) == (7, True)


def test_a_response_that_was_not_kept_is_a_fault(archive, file):
    db = store(archive, DATA, is_kept=False)
    assert list(picture_faults(db, file)) == [(7, "the raw response of the picture was not kept")]


@pytest.mark.parametrize(("size", "read"), [(10_485_760, 10_485_760), (10_485_762, 10_485_761)])
def test_one_byte_more_is_unpacked_than_a_picture_may_have(archive, file, size, read):
    db = store(archive, gzip.compress(bytes(size), 1), "gzip")
    picture = replace(PICTURE, digest=hashlib.sha256(bytes(read)).hexdigest())
    assert len(read_picture_file(db, file, capture_of(db), picture)) == read
