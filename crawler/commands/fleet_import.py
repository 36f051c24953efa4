"""Verb `broadsheet fleet import`: WARC files read side by side, each into an archive of its own, then merged into one.

Files of a bucket are fetched and kept, since an archive names the WARC files that it was made of.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import click

from broadsheet.output.archive.archive_errors import ArchiveError, NotReachable
from broadsheet.output.read.plain_words import count_text

from ..command_values import CommandError, is_nonempty_file
from ..crawl.terminal import one_line, print_text
from ..fleet.site_task import Engine, SiteResult, SiteTask
from ..lazy_modules import lazy_imports
from .verb_options import IMPORT_KEEP_OPTION, IMPORT_OPTIONS, PATH, verb, with_options

with lazy_imports():
    from broadsheet.output.archive import archive_file, atomic_writes, stored_values
    from broadsheet.output.collections import archive_merge
    from broadsheet.output.write import archive_writer, run_records

    from ..crawl import processes
    from ..fleet import fleet_folder, object_store, site_processes, store_address
    from ..replay import imported_pictures
    from ..workers import settle_pool
    from . import fleet as fleet_module
    from . import import_archives, merge, run_summary

LIST_ENDINGS = (".txt", ".paths", ".txt.gz", ".paths.gz")
"""How the name of a list of files ends, as opposed to that of a WARC file."""
_BUCKET = "s3://"


def listed_files(names: Sequence[str], base: str = "") -> list[str]:
    """Return paths and `s3://` addresses, each once, in order; a list's names are relative to `base`, or to its folder.

    CommandError for a list that cannot be read or names nothing.
    """
    return list(dict.fromkeys(file for name in names for file in _files_of(name, base)))


def is_in_bucket(file: str) -> bool:
    """Return whether a file is named by its address in a bucket."""
    return file.startswith(_BUCKET)


def _files_of(name: str, base: str) -> Iterator[str]:
    if is_in_bucket(name) or not name.lower().endswith(LIST_ENDINGS):
        yield name if is_in_bucket(name) else os.path.abspath(name)
        return
    lines = [line.strip() for line in _read_list(Path(name)).splitlines()]
    entries = [line for line in lines if line and not line.startswith("#")]
    if not entries:
        raise CommandError(f"{name} names no file")
    folder = base or os.path.dirname(os.path.abspath(name))
    yield from (_entry_file(entry, folder) for entry in entries)


def _entry_file(entry: str, base: str) -> str:
    if is_in_bucket(entry):
        return entry
    if is_in_bucket(base):
        return f"{base.rstrip('/')}/{entry.lstrip('/')}"
    return os.path.abspath(os.path.join(base, entry))


def _read_list(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, ValueError) as error:
        raise CommandError(f"the list {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def bring_file(
    address: str,
    folder: Path,
    open_store: Callable[[str], object_store.ObjectStore] = lambda address: store_address.store_at(address),
) -> Path:
    """Fetch `s3://bucket/key` into a folder, unless a file of its length is there, and return the copy's path.

    StoreError if the bucket does not give it, OSError if the disk does not take it.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    parent, name = str(PurePosixPath(key).parent), PurePosixPath(key).name
    store = open_store(f"s3://{bucket}" if parent == "." else f"s3://{bucket}/{parent}")
    path = folder.joinpath(bucket, *PurePosixPath(key).parts)
    length = store.length(name)
    if length is None or not name or ".." in path.parts:
        raise object_store.NotInStore(f"there is no {address}")
    if not (path.is_file() and path.stat().st_size == length):
        _fetch_object(store, name, length, path)
    return path


