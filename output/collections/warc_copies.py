"""Copies of a source's WARC files beside the target, and of the rows that say where each capture's record is.

A copy has the name of its original and a few digits of the digest of its first record, which no other file has: names
cannot collide, and a file that has grown since is known again and only its new bytes are copied. Nothing else is
ever appended to a copy.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from sqlite_utils import Database

from ..archive.archive_file import database_file
from ..archive.atomic_writes import sync_folder
from ..raw.warc_files import put_file_lengths, read_away_files, write_pieces
from ..raw.warc_folders import MERGED_ENDING, claimed_folders, set_aside, sync_to_disk, unshare, warc_path
from .source_archive import SCHEMA_NAME, MergeConflict, SourceArchive

_HEAD_BYTES = 512  # of a file: its warcinfo record's random id is among them
_FIRST_RECORD_BYTES = 1 << 14  # more than the member that it is packed in has
_NAME_DIGITS = 8
_CHUNK = 1 << 20
_FILES = "SELECT name, length, begun_at FROM _warc_files ORDER BY name"
_IMPORTED_FILES = """SELECT DISTINCT warc_file FROM captures
    WHERE warc_file IS NOT NULL AND warc_file NOT IN (SELECT name FROM _warc_files)"""
_SHARED_SPANS = f"""SELECT t.url, t.warc_offset, t.warc_length FROM main.captures t
        JOIN {SCHEMA_NAME}.captures s ON s.id = t.id
    WHERE t.warc_file = ? AND s.warc_file = ? AND t.warc_length = s.warc_length"""


class WarcCopy(NamedTuple):
    """A WARC file of the source and its copy: both names, relative to their archives, the bytes that the copy has, and
    those that it should have.
    """

    source_name: str
    target_name: str
    copied_length: int
    length: int
    begun_at: str


def plan_copies(target: Database, source: SourceArchive) -> list[WarcCopy]:
    """Plan the copies that a merge needs, and change nothing.

    Raises MergeConflict if a file of the source is missing or short.
    """
    shared_names = _shared_names(target, source)
    rows = source.db.execute(_FILES).fetchall()
    copies = [_plan_copy(target, source, *row) for row in rows if row[0] not in shared_names]
    shared_copies = [WarcCopy(name, name, length, length, at) for name, length, at in rows if name in shared_names]
    return [copy for copy in (*copies, *shared_copies) if copy.length]


def copy_bytes(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> int:
    """Copy what is new, and have the disk confirm it; return how many bytes. `put_file_rows` makes them count."""
    return sum(_copy_file(source.file, target, copy) for copy in copies if copy.copied_length < copy.length)


def note_copies(target: Database, copies: Iterable[WarcCopy]) -> None:
    """Note in the journal how far copies reach; to be called after the transaction of `put_file_rows`."""
    folders = claimed_folders(target)
    for copy in copies:
        if folders.owns(copy.target_name):
            folders.note(copy.target_name, copy.length)


def put_file_rows(target: Database, copies: Iterable[WarcCopy]) -> None:
    """State the lengths of copies. Runs in the caller's transaction."""
    put_file_lengths(target, ((copy.target_name, copy.length, copy.begun_at) for copy in copies))


