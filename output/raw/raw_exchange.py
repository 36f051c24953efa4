"""A request and its response as the bytes of the connection, their digest, and the place of their record. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..archive.stored_values import content_id

TRUNCATED = ("length", "time", "disconnect", "unspecified")
"""Why a response is not whole, in the words of the WARC format (1.1, section 5.13); empty where it is."""

DOCUMENT_TYPE = "text/html; charset=utf-8"
"""The Content-Type of a document that a browser made."""

STATED_HEADERS = ("X-Robots-Tag", "TDM-Reservation", "TDM-Policy", "Content-Usage", "Content-Signal")
"""Headers of a response by which its site says what the page may be used for: they hold for its rendered document."""


@dataclass(frozen=True, slots=True)
class RawExchange:
    """A request and its response as sent and received, nothing decoded.

    `head` is the status line and the headers with the empty line after them, `body` what follows, with its transfer
    coding. `interim_responses` are the 1xx responses that came before; `ip_address` is the server's. `truncated` is
    one of TRUNCATED, or empty. `redacted_headers` are the headers of the request, in lower case, whose values are not
    those that were sent (`broadsheet.output.raw.redaction`).
    """

    request: bytes = field(repr=False)
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    interim_responses: bytes = field(default=b"", repr=False)
    ip_address: str = ""
    truncated: str = ""
    redacted_headers: tuple[str, ...] = ()

    @property
    def is_document(self) -> bool:
        """Return whether the body is a document that a browser made: nothing was sent, and no status received.

        `head` then has lines of the response's headers, those of STATED_HEADERS.
        """
        return not self.request and not self.status

    @property
    def status(self) -> int:
        """Return the status code; 0 if the first line has none."""
        match = re.match(rb"\S+ +(\d{3})\b", self.head)
        return int(match[1]) if match else 0

    def header(self, name: str) -> str:
        """Return the first value of a header, or an empty string."""
        match = re.search(
            rb"^%s[ \t]*:[ \t]*([^\r\n]*)" % re.escape(name.encode()), self.head, re.MULTILINE | re.IGNORECASE
        )
        return match[1].decode("latin-1").strip() if match else ""

    @property
    def size(self) -> int:
        """Return the bytes of request and response together."""
        return len(self.request) + len(self.head) + len(self.body) + len(self.interim_responses)


def warc_digest(*parts: bytes) -> str:
    """Return the SHA-1 of some bytes in WARC's notation, `sha1:` and base 32.

    >>> warc_digest(b"")
    'sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ'
    """
    sha1 = hashlib.sha1(usedforsecurity=False)
    for part in parts:
        sha1.update(part)
    return "sha1:" + base64.b32encode(sha1.digest()).decode()


@dataclass(frozen=True, slots=True)
class RecordLocation:
    """The place of a WARC record: its file, relative to the database or absolute, with offset and length in bytes.

    `digest` is the payload's by the record's row, where that is known.
    """

    file: str
    offset: int
    length: int
    digest: str = ""


LOCATION_COLUMNS = """c.warc_file, c.warc_offset, c.warc_length, c.payload_digest,
        o.warc_file, o.warc_offset, o.warc_length, o.payload_digest"""
"""Columns of a capture `c` and of the capture `o` that it may refer to, for `record_locations`."""


def record_locations(values: Sequence[Any]) -> tuple[RecordLocation, RecordLocation | None]:
    """Return the place of a record, and for a revisit that of the record with its body, from `LOCATION_COLUMNS`."""
    return RecordLocation(*values[:4]), None if values[4] is None else RecordLocation(*values[4:])


@dataclass(frozen=True, slots=True)
class Capture:
    """A fetch of a URL and its response. `fetched_at` is UTC ISO 8601; `payload_length` is in bytes after decoding.

    `directives` are its robots directives (header and meta), `robots_id` the row of the robots.txt in force when it was
    requested, `usage_stated` the usage preferences as its headers and that file state them. `warc_file`, `warc_offset`
    and `warc_length` (in bytes) say where its record lies; the file is relative to the database or absolute. `raw` are
    the bytes that went over the connection: with them, the archive computes the digest from the body and writes the
    record itself. `record_faults` are words of `output/raw/imported_records.py`. `etag` and `last_modified` are the
    response headers that a conditional request needs. `rendered_for` is the URL of the page for which a browser asked
    for it; of a document that the browser made, its own URL.
    """

    url: str
    fetched_at: str
    http_status: int
    final_url: str = ""
    content_type: str = ""
    payload_digest: str = ""
    payload_length: int = 0
    directives: tuple[str, ...] = ()
    usage_stated: tuple[str, ...] = ()
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
    rendered_for: str = ""

    @property
    def id(self) -> int:
        """Return the id of the capture: 53 bits, the same in every archive."""
        hashed_time = self.fetched_at.replace("Z", "+00:00")  # as version 1 wrote it, so that ids last
        return content_id(self.url, hashed_time, self.payload_digest)
