"""Merging an archive into another: idempotent, incremental, a host's rows in one transaction.

Rows are joined by what they are about: URLs by URL, articles, captures and texts by their numbers, which come from the
content, reasons and cleaners by their words. Numbers that count in one file (URLs, pages) are given anew. Nothing is
settled here: the caller settles once, when all archives are in. A merge that is cut off is finished by the same one.

The target remembers each archive that was merged into it. An archive without writes since then, whose WARC files and
their copies are unchanged, is not read again. Of one that has grown, unchanged WARC files are not compared again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.archive_file import archive_path, database_file
from ..archive.atomic_writes import write_transaction
from ..archive.stored_text import as_json
from ..archive.stored_values import STORE_FACT, stored_object, utc_now
from ..raw.erasure import erase_records
from ..raw.warc_folders import warc_path
from ..write.takedowns import erase_remains, take_down
from .merged_pages import add_user_columns, merge_edits, merge_gone_histories, merge_pages
from .merged_rows import (
    merge_captures,
    merge_corrections,
    merge_pictures,
    merge_runs,
    merge_shared_rows,
    merge_takedowns,
    merge_urls,
    note_forgotten,
    note_hosts,
)
from .source_archive import (
    MergeConflict,
    SourceArchive,
    attached,
    give_identity,
    open_source,
    refuse_damage,
)
from .warc_copies import (
    WarcCopy,
    copy_bytes,
    note_copies,
    plan_copies,
    put_file_rows,
    put_places,
    refuse_other_bytes,
)

_READ_STATE = "SELECT value FROM meta WHERE key = ?"

FileStates = Mapping[str, list[int]]
"""By the name of a copy: size and time (ns) of the original, then of the copy."""


class MergedState(NamedTuple):
    """An archive as it was when it was merged: the stamp of its file, and its WARC files and their copies."""

    stamp: str
    files: FileStates


def read_merged_state(target: Database, source: SourceArchive) -> MergedState:
    """Read the state that the target remembers of an archive."""
    key = _key_of(source)
    row = target.execute(_READ_STATE, [key]).fetchone()
    values = stored_object(row[0], "meta", "value", key) if row else {}
    return MergedState(str(values.get("stamp", "")), dict(values.get("files", {})))


def write_merged_state(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> None:
    """Remember an archive as it is now. Runs in the caller's transaction, the last of a merge."""
    state = {"stamp": source.stamp, "files": file_states(target, source, copies)}
    target.execute(STORE_FACT, [_key_of(source), as_json(state)])


def file_states(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> FileStates:
    """Return the WARC files of an archive and their copies as they are now; -1 for what is not there."""
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
        """Return whether anything but counts came in."""
        return bool(self.new_urls or self.stored_pages or self.copied_bytes or self.takedowns)


def merge_archive(
    target: Database,
    path: str | Path,
    clock: Callable[[], str] = utc_now,
    on_host: Callable[[str], None] | None = None,
) -> MergeResult:
    """Merge the archive at `path` into an open one; see `merge_source`.

    ArchiveError, with nothing changed, also if a crawl owns the archive, or if it is of another schema or damaged.
    """
    refuse_itself(path, database_file(target))
    with open_source(path) as source:
        refuse_damaged_source(target, source)
        return merge_source(target, source, clock, on_host)


def refuse_itself(path: str | Path, target: str | Path) -> None:
    """Raise MergeConflict if an archive is to be merged into itself."""
    if archive_path(path) == archive_path(target):
        raise MergeConflict(f"{path} cannot be merged into itself")


def refuse_damaged_source(target: Database, source: SourceArchive) -> None:
    """Raise ArchiveError if an archive is damaged, unless it was merged as it is now: then it is not read."""
    if read_merged_state(target, source).stamp != source.stamp:
        refuse_damage(source.db, source.file)


def merge_source(
    target: Database,
    source: SourceArchive,
    clock: Callable[[], str] = utc_now,
    on_host: Callable[[str], None] | None = None,
) -> MergeResult:
    """Merge an archive into an open one, whose owner the caller is. `on_host` hears of each host before.

    The caller has called `refuse_damaged_source` for each source, before the first of them was merged.

    ArchiveError, with nothing changed, if it contradicts this one: the same number for two texts, the same record with
    other bytes.
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
        copied_bytes = copy_bytes(target, source, copies)
        forgotten_urls, conflicts = _merge_shared(target, source, copies, clock)
        stored_count = _merge_hosts(target, source, clock, on_host)
        _finish(target, forgotten_urls, clock)
        if removing_count:
            erase_remains(target)
        with write_transaction(target):
            write_merged_state(target, source, copies)
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


def _finish(target: Database, forgotten_urls: Iterable[str], clock: Callable[[], str]) -> None:
    """Merge what needs all hosts: edits, histories of articles that neither archive has, and takedowns."""
    with write_transaction(target):
        merge_gone_histories(target)
        merge_edits(target)
        merge_pictures(target)
        target.execute("DELETE FROM _earlier_signatures")  # what replaced these pages was no run of this archive
    for url in forgotten_urls:
        take_down(target, url, clock=clock)


def _count(db: Database, table: str) -> int:
    return int(db.execute(_COUNT.format(table)).fetchone()[0])
