"""`broadsheet fleet import`: WARC files side by side, each into an archive of its own, then merged into one."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from broadsheet.crawler.commands.fleet import run_with_progress
from broadsheet.crawler.commands.import_archives import recorded_options
from broadsheet.crawler.commands.merge import result_text
from broadsheet.crawler.console.option_types import is_nonempty_file
from broadsheet.crawler.console.summary import SIGNAL_EXIT_BASE
from broadsheet.crawler.console.terminal import one_line, print_text
from broadsheet.crawler.fleet.disk import disk_problem
from broadsheet.crawler.fleet.embedded import EmbeddedEngine
from broadsheet.crawler.fleet.imports.bring_files import bring_file
from broadsheet.crawler.fleet.imports.file_list import is_in_bucket, listed_files
from broadsheet.crawler.fleet.imports.import_task import ImportTask, import_task
from broadsheet.crawler.fleet.imports.import_turn import ImportTurn
from broadsheet.crawler.fleet.records import RecordFolder
from broadsheet.crawler.fleet.store.object_store import StoreError
from broadsheet.crawler.workers.settle_pool import settle_in_processes
from broadsheet.output.db.clock import utc_now
from broadsheet.output.db.errors import ArchiveError, NotReachable
from broadsheet.output.db.open import archive_path, open_database
from broadsheet.output.merge.merge_archive import merge_archive
from broadsheet.output.queue.imports import ImportedFile, imported_records, is_imported, note_import
from broadsheet.output.write.archive import Archive

_REPEATED = {"hosts": "--host", "include": "--include", "exclude": "--exclude", "language": "--language"}
_SINGLE = {"since": "--since", "site_rules": "--site-rules"}
_WORK_ENDING, _COPIES_ENDING = ".import", ".imported"


@dataclass(frozen=True, slots=True)
class FleetImport:
    """What one command imports into, and how. `recorded` are the options as an archive notes them."""

    archive: Archive
    target: Path
    recorded: Mapping[str, object]
    option_words: tuple[str, ...]
    parallel: int
    quiet: bool

    @property
    def work_folder(self) -> Path:
        """Where the archives of single files are until they are merged."""
        return Path(f"{self.target}{_WORK_ENDING}")

    @property
    def copies_folder(self) -> Path:
        """Where files of a bucket are kept."""
        return Path(f"{self.target}{_COPIES_ENDING}")


def fleet_import(options: Mapping[str, Any]) -> int:
    """Import what the options name, print what came of each file, and return the exit code."""
    files, recorded = listed_files(options["files"], options["base"] or ""), recorded_options(options)
    target, was_there = archive_path(options["db"]), is_nonempty_file(options["db"])
    if problem := disk_problem(target.parent):
        raise NotReachable(problem)
    with Archive.open(target) as archive:
        parallel = options["parallel"] or os.cpu_count() or 1
        fleet = FleetImport(archive, target, recorded, option_words(options), parallel, options["quiet"])
        try:
            return _import_files(fleet, files)
        except (sqlite3.Error, OSError) as error:
            raise NotReachable(f"{target} cannot be written: {error}; the same command goes on from here") from error
        finally:
            if not was_there and not archive.db.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
                target.unlink(missing_ok=True)  # as empty as it was made


def option_words(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of an import as they are typed."""
    repeated = (f"{word}={value}" for name, word in _REPEATED.items() for value in options[name])
    single = (f"{word}={options[name]}" for name, word in _SINGLE.items() if options[name] is not None)
    return (*repeated, *single, *(("--obey-directives",) if options["obey_directives"] else ()))


