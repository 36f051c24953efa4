"""A response as received, and where its record lies."""

from __future__ import annotations

from dataclasses import dataclass, field

from output.raw.wire import Wire


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies: its file, relative to the database or absolute, with offset and length in bytes."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Capture:
    """A response as received. `fetched_at` is UTC ISO 8601; `payload_length` is in bytes after decoding.

    `directives` are what it asked of robots, `robots_id` the robots.txt in force when it was asked for. `warc_file`
    says where the response lies as received, relative to the database or absolute, with offset and length in bytes.
    `raw` is what went over the connection: then the digest is that of its body, and the archive finds the place.
    `etag` and `last_modified` are the headers by which it can be asked for again if it has changed.
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
    raw: Wire | None = field(default=None, repr=False)
    etag: str = ""
    last_modified: str = ""
