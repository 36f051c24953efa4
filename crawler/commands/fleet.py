"""`broadsheet fleet`: many sites by one list.

Which engine a command asks for: without a store on this machine, with one here or on a cluster.

`broadsheet fleet`: many sites by one list.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import click

from broadsheet.crawler.commands.progress_line import show_progress
from broadsheet.crawler.commands.run_summary import SIGNAL_EXIT_BASE
from broadsheet.crawler.crawl.command_line import CommandError
from broadsheet.crawler.crawl.terminal import one_line, print_text, terminal_width
from broadsheet.crawler.fleet.dask_engine import DaskEngine
from broadsheet.crawler.fleet.fleet_folder import FOLDER, RecordFolder, disk_problem
from broadsheet.crawler.fleet.fleet_turn import FleetTurn, Shard, due_tasks, results_table, summary_line, turn_exit_code
from broadsheet.crawler.fleet.object_store import StoreError
from broadsheet.crawler.fleet.site_processes import EmbeddedEngine, default_parallel
from broadsheet.crawler.fleet.site_task import Engine, SiteTask
from broadsheet.crawler.fleet.sites_file import Site, SiteList, new_sites_file, read_sites
from broadsheet.crawler.fleet.slurm_engine import SlurmCluster, SlurmEngine, read_cluster
from broadsheet.crawler.fleet.store_address import make_store
from broadsheet.crawler.fleet.store_engine import StoreEngine
from broadsheet.crawler.fleet.stored_run import StorePlace
from broadsheet.output.archive.archive_errors import InUse, NotReachable
from broadsheet.output.archive.archive_lock import ArchiveLock

_WAIT_SECONDS = 180.0  # for a site whose runner was killed: its lease lasts 120 s


def store_engine(fleet: SiteList, options: Mapping[str, Any]) -> DaskEngine | SlurmEngine | StoreEngine | None:
    """The engine for the options `store`, `scheduler`, `cluster` and `work`; None without them.

    CommandError as `checked_cluster` says, NotReachable if the store cannot be used.
    """
    cluster = checked_cluster(options)
    if not options["store"]:
        return None
    store_place = _store_place(fleet, options)
    if cluster:
        return SlurmEngine(cluster, store_place, fleet.folder.absolute() / FOLDER / "cluster")
    if options["scheduler"]:
        return DaskEngine(options["scheduler"], store_place)
    return StoreEngine(store_place, options["parallel"] or fleet.parallel or default_parallel())


def checked_cluster(options: Mapping[str, Any]) -> SlurmCluster | None:
    """What the file of `cluster` says, if one is named. CommandError if it has a mistake, or the options for engines
    do not go together."""
    if not options["store"] and (options["scheduler"] or options["cluster"] or options["work"]):
        raise CommandError("--scheduler, --cluster and --work need --store: where archives are between their turns")
    if options["scheduler"] and options["cluster"]:
        raise CommandError("--cluster starts a scheduler of its own; leave out --scheduler, or --cluster")
    if options["parallel"] and (options["scheduler"] or options["cluster"]):
        raise CommandError("--parallel is for this machine; on a cluster each worker says how many crawls it runs")
    return read_cluster(Path(options["cluster"])) if options["cluster"] else None


def _store_place(fleet: SiteList, options: Mapping[str, Any]) -> StorePlace:
    try:
        identity = make_store(options["store"])
    except StoreError as error:
        raise NotReachable(str(error)) from error
    work_folder = options["work"] or str((fleet.folder / FOLDER / "work").absolute())
    wait_seconds = _WAIT_SECONDS if options["scheduler"] or options["cluster"] else 0.0
    return StorePlace(options["store"], identity, work_folder, wait_seconds=wait_seconds, per_address=fleet.per_address)


class EngineTurn(Protocol):
    """What is run with a progress line: tasks on an engine."""

    @property
    def engine(self) -> Engine:
        """What runs the tasks."""

    def run(self) -> None:
        """Run them to their end, or until the engine is stopped."""

    def progress_line(self) -> str:
        """How far they are, in one line."""


_MOST_LINES = 50
"""Sites that the summary of a turn lists."""


def init_sites(urls: tuple[str, ...], contact: str, output: str) -> int:
    """Write a list of sites; a file that is there is left as it is. Returns the exit code."""
    text = new_sites_file(urls, contact)
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


def run_fleet(options: Mapping[str, Any], crawl: click.Command, update: click.Command) -> int:
    """Crawl or update what is due of a list, and print what came of it. Returns the exit code."""
    fleet = listed_sites(options, crawl, update)
    checked_cluster(options)  # a mistake is told also where nothing is due
    records = RecordFolder(fleet.folder)
    sites = chosen_sites(fleet, options)
    now = None if options["everything"] else datetime.now(UTC)
    if options["dry_run"]:
        return _print_due(list(due_tasks(fleet, sites, records.read, now)))
    _prepare_folder(fleet.folder)
    with _only_turn(fleet.folder, Shard(*options["shard"] or ())):
        tasks = list(due_tasks(fleet, sites, records.read, now))
        if not tasks:
            click.echo(f"Nothing is due of {len(sites):,} sites; --all looks at all of them now.", err=True)
            return 0
        engine: Engine = store_engine(fleet, options) or EmbeddedEngine(
            records, options["parallel"] or fleet.parallel, crawl_environment(fleet, os.environ)
        )
        return _run_turn(tasks, engine, records, quiet=options["quiet"])


def crawl_environment(fleet: SiteList, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that every crawl of a fleet gets: where they share what they know of addresses, and one worker
    process each, since they run side by side. What the environment says already, counts."""
    chosen = {
        "BROADSHEET_WORKERS": "1",
        "BROADSHEET_PER_ADDRESS": str(fleet.per_address),
        "BROADSHEET_ADDRESS_FOLDER": str(fleet.folder / FOLDER / "addresses"),
    }
    return {name: value for name, value in chosen.items() if name not in environment}


