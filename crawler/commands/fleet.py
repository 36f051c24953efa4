"""Verbs of `broadsheet fleet` that write a list of sites, run what is due of it, and work for a store."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import click

from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError, duration
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text, terminal_width
from ..plugins import FLEET_ENGINES, call_plugin, has_plugin
from .crawl import crawl
from .update import update
from .verb_options import FLEET_OPTIONS, PATH, complete_files, contact, verb, with_options

with lazy_imports():
    from broadsheet.output.archive import archive_lock

    from ..cli import progress_line as progress_line_module
    from ..crawl import processes
    from ..fleet import (
        dask_engine,
        fleet_folder,
        fleet_run,
        fleet_turn,
        list_runs,
        object_store,
        site_processes,
        site_task,
        sites_file,
        store_address,
        stored_run,
    )
    from . import run_summary


def scheduler_engine(address: str, store_place: stored_run.StorePlace) -> site_task.Engine:
    """Build the engine for a scheduler's address: that of the plug-in for its scheme, or Dask."""
    scheme = address.partition("://")[0]
    if has_plugin(FLEET_ENGINES, scheme):
        engine: site_task.Engine = call_plugin(FLEET_ENGINES, scheme, address, store_place)
        return engine
    return dask_engine.DaskEngine(address, store_place)


@contextmanager
def told_store_faults() -> Iterator[None]:
    """Turn a store's errors into one line: InUse if another run is at work, otherwise NotReachable."""
    try:
        yield
    except list_runs.RunRefused as error:
        raise InUse(str(error)) from error
    except object_store.StoreError as error:
        raise NotReachable(str(error)) from error


def made_store_place(fleet: sites_file.SiteList, options: Mapping[str, Any]) -> stored_run.StorePlace:
    """Return the store that the options name; a new one is created. NotReachable if it cannot be used."""
    with told_store_faults():
        identity = store_address.make_store(options["store"])
    work_folder = options["work"] or str((fleet.folder / fleet_folder.FOLDER / "work").absolute())
    address = options["store"] if "://" in options["store"] else str(Path(options["store"]).absolute())
    return stored_run.StorePlace(address, identity, work_folder, per_address=fleet.per_address)


_MOST_LINES = 50
"""Sites that the summary of a turn lists."""


@verb
@click.argument("urls", nargs=-1, required=True, metavar="URL|FILE...", shell_complete=complete_files)
@click.option(
    "-o", "--output", default="sites.toml", show_default=True, type=PATH, metavar="FILE", help="The list; - prints it."
)
@click.option(
    "--contact",
    type=contact,
    envvar="BROADSHEET_CONTACT",
    metavar="URL|MAIL",
    help="Whom sites are to ask about the crawls. Or set BROADSHEET_CONTACT.",
)
def init_sites(urls: tuple[str, ...], output: str, contact: str | None) -> int:
    """Write a list with a table for each site, to be changed by hand.

    A FILE has URLs, one a line.
    """
    text = sites_file.new_sites_file(urls, contact or "")
    if output == "-":
        click.echo(text, nl=False)
        return 0
    try:
        with Path(output).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(
            f"{output} is there already; add a table [sites.NAME] to it, or name another with -o"
        ) from None
    click.echo(f"Wrote {output}. Check it, then run: broadsheet fleet run {shlex.quote(output)}")
    return 0