def put_places(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> None:
    """Make the temporary table `merge_places`: for each WARC file that captures of the source name, its name here.

    Imported files stay where they are.
    """
    folder = database_file(target).parent
    names = {copy.source_name: (copy.target_name, copy.copied_length) for copy in copies}
    imported = ((name, _name_from(folder, source.folder / name)) for (name,) in source.db.execute(_IMPORTED_FILES))
    rows = [*((name, *place) for name, place in names.items()), *((name, place, None) for name, place in imported)]
    target.execute("DROP TABLE IF EXISTS temp.merge_places")
    target.execute("CREATE TEMP TABLE merge_places (source_name TEXT PRIMARY KEY, name TEXT NOT NULL, copied INTEGER)")
    target.conn.executemany("INSERT INTO merge_places (source_name, name, copied) VALUES (?, ?, ?)", rows)


def _shared_names(target: Database, source: SourceArchive) -> set[str]:
    """Return the files that both archives have under one name, as two states of one archive do: nothing of them is
    copied.
    """
    file = database_file(target)
    away_files, source_away = read_away_files(file), read_away_files(source.file)
    lengths = {name: length for name, length, _ in target.execute(_FILES).fetchall()}
    return {
        name
        for name, length, _ in source.db.execute(_FILES).fetchall()
        if lengths.get(name) == length
        and (
            away_files[name] == source_away.get(name)
            if name in away_files
            else _has_same_head(warc_path(file, name), warc_path(source.file, name))
        )
    }


def _has_same_head(path: Path, other_path: Path) -> bool:
    """Return whether both files exist and begin with the same record; its id is random, and later records may be
    erased.
    """
    return path.is_file() and other_path.is_file() and _first_record(path) == _first_record(other_path)


def _first_record(path: Path) -> bytes:
    """Read the first record of a file, a warcinfo of some hundred bytes; as it is if it is no gzip member."""
    with path.open("rb") as stream:
        head = stream.read(_FIRST_RECORD_BYTES)
    try:
        return zlib.decompressobj(wbits=31).decompress(head)
    except zlib.error:
        return head


def _plan_copy(target: Database, source: SourceArchive, name: str, length: int, begun_at: str) -> WarcCopy:
    path = warc_path(source.file, name)
    actual_length = path.stat().st_size if path.is_file() else 0
    if actual_length < length:
        raise MergeConflict(f"{path} is missing or shorter than {source.file} says; nothing merged")
    target_name = _copy_name(database_file(target), path)
    row = target.execute("SELECT length FROM _warc_files WHERE name = ?", [target_name]).fetchone()
    copied_length = max(int(row[0]) if row else 0, claimed_folders(target).committed(target_name))
    return WarcCopy(name, target_name, copied_length, length, begun_at)


def _copy_name(database: Path, path: Path) -> str:
    """Return the name of a file's copy, relative to the target. That of a copy of a copy does not grow."""
    with path.open("rb") if path.exists() else open(os.devnull, "rb") as stream:
        digits = hashlib.sha256(stream.read(_HEAD_BYTES)).hexdigest()[:_NAME_DIGITS]
    stem = path.name.removesuffix(".warc.gz").removesuffix(f"-{digits}")
    return f"{database.name}{MERGED_ENDING}/{stem}-{digits}.warc.gz"


def refuse_other_bytes(target: Database, source: SourceArchive, copy: WarcCopy) -> None:
    """Compare the records that both archives have in a file; what was taken down in one has been written over there.

    Raises MergeConflict if one differs.
    """
    if not copy.copied_length or copy.source_name == copy.target_name:  # one file, as two states of an archive have it
        return
    path = warc_path(database_file(target), copy.target_name)
    original = warc_path(source.file, copy.source_name)
    with path.open("rb") as copied, original.open("rb") as written:
        for url, offset, length in target.execute(_SHARED_SPANS, [copy.target_name, copy.source_name]):
            if _span(copied, offset, length) != _span(written, offset, length):
                raise MergeConflict(f"{original} and {path} differ in the record of {url}; nothing merged")


def _span(stream: BinaryIO, offset: int, length: int) -> bytes:
    return os.pread(stream.fileno(), length, offset)


def _copy_file(source: Path, target: Database, copy: WarcCopy) -> int:
    """Append what a copy lacks; what an earlier attempt left behind its committed bytes is set aside first."""
    path = warc_path(database_file(target), copy.target_name)
    claimed_folders(target).begin(copy.target_name)
    if path.is_file():
        unshare(path)
        set_aside(path, copy.copied_length)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        offset = copy.copied_length
        for chunk in _chunks(warc_path(source, copy.source_name), offset, copy.length):
            offset += sum(write_pieces(fd, chunk, offset))
        sync_to_disk(fd)
    finally:
        os.close(fd)
    sync_folder(path.parent)
    return copy.length - copy.copied_length


def _chunks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(start)
        for position in range(start, end, _CHUNK):
            yield stream.read(min(_CHUNK, end - position))


def _name_from(folder: Path, path: Path) -> str:
    """Return the name of a file in `captures.warc_file`: relative where it lies below the archive's folder."""
    resolved = Path(os.path.normpath(path))
    return str(PurePosixPath(resolved.relative_to(folder))) if resolved.is_relative_to(folder) else str(resolved)
