"""`broadsheet import`: files to an order of records, the order to an archive, and what it came to."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from crawler.commands.crawl import INTERRUPT, say_stopped
from crawler.console.option_types import Mistake
from crawler.console.summary import Run, exit_code, show_summary
from crawler.console.terminal import one_line, say
from crawler.console.ticker import stoppable, ticking
from crawler.discovery.scope import Scope, ScopeError
from crawler.options import CrawlOptions, OptionError
from crawler.replay.importing import Importing, names_of
from crawler.replay.record_index import ScanError
from crawler.replay.record_order import Order
from crawler.session.from_settings import site_rules_of
from crawler.session.run import versions
from crawler.workers.settle_pool import settle_shared
from output.db.clock import utc_now
from output.db.errors import NotReachable
from output.db.open import open_database
from output.queue.imports import ImportedFile, held_places, is_imported, note_import
from output.write.archive import Archive

_TAKEN = ("include", "exclude", "since", "obey_directives", "site_rules")
_OTHER_TYPES = ("request", "metadata", "warcinfo", "conversion", "continuation", "unknown", "no_url", "other_host")


def import_archives(given: Mapping[str, Any]) -> int:
    """Import as the command line says, show what came of it, and return the exit code."""
    paths = [_readable(name) for name in dict.fromkeys(given["files"])]
    options = _options(given)
    began = time.monotonic()
    with Archive.open(given["db"]) as archive, closing(Order()) as order:
        taken, failed = _index(archive, order, paths, given, options)
        if not taken:
            return _nothing(failed, len(paths) - failed)
        try:
            importing, number = _work(archive, order, options, given, [path for path, _, _ in taken])
        except (sqlite3.Error, OSError) as error:
            raise NotReachable(
                f"{given['db']} cannot be written: {error}; the same command goes on from here"
            ) from error
        if not number:
            for _, file, records in taken:
                note_import(archive.db, file, _asked(given, options), utc_now(), records)
    run = Run(given["db"], (), time.monotonic() - began, importing.tally.stored, signal=number, how="read")
    if number:
        say_stopped(run)
        return INTERRUPT + number
    if not given["quiet"]:
        _show(run, order.counts, importing)
    return exit_code(run) or int(bool(failed))


def _readable(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise Mistake(f"{name} is {'a folder: name the files in it' if path.is_dir() else 'not there'}")
    return path


def _options(given: Mapping[str, Any]) -> CrawlOptions:
    arguments = {name: given[name] for name in _TAKEN if given[name] not in (None, ())}
    try:
        options = CrawlOptions.from_arguments(arguments | {"seeds": ("archive",), "languages": given["language"]})
        Scope.of_hosts((), options.include, options.exclude)
        site_rules_of(options)
    except (OptionError, ScopeError) as error:
        raise Mistake(str(error)) from error
    return options


def _asked(given: Mapping[str, Any], options: CrawlOptions) -> dict[str, object]:
    """What the command asks for, for the record of the run."""
    names = (*_TAKEN, "languages")
    return {name: value for name, value in options.as_values().items() if name in names} | {"hosts": given["hosts"]}


_Taken = list[tuple[Path, ImportedFile, Mapping[str, int]]]


def _index(
    archive: Archive, order: Order, paths: Sequence[Path], given: Mapping[str, Any], options: CrawlOptions
) -> tuple[_Taken, int]:
    """Note what the files hold, but for those imported before; those taken, and how many cannot be read."""
    hosts = frozenset(host.lower().removeprefix("www.") for host in given["hosts"])
    taken: _Taken = []
    failed = 0
    for path in paths:
        file = ImportedFile.of(path, Path(given["db"]))
        if is_imported(archive.db, file, _asked(given, options)):
            continue
        try:
            taken.append((path, file, order.add(file.name, path, hosts)))
        except (ScanError, OSError) as error:
            failed += 1
            click.echo(one_line(f"broadsheet: {error}"), err=True)
    order.skip(held_places(archive.db))
    order.sort()
    return taken, failed


def _nothing(failed: int, known: int) -> int:
    if known:
        say(f"Nothing to do: {known:,} {'file is' if known == 1 else 'files are'} in the archive already.")
    return int(bool(failed))


def _work(
    archive: Archive, order: Order, options: CrawlOptions, given: Mapping[str, Any], paths: Sequence[Path]
) -> tuple[Importing, int]:
    """Do all of it in a run of its own; what it came to, and the signal that stopped it, or 0."""
    run_id = archive.start_run(f"import {names_of(paths)}", _asked(given, options), versions())
    with closing(open_database(given["db"], read_only=True)) as reading:
        importing, number = asyncio.run(_import(archive, reading, order, options, given))
    settle_shared(archive.db)
    counts = dict(importing.tally.stored) | {f"record/{kind}": n for kind, n in order.counts.items()}
    ended = ("stopped", f"signal {number}") if number else ("finished", "")
    archive.finish_run(run_id, *ended, counts)
    return importing, number


async def _import(
    archive: Archive, reading: Any, order: Order, options: CrawlOptions, given: Mapping[str, Any]
) -> tuple[Importing, int]:
    heard: list[int] = []
    began = time.monotonic()

    def line() -> str:
        done = sum(importing.tally.stored.values()) + sum(importing.tally.records.values())
        rate = done / max(time.monotonic() - began, 0.001)
        return f"{done:,} of {len(order):,} records  {rate:.1f} records/s"

    def stop(number: int) -> None:
        heard.append(number)
        importing.stopping = True

    async with ticking(line, quiet=given["quiet"]) as tell:
        importing = Importing(archive, reading, order, options, tell)
        async with stoppable(stop, "Stopping when what is under way is done"):
            await importing.run(Path(given["db"]).absolute().parent)
    return importing, heard[0] if heard else 0


def _show(run: Run, records: Mapping[str, int], importing: Importing) -> None:
    show_summary(run)
    passed = {name: records[name] for name in _OTHER_TYPES if records.get(name)}
    done = {name: count for name, count in importing.tally.records.items() if count}
    told = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in (passed | done).items())
    if told:
        say(f"Records without an outcome of their own: {told}")
