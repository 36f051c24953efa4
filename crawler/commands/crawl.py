"""`broadsheet crawl`: from its options to the spider's arguments, and from the run's result to an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from crawler.commands.run_spider import run_spider, spider_settings
from crawler.console.open_archive import is_nonempty_file, refuse
from crawler.console.option_types import CommandError
from crawler.console.summary import SIGNAL_EXIT_BASE, RunResult, exit_code, failure_lines, print_stopped, print_summary
from crawler.console.terminal import one_line
from output.queue.resume import crawl_options
from output.write.archive import Archive

_DISCOVERY_SOURCES = ("sitemaps", "feeds", "links")
_DEFAULT_REVISIT: Mapping[str, Any] = {"revisit": "due", "every": 0.0}
_ARGUMENT_OPTIONS = (
    "urls_file", "include", "exclude", "max_pages", "max_depth", "max_time", "max_size", "since", "obey_directives",
    "site_rules", "ignore_robots",
    "revisit", "every",
)  # fmt: skip
_RESUMED_OPTIONS = {
    "include": "include", "exclude": "exclude", "since": "since", "language": "languages",
    "obey_directives": "obey_directives", "contact": "contact", "site_rules": "site_rules",
}  # fmt: skip


def crawl(options: Mapping[str, Any]) -> int:
    """Crawl as the options say, print a summary, and return the exit code."""
    options = {**_DEFAULT_REVISIT, **options}
    if not options["urls"] and not options["urls_file"]:
        options |= resumed_options(options)
    run = run_spider(options["db"], spider_arguments(options), spider_settings(options))
    if run.failure:
        return refuse(failure_message(run))
    if run.signal:
        print_stopped(run)
        return SIGNAL_EXIT_BASE + run.signal
    if not options["quiet"]:
        print_summary(run)
    for line in failure_lines(run):
        click.echo(one_line(f"broadsheet: {line}"), err=True)
    return exit_code(run)


def resumed_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """For a command without a URL: all start URLs of an existing archive, and the bounds of its last crawl.

    A bound that the command line gives counts. Limits on pages, time and size are never taken from the last crawl.
    """
    if not is_nonempty_file(options["db"]):
        raise CommandError("say where to start: broadsheet crawl https://…")
    with Archive.open(options["db"]) as archive:
        earlier_runs = crawl_options(archive.db)
    if not earlier_runs:
        raise CommandError(f"{options['db']} has no start URL yet: broadsheet crawl https://… --db {options['db']}")
    last_run = earlier_runs[-1]
    bounds = {name: options[name] or last_run.get(run_option) for name, run_option in _RESUMED_OPTIONS.items()}
    disabled = {
        f"no_{source}": options[f"no_{source}"] or not last_run.get(f"discover_{source}", True)
        for source in _DISCOVERY_SOURCES
    }
    disabled["no_warc"] = options["no_warc"] or not (options["max_size"] or last_run.get("warc", True))
    max_depth = last_run.get("max_depth") if options["max_depth"] is None else options["max_depth"]
    seeds = dict.fromkeys(seed for run_options in earlier_runs for seed in run_options["seeds"])
    return bounds | disabled | {"max_depth": max_depth, "urls": tuple(seeds)}


def failure_message(run: RunResult) -> str:
    """What broke a crawl, and that it can be continued."""
    kind, _, detail = run.failure.partition(": ")
    cause = f"{run.db} cannot be written: {detail}" if kind == "archive" else f"a fault of ours: {detail}"
    return f"{cause}; what is stored is in order, and the same command goes on from here"


def spider_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """The spider's arguments, by the names of `crawler.options.CrawlOptions`."""
    arguments = {name: options[name] for name in _ARGUMENT_OPTIONS if options[name] not in (None, ())}
    disabled = {f"discover_{name}": False for name in _DISCOVERY_SOURCES if options[f"no_{name}"]}
    disabled |= {"warc": False} if options["no_warc"] else {}
    identity = {"contact": options["contact"] or "", "user_agent": options["user_agent"] or ""}
    return arguments | disabled | identity | {"seeds": options["urls"], "languages": options["language"]}
