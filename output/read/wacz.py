"""Raw responses as one WACZ file (Web Archive Collection Zipped, 1.1.1), which replay tools open as it is.

The members of the ZIP are not compressed. They are:

- the WARC files up to their committed lengths,
- an index of them (CDXJ in gzip members of some lines each) and an index of those (ZipNum),
- the pages with their titles,
- a data package that lists every member with its digest.

The index is sorted by SURT, the Sort-friendly URI Reordering Transform: `https://www.Example.org:8080/A/?b=2&a=1` →
`org,example:8080)/a?a=1&b=2`. The rules are those of the Internet Archive's Wayback Machine, by which pywb looks up:
percent escapes are undone and only the necessary ones made again, doubled slashes folded, dot segments resolved, and
session ids left out.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote_to_bytes

from sqlite_utils import Database

from ..archive.archive_file import database_file
from ..archive.stored_values import utc_now
from ..raw.stored_credentials import FileSpan, file_spans, redacted_span
from ..raw.warc_folders import warc_path
from ..raw.warc_reader import RecordError, parse_record, row_mismatch

_URL = re.compile(r"(https?):/{2,}([^/?#]*)([^?#]*)(?:\?([^#]*))?", re.IGNORECASE | re.DOTALL)
_PORT = re.compile(r":(\d*)$")
_LINE_ENDS = str.maketrans("", "", "\t\r\n")
_WWW = re.compile(rb"^www\d*\.")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TO_ESCAPE = re.compile(rb"[\x00-\x20#%\x7f-\xff]")
_DECIMAL_ADDRESS = re.compile(r"[0-9]{1,10}")
_SESSION_FOLDERS = (
    rb"(?<=/)\((?:[a-z]\([0-9a-z]{24}\))+\)/(?=[^?]+\.aspx)",
    rb"(?<=/)\([0-9a-z]{24}\)/(?=[^?]+\.aspx)",
)
_SESSION_ARGUMENTS = (
    rb"jsessionid=[0-9a-z]{32}(?:&|$)",
    rb"phpsessid=[0-9a-z]{32}(?:&|$)",
    rb"sid=[0-9a-z]{32}(?:&|$)",
    rb"aspsessionid[a-z]{8}=[a-z]{24}(?:&|$)",
    rb"cfid=[^&]+&cftoken=[^&]+(?:&|$)",
)


def surt(url: str) -> str:
    """Return the URL's sort key in a CDXJ index; a URL of another scheme is its own key.

    >>> surt("https://www.Example.org:8080/A/?b=2&a=1")
    'org,example:8080)/a?a=1&b=2'
    """
    match = _URL.match(url.strip().translate(_LINE_ENDS))
    if match is None:
        return url
    scheme, authority, path, query = match.groups()
    host, port = _host_and_port(authority.rpartition("@")[2], scheme.lower())
    return f"{host}{port}){_path_key(path)}{_query_key(query or '')}"


def _host_and_port(authority: str, scheme: str) -> tuple[str, str]:
    port_match = _PORT.search(authority)
    number = int(port_match[1] or 0) if port_match else 0
    name = authority[: port_match.start()] if port_match else authority
    host = _WWW.sub(b"", _host_bytes(name))
    port = f":{number}" if number and number != _DEFAULT_PORTS[scheme] else ""
    return ",".join(reversed(_escape(host).split("."))), port


def _host_bytes(name: str) -> bytes:
    """Return the host's name in lower case, international ones as DNS has them, a number as the address that it stands
    for.
    """
    host = _unescape(name.strip("[]"))
    with suppress(UnicodeError):  # such a host stays unchanged
        host = host.decode("utf-8").encode("idna")
    host = re.sub(rb"\.{2,}", b".", host).strip(b".").lower()
    if _DECIMAL_ADDRESS.fullmatch(host.decode("latin-1")) and int(host) < 1 << 32:
        return str(IPv4Address(int(host))).encode()
    return host


def _path_key(path: str) -> str:
    segments = _unescape(path).removeprefix(b"/").split(b"/")
    folded_path = b"/" + b"/".join(segment for segment in _resolved_segments(segments) if segment)
    return _escape(_without_sessions(folded_path, _SESSION_FOLDERS)).lower()


def _resolved_segments(segments: Iterable[bytes]) -> list[bytes]:
    """Return the segments of a path without dots; `..` takes the one before it along, also an empty one, and stays
    where none is.
    """
    resolved: list[bytes] = []
    for segment in segments:
        if segment == b".." and resolved:
            resolved.pop()
        elif segment != b".":
            resolved.append(segment)
    return resolved


def _query_key(query: str) -> str:
    kept_query = _without_sessions(_escape(_unescape(query)).encode("ascii"), _SESSION_ARGUMENTS)
    if not kept_query:
        return ""
    arguments = kept_query.decode("ascii").lower().split("&")
    return "?" + "&".join(sorted(arguments, key=lambda argument: argument.split("=", 1)))


def _without_sessions(data: bytes, patterns: Iterable[bytes]) -> bytes:
    """Return a path or a query without the last session id of each pattern."""
    for pattern in patterns:
        if match := re.match(rb"(.*)" + pattern, data, re.IGNORECASE | re.DOTALL):
            data = data[: match.end(1)] + data[match.end() :]
    return data


def _unescape(text: str) -> bytes:
    """Return the bytes of a text with all percent escapes undone, also those that come out of others."""
    data = text.encode("utf-8", "surrogatepass")
    while (unescaped := unquote_to_bytes(data)) != data:
        data = unescaped
    return data


def _escape(data: bytes) -> str:
    return _TO_ESCAPE.sub(lambda match: b"%%%02X" % match[0][0], data).decode("ascii")


_VERSION = "1.1.1"
_LINES_PER_MEMBER = 1024  # of the index in one gzip member
_REDACTION_ROOM = 16  # a file without credentials may be larger by this fraction (1/N)
# A 304 has no page to show, and replay tools show the latest entry of a URL.
_INDEX = """SELECT c.final_url, c.fetched_at, c.http_status, c.content_type, c.payload_digest, c.refers_to,
        c.warc_offset, c.warc_length, c.warc_file
    FROM captures c JOIN _warc_files f ON f.name = c.warc_file WHERE c.http_status IS NOT 304"""
_ROWS = "SELECT warc_offset, final_url, fetched_at, payload_digest FROM captures WHERE warc_file = ?"
_PAGES = """SELECT c.id, c.final_url, c.fetched_at, p.title, c.warc_file, c.warc_offset
    FROM pages p JOIN captures c ON c.id = p.capture_id
        JOIN _warc_files f ON f.name = c.warc_file
    WHERE c.http_status = 200 ORDER BY c.fetched_at, c.id"""
_START = """SELECT c.final_url, c.fetched_at FROM urls u JOIN captures c ON c.url = u.url
        JOIN _warc_files f ON f.name = c.warc_file
    WHERE u.found_via = 'seed' AND c.http_status = 200 ORDER BY c.fetched_at LIMIT 1"""


_Offsets = dict[tuple[str, int], int]
"""By a WARC file's name and the offset of a record in it: the offset in the copy."""


