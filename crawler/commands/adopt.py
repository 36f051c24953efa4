"""`broadsheet adopt`: make rows for raw responses that no row names, as after an older database was put back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.read.plain_words import count_text

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from ..crawl.processes import start_workers
from .verb_options import archive_argument, verb

with lazy_imports():
    from broadsheet.output.archive import atomic_writes, stored_values, url_words
    from broadsheet.output.raw import erasure, warc_files, warc_folders
    from broadsheet.output.write import archive_writer, run_records

    from ..cli import archive_access
    from ..replay import record_index, record_order
    from ..workers import settle_pool
    from . import import_archives, run_summary

_NOTHING_TO_DO = "Nothing to adopt: each response has its row."
_NOTHING_READ = "Nothing to adopt: the archive has no raw responses in folders of its own."
_NO_BOUNDS: Mapping[str, Any] = {
    "include": (), "exclude": (), "since": None, "language": (), "site_rules": None, "obey_directives": False,
    "hosts": (),
}  # fmt: skip


@verb("Take in raw responses that have no row.")
@archive_argument
@click.option(
    "--own-warc",
    is_flag=True,
    help="Make a copied database an archive of its own: new responses go to a folder named after it.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def adopt(db: str, own_warc: bool, quiet: bool) -> int:
    """Make rows for the responses in the archive's WARC folder that have none, as an import does.

    So an older copy of the database is whole again after it was put back. What was taken down stays away.
    """
    start_workers()
    options = {**_NO_BOUNDS, "db": db, "quiet": quiet}
    started = time.monotonic()
    try:
        with (
            archive_writer.Archive.open(db, own_warc=own_warc) as archive,
            closing(record_order.RecordOrder()) as order,
        ):
            archive_access.print_notices(replace(archive.recovery, unnamed_bytes=0), quiet=quiet)
            paths, unread_count = _index_files(archive, order)
            if own_warc and not quiet:
                new_folder = f"{archive.path.name}{warc_folders.RAW_ENDING}"
                print_text(one_line(f"{archive.path} may be written now: its new responses go to {new_folder}."))
            if next(order.jobs(), None) is None:
                import_archives.note_lengths(archive, paths)
                settle_pool.settle_in_processes(archive.db)  # what a run that was cut off has left unsettled
                if not quiet and not unread_count:
                    print_text(_NOTHING_TO_DO if paths else _NOTHING_READ)
                return int(bool(unread_count))
            importer, signal_number = import_archives.run_import(
                "adopt", archive, order, import_archives.read_options(options), options, list(paths.values())
            )
            if not signal_number:
                erased_count = _erase_forgotten(archive, order)
                import_archives.note_lengths(archive, paths)
    except (sqlite3.Error, OSError) as error:
        raise NotReachable(f"{db} cannot be written: {error}; the same command goes on from here") from error
    run = run_summary.RunResult(
        db, (), time.monotonic() - started, importer.counts.outcomes, signal=signal_number, pages_verb="adopted"
    )
    if signal_number:
        run_summary.print_stopped(run)
        return run_summary.SIGNAL_EXIT_BASE + signal_number
    if not quiet:
        import_archives.print_result(run, order.counts, importer)
        if erased_count:
            print_text(f"Erased {count_text(erased_count, 'response')} of what was taken down.")
    import_archives.print_lost(order.lost)
    return int(bool(order.lost or unread_count))


def _index_files(archive: archive_writer.Archive, order: record_order.RecordOrder) -> tuple[dict[str, Path], int]:
    """Index the records that no row names; return the files that were read, by name, and how many were not."""
    away_files, paths = warc_files.read_away_files(archive.path), {}
    for name, _ in archive.raw_files:
        path = warc_folders.warc_path(archive.path, name)
        if name in away_files or not path.is_file():
            continue
        try:
            order.add_file(name, path)
            paths[name] = path
        except (record_index.ScanError, OSError) as error:
            click.echo(one_line(f"broadsheet: {error}"), err=True)
    order.skip_locations(run_records.record_positions(archive.db))
    order.sort()
    return paths, len(dict(archive.raw_files).keys() - paths.keys() - away_files.keys())


def _erase_forgotten(archive: archive_writer.Archive, order: record_order.RecordOrder) -> int:
    """Erase the responses that have no row since a takedown reaches them; return how many there are."""
    spans = list(_forgotten_spans(archive, order))
    with atomic_writes.write_transaction(archive.db):
        for file, offset, following in spans:
            erasure.note_erasure(archive.db, file, offset, following)
    erasure.erase_records(archive.db, archive.path, stored_values.utc_now)
    return len(spans)


def _forgotten_spans(
    archive: archive_writer.Archive, order: record_order.RecordOrder
) -> Iterator[tuple[str, int, int]]:
    """Yield the file and offset of each forgotten response, and where the next response begins."""
    lengths = dict(archive.raw_files)
    order.skip_locations(run_records.record_positions(archive.db))
    for job in order.jobs():
        row = run_records.stored_url(archive.db, job.url)
        if row is not None and row.reason == url_words.OutcomeReason.FORGOTTEN:
            end = order.next_offset(job.file, job.record.offset)
            yield job.file, job.record.offset, lengths[job.file] if end is None else end
