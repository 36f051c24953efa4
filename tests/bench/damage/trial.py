"""One trial: a copy of an archive is damaged, and every verb is run on it."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from broadsheet.output.read.file_checks import schema_tables
from tests.bench.damage.mutations import mutate
from tests.bench.damage.sample import NAME
from tests.bench.damage.verbs import VerbLines, VerbResult, run_verb

UNKNOWABLE = tomllib.loads(Path(__file__).with_name("unknowable.toml").read_text("utf-8"))
"""By `columns` and `rows` what verify cannot know of."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `faults` are of verbs that ended badly; `is_found` by verify, `is_seen` by a reader.

    `is_knowable` says whether verify could have known; `changes` are the tables and columns that differ.
    """

    number: int
    kind: str
    location: str
    faults: tuple[str, ...]
    is_found: bool
    is_seen: bool
    is_knowable: bool
    changes: tuple[str, ...]
    slowest: float

    @property
    def is_missed(self) -> bool:
        """Whether a reader sees what verify should have found and did not."""
        return self.is_seen and not self.is_found and self.is_knowable


def view(lines: VerbLines) -> dict[str, tuple[int, str, str]]:
    """What the readers show of the archive in the current folder: by command line the exit code, output and files."""
    return {" ".join(line): (result.code, result.out, _files(line)) for line, result in _results(lines.readers)}


def run_trial(sample: Path, folder: Path, number: int, lines: VerbLines, baseline: dict[str, object]) -> Trial:
    """Damage a copy of the archive in `sample` in a new `folder`, and try every verb on it."""
    shutil.copytree(sample, folder)
    os.chdir(folder)
    mutation = mutate(folder / NAME, number)
    changes = tuple(sorted(differing_columns(sample / NAME, folder / NAME)))
    verified = run_verb("verify", NAME)
    readings = list(_results(lines.readers))
    is_seen = any((result.code, result.out, _files(line)) != baseline[" ".join(line)] for line, result in readings)
    crawls = lines.crawls[number // 10 % len(lines.crawls)] if number % 10 == 0 else ()
    last_lines = lines.writers + crawls
    results = [(("verify",), verified), *readings, *_results(last_lines)]
    faults = tuple(f"{' '.join(line)}: {result.fault}" for line, result in results if result.fault)
    slowest = max(result.seconds for _, result in results)
    is_knowable = not changes or not all(map(_is_unknowable, changes))
    return Trial(number, mutation.kind, mutation.location, faults, verified.code == 1, is_seen, is_knowable, changes,
                 round(slowest, 2))  # fmt: skip


def _results(lines: tuple[tuple[str, ...], ...]) -> Iterator[tuple[tuple[str, ...], VerbResult]]:
    for line in lines:
        yield line, run_verb(*line)


def _files(line: tuple[str, ...]) -> str:
    """A digest of what a command line wrote to its `-o`, which is removed."""
    if "-o" not in line or not (target := Path(line[line.index("-o") + 1])).exists():
        return ""
    digest = hashlib.sha256()
    for file in sorted(target.rglob("*")) if target.is_dir() else [target]:
        if file.is_file():
            digest.update(str(file).encode() + file.read_bytes())
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    return digest.hexdigest()


def differing_columns(sample: Path, damaged: Path) -> set[str]:
    """The `table/column`s that differ between two archives, `table` where rows are gone; empty if one is unreadable."""
    try:
        with closing(sqlite3.connect(sample)) as before, closing(sqlite3.connect(damaged)) as after:
            before.text_factory = after.text_factory = bytes
            return {name for table in schema_tables() for name in _differences(before, after, table.name)}
    except sqlite3.DatabaseError:
        return set()


def _differences(before: sqlite3.Connection, after: sqlite3.Connection, table: str) -> Iterator[str]:
    cursor = before.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    rows, damaged_rows = cursor.fetchall(), after.execute(f"SELECT * FROM {table}").fetchall()
    if len(rows) != len(damaged_rows):
        yield table
        return
    for old, new in zip(rows, damaged_rows, strict=True):
        yield from (
            f"{table}/{name}" for name, a, b in zip(names, old, new, strict=True) if (a, type(a)) != (b, type(b))
        )


def _is_unknowable(change: str) -> bool:
    table, _, column = change.partition("/")
    if not column:
        return table in UNKNOWABLE["rows"]
    return change in UNKNOWABLE["columns"] or f"{table}/*" in UNKNOWABLE["columns"]
