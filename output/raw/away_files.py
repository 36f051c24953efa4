"""WARC files of an archive that are not beside it: a list, in a file beside it, of what lies in a store.

Such a file is complete. Nothing is appended to it, a payload that it holds is not stored again, and what is to be
erased in it waits until the file is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from broadsheet.output.db.errors import NotAnArchive
from broadsheet.output.raw.whole_file import whole_file

AWAY_ENDING = ".away"
"""Appended to an archive's name for the list."""


@dataclass(frozen=True, slots=True)
class AwayFile:
    """A WARC file by its name relative to the archive, its length in bytes, its SHA-256 in hexadecimal digits, and the
    key of its bytes in the store."""

    name: str
    length: int
    sha256: str
    key: str

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Self:
        """A file as JSON lists it. KeyError, ValueError or TypeError if it is none."""
        return cls(str(values["name"]), int(str(values["length"])), str(values["sha256"]), str(values["key"]))


def read_away_files(database: Path) -> Mapping[str, AwayFile]:
    """The files of an archive that are away, by name; most archives have none. NotAnArchive if the list is damaged."""
    path = away_path(database)
    try:
        rows = json.loads(path.read_bytes())
        files = [AwayFile.from_values(row) for row in rows]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnArchive(f"{path} is damaged; it lists the WARC files that are in a store") from error
    return {file.name: file for file in files}


def write_away_files(database: Path, files: Iterable[AwayFile]) -> None:
    """Replace the list, whole or not at all; an empty one goes."""
    path, rows = away_path(database), [asdict(file) for file in files]
    if not rows:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as stream:
        stream.write(json.dumps(rows, indent=0).encode())


def away_path(database: Path) -> Path:
    """Where the list of an archive is."""
    return database.with_name(f"{database.name}{AWAY_ENDING}")
