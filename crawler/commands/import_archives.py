"""`broadsheet import`: index the records of WARC, ARC and WACZ files, import them in order, and print a summary."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..cli.command_line import CommandError, existing_archive, is_nonempty_file
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from .verb_options import (
    DAY_AND_LANGUAGE_OPTIONS,
    EXCLUDE_OPTION,
    INCLUDE_OPTION,
    PATH,
    RECORD_HOST_OPTION,
    Options,
    verb,
    with_options,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import archive_file, article_filter, atomic_writes, stored_values, url_words
    from broadsheet.output.raw import erasure, warc_files, warc_folders
    from broadsheet.output.read import plain_words
    from broadsheet.output.write import archive_writer, run_records

    from .. import options as options_module
    from ..cli import archive_access, progress_line
    from ..crawl import early_checks, processes, run_parts, session
    from ..discovery import scope
    from ..replay import importing, record_index, record_order
    from ..workers import settle_pool
    from . import run_summary

_ARGUMENT_OPTIONS = ("include", "exclude", "since", "obey_directives", "site_rules")
_MAX_LOST_LINES = 20
_NOTHING_TO_DO = "Nothing to take in: each response has its row."
_NOTHING_READ = "Nothing to take in: the archive has no raw responses in folders of its own."
_NO_BOUNDS: Mapping[str, Any] = {
    "include": (), "exclude": (), "since": None, "language": (), "site_rules": None, "obey_directives": False,
    "hosts": (),
}  # fmt: skip
_TYPES_WITHOUT_OUTCOME = (
    "request",
    "metadata",
    "warcinfo",
    "conversion",
    "continuation",
    "unknown",
    "no_url",
    "damaged",
    "other_host",
)


_IMPORT_OPTIONS: Options = (
    click.argument("files", nargs=-1, metavar="WARC|ARC|WACZ...", type=PATH),
    click.option("--db", default="archive.db", show_default=True, type=PATH, envvar="BROADSHEET_DB", metavar="FILE",
                 help="The archive; made if missing."),
    RECORD_HOST_OPTION,
    INCLUDE_OPTION,
    EXCLUDE_OPTION,
    *DAY_AND_LANGUAGE_OPTIONS,
    click.option("--site-rules", type=PATH, metavar="DIR",
                 help="Rule files by host, in the format of ftr-site-config."),
    click.option("--obey-directives", is_flag=True,
                 help="Keep nothing that noindex, noarchive, noai, tdm-reservation or Content-Usage refuses."),
    click.option("--lenient", is_flag=True, help="Exit with 0 even if parts of a file could not be read."),
    click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
    click.option("--own", is_flag=True,
                 help="Instead of files, import responses in the archive's own WARC folders that have no row yet."),
    click.option("--keep", type=click.Choice(("text", "pictures", "page")), default="text", metavar="WHAT",
                 help="text; pictures: also the articles' image files, if the WARC files hold them; or page: "
                      "these, the style sheets and the other pictures of the articles' pages."),
)  # fmt: skip


@verb
@with_options(_IMPORT_OPTIONS)
def import_(**options: Any) -> int:
    """Import the pages of WARC, ARC and WACZ files into an archive, as a crawl would, without a network.

    The files stay where they are, and the archive refers to them. Run the same command again to continue: pages that
    are imported already are skipped. Ctrl-C stops cleanly; a second one stops at once.

    After restoring an older copy of the database, --own imports what it lacks. Takedowns stay in force.
    """
    processes.require_workers()
    if options["own"]:
        existing_archive(options["db"])
        return _import_own(options["db"], quiet=options["quiet"])
    if not options["files"]:
        raise CommandError("name the WARC, ARC or WACZ files to take in, or give --own")
    early_checks.check_files(options["files"], folder_hint="name the files in it")
    processes.start_workers()
    paths = [Path(name) for name in dict.fromkeys(options["files"])]
    crawl_options = read_options(options)
    recorded, started = recorded_options(options, crawl_options), time.monotonic()
    was_there = is_nonempty_file(options["db"])
    with archive_writer.Archive.open(options["db"]) as archive, closing(record_order.RecordOrder()) as order:
        archive_access.print_notices(archive.recovery)
        lost_before = [path for path in paths if say_lost_before(archive.db, path, options["db"], recorded)]
        files = {(file := run_records.ImportedFile.of(path, Path(options["db"]))).name: (file, path) for path in paths}
        new = {name: file for name, file in files.items() if not run_records.is_imported(archive.db, file[0], recorded)}
        hosts = frozenset(article_filter.stored_host_of(host).removeprefix("www.") for host in options["hosts"])
        found = _index_files(archive, order, {name: path for name, (_, path) in new.items()}, hosts)
        unreadable_count = len(new) - len(found)
        if not found:
            if not was_there:
                archive_file.archive_path(options["db"]).unlink()  # as empty as it was made, and locked until here
            kept = _take_pictures(archive, crawl_options)
            imported_count = len(paths) - unreadable_count
            if kept:
                word = "picture" if len(kept) == 1 else "picture or style sheet"
                print_text(f"Kept {plain_words.count_text(kept.total(), word)} of files that were imported before.")
            elif imported_count:
                print_text(f"Nothing to do: {files_text(imported_count)} in the archive already.")
            code = int(bool(unreadable_count))
            return code or int(bool(lost_before and not options["lenient"]))
        with archive_access.told_faults(options["db"]):
            importer, signal_number = run_import(
                "import", archive, order, crawl_options, options, [new[name][1] for name in found]
            )
        if not signal_number:
            for name, record_counts in found.items():
                run_records.note_import(archive.db, new[name][0], recorded, stored_values.utc_now(), record_counts)
            own_names = found.keys() & dict(archive.raw_files).keys()
            if own_names and not options["hosts"]:
                order.skip_locations(run_records.record_positions(archive.db))
                note_lengths(archive, own_names - {job.file for job in order.jobs()})
    run = run_summary.RunResult(
        options["db"], (), time.monotonic() - started, importer.outcome_counts, signal=signal_number, pages_verb="read"
    )
    code = run_summary.conclude(run, quiet=options["quiet"])
    if signal_number:
        return code
    print_records(order, importer, options)
    has_lost = bool(order.lost or lost_before) and not options["lenient"]
    return code or int(bool(unreadable_count) or has_lost)


def _import_own(db: str, *, quiet: bool) -> int:
    """Import the responses in the archive's own WARC folders that no row refers to.

    This completes an older copy of the database after it was restored. Takedowns stay in force.
    """
    processes.start_workers()
    options = {**_NO_BOUNDS, "db": db, "quiet": quiet}
    started = time.monotonic()
    with (
        archive_access.told_faults(db),
        archive_writer.Archive.open(db) as archive,
        closing(record_order.RecordOrder()) as order,
    ):
        archive_access.print_notices(replace(archive.recovery, unnamed_bytes=0), quiet=quiet)
        away_files, lengths = warc_files.read_away_files(archive.path), dict(archive.raw_files)
        here = {name: warc_folders.warc_path(archive.path, name) for name in lengths if name not in away_files}
        found = _index_files(archive, order, {name: path for name, path in here.items() if path.is_file()})
        unread_count = len(here) - len(found)
        if next(order.jobs(), None) is None:
            note_lengths(archive, found)
            settle_pool.settle_in_processes(archive.db)  # what a run that was cut off has left unsettled
            if not quiet and not unread_count:
                print_text(_NOTHING_TO_DO if found else _NOTHING_READ)
            return int(bool(unread_count))
        importer, signal_number = run_import(
            "import --own", archive, order, read_options(options), options, [here[name] for name in found]
        )
        if not signal_number:
            # Erase responses that a takedown keeps from being imported.
            spans = list(_forgotten_spans(archive, order))
            with atomic_writes.write_transaction(archive.db):
                for file, offset, following in spans:
                    erasure.note_erasure(archive.db, file, offset, following)
            erasure.erase_records(archive.db, archive.path, stored_values.utc_now)
            erased_count = len(spans)
            note_lengths(archive, found)
    run = run_summary.RunResult(
        db, (), time.monotonic() - started, importer.outcome_counts, signal=signal_number, pages_verb="taken in"
    )
    code = run_summary.conclude(run, quiet=quiet)
    if signal_number:
        return code
    print_records(order, importer, options)
    if erased_count and not quiet:
        print_text(f"Erased {plain_words.count_text(erased_count, 'response')} of what was taken down.")
    return int(bool(order.lost or unread_count))


def _index_files(
    archive: archive_writer.Archive,
    order: record_order.RecordOrder,
    paths: Mapping[str, Path],
    hosts: frozenset[str] = frozenset(),
) -> dict[str, Counter[str]]:
    """Index the records that no row names of files, given by name; return the counts of each file that can be read."""
    found: dict[str, Counter[str]] = {}
    for name, path in paths.items():
        try:
            found[name] = order.add_file(name, path, hosts)
        except (record_index.ScanError, OSError) as error:
            click.echo(one_line(f"broadsheet: {error}"), err=True)
    order.skip_locations(run_records.record_positions(archive.db))
    order.sort()
    return found


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


def read_options(options: Mapping[str, Any]) -> options_module.CrawlOptions:
    """Read the bounds of an import from a command's options. CommandError if they make no sense."""
    arguments = {name: options[name] for name in _ARGUMENT_OPTIONS if options[name] not in (None, ())}
    try:
        crawl_options = options_module.CrawlOptions.from_arguments(
            arguments
            | {
                "keep": options.get("keep"),
                "seeds": ("archive",),
                "languages": options["language"],
                "extractor": early_checks.extractor_setting(),
            }
        )
        scope.Scope.from_hosts((), crawl_options.include, crawl_options.exclude)
        run_parts.site_rules_of(crawl_options)
    except options_module.OptionError as error:
        raise CommandError(str(error)) from error
    return crawl_options


