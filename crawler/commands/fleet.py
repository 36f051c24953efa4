"""Verbs of `broadsheet fleet` that write a list of sites, run what is due of it, and work for a store."""

from __future__ import annotations

import logging
import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import click

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.read.plain_words import count_text

from ..command_values import CommandError
from ..crawl.command_line import contact
from ..crawl.terminal import one_line, print_text, terminal_width
from ..lazy_modules import lazy_imports
from ..plugins import FLEET_ENGINES, call_plugin, has_plugin
from .crawl import crawl
from .update import update
from .verb_options import FLEET_OPTIONS, PATH, complete_files, verb, with_options

with lazy_imports():
    from broadsheet.output.archive import archive_lock

    from ..crawl import processes
    from ..fleet import (
        dask_engine,
        fleet_folder,
        fleet_turn,
        object_store,
        pulled_sites,
        site_lease,
        site_processes,
        site_records,
        site_task,
        sites_file,
        store_address,
        store_engine,
        stored_run,
        url_lists,
    )
    from . import progress_line as progress_line_module
    from . import run_summary

_WAIT_SECONDS = 180.0  # for a site whose runner was killed: its lease lasts 120 s


def scheduler_engine(address: str, store_place: stored_run.StorePlace) -> site_task.Engine:
    """Build the engine for the address of a scheduler: of a plug-in that has its scheme, else of Dask."""
    scheme = address.partition("://")[0]
    if has_plugin(FLEET_ENGINES, scheme):
        engine: site_task.Engine = call_plugin(FLEET_ENGINES, scheme, address, store_place)
        return engine
    return dask_engine.DaskEngine(address, store_place)


def parallel_crawls(fleet: sites_file.SiteList, options: Mapping[str, Any]) -> int:
    """Return the number of crawls side by side on this machine."""
    return int(options["parallel"] or fleet.parallel or site_processes.default_parallel())


def check_engine_options(options: Mapping[str, Any]) -> None:
    """Raise CommandError if the options for engines do not go together."""
    if not options["store"] and (options["scheduler"] or options["work"]):
        raise CommandError("--scheduler and --work need --store: where archives are between their turns")
    if options["parallel"] and options["scheduler"]:
        raise CommandError("--parallel is for this machine; with a scheduler each worker says how many crawls it runs")


def made_store_place(
    fleet: sites_file.SiteList, options: Mapping[str, Any], wait_seconds: float = 0.0
) -> stored_run.StorePlace:
    """Return the store that the options name, which is made if it is new. NotReachable if it cannot be used."""
    try:
        identity = store_address.make_store(options["store"])
    except object_store.StoreError as error:
        raise NotReachable(str(error)) from error
    work_folder = options["work"] or str((fleet.folder / fleet_folder.FOLDER / "work").absolute())
    return stored_run.StorePlace(
        options["store"], identity, work_folder, wait_seconds=wait_seconds, per_address=fleet.per_address
    )


class EngineTurn(Protocol):
    """Turn of tasks on an engine, shown with a progress line."""

    @property
    def engine(self) -> site_task.Engine:
        """Return the engine that runs the tasks."""

    def run(self) -> None:
        """Run them to their end, or until the engine is stopped."""

    def progress_line(self) -> str:
        """Say in one line how many tasks are done."""


_MOST_LINES = 50
"""Sites that the summary of a turn lists."""


