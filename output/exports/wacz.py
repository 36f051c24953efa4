"""The raw responses as one WACZ file (Web Archive Collection Zipped, 1.1.1), which replay tools open as it is.

A ZIP whose members are not packed again: the WARC files as far as they are committed, an index of them (CDXJ in gzip
members of some lines each, and an index of those: ZipNum), the pages with their titles, and a data package that lists
everything with its digest.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from sqlite_utils import Database

from output.db.clock import utc_now
from output.db.open import file_of
from output.exports.surt import surt
from output.raw.warc_files import own_file
from output.raw.warc_records import warc_date

_VERSION = "1.1.1"
_LINES = 1024  # of the index in one gzip member
_STEP = 1 << 20  # bytes copied at a time
_INDEX = """SELECT c.final_url, c.fetched_at, c.http_status, c.content_type, c.payload_digest, c.refers_to,
        c.warc_offset, c.warc_length, c.warc_file
    FROM captures c JOIN warc_files f ON f.name = c.warc_file"""
_PAGES = """SELECT c.id, c.final_url, c.fetched_at, p.title FROM pages p JOIN captures c ON c.id = p.capture_id
        JOIN warc_files f ON f.name = c.warc_file
    WHERE c.http_status = 200 ORDER BY c.fetched_at, c.id"""
_START = """SELECT c.final_url, c.fetched_at FROM urls u JOIN captures c ON c.url = u.url
        JOIN warc_files f ON f.name = c.warc_file
    WHERE u.found_via = 'seed' AND c.http_status = 200 ORDER BY c.fetched_at LIMIT 1"""


class MissingWarcError(Exception):
    """A WARC file that the archive names is not there, or too short; the message says which, in one line."""


def export_wacz(db: Database, target: Path) -> int:
    """Write the archive's raw responses to a new file and return how many captures it holds."""
    folder = file_of(db).parent
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as packed:
        package = _Package(packed)
        for name, length in db.execute("SELECT name, length FROM warc_files WHERE length > 0 ORDER BY name").fetchall():
            package.add(f"archive/{PurePosixPath(name).name}", _committed(own_file(folder, name), length))
        lines = _index_lines(db)
        package.add_index(lines)
        package.add("pages/pages.jsonl", _page_lines(db))
        package.close(_about(db))
    return len(lines)


class _Package:
    """A ZIP that notes what it holds."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._resources: list[dict[str, object]] = []

    def add(self, path: str, pieces: Iterable[bytes]) -> None:
        """Add a member."""
        summed, size = hashlib.sha256(), 0
        with self._packed.open(path, "w", force_zip64=True) as member:
            for piece in pieces:
                member.write(piece)
                summed.update(piece)
                size += len(piece)
        name = re.sub(r"[^a-z0-9._-]+", "-", PurePosixPath(path).name.lower())
        self._resources.append({"name": name, "path": path, "hash": f"sha256:{summed.hexdigest()}", "bytes": size})

    def add_index(self, lines: list[str]) -> None:
        """Add an index and the index of its members."""
        members, heads = [], ['!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}\n']
        offset = 0
        for at in range(0, len(lines), _LINES):
            member = gzip.compress("".join(lines[at : at + _LINES]).encode(), mtime=0)
            key = " ".join(lines[at].split(" ", 2)[:2])
            place = {"offset": offset, "length": len(member), "digest": f"sha256:{hashlib.sha256(member).hexdigest()}"}
            heads.append(f"{key} {json.dumps(place)}\n")
            members.append(member)
            offset += len(member)
        self.add("indexes/index.cdx.gz", members)
        self.add("indexes/index.idx", ["".join(heads).encode()])

    def close(self, about: dict[str, object]) -> None:
        """Add the list of members, and its digest."""
        text = json.dumps(
            {"profile": "data-package", "wacz_version": _VERSION, **about, "resources": self._resources}, indent=2
        )
        self._packed.writestr("datapackage.json", text)
        digest = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"}
        self._packed.writestr("datapackage-digest.json", json.dumps(digest))


def _committed(path: Path, length: int) -> Iterator[bytes]:
    """The first bytes of a file; what is after them was never committed."""
    try:
        with path.open("rb") as stream:
            while length and (piece := stream.read(min(_STEP, length))):
                length -= len(piece)
                yield piece
    except OSError as error:
        raise MissingWarcError(f"{path}: {error.strerror}") from error
    if length:
        raise MissingWarcError(f"{path} is {length:,} bytes shorter than what was committed to it")


def _index_lines(db: Database) -> list[str]:
    """A CDXJ line for each capture, sorted as bytes are."""
    return sorted(map(_index_line, db.execute(_INDEX)), key=str.encode)


def _index_line(row: tuple[str, str, int, str, str, int | None, int, int, str]) -> str:
    url, at, status, kind, digest, refers_to, offset, length, file = row
    said = {
        "url": url,
        "mime": "warc/revisit" if refers_to is not None else kind.partition(";")[0].strip().lower() or "unk",
        "status": str(status),
        "digest": digest,
        "length": str(length),
        "offset": str(offset),
        "filename": PurePosixPath(file).name,
    }
    return f"{surt(url)} {_digits(at)} {json.dumps(said)}\n"


def _page_lines(db: Database) -> Iterator[bytes]:
    yield b'{"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}\n'
    for number, url, at, title in db.execute(_PAGES):
        page = {"id": str(number), "url": url, "ts": warc_date(at), "title": title or url}
        yield json.dumps(page).encode() + b"\n"


def _about(db: Database) -> dict[str, object]:
    """The package's own description."""
    found: dict[str, object] = {"created": warc_date(utc_now()), "software": "Broadsheet"}
    for url, at in db.execute(_START):
        found |= {"title": url, "mainPageUrl": url, "mainPageDate": warc_date(at)}
    return found


def _digits(at: str) -> str:
    """A time as index keys hold it: YYYYMMDDhhmmss."""
    return "".join(filter(str.isdigit, at[:19]))
