"""`broadsheet reclean`: clean an archive again, show what changes, or go back."""

from __future__ import annotations

import asyncio
import difflib
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from crawler.commands.crawl import INTERRUPT
from crawler.commands.export import archive
from crawler.console.option_types import Mistake
from crawler.console.terminal import cut, one_line, say, table, width
from crawler.console.ticker import stoppable, ticking
from crawler.options import CrawlOptions, OptionError
from crawler.replay.recleaning import Findings, Recleaning
from crawler.session.from_settings import site_rules_of
from crawler.session.run import versions
from crawler.workers.settle_pool import settle_shared
from output.db.clock import utc_now
from output.db.errors import NotReachable
from output.queue.resume import last_site_rules
from output.reclean.changes import PageChange
from output.reclean.undo import recleans, undo_after
from output.write.archive import Archive

_RULES_SHOWN = 12
_LINES = 6  # of a diff that are shown of an example
_KINDS = {"changed": "texts changed", "gained": "gained", "lost": "lost"}
_LEFT = {
    "current": "made by this cleaner already",
    "no_raw": "without a raw response",
    "raw_missing": "whose raw response is not there",
    "broken_record": "whose raw response is damaged",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    db: str
    dry_run: bool
    site_rules: str
    every: bool
    examples: int
    quiet: bool


def reclean(given: Mapping[str, Any]) -> int:
    """Do as the command line says, and return the exit code."""
    with archive(given["db"]) as db:
        remembered = last_site_rules(db)
    if given["undo"] or given["back_to"] is not None:
        return _go_back(given["db"], given["back_to"])
    rules = "" if given["no_site_rules"] else given["site_rules"] or remembered
    try:
        site_rules_of(CrawlOptions((), site_rules=rules))
    except OptionError as error:
        hint = "" if given["site_rules"] else " (the last run's; --site-rules DIR or --no-site-rules)"
        raise Mistake(f"{error}{hint}") from error
    asked = Asked(given["db"], given["dry_run"], rules, given["all"], given["examples"], given["quiet"])
    try:
        return _reclean(asked)
    except (sqlite3.Error, OSError) as error:
        raise NotReachable(f"{asked.db} cannot be written: {error}; the same command goes on from here") from error


def _reclean(asked: Asked) -> int:
    began = time.monotonic()
    opened = archive(asked.db) if asked.dry_run else Archive.open(asked.db)
    with opened as held:
        owned = held if isinstance(held, Archive) else None
        db = owned.db if owned else held
        number = owned.start_run("reclean", {"site_rules": asked.site_rules}, versions()) if owned else 0
        recleaning, run, heard = asyncio.run(_clean(db, asked))
        if owned:
            if recleaning.found.pages:
                settle_shared(owned.db)
            ended = ("stopped", f"signal {heard}") if heard else ("finished", "")
            owned.finish_run(number, *ended, recleaning.found.tally.as_counts())
    if heard:
        click.echo(one_line(f"Stopped. {asked.db} is in order, and the same command goes on from here."), err=True)
        return INTERRUPT + heard
    if not asked.quiet:
        _show(asked, recleaning.found, time.monotonic() - began, run)
    return 0


async def _clean(db: Any, asked: Asked) -> tuple[Recleaning, int, int]:
    heard: list[int] = []
    began, run = time.monotonic(), 0

    def line() -> str:
        found = recleaning.found
        rate = found.pages / max(time.monotonic() - began, 0.001)
        changed = sum(found.tally.pages[kind] for kind in _KINDS)
        return f"{found.pages:,} pages  {changed:,} articles changed  {rate:.1f} pages/s"

    def stop(number: int) -> None:
        heard.append(number)
        recleaning.stopping = True

    async with ticking(line, quiet=asked.quiet) as tell:
        recleaning = Recleaning(db, Path(asked.db).absolute().parent, asked.site_rules, tell)
        async with stoppable(stop, "Stopping when what is under way is done"):
            if asked.dry_run:
                await recleaning.dry_run(every=asked.every)
            else:
                run = await recleaning.write({"site_rules": asked.site_rules}, every=asked.every)
    return recleaning, run, heard[0] if heard else 0


def _show(asked: Asked, found: Findings, seconds: float, run: int) -> None:
    would = "would be " if asked.dry_run else ""
    pages = found.tally.pages
    kinds = ", ".join(f"{said} {pages[kind]:,}" for kind, said in _KINDS.items())
    say(f"{found.pages:,} pages {'looked at' if asked.dry_run else 'cleaned again'} in {seconds:.0f} s")
    say(f"Articles: {kinds}; only what is said of them {pages['other']:,}, nothing {pages['same']:,}")
    if facts := found.tally.facts:
        say(f"Said otherwise: {', '.join(f'{name} {count:,}' for name, count in facts.most_common())}")
    for title, rules in (("brought back", found.tally.back), ("removed", found.tally.removed)):
        if rules:
            say(f"\nBlocks that {'would be' if asked.dry_run else 'were'} {title}: {rules.total():,}, by rule")
            say(_by_rule(rules))
    if asked.dry_run:
        for change in sorted(found.examples, key=lambda each: (each.kind, each.url))[: asked.examples]:
            say("\n" + "\n".join(_example(change)))
    if left := {why: count for why, count in found.left.items() if count}:
        said = ", ".join(f"{count:,} {_LEFT.get(why, why)}" for why, count in left.items())
        say(f"\nLeft as they are: {said}")
    changed = any(pages[kind] for kind in (*_KINDS, "other"))
    if changed and not asked.dry_run:
        say(f"\nThis was run {run}; broadsheet reclean {asked.db} --undo goes back.")
    elif changed:
        say(f"\nNothing {would and 'was'} written; without --dry-run it is done.")


def _by_rule(rules: Counter[tuple[str, str]]) -> str:
    rows = [(str(count), reason, rule) for (reason, rule), count in rules.most_common(_RULES_SHOWN)]
    more = f"\n… and {len(rules) - _RULES_SHOWN:,} more rules" if len(rules) > _RULES_SHOWN else ""
    return table([("blocks", "reason", "rule"), *rows], width(), right=frozenset({0})) + more


def _example(change: PageChange) -> Iterator[str]:
    """A change in a few lines: what goes with a minus, what comes with a plus."""
    yield cut(f"{change.kind}: {change.title or '(no title)'}", width())
    yield "  " + one_line(change.url)
    reasons = {text: f"{reason} {rule}".strip() for text, reason, rule in (*change.back, *change.removed)}
    lines = [line for line in difflib.ndiff(change.before, change.after) if line[:1] in "+-"]
    for line in lines[:_LINES]:
        why = reasons.get(line[2:], "")
        yield cut(f"  {line[:1]} {f'[{why}] ' if why else ''}{line[2:]}", width())
    if len(lines) > _LINES:
        yield f"    … and {len(lines) - _LINES:,} more blocks"


def _go_back(path: str, run: int | None) -> int:
    """Undo the last run, or all after a run."""
    with Archive.open(path) as owned:
        standing = [each.id for each in recleans(owned.db) if each.state != "undone"]
        if run is None:
            if not standing:
                click.echo(one_line(f"broadsheet: {path} was never cleaned again, or all of it is undone"), err=True)
                return 1
            run = standing[-1] - 1
        undone = undo_after(owned.db, run, utc_now)
    if not undone.runs:
        click.echo(one_line(f"broadsheet: there is nothing to undo after run {run}"), err=True)
        return 1
    newer = f"; {undone.newer:,} were fetched again since and stay" if undone.newer else ""
    say(f"{undone.pages:,} pages are as they were before{newer}")
    return 0