@verb
@with_options(FLEET_OPTIONS)
@click.option("--all", "everything", is_flag=True, help="Every site now, due or not.")
@click.option(
    "--parallel", type=click.IntRange(min=1), metavar="N", help="Run N crawls at a time; by default as the list says."
)
@click.option("--store", metavar="ADDRESS", help="Where archives are between turns: a folder, s3://bucket/prefix.")
@click.option(
    "--work", type=PATH, metavar="DIR", help="Local copies of archives that are in a store; may name variables."
)
@click.option("--scheduler", metavar="ADDRESS", help="Crawl on a Dask cluster: tcp://host:8786, or a file.")
@click.option("--wait", "is_waiting", is_flag=True, help="Keep running: wait for sites to become due.")
@click.option("--take-over", type=duration, metavar="TIME", help="Take over from a run that has not reported for TIME.")
@click.option("--dry-run", is_flag=True, help="List the sites that are due; crawl nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def run_fleet(**options: Any) -> int:
    """Crawl or update the due sites of a list, in parallel, each into an archive of its own.

    Run the same command again to continue, even after a kill. Ctrl-C stops all crawls cleanly. With --store, archives
    are kept in a store between turns; with --scheduler, a cluster crawls.
    """
    processes.require_workers()
    fleet = listed_sites(options)
    sites = chosen_sites(fleet, options)
    if options["dry_run"]:
        return _print_due(_planned_run(fleet, sites, options, _known_records(fleet, sites, options)).due_tasks())
    part = fleet_turn.Shard(*options["shard"] or ())
    lock = f"shard-{part.number}-of-{part.count}"
    if options["store"]:
        run, signals = _run_stored(fleet, sites, options, f"{part.number}/{part.count}", lock)
        return _told_run(run, signals, sites, options)
    _prepare_folder(fleet.folder)
    records = fleet_folder.RecordFolder(fleet.folder)
    with archive_lock.hold_lock(
        fleet.folder / fleet_folder.FOLDER / lock, refusal=f"another fleet run is at work in {fleet.folder}"
    ):
        run = _planned_run(fleet, sites, options, records)
        return _told_run(run, run_with_progress(run, quiet=options["quiet"]), sites, options)


def _known_records(
    fleet: sites_file.SiteList, sites: Sequence[sites_file.Site], options: Mapping[str, Any]
) -> fleet_run.Records:
    """Return the records of the store, or of the list's folder. NotReachable if the store cannot be asked."""
    if not options["store"]:
        return fleet_folder.RecordFolder(fleet.folder)
    with told_store_faults():
        return fleet_run.StoredRecords(known_store(options["store"]), [site.name for site in sites])


def _planned_run(
    fleet: sites_file.SiteList, sites: Sequence[sites_file.Site], options: Mapping[str, Any],
    records: fleet_run.Records, place: stored_run.StorePlace | None = None,
) -> fleet_run.FleetRun:  # fmt: skip
    """Return a run of the due sites; without a store it works on the archives beside the list."""
    run = fleet_run.FleetRun(
        fleet, sites, records, lambda: _made_engine(fleet, options, place), is_waiting=options["is_waiting"],
        everything=options["everything"], is_quiet=options["quiet"],
    )  # fmt: skip
    if place and place.per_address and options["scheduler"]:
        run.addresses = fleet_run.StartAddresses()
    return run


def _made_engine(
    fleet: sites_file.SiteList, options: Mapping[str, Any], place: stored_run.StorePlace | None
) -> site_task.Engine:
    if place and options["scheduler"]:
        return scheduler_engine(options["scheduler"], place)
    records, variables = fleet_folder.RecordFolder(fleet.folder), crawl_environment(fleet, os.environ)

    def run(
        task: site_task.SiteTask, lifeline: processes.Lifeline, is_stopped: Callable[[], bool]
    ) -> site_task.SiteResult:
        if place:
            return stored_run.run_task(task, place, stored_run.CrawlHost(lifeline, is_stopped))
        return site_processes.run_site(task, lifeline, records.log(task.name), is_stopped, variables)

    parallel = options["parallel"] or fleet.parallel or site_processes.default_parallel()
    if place:
        return site_processes.LocalEngine(run, parallel, lambda task: place.copy(task.name).archive)
    return site_processes.LocalEngine(run, parallel)


def _run_stored(
    fleet: sites_file.SiteList, sites: Sequence[sites_file.Site], options: Mapping[str, Any], part: str, lock: str
) -> tuple[fleet_run.FleetRun, list[int]]:
    """Run the due sites of a store, as the only run of its part of the list; return the run and the signals that
    stopped it.

    NotReachable if the store or the local folder cannot be used, or the store stops accepting writes.
    """
    place = made_store_place(fleet, options)
    folder = fleet.folder / fleet_folder.FOLDER if options["scheduler"] else place.local_folder
    if not options["scheduler"] and (problem := fleet_folder.disk_problem(folder)):
        raise NotReachable(problem)
    _make_folder(folder)
    run: fleet_run.FleetRun | None = None
    store = object_store.PatientStore(store_address.store_at(place.address), place.patience)
    where = f"{socket.gethostname()}:{(folder / lock).absolute()}"
    record = list_runs.ListRun(store, part, stored_run.runner_name(), where, options["take_over"])
    with (
        told_store_faults(),
        archive_lock.hold_lock(folder / lock, refusal=f"another fleet run is at work in {folder}"),
        record.held(
            lambda: run.running_pages() if run else {},
            lambda: run.stop() if run else None,
            lambda: [task.name for task in run.waiting()] if run else (),
        ),
    ):
        records = fleet_run.StoredRecords(store, [site.name for site in sites])
        run = _planned_run(fleet, sites, options, records, replace(place, run=record.id))
        plain_store = store_address.store_at(place.address)
        with list_runs.thread_beside("index", lambda ended: records.keep_index(plain_store, part, ended)):
            signals = run_with_progress(run, quiet=options["quiet"])
    if run.refusal:
        raise NotReachable(run.refusal)
    return run, signals


def known_store(address: str) -> object_store.ObjectStore:
    """Return the store at an address. NotReachable if it does not exist or does not answer."""
    with told_store_faults():
        store = store_address.store_at(address)
        store_address.store_identity(store)
        return store


def crawl_environment(fleet: sites_file.SiteList, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that each crawl beside the list gets in addition."""
    folder = fleet.folder / fleet_folder.FOLDER / "addresses"
    return site_processes.crawl_environment(fleet.per_address, folder, environment)


def listed_sites(options: Mapping[str, Any]) -> sites_file.SiteList:
    """Read and check the list that the options name."""
    return sites_file.read_sites(Path(options["file"]), crawl, update)


def chosen_sites(fleet: sites_file.SiteList, options: Mapping[str, Any]) -> tuple[sites_file.Site, ...]:
    """Return the sites of this shard that have the names and groups asked for, if any.

    CommandError for a name that the list does not have.
    """
    names, groups, shard = set(options["names"]), set(options["groups"]), fleet_turn.Shard(*options["shard"] or ())
    known_groups = {group for site in fleet.sites for group in site.groups}
    if unknown := sorted((names - {site.name for site in fleet.sites}) | (groups - known_groups)):
        raise CommandError(f"{fleet.file} has no site or group {unknown[0]}")
    return tuple(
        site for site in fleet.sites
        if shard.holds(site.name) and (not names or site.name in names) and (not groups or groups & set(site.groups))
    )  # fmt: skip


def _print_due(tasks: Sequence[site_task.SiteTask]) -> int:
    for task in tasks:
        print_text(f"{task.name}  {'update' if task.is_update else 'crawl'}  due {task.due_at or 'now'}")
    click.echo(f"{len(tasks):,} due", err=True)
    return 0


def _prepare_folder(folder: Path) -> None:
    """Make the folder of the archives. NotReachable if it cannot be, or is on a disk that cannot hold them."""
    if problem := fleet_folder.disk_problem(folder):
        raise NotReachable(problem)
    _make_folder(folder / fleet_folder.FOLDER)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotReachable(f"the folder {folder} cannot be made: {error.strerror}") from error


def _told_run(
    run: fleet_run.FleetRun, signals: Sequence[int], sites: Sequence[sites_file.Site], options: Mapping[str, Any]
) -> int:
    """Print the results of a run, and return the exit code."""
    results = run.results
    if not results and not signals and not run.is_waiting:
        click.echo(f"Nothing is due among {count_text(len(sites), 'site')}; --all crawls all of them now.", err=True)
    elif results and not options["quiet"]:
        print_text(fleet_turn.results_table(results, terminal_width(), _MOST_LINES))
        print_text(f"\n{fleet_turn.summary_line(results)}")
    else:
        for result in fleet_turn.worst_first(results):
            if result.end is not site_task.SiteEnd.DONE:
                click.echo(one_line(f"broadsheet: {result.name}: {result.message or result.end.words}"), err=True)
    return run_summary.SIGNAL_EXIT_BASE + signals[0] if signals else fleet_turn.exit_code_of(run.ends)


_END_SECONDS = 20.0  # from the second Ctrl-C to a forced exit; the crawls stop by themselves
_TELL_SECONDS = 0.2


class StoppableRun(Protocol):
    """A run of many tasks, shown with a progress line. `lines` gets lines for a person."""

    lines: list[str]

    def run(self) -> None:
        """Run to the end, or until it is stopped."""

    def stop(self) -> None:
        """Stop in good order; called again, at once."""

    def progress_line(self) -> str:
        """Say in one line how far the run is."""


def run_with_progress(run: StoppableRun, *, quiet: bool) -> list[int]:
    """Run in a thread, with a progress line, and print lines and warnings of the log as they come.

    The first Ctrl-C or SIGTERM stops it in good order, the second one at once. Returns the signals.
    """
    import asyncio

    signals: list[int] = []
    asyncio.run(_run_in_thread(run, signals, quiet=quiet))
    return signals


async def _run_in_thread(run: StoppableRun, signals: list[int], *, quiet: bool) -> None:
    import asyncio

    loop, warnings = asyncio.get_running_loop(), run.lines

    def on_signal(number: int) -> None:
        signals.append(number)
        run.stop()
        if len(signals) == 1:
            click.echo("Stopping after the current work; again stops at once.", err=True)
        elif len(signals) == 2:
            click.echo("Stopping now; the next run goes on from here.", err=True)
            # sys.exit would wait for the run's thread, which may hang
            loop.call_later(_END_SECONDS, os._exit, run_summary.SIGNAL_EXIT_BASE + signals[0])

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, int(number))
    with logged_warnings(warnings):
        async with progress_line_module.show_progress(run.progress_line, quiet=quiet) as print_line:
            running = asyncio.ensure_future(asyncio.to_thread(run.run))
            last_warning = ""
            while warnings or not running.done():
                while warnings:
                    warning = warnings.pop(0)
                    if warning != last_warning:
                        print_line(f"broadsheet: {warning}")
                    last_warning = warning
                await asyncio.wait([running], timeout=_TELL_SECONDS)
            await running


class _WarningList(logging.Handler):
    """A log handler that appends messages to a list of warnings."""

    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        """Add a message."""
        self._warnings.append(record.getMessage())


@contextmanager
def logged_warnings(warnings: list[str]) -> Iterator[None]:
    """Collect the fleet's log messages in a list of warnings during the `with` block."""
    logger, handler = logging.getLogger("broadsheet"), _WarningList(warnings)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