def _fetch_object(store: object_store.ObjectStore, key: str, length: int, path: Path) -> None:
    """Fetch an object to a path, which then has the whole of it or is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_writes.whole_file(path) as stream:
        for chunk in store.chunks(key):
            stream.write(chunk)
        if stream.tell() != length:
            raise object_store.NotInStore(f"{path.name} came with {stream.tell():,} of {length:,} bytes")


_NAME_DIGITS = 12
_NAME_CHARACTERS = 100  # of the file's name, so that a file system takes what is made of it


@dataclass(frozen=True, slots=True)
class ImportTask(SiteTask):
    """The import of one file. `crawl_words` are the options of `broadsheet import`, as they are typed."""

    file: Path = Path()

    def command(self, archive: Path) -> tuple[str, ...]:
        """Return the words after `broadsheet` that import the file into an archive; an interrupted import continues."""
        return ("import", str(self.file), "--db", str(archive), "--quiet", *self.crawl_words)


def import_task(file: Path, folder: Path, option_words: Sequence[str]) -> ImportTask:
    """Make the task for a file; its archive, below `folder`, is for this file and these options alone."""
    facts = "\0".join((str(file), *option_words)).encode("utf-8", "surrogateescape")
    name = f"{file.name[:_NAME_CHARACTERS]}-{hashlib.sha256(facts).hexdigest()[:_NAME_DIGITS]}"
    return ImportTask(name, folder / name / "archive.db", tuple(option_words), file=file)


_NAMED_FILES = 3  # in a progress line


@dataclass
class ImportTurn:
    """Runs import tasks on an engine. `results` are in the order in which they came."""

    tasks: Sequence[ImportTask]
    engine: Engine
    results: list[SiteResult] = field(default_factory=list, init=False)

    def run(self) -> None:
        """Run the tasks to their end, or until the engine is stopped."""
        self.engine.run(self.tasks, self.results.append)

    def progress_line(self) -> str:
        """Say in one line how many imports are done, and which files are being read."""
        names = {task.name: task.file.name for task in self.tasks}
        running = [names[task.name] for task in self.engine.running()]
        rest = f" and {len(running) - _NAMED_FILES} more" if len(running) > _NAMED_FILES else ""
        files_text = ", ".join(running[:_NAMED_FILES]) or "none"
        return f"{len(self.results):,} of {len(self.tasks):,} files; reading: {files_text}{rest}"


_REPEATED = {"hosts": "--host", "include": "--include", "exclude": "--exclude", "language": "--language"}
_SINGLE = {"since": "--since", "site_rules": "--site-rules"}
_WORK_ENDING, _COPIES_ENDING = ".import", ".imported"


@dataclass(frozen=True, slots=True)
class FleetImport:
    """Target and options of one import. `recorded` are the options as an archive notes them."""

    archive: archive_writer.Archive
    target: Path
    recorded: Mapping[str, object]
    option_words: tuple[str, ...]
    parallel: int
    quiet: bool
    is_lenient: bool = False
    keeps_pictures: bool = False
    obeys_directives: bool = False

    @property
    def work_folder(self) -> Path:
        """Return the folder of the archives of single files until they are merged."""
        return Path(f"{self.target}{_WORK_ENDING}")

    @property
    def copies_folder(self) -> Path:
        """Return the folder that keeps files of a bucket."""
        return Path(f"{self.target}{_COPIES_ENDING}")


@verb("Take in many WARC files side by side.", "import")
@click.argument("files", nargs=-1, required=True, metavar="LIST|WARC...", type=PATH)
@with_options(IMPORT_OPTIONS[1:])
@IMPORT_KEEP_OPTION
@click.option(
    "--base", type=PATH, metavar="DIR|s3://...", help="What names in a list are relative to; else the list's folder."
)
@click.option("--parallel", type=click.IntRange(min=1), metavar="N", help="Files side by side; else one a processor.")
def fleet_import(**options: Any) -> int:
    """Take WARC, ARC and WACZ files into one archive as import does, but each by a process of its own, side by side.

    Files are paths, s3:// addresses, which are fetched and kept, or lists of them, a name a line: .txt, .paths, .gz of
    them. A file that cannot be read is said and costs nothing else. Run it again, and only what is new is read.
    """
    processes.require_workers()
    files, recorded = listed_files(options["files"], options["base"] or ""), import_archives.recorded_options(options)
    target, was_there = archive_file.archive_path(options["db"]), is_nonempty_file(options["db"])
    if problem := fleet_folder.disk_problem(target.parent):
        raise NotReachable(problem)
    with archive_writer.Archive.open(target) as archive:
        parallel = options["parallel"] or os.cpu_count() or 1
        fleet = FleetImport(
            archive, target, recorded, option_words(options), parallel, options["quiet"], options["lenient"],
            keeps_pictures=options["keep"] == "pictures", obeys_directives=options["obey_directives"],
        )  # fmt: skip
        try:
            return _import_files(fleet, files)
        except (sqlite3.Error, OSError) as error:
            raise NotReachable(f"{target} cannot be written: {error}; the same command goes on from here") from error
        finally:
            if not was_there and not archive.db.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
                target.unlink(missing_ok=True)  # as empty as it was made


def option_words(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options of an import as they are typed."""
    repeated = (f"{word}={value}" for name, word in _REPEATED.items() for value in options[name])
    single = (f"{word}={options[name]}" for name, word in _SINGLE.items() if options[name] is not None)
    return (*repeated, *single, "--lenient", *(("--obey-directives",) if options["obey_directives"] else ()))