@verb("Write a list of sites.", "init")
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

    A FILE has URLs, one a line, or is an OPML list as feed readers export it.
    """
    text = sites_file.new_sites_file(url_lists.listed_urls(urls), contact or "")
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
    click.echo(f"Wrote {output}. Look through it, then: broadsheet fleet run {shlex.quote(output)}")
    return 0


@verb("Crawl and update what is due.", "run")
@with_options(FLEET_OPTIONS)
@click.option("--all", "everything", is_flag=True, help="Every site now, due or not.")
@click.option("--parallel", type=click.IntRange(min=1), metavar="N", help="Crawls side by side; else as the list says.")
@click.option("--store", metavar="ADDRESS", help="Where archives are between turns: a folder, s3://bucket/prefix.")
@click.option(
    "--work", type=PATH, metavar="DIR", help="Local copies of archives that are in a store; may name variables."
)
@click.option("--scheduler", metavar="ADDRESS", help="Crawl on the workers of this Dask scheduler, tcp://host:8786.")
@click.option("--dry-run", is_flag=True, help="List what is due, and do nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def run_fleet(**options: Any) -> int:
    """Crawl or update what is due of a list of sites, side by side, each into an archive of its own.

    Run the same command again and it goes on where it stood, whatever was killed. Ctrl-C stops all crawls cleanly.
    """
    processes.require_workers()
    fleet = listed_sites(options)
    check_engine_options(options)  # a mistake is told also where nothing is due
    records = fleet_folder.RecordFolder(fleet.folder)
    sites = chosen_sites(fleet, options)
    if options["dry_run"]:
        return _print_due(_due_tasks(fleet, sites, options, records))
    if options["store"] and not options["scheduler"]:
        work, signals = pull_sites(fleet, sites, options)
        return _told_turn(work.results, signals, sites, options)
    _prepare_folder(fleet.folder)
    part = fleet_turn.Shard(*options["shard"] or ())
    lock = fleet.folder / fleet_folder.FOLDER / f"shard-{part.number}-of-{part.count}"
    with archive_lock.hold_lock(lock, refusal=f"another fleet run is at work in {fleet.folder}"):
        store_place = made_store_place(fleet, options, _WAIT_SECONDS) if options["store"] else None
        tasks = _due_tasks(fleet, sites, options, records)
        if store_place:
            engine = scheduler_engine(options["scheduler"], store_place)
            turn = fleet_turn.FleetTurn(tasks, engine, None, store_engine.StoredPageCounter(store_place))
        else:
            parallel = options["parallel"] or fleet.parallel
            here = site_processes.EmbeddedEngine(records, parallel, crawl_environment(fleet, os.environ))
            turn = fleet_turn.FleetTurn(tasks, here, records)
        signals = _run_turn(turn, quiet=options["quiet"]) if tasks else []
        return _told_turn(turn.results, signals, sites, options)


def pull_sites(
    fleet: sites_file.SiteList, sites: Sequence[sites_file.Site], options: Mapping[str, Any]
) -> tuple[pulled_sites.PulledWork, list[int]]:
    """Work for the store that the options name; returns what was done, and the signals that stopped it.

    NotReachable if the store or the local folder cannot be used, also where the store takes nothing any more.
    """
    import asyncio

    place = made_store_place(fleet, options)
    if problem := fleet_folder.disk_problem(place.local_folder):
        raise NotReachable(problem)
    store = object_store.PatientStore(store_address.store_at(place.address), place.patience)
    is_waiting, everything = options.get("is_waiting", False), options.get("everything", False)
    watch = site_lease.LeaseWatch(place.terms)
    source = pulled_sites.DueSites(fleet, sites, store, watch, is_waiting, everything=everything)
    engine = store_engine.StoreEngine(place, parallel_crawls(fleet, options), source, watch)
    pages = store_engine.StoredPageCounter(place)
    work = pulled_sites.PulledWork(source, engine, pages, options["quiet"])
    source.say = work.say
    signals: list[int] = []
    try:
        asyncio.run(run_with_progress(work, signals, work.lines, quiet=options["quiet"]))
    except object_store.StoreError as error:
        raise NotReachable(str(error)) from error
    if work.refusal:
        raise NotReachable(work.refusal)
    return work, signals


def _due_tasks(
    fleet: sites_file.SiteList, sites: Sequence[sites_file.Site], options: Mapping[str, Any],
    records: fleet_folder.RecordFolder,
) -> list[site_task.SiteTask]:  # fmt: skip
    """List the tasks of the sites that are due by the records of the store, or of the list's folder."""
    stored = stored_states(options["store"], [site.name for site in sites]) if options["store"] else {}
    read = (lambda name: stored[name].record) if options["store"] else records.read
    now, everything = datetime.now(UTC), options["everything"]
    return list(fleet_turn.due_tasks(fleet, sites, read, now, everything=everything))


