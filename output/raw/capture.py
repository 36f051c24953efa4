"""The values that describe a received response, and where its WARC record lies."""

from __future__ import annotations

from dataclasses import dataclass, field

from broadsheet.output.raw.wire import RawExchange


@dataclass(frozen=True, slots=True)
class RecordLocation:
    """Where a WARC record lies: its file, relative to the database or absolute, with offset and length in bytes."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Capture:
    """One fetch of a URL and its response. `fetched_at` is UTC ISO 8601; `payload_length` is in bytes after decoding.

    `directives` are its robots directives (header and meta), `robots_id` the row of the robots.txt in force when it was
    requested. `warc_file`, `warc_offset` and `warc_length` (in bytes) say where its record lies; the file is relative
    to the database or absolute. `raw` are the bytes that went over the connection: with them, the archive computes the
    digest from the body and writes the record itself. `record_faults`
    are words of `output/raw/imported_record.py`. `etag` and `last_modified` are the response headers that a
    conditional request needs.
    """

    url: str
    fetched_at: str
    http_status: int
    final_url: str = ""
    content_type: str = ""
    payload_digest: str = ""
    payload_length: int = 0
    directives: tuple[str, ...] = ()
    robots_id: int | None = None
    warc_file: str = ""
    warc_offset: int | None = None
    warc_length: int | None = None
    refers_to: int | None = None  # the capture whose record holds its body, where its own does not
    truncated: str = ""  # why its record is not whole, in the words of the WARC format
    record_faults: tuple[str, ...] = ()  # what is wrong with an imported record
    raw: RawExchange | None = field(default=None, repr=False)
    etag: str = ""
    last_modified: str = ""