class MissingWarcError(Exception):
    """A WARC file that the archive names is missing or too short; the message names it in one line."""


@dataclass(slots=True)
class WaczContent:
    """The captures in a WACZ, and a line for each record that was left out because it does not match its row."""

    captures: int = 0
    left_out: list[str] = field(default_factory=list)


def export_wacz(db: Database, target: Path | BinaryIO, *, keeps_credentials: bool = False) -> WaczContent:
    """Write the archive's raw responses to a new file. A skipped record takes the bytes up to the next one with it.

    An open file must be seekable. Stored credentials in requests are replaced, unless `keeps_credentials` is set.
    """
    offsets: _Offsets = {}
    content = WaczContent()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as zip_file:
        package = _Package(zip_file)
        for name, length in db.execute(
            "SELECT name, length FROM _warc_files WHERE length > 0 ORDER BY name"
        ).fetchall():
            file = _CommittedFile(warc_path(database_file(db), name), name, length)
            checked = _checked_spans(db, file, content.left_out)
            warc_pieces = _warc_pieces(file, checked, offsets, keeps_credentials=keeps_credentials)
            package.add(f"archive/{PurePosixPath(name).name}", warc_pieces, length + length // _REDACTION_ROOM)
        lines = _index_lines(db, offsets)
        package.add_index(lines)
        package.add("pages/pages.jsonl", _page_lines(db, offsets))
        description: dict[str, object] = {"created": utc_now(), "software": "Broadsheet"}
        for url, fetched_at in db.execute(_START):
            description |= {"title": url, "mainPageUrl": url, "mainPageDate": fetched_at}
        package.close(description)
    content.captures = len(offsets)
    return content


class _Package:
    """A ZIP file, and the list of its members for the data package."""

    def __init__(self, zip_file: zipfile.ZipFile) -> None:
        self._zip_file = zip_file
        self._resources: list[dict[str, object]] = []

    def add(self, path: str, pieces: Iterable[bytes], stated_size: int = 0) -> None:
        """Add a member, written piece by piece. One that may be larger than 2 GiB has to state its size in bytes.

        Readers look for fields of ZIP64 in a member's own header only where the directory has some too, and the
        directory has them only where they are needed.
        """
        sha256, size = hashlib.sha256(), 0
        with self._zip_file.open(path, "w", force_zip64=stated_size > zipfile.ZIP64_LIMIT) as member:
            for piece in pieces:
                member.write(piece)
                sha256.update(piece)
                size += len(piece)
        name = re.sub(r"[^a-z0-9._-]+", "-", PurePosixPath(path).name.lower())
        self._resources.append({"name": name, "path": path, "hash": f"sha256:{sha256.hexdigest()}", "bytes": size})

    def add_index(self, lines: list[str]) -> None:
        """Add the CDXJ lines in gzip members, and the index of those."""
        members, member_lines = [], ['!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}\n']
        offset = 0
        for start in range(0, len(lines), _LINES_PER_MEMBER):
            member = gzip.compress("".join(lines[start : start + _LINES_PER_MEMBER]).encode(), mtime=0)
            key = " ".join(lines[start].split(" ", 2)[:2])
            entry = {"offset": offset, "length": len(member), "digest": f"sha256:{hashlib.sha256(member).hexdigest()}"}
            member_lines.append(f"{key} {json.dumps(entry)}\n")
            members.append(member)
            offset += len(member)
        self.add("indexes/index.cdx.gz", members)
        self.add("indexes/index.idx", ["".join(member_lines).encode()])

    def close(self, description: dict[str, object]) -> None:
        """Add the data package, and its digest."""
        text = json.dumps(
            {"profile": "data-package", "wacz_version": _VERSION, **description, "resources": self._resources}, indent=2
        )
        self._zip_file.writestr("datapackage.json", text)
        digest = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"}
        self._zip_file.writestr("datapackage-digest.json", json.dumps(digest))


class _CommittedFile(NamedTuple):
    """A WARC file, named as table `_warc_files` does, and the length in bytes that was committed to it."""

    path: Path
    name: str
    length: int


def _warc_pieces(
    file: _CommittedFile, spans: Iterable[tuple[FileSpan, bytes]], offsets: _Offsets, *, keeps_credentials: bool
) -> Iterator[bytes]:
    """Yield the bytes of a WARC file's spans, unless it `keeps_credentials` without those between captures' records.

    `offsets` learns where each capture's record comes to stand. Raises MissingWarcError if the file cannot be read.
    """
    written_length = 0
    try:
        for span, data in spans:
            if span.is_capture:
                offsets[file.name, span.offset] = written_length
            piece = data if span.is_capture or keeps_credentials else redacted_span(data)
            written_length += len(piece)
            yield piece
    except OSError as error:
        raise MissingWarcError(f"{file.path}: {error.strerror}") from error


def _checked_spans(db: Database, file: _CommittedFile, left_out: list[str]) -> Iterator[tuple[FileSpan, bytes]]:
    """Yield the committed spans of a WARC file with their bytes; `left_out` gets a line for each that is not the row's.

    Records without a row go with the capture before them, those at the file's start with the first one.
    """
    if missing_length := max(0, file.length - file.path.stat().st_size):
        raise MissingWarcError(f"{file.path} is {missing_length:,} bytes shorter than what was committed to it")
    rows = {offset: tuple(row) for offset, *row in db.execute(_ROWS, [file.name])}
    head: list[tuple[FileSpan, bytes]] = []
    is_ours = False
    with file.path.open("rb") as stream:
        for span in file_spans(db, file.name, file.length):
            stream.seek(span.offset)
            data = stream.read(span.length)
            if span.is_capture:
                mismatches = _mismatches(data, rows[span.offset], f"{file.name} at {span.offset}")
                left_out += mismatches
                is_ours = not mismatches
            elif not span.offset:
                head = [(span, data)]
            if is_ours:
                yield from head
                head = []
                yield span, data


def _mismatches(data: bytes, row: tuple[str, str, str], location: str) -> list[str]:
    try:
        return list(row_mismatch(parse_record(data, location), *row, location))
    except RecordError as error:
        return [f"{row[0]}: {error}"]


def _index_lines(db: Database, offsets: _Offsets) -> list[str]:
    """Return a CDXJ line for each page of `offsets`, which says where its record stands now, sorted by bytes."""
    lines = (_index_line(row, offsets) for row in db.execute(_INDEX) if (row[8], row[6]) in offsets)
    return sorted(lines, key=str.encode)


def _index_line(row: tuple[str, str, int, str, str, int | None, int, int, str], offsets: _Offsets) -> str:
    url, fetched_at, status, content_type, digest, refers_to, offset, length, file = row
    entry = {
        "url": url,
        "mime": "warc/revisit" if refers_to is not None else content_type.partition(";")[0].strip().lower() or "unk",
        "status": str(status),
        "digest": digest,
        "length": str(length),
        "offset": str(offsets[file, offset]),
        "filename": PurePosixPath(file).name,
    }
    return f"{surt(url)} {_index_time(fetched_at)} {json.dumps(entry)}\n"


def _page_lines(db: Database, offsets: _Offsets) -> Iterator[bytes]:
    """Yield the lines of `pages.jsonl`: its header, then a page each whose record is in `offsets`."""
    yield b'{"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}\n'
    for capture_id, url, fetched_at, title, *place in db.execute(_PAGES):
        if tuple(place) not in offsets:
            continue
        page = {"id": str(capture_id), "url": url, "ts": fetched_at, "title": title or url}
        yield json.dumps(page).encode() + b"\n"


def _index_time(time: str) -> str:
    """Return an ISO 8601 time as CDXJ holds it: YYYYMMDDhhmmss."""
    return "".join(filter(str.isdigit, time[:19]))
