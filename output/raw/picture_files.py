"""The files of pictures, read from the records of their captures."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..archive.pictures import MAX_BYTES, Picture
from ..archive.row_sample import WHOLE, RowSample
from .raw_exchange import RawExchange
from .warc_reader import FileGoneError, RecordError, dechunked_body, read_response

if TYPE_CHECKING:
    from sqlite_utils import Database

_PICTURES = "SELECT url_id, capture_id, digest, type, width, height, bytes FROM _pictures WHERE {} ORDER BY url_id"
_OF_CAPTURE = "SELECT digest, type, width, height, bytes FROM _pictures WHERE capture_id = ?"
_AUTOMATIC = 32 + zlib.MAX_WBITS  # gzip or zlib, as the header says


def find_picture(db: Database, capture_id: int) -> Picture | None:
    """Return the facts of the picture in a capture; None if it holds no picture."""
    row = db.execute(_OF_CAPTURE, [capture_id]).fetchone()
    return Picture(*row) if row else None


def read_picture_file(db: Database, folder: Path, capture_id: int, picture: Picture) -> bytes:
    """Return the bytes of a picture; `folder` is the database (`raw_folder`).

    Raises RecordError if its record cannot be read, or holds other bytes.
    """
    exchange = read_response(db, folder, capture_id)
    if exchange is None:
        raise RecordError("the raw response of the picture was not kept")
    for data in _possible_files(exchange):
        if hashlib.sha256(data).hexdigest() == picture.digest:
            return data
    raise RecordError("the record holds another file than the picture")


def _possible_files(exchange: RawExchange) -> Iterator[bytes]:
    """Yield the body as stored, without transfer coding, and unpacked: other crawlers write any of these."""
    yield exchange.body
    yield (data := dechunked_body(exchange))
    if exchange.header("content-encoding").strip().lower() in ("gzip", "x-gzip", "deflate"):
        yield _unpacked(data)


def picture_faults(db: Database, folder: Path, sample: RowSample = WHOLE) -> Iterator[tuple[int, str]]:
    """Yield (number of the URL, fault) for each picture that cannot be read; `raw_faults` reports missing
    WARC files.
    """
    for url_id, capture_id, *facts in db.execute(_PICTURES.format(sample.condition("url_id"))).fetchall():
        try:
            read_picture_file(db, folder, capture_id, Picture(*facts))
        except FileGoneError:
            continue
        except (RecordError, OSError) as error:
            yield url_id, str(error)


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_AUTOMATIC)
    try:
        return unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise RecordError(f"its content encoding is broken: {error}") from error
