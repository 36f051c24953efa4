"""Merging an archive into another: idempotent, incremental, a host's rows in one transaction.

Rows are joined by what they are about: URLs by URL, articles, captures and texts by their numbers, which come from the
content, reasons and cleaners by their words. Numbers that count in one file (URLs, pages) are given anew. Nothing is
settled here: the caller settles once, when all archives are in. A merge that is cut off is finished by the same one.

The target remembers each archive that was merged into it. An archive without writes since then, whose WARC files and
their copies are unchanged, is not read again. Of one that has grown, unchanged WARC files are not compared again.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqlite_utils import Database

from ..archive.archive_file import archive_path, database_file
from ..archive.atomic_writes import sync_folder, write_transaction
from ..archive.stored_text import as_json
from ..archive.stored_values import STORE_FACT, stored_object, utc_now
from ..raw.erasure import erase_records
from ..raw.warc_files import put_file_lengths, read_away_files, write_pieces
from ..raw.warc_folders import MERGED_ENDING, claimed_folders, row_name, set_aside, sync_to_disk, unshare, warc_path
from ..write.takedowns import finish_takedowns, take_down
from .merged_rows import (
    add_user_columns,
    merge_captures,
    merge_corrections,
    merge_edits,
    merge_gone_histories,
    merge_pages,
    merge_pictures,
    merge_runs,
    merge_shared_rows,
    merge_takedowns,
    merge_urls,
    note_forgotten,
    note_hosts,
)
from .source_archive import SCHEMA_NAME, MergeConflict, SourceArchive, attached, give_identity, refuse_damage

_READ_STATE = "SELECT value FROM meta WHERE key = ?"

FileStates = Mapping[str, list[int]]
"""By the name of a copy: size and time (ns) of the original, then of the copy."""


class MergedState(NamedTuple):
    """An archive at the time of its merge: the stamp of its file, its WARC files, and their copies."""

    stamp: str
    files: FileStates


def read_merged_state(target: Database, source: SourceArchive) -> MergedState:
    """Read the state that the target remembers of an archive."""
    key = _key_of(source)
    row = target.execute(_READ_STATE, [key]).fetchone()
    values = stored_object(row[0], "meta", "value", key) if row else {}
    return MergedState(str(values.get("stamp", "")), dict(values.get("files", {})))


def file_states(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> FileStates:
    """Return the present WARC files of an archive and their copies; -1 as the length of missing files."""
    file = database_file(target)
    return {
        copy.target_name: [
            *_state_of(warc_path(source.file, copy.source_name)), *_state_of(warc_path(file, copy.target_name)),
        ]
        for copy in copies
    }  # fmt: skip


def _key_of(source: SourceArchive) -> str:
    return f"merged_archive {source.identity}"


def _state_of(path: Path) -> tuple[int, int]:
    if not path.is_file():
        return -1, -1
    status = path.stat()
    return status.st_size, status.st_mtime_ns


_COUNT = "SELECT count(*) FROM {}"


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The result of merging one archive: new URLs, stored pages, copied bytes of raw responses, and effective
    takedowns.

    Takedowns of the source count if they removed something here. `conflicts` are lines on corrections that differ.
    """

    file: Path
    new_urls: int
    stored_pages: int
    copied_bytes: int
    takedowns: int
    conflicts: tuple[str, ...] = ()

    @property
    def has_changed(self) -> bool:
        """Return whether the merge changed anything but counts."""
        return bool(self.new_urls or self.stored_pages or self.copied_bytes or self.takedowns)


def refuse_itself(path: str | Path, target: str | Path) -> None:
    """Raise MergeConflict if an archive is to be merged into itself."""
    if archive_path(path) == archive_path(target):
        raise MergeConflict(f"{path} cannot be merged into itself")


def refuse_damaged_source(target: Database, source: SourceArchive) -> None:
    """Raise ArchiveError if an archive is damaged. An archive that was merged in its present state is not
    read again.
    """
    if read_merged_state(target, source).stamp != source.stamp:
        refuse_damage(source.db, source.file)


def merge_source(
    target: Database,
    source: SourceArchive,
    clock: Callable[[], str] = utc_now,
    on_host: Callable[[str], None] | None = None,
) -> MergeResult:
    """Merge an archive into an open one that the caller owns. `on_host` is called before each host.

    The caller must have called `refuse_damaged_source` for all sources before the first merge.

    Raises ArchiveError, with nothing changed, if the archives contradict each other: one number for two texts, or one
    record with different bytes.
    """
    copies = plan_copies(target, source)
    merged_state = read_merged_state(target, source)
    states = file_states(target, source, copies)
    if merged_state == MergedState(source.stamp, states):
        return MergeResult(source.file, 0, 0, 0, 0)
    with attached(target, source):
        for copy in copies:
            if states[copy.target_name] != merged_state.files.get(copy.target_name):
                refuse_other_bytes(target, source, copy)
        url_count = _count(target, "main.urls")
        removing_count = merge_takedowns(target, clock)
        # Copied bytes count only after `put_file_rows`.
        copied_bytes = sum(_copy_file(source.file, target, copy) for copy in copies if copy.copied_length < copy.length)
        forgotten_urls, conflicts = _merge_shared(target, source, copies, clock)
        stored_count = _merge_hosts(target, source, clock, on_host)
        with write_transaction(target):
            merge_gone_histories(target)
            merge_edits(target)
            merge_pictures(target)
        for url in forgotten_urls:
            take_down(target, url, clock=clock, follows_redirects=False)
        finish_takedowns(target, clock)
        with write_transaction(target):
            state = {"stamp": source.stamp, "files": file_states(target, source, copies)}
            target.execute(STORE_FACT, [_key_of(source), as_json(state)])
        return MergeResult(
            source.file, _count(target, "main.urls") - url_count, stored_count, copied_bytes, removing_count, conflicts
        )