def _import_files(fleet: FleetImport, files: Sequence[str]) -> int:
    paths = [path for file in files if (path := _path_here(fleet, file)) is not None]
    tasks = [import_task(path, fleet.work_folder, fleet.option_words) for path in paths if not _is_known(fleet, path)]
    failed_count = len(files) - len(paths)
    if not tasks:
        if paths:
            print_text(f"Nothing to do: {len(paths):,} files are in the archive already.")
        return int(bool(failed_count))
    turn, signals = _run_tasks(fleet, tasks)
    if signals:
        return SIGNAL_EXIT_BASE + signals[0]
    failed_count += sum(not is_merged for is_merged in list(_merge_all(fleet, turn)))
    fleet.archive.apply_waiting_rulings()
    settled = settle_in_processes(fleet.archive.db)
    if not failed_count:
        shutil.rmtree(fleet.work_folder, ignore_errors=True)
    if not fleet.quiet:
        print_text(f"{fleet.target.name}: {settled.articles:,} articles")
    return int(bool(failed_count) or not settled.articles)


def _path_here(fleet: FleetImport, file: str) -> Path | None:
    """Where a file lies on this disk; None, with a line that says why, if it cannot be had."""
    try:
        if is_in_bucket(file):
            return bring_file(file, fleet.copies_folder)
        with Path(file).open("rb"):
            return Path(file)
    except StoreError as error:
        _print_failure(file, str(error))
    except OSError as error:
        _print_failure(file, error.strerror or str(error))
    return None


def _is_known(fleet: FleetImport, path: Path) -> bool:
    return is_imported(fleet.archive.db, ImportedFile.of(path, fleet.target), fleet.recorded)


def _run_tasks(fleet: FleetImport, tasks: Sequence[ImportTask]) -> tuple[ImportTurn, list[int]]:
    """Run the imports; returns what came of them, and the signals that stopped them, if any."""
    for task in tasks:
        task.archive.parent.mkdir(parents=True, exist_ok=True)
    parallel = min(fleet.parallel, len(tasks))
    workers = {"BROADSHEET_WORKERS": str(max(1, (os.cpu_count() or 1) // parallel))}
    environment = {} if "BROADSHEET_WORKERS" in os.environ else workers
    turn = ImportTurn(tasks, EmbeddedEngine(RecordFolder(fleet.work_folder), parallel, environment))
    signals: list[int] = []
    asyncio.run(run_with_progress(turn, signals, [], quiet=fleet.quiet))
    return turn, signals


def _merge_all(fleet: FleetImport, turn: ImportTurn) -> Iterator[bool]:
    """Merge what was imported, in the order of the files; says of each whether it is in."""
    messages = {result.name: result.message for result in turn.results}
    for task in turn.tasks:
        try:
            yield _merge_file(fleet, task, messages.get(task.name, ""))
        except ArchiveError as error:
            _print_failure(str(task.file), str(error))
            yield False


def _merge_file(fleet: FleetImport, task: ImportTask, message: str) -> bool:
    """Merge the archive of a file that was read to its end, note that it is in, and remove that archive."""
    record_counts = _records_of(task, fleet.recorded)
    if record_counts is None:
        _print_failure(str(task.file), message or "not read to its end; the same command goes on from there")
        return False
    result = merge_archive(fleet.archive.db, task.archive)
    imported_file = ImportedFile.of(task.file, fleet.target)
    note_import(fleet.archive.db, imported_file, fleet.recorded, utc_now(), record_counts)
    shutil.rmtree(task.archive.parent, ignore_errors=True)
    if not fleet.quiet:
        click.echo(one_line(f"{task.file.name}: {result_text(result)}"))
    return True


def _records_of(task: ImportTask, recorded: Mapping[str, object]) -> Mapping[str, int] | None:
    """The records of a task's file by type; None if it was not read to its end."""
    if not is_nonempty_file(str(task.archive)):
        return None
    with closing(open_database(task.archive, read_only=True)) as db:
        return imported_records(db, ImportedFile.of(task.file, task.archive), recorded)


def _print_failure(file: str, message: str) -> None:
    text = message if file in message else f"{file}: {message}"
    click.echo(one_line(f"broadsheet: {text}"), err=True)
