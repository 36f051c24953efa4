"""Verb `broadsheet fleet forget`: articles taken down in all archives of a list, each file written anew once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.read.plain_words import count_text

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from .verb_options import (
    FLEET_OPTIONS,
    PATH,
    SITES_OPTION,
    TAKEDOWN_OPTIONS,
    verb,
    with_options,
)

with lazy_imports():
    from broadsheet.output.write import takedowns

    from ..cli import archive_access
    from ..fleet import (
        fleet_folder,
        fleet_takedowns,
        fleet_turn,
        object_store,
        site_copies,
        site_task,
        sites_file,
        store_address,
        stored_run,
    )
    from . import fleet as fleet_module
    from . import fleet_read
    from . import forget as forget_verb


@verb
@click.argument("patterns", nargs=-1, required=True, metavar="URL|PATTERN...")
@SITES_OPTION
@with_options(FLEET_OPTIONS[1:])
@click.option("--store", metavar="ADDRESS", help="In the archives of this store, as run --store has it.")
@click.option("--work", type=PATH, metavar="DIR", help="Local copies of archives that are in a store.")
@with_options(TAKEDOWN_OPTIONS)
def fleet_forget(**options: Any) -> int:
    """Take articles down in every archive that knows their URL or its host, as broadsheet forget does in one.

    Each archive's file is written anew once, for all URLs and patterns. Where a site is being crawled, the takedown is
    noted and done when the crawl ends, with exit code 75; the same command goes on with what is left, also after a
    kill. In a store a running crawl is refused, and the next one takes the articles down first.
    """
    fleet = fleet_module.listed_sites(options)
    patterns = tuple(dict.fromkeys(map(takedowns.archive_pattern, options["patterns"])))
    place = _store_place(fleet, options) if options["store"] else None
    plans, problems = _plan_sites(fleet, options, patterns)
    for problem in problems:
        archive_access.refuse(problem)
    if not any(plan.takedowns for plan in plans.values()):
        return archive_access.refuse(f"no archive of {fleet.file} knows {', '.join(patterns)}")
    plans = {name: plan for name, plan in plans.items() if plan.is_open}
    for name, plan in plans.items():
        print_text(one_line(f"{name}:"))
        forget_verb.print_takedowns(plan.takedowns, str(plan.archive))
    if not plans:
        print_text("forgotten already")
    elif not options["dry_run"]:
        if not options["yes"] and not forget_verb.is_confirmed():
            return 1
        code = _take_down(plans, _stored_work(fleet, place, plans, options) if place else _work(plans, options["note"]))
        return int(bool(problems)) or code
    return int(bool(problems))


def _store_place(fleet: sites_file.SiteList, options: Mapping[str, Any]) -> stored_run.StorePlace:
    """Return the store. NotReachable if it cannot be used."""
    fleet_module.known_store(options["store"])
    place = fleet_module.made_store_place(fleet, options)
    if problem := fleet_folder.disk_problem(place.local_folder):
        raise NotReachable(problem)
    return place


_Plans = Mapping[str, "fleet_takedowns.SiteTakedowns"]
_Work = Callable[[str], Sequence[str]]


def _plan_sites(
    fleet: sites_file.SiteList, options: Mapping[str, Any], patterns: Sequence[str]
) -> tuple[_Plans, list[str]]:
    """Return the plan of each site whose archive can be read, and a line for each other one."""
    plan = partial(fleet_takedowns.plan_takedowns, patterns=patterns)
    plans, problems = fleet_read.read_archives(fleet, options, plan)
    return dict(plans), [*problems, *fleet_read.unread_sites(fleet, options)]


def _work(plans: _Plans, note: str) -> _Work:
    return lambda name: fleet_takedowns.take_down_beside(plans[name].archive, plans[name].patterns, note)


def _stored_work(
    fleet: sites_file.SiteList, place: stored_run.StorePlace, plans: _Plans, options: Mapping[str, Any]
) -> _Work:
    """Return a function that takes the patterns down in a stored site."""
    store = object_store.PatientStore(store_address.store_at(place.address), place.patience)
    find_copy = site_copies.reading_copies(place.address, fleet.folder / fleet_folder.FOLDER / "copies").archive

    def work(name: str) -> Sequence[str]:
        copy = site_copies.LocalCopy(place.local_folder / name, name, place.identity)
        waiting = stored_run.forget_stored(stored_run.StoredSite(store, copy), plans[name].patterns, options["note"])
        find_copy(name)  # the copy here that report and search read has the articles until it is replaced
        return waiting

    return work


def _take_down(plans: _Plans, work: _Work) -> int:
    """Carry out the planned takedowns, print the result of each site, and return the exit code."""
    ends = []
    for result in fleet_takedowns.in_turn(plans, work):
        ends.append(result.end)
        if result.end is site_task.SiteEnd.DONE:
            planned = plans[result.name].takedowns
            articles = {url for takedown in planned for _, url in takedown.articles}
            urls = {url for takedown in planned for url in takedown.urls}
            forget_verb.print_waiting(result.lines)
            counts = f"{count_text(len(articles), 'article')}, {count_text(len(urls), 'URL')}"
            print_text(one_line(f"{result.name}: forgotten: {counts}"))
        else:
            archive_access.refuse(f"{result.name}: {result.lines[0]}")
    return fleet_turn.exit_code_of(ends)
