"""A response as it was received: its head, what it asked of robots, where its record is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.browse.arguments import NotHereError
from broadsheet.output.db.stored_values import stored_texts
from broadsheet.output.raw.capture import RecordLocation
from broadsheet.output.raw.warc_reader import RecordError, read_response, read_span

_CAPTURE = """SELECT c.id, c.url, c.fetched_at, coalesce(c.http_status, 0), c.final_url, c.content_type,
        c.payload_digest, c.payload_length, coalesce(c.warc_file, ''), coalesce(c.warc_offset, 0),
        coalesce(c.warc_length, 0), c.directives, coalesce(c.truncated, ''), coalesce(c.record_faults, ''),
        coalesce((SELECT p.article_id FROM pages p WHERE p.capture_id = c.id), 0),
        coalesce((SELECT r.access || ' (' || r.reason || ')' FROM robots_files r WHERE r.id = c.robots_id), '')
    FROM captures c WHERE c.id = ?"""
_PLACE = "SELECT warc_file, warc_offset, warc_length FROM captures WHERE id = ?"
_DIRECTIVES = 11


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A response's body as text, and whether it is a page."""

    text: str
    is_html: bool


RawReader = Callable[[RecordLocation, RecordLocation | None, Path], RawDocument]
"""Reads the response at a place (a revisit with its body at another) below a folder. NotHereError if it cannot be."""


@dataclass(frozen=True, slots=True)
class CaptureView:
    """A capture with the head of its response as it was sent, or with what is wrong with its record. `robots` is what
    the host's robots.txt said then; `article_id` is 0 where no current text comes from it."""

    id: int
    url: str
    fetched_at: str
    http_status: int
    final_url: str
    content_type: str
    payload_digest: str
    payload_length: int
    warc_file: str
    warc_offset: int
    warc_length: int
    directives: tuple[str, ...]
    truncated: str
    record_faults: str
    article_id: int
    robots: str
    head: str
    fault: str


def read_capture(db: Database, capture_id: int, folder: Path) -> CaptureView:
    """The capture of a number; `folder` is the archive's. NotHereError if there is none."""
    row = db.execute(_CAPTURE, [capture_id]).fetchone()
    if row is None:
        raise NotHereError("the archive has no capture of that number")
    values = list(row)
    values[_DIRECTIVES] = stored_texts(row[_DIRECTIVES], "captures", "directives", capture_id)
    return CaptureView(*[*values, *_read_head(db, capture_id, folder)])


def _read_head(db: Database, capture_id: int, folder: Path) -> tuple[str, str]:
    """(head, fault): the response's head as text, or why there is none; both are empty where none was kept."""
    try:
        exchange = read_response(db, folder, capture_id)
    except RecordError as error:
        return "", str(error)
    return (exchange.head.decode("latin-1").strip(), "") if exchange else ("", "")


def read_record_bytes(db: Database, capture_id: int, folder: Path) -> tuple[str, bytes]:
    """The name of a capture's WARC file, and its record's bytes. NotHereError if there is no such record."""
    row = db.execute(_PLACE, [capture_id]).fetchone()
    if row is None or row[0] is None:
        raise NotHereError("no raw response of that number was kept")
    try:
        if read_response(db, folder, capture_id) is None:
            raise NotHereError("no raw response of that number was kept")
        return Path(row[0]).name, read_span(folder, *row)
    except RecordError as error:
        raise NotHereError(str(error)) from error
