"""Verb `broadsheet fleet verify`: the problems of all archives of a list, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from .verb_options import FLEET_OPTIONS, SAMPLE_OPTION, STORE_OPTION, verb, with_options

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import row_sample
    from broadsheet.output.read import verify as verify_module

    from ..cli import archive_access
    from ..fleet import stored_checks
    from . import fleet as fleet_module
    from . import fleet_read
    from . import verify as verify_verb


@verb("Check that every archive is whole.", "verify")
@with_options(FLEET_OPTIONS)
@STORE_OPTION
@SAMPLE_OPTION
@click.option("-v", "--verbose", is_flag=True, help="A line for each archive in order too.")
def fleet_verify(**options: Any) -> int:
    """Check that every archive is whole, as broadsheet verify does one: a line for each problem.

    In a store, that every piece of an archive and of its WARC files is there with the bytes that were put there.
    """
    fleet, sample = fleet_module.listed_sites(options), options["sample"] or row_sample.WHOLE
    store = fleet_module.known_store(options["store"]) if options["store"] else None
    left_out = verify_module.RAW_CHECKS if store else ()

    def check(db: Database) -> tuple[list[verify_module.ArchiveProblem], int]:
        """Return an archive's problems, and the number of its articles where it has none."""
        problems = verify_module.verify(db, sample, left_out)
        return problems, 0 if problems else db.execute("SELECT count(*) FROM articles").fetchone()[0]

    is_whole, count = True, 0
    for name, checked, unread in fleet_read.each_archive(fleet, options, check):
        count += 1
        problems, articles = checked or ([], 0)
        lines = [f"{problem.check}: {problem.detail}" for problem in problems]
        lines += [f"store: {fault}" for fault in stored_checks.state_faults(store, name, sample)] if store else []
        if unread:
            archive_access.refuse(unread)
        elif not lines and options["verbose"]:
            words = verify_verb.sample_words(options["sample"])
            print_text(one_line(f"{name}: in order: {count_text(articles, 'article')}{words}"))
        for line in lines:
            print_text(one_line(f"{name}: {line}"))
        is_whole = is_whole and not (lines or unread)
    unread_lines = fleet_read.unread_sites(fleet, options)
    for line in unread_lines:
        archive_access.refuse(line)
    return int(not is_whole or bool(unread_lines) or not count)
