"""`broadsheet adopt`: make rows for raw responses that no row names, as after an older database was put back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from broadsheet.crawler.commands.import_archives import print_lost, print_result, read_options, run_import
from broadsheet.crawler.commands.run_summary import SIGNAL_EXIT_BASE, RunResult, print_stopped
from broadsheet.crawler.crawl.archive_access import print_notices
from broadsheet.crawler.crawl.terminal import one_line, print_text
from broadsheet.crawler.replay.record_index import ScanError
from broadsheet.crawler.replay.record_order import RecordOrder
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.raw.erasure import erase_records, note_erasure
from broadsheet.output.raw.warc_files import put_file_lengths, read_away_files
from broadsheet.output.raw.warc_folders import RAW_ENDING, warc_path
from broadsheet.output.read.plain_words import count_text
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.run_records import record_positions, stored_url

_NO_BOUNDS: Mapping[str, Any] = {
    "include": (), "exclude": (), "since": None, "language": (), "site_rules": None, "obey_directives": False,
    "hosts": (),
}  # fmt: skip


def adopt(path: str, *, own_warc: bool, quiet: bool) -> int:
    """Make rows for all responses in the archive's WARC folders that have none; returns the exit code.

    With `own_warc` a copied database first becomes an archive of its own, which only reads the original's folder.
    """
    options = {**_NO_BOUNDS, "db": path, "quiet": quiet}
    started = time.monotonic()
    try:
        with Archive.open(path, own_warc=own_warc) as archive, closing(RecordOrder()) as order:
            print_notices(archive.recovery, quiet=quiet)
            paths = _index_files(archive, order)
            if next(order.jobs(), None) is None:
                _note_lengths(archive)
                return _say_nothing_to_do(archive.path, own_warc=own_warc, quiet=quiet)
            importer, signal_number = run_import("adopt", archive, order, read_options(options), options, paths)
            if not signal_number:
                erased_count = _erase_forgotten(archive, order)
                _note_lengths(archive)
    except (sqlite3.Error, OSError) as error:
        raise NotReachable(f"{path} cannot be written: {error}; the same command goes on from here") from error
    run = RunResult(
        path, (), time.monotonic() - started, importer.counts.outcomes, signal=signal_number, pages_verb="adopted"
    )
    if signal_number:
        print_stopped(run)
        return SIGNAL_EXIT_BASE + signal_number
    if not quiet:
        print_result(run, order.counts, importer)
        if erased_count:
            print_text(f"Erased {count_text(erased_count, 'response')} of what was taken down.")
    print_lost(order.lost)
    return int(bool(order.lost))


def _index_files(archive: Archive, order: RecordOrder) -> list[Path]:
    """Index the records that no row names; returns the files that were read."""
    away_files, paths = read_away_files(archive.path), []
    for name, _ in archive.raw_files:
        path = warc_path(archive.path.parent, name)
        if name in away_files or not path.is_file():
            continue
        try:
            order.add_file(name, path)
            paths.append(path)
        except (ScanError, OSError) as error:
            click.echo(one_line(f"broadsheet: {error}"), err=True)
    order.skip_locations(record_positions(archive.db))
    order.sort()
    return paths


def _say_nothing_to_do(database: Path, *, own_warc: bool, quiet: bool) -> int:
    if not quiet and own_warc:
        print_text(one_line(f"{database} may be written now: its new responses go to {database.name}{RAW_ENDING}."))
    if not quiet:
        print_text("Nothing to adopt: each response has its row.")
    return 0


def _erase_forgotten(archive: Archive, order: RecordOrder) -> int:
    """Erase the responses that have no row since a takedown reaches them; returns how many there are."""
    spans = list(_forgotten_spans(archive, order))
    with write_transaction(archive.db):
        for file, offset, following in spans:
            note_erasure(archive.db, file, offset, following)
    erase_records(archive.db, archive.path.parent, utc_now)
    return len(spans)


def _forgotten_spans(archive: Archive, order: RecordOrder) -> Iterator[tuple[str, int, int]]:
    """The file and offset of each forgotten response, and where the next response begins."""
    lengths = dict(archive.raw_files)
    order.skip_locations(record_positions(archive.db))
    for job in order.jobs():
        row = stored_url(archive.db, job.url)
        if row is not None and row.reason == OutcomeReason.FORGOTTEN:
            end = order.next_offset(job.file, job.record.offset)
            yield job.file, job.record.offset, lengths[job.file] if end is None else end


def _note_lengths(archive: Archive) -> None:
    """State in table `warc_files` how long the files are by the journals of their folders."""
    with write_transaction(archive.db):
        put_file_lengths(archive.db, ((name, length, utc_now()) for name, length in archive.raw_files))