def recorded_options(options: Mapping[str, Any], crawl_options: options_module.CrawlOptions) -> dict[str, object]:
    """Return the command's options, for the record of the run and of each file."""
    names = (*_ARGUMENT_OPTIONS, "languages", "extractor")
    return {name: value for name, value in crawl_options.as_values().items() if name in names} | {
        "hosts": options["hosts"]
    }


def _take_pictures(archive: archive_writer.Archive, crawl_options: options_module.CrawlOptions) -> Counter[str]:
    """Keep the files of the articles' pages if the options say so; count the new ones."""
    if not crawl_options.keeps_files:
        return Counter()
    return importing.take_pictures(archive, obeys_directives=crawl_options.obey_directives)


def files_text(count: int) -> str:
    """Begin a sentence about a number of files.

    >>> files_text(1), files_text(1234)
    ('1 file is', '1,234 files are')
    """
    return f"{count:,} {'file is' if count == 1 else 'files are'}"


def run_import(
    verb_name: str,
    archive: archive_writer.Archive,
    order: record_order.RecordOrder,
    crawl_options: options_module.CrawlOptions,
    options: Mapping[str, Any],
    paths: Sequence[Path],
) -> tuple[importing.Importer, int]:
    """Import the indexed records in a run of its own; returns the importer, and the signal that stopped it, or 0."""
    import asyncio

    run_id = archive.runs.start(
        f"{verb_name} {importing.file_names_text(paths)}",
        recorded_options(options, crawl_options),
        session.software_versions(),
    )
    with closing(archive_file.open_database(options["db"], read_only=True)) as read_db:
        importer, signal_number = asyncio.run(_import_records(archive, read_db, order, crawl_options, options))
    settle_pool.settle_in_processes(archive.db)
    if not signal_number:
        importer.outcome_counts += _take_pictures(archive, crawl_options)
    record_counts = (order.counts + importer.record_counts).items()
    counts = dict(importer.outcome_counts) | {f"record/{kind}": n for kind, n in record_counts}
    run_end = ("stopped", f"signal {signal_number}") if signal_number else ("finished", "")
    archive.runs.finish(run_id, *run_end, counts)
    return importer, signal_number


