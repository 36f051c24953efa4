"""`broadsheet crawl`: from its options to the spider's arguments, and from the run's result to an exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from broadsheet.crawler.commands.run_summary import (
    SIGNAL_EXIT_BASE,
    RunResult,
    exit_code,
    failure_lines,
    print_stopped,
    print_summary,
)
from broadsheet.crawler.commands.spider_run import run_spider, spider_settings
from broadsheet.crawler.crawl.archive_access import refuse
from broadsheet.crawler.crawl.command_line import CommandError
from broadsheet.crawler.crawl.early_checks import DISCOVERY_SOURCES, spider_arguments
from broadsheet.crawler.crawl.terminal import one_line, reason_text
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.run_records import crawl_options, useless_seeds

_DEFAULT_REVISIT: Mapping[str, Any] = {"revisit": "due", "every": 0.0}
_RESUMED_OPTIONS = {
    "include": "include", "exclude": "exclude", "since": "since", "language": "languages",
    "obey_directives": "obey_directives", "contact": "contact", "site_rules": "site_rules",
}  # fmt: skip


def crawl(
    options: Mapping[str, Any],
    print_first: Callable[[], None] = lambda: None,
    on_failure: Callable[[str], object] = str,
) -> int:
    """Crawl as the options say, print a summary, and return the exit code. `print_first` is called before the
    summary, unless the crawl is quiet; `on_failure` hears of each thing that went badly wrong, in a line."""
    options = {**_DEFAULT_REVISIT, **options}
    if not options["urls"] and not options["urls_file"]:
        options |= resumed_options(options)
    run = run_spider(options["db"], spider_arguments(options), spider_settings(options))
    if run.failure:
        on_failure(failure_message(run))
        return refuse(failure_message(run))
    if run.signal:
        print_stopped(run)
        return SIGNAL_EXIT_BASE + run.signal
    if not options["quiet"]:
        print_first()
        print_summary(run)
    for line in failure_lines(run):
        on_failure(line)
        click.echo(one_line(f"broadsheet: {line}"), err=True)
    return exit_code(run)


def resumed_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """For a command without a URL: all start URLs of an existing archive, and the bounds of its last crawl.

    A bound that the command line gives counts. Limits on pages, time and size are never taken from the last crawl.
    """
    with Archive.open(options["db"]) as archive:
        earlier_runs = crawl_options(archive.db)
        dropped_seeds = useless_seeds(archive.db, (seed for run in earlier_runs for seed in run["seeds"]))
    if not earlier_runs:
        raise CommandError(f"{options['db']} has no start URL yet: broadsheet crawl https://… --db {options['db']}")
    last_run = earlier_runs[-1]
    bounds = {name: options[name] or last_run.get(run_option) for name, run_option in _RESUMED_OPTIONS.items()}
    disabled = {
        f"no_{source}": options[f"no_{source}"] or not last_run.get(f"discover_{source}", True)
        for source in DISCOVERY_SOURCES
    }
    disabled["no_warc"] = options["no_warc"] or not (options["max_size"] or last_run.get("warc", True))
    max_depth = last_run.get("max_depth") if options["max_depth"] is None else options["max_depth"]
    seeds = dict.fromkeys(seed for run_options in earlier_runs for seed in run_options["seeds"])
    working = [seed for seed in seeds if seed not in dropped_seeds]
    if not options["quiet"]:
        for seed, reason in dropped_seeds.items() if working else ():
            click.echo(one_line(f"Left out{_why_dropped(reason)}: {seed} ({reason_text(reason)})"), err=True)
    return bounds | disabled | {"max_depth": max_depth, "urls": tuple(working or seeds)}


def _why_dropped(reason: str) -> str:
    return "" if reason == OutcomeReason.FORGOTTEN else ", since it never worked"


def failure_message(run: RunResult) -> str:
    """What broke a crawl, and that it can be continued."""
    kind, _, detail = run.failure.partition(": ")
    if kind == "archive" and detail.startswith(f"{run.db} is damaged"):
        return detail
    cause = f"{run.db} cannot be written: {detail}" if kind == "archive" else f"a fault of ours: {detail}"
    return f"{cause}; what is stored is in order, and the same command goes on from here"