def _merge_shared(
    target: Database, source: SourceArchive, copies: list[WarcCopy], clock: Callable[[], str]
) -> tuple[list[str], tuple[str, ...]]:
    """Merge the rows that belong to no host, and all captures, since one may refer to a record of another host.

    Returns URLs that have to be taken down again, and the corrections on which the archives disagree.
    """
    with write_transaction(target):
        give_identity(target)
        put_places(target, source, copies)
        add_user_columns(target)
        merge_shared_rows(target, source)
        merge_runs(target)
        put_file_rows(target, copies)
        forgotten_urls = merge_captures(target)
        note_forgotten(target)
        conflicts = merge_corrections(target)
    note_copies(target, copies)
    erase_records(target, database_file(target), clock)
    return forgotten_urls, conflicts


def _merge_hosts(
    target: Database, source: SourceArchive, clock: Callable[[], str], on_host: Callable[[str], None] | None
) -> int:
    """Merge the URLs and pages of each host in a transaction of its own; return how many pages were stored."""
    stored_count = 0
    with write_transaction(target):
        hosts = note_hosts(target)
    for host in hosts:
        if on_host:
            on_host(host)
        with write_transaction(target):
            merge_urls(target, host)
            stored_count += merge_pages(target, source, host, clock)
    return stored_count


def _count(db: Database, table: str) -> int:
    return int(db.execute(_COUNT.format(table)).fetchone()[0])


# Copies of a source's WARC files beside the target, and of the rows that say where each capture's record is.
#
# A copy has the name of its original and a few digits of the digest of its first record, which no other file has:
# names cannot collide, and a file that has grown since is known again and only its new bytes are copied. Nothing else
# is ever appended to a copy.

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
    """A WARC file of the source and its copy: the names in rows, the bytes that the copy has and should have."""

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


def note_copies(target: Database, copies: Iterable[WarcCopy]) -> None:
    """Record the lengths of copies in the journal; call it after the transaction of `put_file_rows`."""
    folders = claimed_folders(target)
    for copy in copies:
        if folders.owns(copy.target_name):
            folders.note(copy.target_name, copy.length)


def put_file_rows(target: Database, copies: Iterable[WarcCopy]) -> None:
    """Store the lengths of copies. Runs in the caller's transaction."""
    put_file_lengths(target, ((copy.target_name, copy.length, copy.begun_at) for copy in copies))


def put_places(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> None:
    """Make the temporary table `merge_places`: for each WARC file that captures of the source name, its name here.

    Imported files stay where they are.
    """
    file = database_file(target)
    names = {copy.source_name: (copy.target_name, copy.copied_length) for copy in copies}
    imported = ((name, row_name(file, source.folder / name)) for (name,) in source.db.execute(_IMPORTED_FILES))
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
    """Read the first record of a file, a warcinfo of some hundred bytes; unpack it if it is a gzip member."""
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
    target_name = _copy_name(path)
    row = target.execute("SELECT length FROM _warc_files WHERE name = ?", [target_name]).fetchone()
    copied_length = max(int(row[0]) if row else 0, claimed_folders(target).committed(target_name))
    return WarcCopy(name, target_name, copied_length, length, begun_at)


def _copy_name(path: Path) -> str:
    """Return the name of a file's copy in rows. That of a copy of a copy does not grow."""
    with path.open("rb") if path.exists() else open(os.devnull, "rb") as stream:
        digits = hashlib.sha256(stream.read(_HEAD_BYTES)).hexdigest()[:_NAME_DIGITS]
    stem = path.name.removesuffix(".warc.gz").removesuffix(f"-{digits}")
    return f"{MERGED_ENDING}/{stem}-{digits}.warc.gz"


def refuse_other_bytes(target: Database, source: SourceArchive, copy: WarcCopy) -> None:
    """Compare the records that both archives have in a file, except those that a takedown overwrote.

    Raises MergeConflict if one differs.
    """
    if not copy.copied_length or (copy.copied_length, copy.source_name) == (copy.length, copy.target_name):
        return  # one file, as two states of an archive have it
    path = warc_path(database_file(target), copy.target_name)
    original = warc_path(source.file, copy.source_name)
    with path.open("rb") as copied, original.open("rb") as written:
        for url, offset, length in target.execute(_SHARED_SPANS, [copy.target_name, copy.source_name]):
            if _span(copied, offset, length) != _span(written, offset, length):
                raise MergeConflict(f"{original} and {path} differ in the record of {url}; nothing merged")


def _span(stream: BinaryIO, offset: int, length: int) -> bytes:
    return os.pread(stream.fileno(), length, offset)


def _copy_file(source: Path, target: Database, copy: WarcCopy) -> int:
    """Append the missing bytes to a copy; first set aside what an interrupted attempt left."""
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