def stored_states(address: str, names: Sequence[str] | None) -> dict[str, site_records.StoredSiteState]:
    """Read what the store at an address knows of sites, of all that it has without names.

    NotReachable if it cannot be asked.
    """
    store = known_store(address)
    try:
        return site_records.read_states(store, site_records.stored_site_names(store) if names is None else names)
    except object_store.StoreError as error:
        raise NotReachable(str(error)) from error


def known_store(address: str) -> object_store.ObjectStore:
    """Return the store at an address. NotReachable if there is none, or it cannot be asked."""
    try:
        store = store_address.store_at(address)
        store_address.store_identity(store)
    except object_store.StoreError as error:
        raise NotReachable(str(error)) from error
    return store


def crawl_environment(fleet: sites_file.SiteList, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that every crawl of a fleet gets in addition.

    The crawls run side by side, so each has one worker process, and they share a folder of requests by address.
    A variable that the environment has already is left as it is.
    """
    chosen = {
        "BROADSHEET_WORKERS": "1",
        "BROADSHEET_PER_ADDRESS": str(fleet.per_address),
        "BROADSHEET_ADDRESS_FOLDER": str(fleet.folder / fleet_folder.FOLDER / "addresses"),
    }
    return {name: value for name, value in chosen.items() if name not in environment}


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
    try:
        (folder / fleet_folder.FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotReachable(f"the folder {folder} cannot be made: {error.strerror}") from error


def _run_turn(turn: fleet_turn.FleetTurn, *, quiet: bool) -> list[int]:
    """Run a turn to its end; returns the signals that stopped it."""
    import asyncio

    signals: list[int] = []
    asyncio.run(run_with_progress(turn, signals, turn.warnings, quiet=quiet))
    return signals


def _told_turn(
    results: Sequence[site_task.SiteResult], signals: Sequence[int], sites: Sequence[sites_file.Site],
    options: Mapping[str, Any],
) -> int:  # fmt: skip
    """Tell what a turn came to, and return the exit code."""
    if not results and not signals:
        click.echo(f"Nothing is due of {count_text(len(sites), 'site')}; --all looks at all of them now.", err=True)
    elif results and not options["quiet"]:
        print_text(fleet_turn.results_table(results, terminal_width(), _MOST_LINES))
        print_text(f"\n{fleet_turn.summary_line(results)}")
    elif not options["store"] or options["scheduler"]:  # a worker has said them
        for result in fleet_turn.worst_first(results):
            if result.end is not site_task.SiteEnd.DONE:
                click.echo(one_line(f"broadsheet: {result.name}: {result.message or result.end.words}"), err=True)
    return run_summary.SIGNAL_EXIT_BASE + signals[0] if signals else fleet_turn.turn_exit_code(results)


_END_SECONDS = 20.0  # from the second Ctrl-C until the command ends, whatever hangs; its crawls stop by themselves
_TELL_SECONDS = 0.2


async def run_with_progress(turn: EngineTurn, signals: list[int], warnings: list[str], *, quiet: bool) -> None:
    """Run a turn in a thread, with a progress line, and print its warnings and those of the log as they come.

    The first Ctrl-C or SIGTERM stops it in good order, the second one at once.
    """
    import asyncio

    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        signals.append(number)
        turn.engine.stop()
        if len(signals) == 1:
            click.echo("Stopping all crawls when what is under way is done; again stops at once.", err=True)
        elif len(signals) == 2:
            click.echo("Ending at once; the next run goes on from here.", err=True)
            loop.call_later(_END_SECONDS, os._exit, run_summary.SIGNAL_EXIT_BASE + signals[0])

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, int(number))
    with logged_warnings(warnings):
        async with progress_line_module.show_progress(turn.progress_line, quiet=quiet) as print_line:
            running = asyncio.ensure_future(asyncio.to_thread(turn.run))
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
    """A handler that adds what is logged to a list of warnings."""

    def __init__(self, warnings: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._warnings = warnings

    def emit(self, record: logging.LogRecord) -> None:
        """Add a message."""
        self._warnings.append(record.getMessage())


@contextmanager
def logged_warnings(warnings: list[str]) -> Iterator[None]:
    """Add what the fleet logs to a list of warnings, while the `with` block runs."""
    logger, handler = logging.getLogger("broadsheet"), _WarningList(warnings)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