async def _import_records(
    archive: archive_writer.Archive,
    read_db: Any,
    order: record_order.RecordOrder,
    crawl_options: options_module.CrawlOptions,
    options: Mapping[str, Any],
) -> tuple[importing.Importer, int]:
    signals: list[int] = []
    started = time.monotonic()

    def status_line() -> str:
        done_count = sum(importer.outcome_counts.values()) + sum(importer.record_counts.values())
        rate = done_count / max(time.monotonic() - started, 0.001)
        return f"{done_count:,} of {len(order):,} records  {rate:.1f} records/s"

    def on_stop(signal_number: int) -> None:
        signals.append(signal_number)
        importer.is_stopping = True

    async with progress_line.show_progress(status_line, quiet=options["quiet"]) as print_line:
        importer = importing.Importer(archive, read_db, order, crawl_options, print_line)
        async with progress_line.handle_stop_signals(on_stop):
            await importer.run(archive_file.archive_path(options["db"]))
    return importer, signals[0] if signals else 0


def note_lengths(archive: archive_writer.Archive, names: Collection[str]) -> None:
    """Record the lengths of these own WARC files in `_warc_files`, now that all their responses have rows."""
    lengths = [(name, length, stored_values.utc_now()) for name, length in archive.raw_files if name in names]
    with atomic_writes.write_transaction(archive.db):
        warc_files.put_file_lengths(archive.db, lengths)


def say_lost_before(db: Database, path: Path, archive: str | Path, recorded: Mapping[str, object]) -> int:
    """Return how many records of a file were unreadable when it was imported, and print that on standard error."""
    if not path.exists():
        return 0
    record_counts = run_records.imported_records(db, run_records.ImportedFile.of(path, Path(archive)), recorded) or {}
    if lost_count := record_counts.get("damaged", 0):
        noun = "record" if lost_count == 1 else "records"
        click.echo(
            one_line(f"broadsheet: {path}: {lost_count:,} {noun} could not be read when it was imported"), err=True
        )
    return lost_count


def print_records(order: record_order.RecordOrder, importer: importing.Importer, options: Mapping[str, Any]) -> None:
    """Print what became of records without an outcome, and on standard error where no record could be read."""
    passed_over = {name: order.counts[name] for name in _TYPES_WITHOUT_OUTCOME if order.counts.get(name)}
    handled = {name: count for name, count in importer.record_counts.items() if count}
    counts_text = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in (passed_over | handled).items())
    if counts_text and not options["quiet"]:
        print_text(f"Records without an outcome of their own: {counts_text}")
    for part in order.lost[:_MAX_LOST_LINES]:
        place = f"{warc_folders.shown_name(Path(options['db']), part.file)}, byte {part.offset:,}"
        text = f"{place}: {part.length:,} bytes in which no record with a URL can be read"
        click.echo(one_line(f"broadsheet: {text}"), err=True)
    if len(order.lost) > 1:
        byte_count = sum(part.length for part in order.lost)
        click.echo(f"broadsheet: {byte_count:,} bytes in {len(order.lost):,} places could not be read", err=True)