def listed_sites(options: Mapping[str, Any], crawl: click.Command, update: click.Command) -> SiteList:
    """The list that the options name, read and checked."""
    return read_sites(Path(options["file"]), crawl, update)


def chosen_sites(fleet: SiteList, options: Mapping[str, Any]) -> tuple[Site, ...]:
    """The sites of this shard, and of the names and groups that were asked for, if any. CommandError for a name that
    the list does not have."""
    names, groups, shard = set(options["names"]), set(options["groups"]), Shard(*options["shard"] or ())
    known_groups = {group for site in fleet.sites for group in site.groups}
    if unknown := sorted((names - {site.name for site in fleet.sites}) | (groups - known_groups)):
        raise CommandError(f"{fleet.file} has no site or group {unknown[0]}")
    return tuple(
        site for site in fleet.sites
        if shard.holds(site.name) and (not names or site.name in names) and (not groups or groups & set(site.groups))
    )  # fmt: skip


def _print_due(tasks: Sequence[SiteTask]) -> int:
    for task in tasks:
        print_text(f"{task.name}  {'update' if task.is_update else 'crawl'}  due {task.due_at or 'now'}")
    click.echo(f"{len(tasks):,} due", err=True)
    return 0


def _prepare_folder(folder: Path) -> None:
    """Make the folder of the archives. NotReachable if it cannot be, or is on a disk that cannot hold them."""
    if problem := disk_problem(folder):
        raise NotReachable(problem)
    try:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotReachable(f"the folder {folder} cannot be made: {error.strerror}") from error


@contextmanager
def _only_turn(folder: Path, part: Shard) -> Iterator[None]:
    """Within it no other process runs this part of the fleet in this folder; InUse while one does."""
    lock = ArchiveLock(folder / FOLDER / f"shard-{part.number}-of-{part.count}")
    try:
        lock.acquire()
    except InUse as error:
        raise InUse(f"another fleet run is at work in {folder}") from error
    try:
        yield
    finally:
        lock.release()


def _run_turn(tasks: Sequence[SiteTask], engine: Engine, records: RecordFolder, *, quiet: bool) -> int:
    warnings: list[str] = []
    turn = FleetTurn(tasks, engine, records, warnings.append)
    signals: list[int] = []
    asyncio.run(run_with_progress(turn, signals, warnings, quiet=quiet))
    if not quiet:
        print_text(results_table(turn.results, terminal_width(), _MOST_LINES))
        print_text(f"\n{summary_line(turn.results)}")
    if signals:
        return SIGNAL_EXIT_BASE + signals[0]
    return turn_exit_code(turn.results)


async def run_with_progress(turn: EngineTurn, signals: list[int], warnings: list[str], *, quiet: bool) -> None:
    """Run a turn in a thread, with a progress line; the first Ctrl-C or SIGTERM stops it, the second one at once."""
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        signals.append(number)
        turn.engine.stop()
        hint = "; again stops at once" if len(signals) == 1 else ""
        click.echo(one_line(f"Stopping all crawls when what is under way is done{hint}."), err=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, int(number))
    async with show_progress(turn.progress_line, quiet=quiet) as print_line:
        await asyncio.to_thread(turn.run)
        for warning in warnings:
            print_line(f"broadsheet: {warning}")
