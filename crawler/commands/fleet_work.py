"""Verb `broadsheet fleet work`: a worker that takes due sites of a store, one after the other, until none is due."""

from __future__ import annotations

from typing import Any

import click

from broadsheet.output.read.plain_words import count_text

from ..lazy_modules import lazy_imports
from .verb_options import FLEET_OPTIONS, PATH, verb, with_options

with lazy_imports():
    from ..crawl import processes
    from ..fleet import fleet_turn
    from . import fleet as fleet_module
    from . import run_summary


@verb("Work for a store: take what is due.", "work")
@with_options(FLEET_OPTIONS)
@click.option("--store", required=True, metavar="ADDRESS", help="Where archives are: a folder, s3://bucket/prefix.")
@click.option("--wait", "is_waiting", is_flag=True, help="Go on for ever: wait for what becomes due.")
@click.option("--parallel", type=click.IntRange(min=1), metavar="N", help="Crawls side by side; else as the list says.")
@click.option("--work", type=PATH, metavar="DIR", help="Local copies of archives; may name variables.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def work_fleet(**options: Any) -> int:
    """Take the next due site of a list, crawl or update it, bring it home, and so on until nothing is due.

    As many workers as you like, on as many machines, share a list and a store: each site is one worker's at a time,
    and the store knows what is due. A killed worker's sites are free after two minutes. Ctrl-C stops in good order.
    """
    processes.require_workers()
    fleet = fleet_module.listed_sites(options)
    sites = fleet_module.chosen_sites(fleet, options)
    work, signals = fleet_module.pull_sites(fleet, sites, options)
    if not work.ends and not options["quiet"]:
        click.echo(f"Nothing is due of {count_text(len(sites), 'site')}.", err=True)
    return run_summary.SIGNAL_EXIT_BASE + signals[0] if signals else fleet_turn.exit_code_of(work.ends)
