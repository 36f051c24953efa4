"""What a target remembers of an archive that was merged into it, so that the same is not read and compared again.

An archive that was not written to since, and whose WARC files and their copies are as they were, has nothing new. Of
one that has grown, WARC files that are as they were are not compared again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.db.open import database_file
from broadsheet.output.db.stored_values import stored_object
from broadsheet.output.db.text import as_json
from broadsheet.output.merge.source_archive import SourceArchive
from broadsheet.output.merge.warc_copies import WarcCopy
from broadsheet.output.raw.warc_files import warc_path

_READ = "SELECT value FROM meta WHERE key = ?"
_WRITE = """INSERT INTO meta (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value"""

FileStates = Mapping[str, list[int]]
"""By the name of a copy: size and time (ns) of the original, then of the copy."""


@dataclass(frozen=True, slots=True)
class MergedState:
    """An archive as it was when it was merged: the stamp of its file, and its WARC files and their copies."""

    stamp: str
    files: FileStates


def read_merged_state(target: Database, source: SourceArchive) -> MergedState:
    """What the target remembers of an archive."""
    key = _key_of(source)
    row = target.execute(_READ, [key]).fetchone()
    values = stored_object(row[0], "meta", "value", key) if row else {}
    return MergedState(str(values.get("stamp", "")), dict(values.get("files", {})))


def write_merged_state(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> None:
    """Remember an archive as it is now. Runs in the caller's transaction, the last of a merge."""
    state = {"stamp": source.stamp, "files": file_states(target, source, copies)}
    target.execute(_WRITE, [_key_of(source), as_json(state)])


def file_states(target: Database, source: SourceArchive, copies: Iterable[WarcCopy]) -> FileStates:
    """The WARC files of an archive and their copies as they are now; -1 for what is not there."""
    folder = database_file(target).parent
    return {
        copy.target_name: [
            *_state_of(warc_path(source.folder, copy.source_name)), *_state_of(warc_path(folder, copy.target_name)),
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