def _import_files(fleet: FleetImport, files: Sequence[str]) -> int:
    paths = [path for file in files if (path := _path_here(fleet, file)) is not None]
    tasks = [import_task(path, fleet.work_folder, fleet.option_words) for path in paths if not _is_known(fleet, path)]
    failed_count = len(files) - len(paths)
    lost_before = [
        path for path in paths if import_archives.say_lost_before(fleet.archive.db, path, fleet.target, fleet.recorded)
    ]
    failed_count += 0 if fleet.is_lenient else len(lost_before)
    if not tasks:
        if paths:
            picture_count = _take_pictures(fleet)
            settle_pool.settle_in_processes(fleet.archive.db)  # what a run that was killed has merged and not settled
            kept_text = f"; kept {count_text(picture_count, 'picture')} of them" if picture_count else ""
            files_text = import_archives.files_text(len(paths))
            print_text(f"Nothing to do: {files_text} in the archive already{kept_text}.")
        return int(bool(failed_count))
    turn, signals = _run_tasks(fleet, tasks)
    if signals:
        return run_summary.SIGNAL_EXIT_BASE + signals[0]
    failed_count += sum(not is_merged for is_merged in list(_merge_all(fleet, turn)))
    fleet.archive.apply_waiting_rulings()
    _take_pictures(fleet)
    settled = settle_pool.settle_in_processes(fleet.archive.db)
    if not failed_count:
        shutil.rmtree(fleet.work_folder, ignore_errors=True)
    if not fleet.quiet:
        print_text(f"{fleet.target.name}: {count_text(settled.articles, 'article')}")
    return int(bool(failed_count) or not settled.articles)


def _take_pictures(fleet: FleetImport) -> int:
    """Keep the files of the articles' pictures, also of other files than their pages, if the options say so."""
    if not fleet.keeps_pictures:
        return 0
    return imported_pictures.take_pictures(fleet.archive, obeys_directives=fleet.obeys_directives)


def _path_here(fleet: FleetImport, file: str) -> Path | None:
    """Return the path of a file on this disk; None, with a line that says why, if it cannot be had."""
    try:
        if is_in_bucket(file):
            return bring_file(file, fleet.copies_folder)
        with Path(file).open("rb"):
            return Path(file)
    except object_store.StoreError as error:
        _print_failure(file, str(error))
    except OSError as error:
        _print_failure(file, error.strerror or str(error))
    return None


def _is_known(fleet: FleetImport, path: Path) -> bool:
    return run_records.is_imported(fleet.archive.db, run_records.ImportedFile.of(path, fleet.target), fleet.recorded)


def _run_tasks(fleet: FleetImport, tasks: Sequence[ImportTask]) -> tuple[ImportTurn, list[int]]:
    """Run the imports; returns what came of them, and the signals that stopped them, if any."""
    import asyncio

    for task in tasks:
        task.archive.parent.mkdir(parents=True, exist_ok=True)
    parallel = min(fleet.parallel, len(tasks))
    workers = {"BROADSHEET_WORKERS": str(max(1, (os.cpu_count() or 1) // parallel))}
    environment = {} if "BROADSHEET_WORKERS" in os.environ else workers
    turn = ImportTurn(
        tasks, site_processes.EmbeddedEngine(fleet_folder.RecordFolder(fleet.work_folder), parallel, environment)
    )
    signals: list[int] = []
    asyncio.run(fleet_module.run_with_progress(turn, signals, [], quiet=fleet.quiet))
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
    result = archive_merge.merge_archive(fleet.archive.db, task.archive)
    imported_file = run_records.ImportedFile.of(task.file, fleet.target)
    run_records.note_import(fleet.archive.db, imported_file, fleet.recorded, stored_values.utc_now(), record_counts)
    shutil.rmtree(task.archive.parent, ignore_errors=True)
    if not fleet.quiet:
        click.echo(one_line(f"{task.file.name}: {merge.result_text(result)}"))
    if lost_count := record_counts.get("damaged", 0):
        _print_failure(str(task.file), f"{lost_count:,} of its records could not be read")
    return not lost_count or fleet.is_lenient


def _records_of(task: ImportTask, recorded: Mapping[str, object]) -> Mapping[str, int] | None:
    """Return the number of records of a task's file by type; None if it was not read to its end."""
    if not is_nonempty_file(str(task.archive)):
        return None
    with closing(archive_file.open_database(task.archive, read_only=True)) as db:
        return run_records.imported_records(db, run_records.ImportedFile.of(task.file, task.archive), recorded)


def _print_failure(file: str, message: str) -> None:
    text = message if file in message else f"{file}: {message}"
    click.echo(one_line(f"broadsheet: {text}"), err=True)
