"""`broadsheet crawl`: from its options to the spider's arguments, and from the run's result to an exit code."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from broadsheet.output.archive.archive_errors import ArchiveError

from ..cli.command_line import CommandError, is_nonempty_file, require_extra
from ..cli.lazy_modules import lazy_imports
from ..options import DISCOVERY_SOURCES
from .verb_options import (
    DAY_AND_LANGUAGE_OPTIONS,
    EXCLUDE_OPTION,
    INCLUDE_OPTION,
    LIMIT_OPTIONS,
    PATH,
    POLITENESS_OPTIONS,
    RENDERING_OPTIONS,
    Options,
    import_while_not_collecting,
    option_group,
    verb,
    with_options,
)

with lazy_imports():
    from broadsheet.cleaners.page import canonical_urls
    from broadsheet.output.archive import archive_file, archive_lock, article_storage, stored_values, url_words
    from broadsheet.output.raw import redaction
    from broadsheet.output.read import judgement, plain_words
    from broadsheet.output.write import archive_writer, run_records

    from ..cli import archive_access, terminal
    from ..crawl import early_checks, processes
    from ..fleet import run_notices
    from . import changes, run_summary, spider_run

CrawlingVerb = Callable[[Mapping[str, Any], Callable[[str], object]], int]
"""A verb that crawls. It takes its options, and a function that is called with each serious failure."""

_DEFAULT_REVISIT: Mapping[str, Any] = {"revisit": "due", "every": 0.0}
_RESUMED_OPTIONS = {
    "include": "include", "exclude": "exclude", "since": "since", "language": "languages",
    "obey_directives": "obey_directives", "contact": "contact", "site_rules": "site_rules", "keep": "keep",
    "browser": "browser", "watch": "watch",
}  # fmt: skip


_BOUND_OPTIONS: Options = (
    click.option("--max-depth", type=click.IntRange(min=0), metavar="N", help="Follow at most N links in a row."),
    INCLUDE_OPTION,
    EXCLUDE_OPTION,
    *DAY_AND_LANGUAGE_OPTIONS,
)  # fmt: skip
_CRAWL_OPTIONS: Options = (
    click.argument("urls", nargs=-1, metavar="URL..."),
    click.option("--db", default="archive.db", show_default=True, type=PATH, envvar="BROADSHEET_DB", metavar="FILE",
                 help="The archive; made if missing."),
    click.option("--urls-file", type=PATH, metavar="FILE", help="More start URLs, one a line."),
    *option_group("Which pages", _BOUND_OPTIONS),
    *LIMIT_OPTIONS,
    *POLITENESS_OPTIONS,
    *RENDERING_OPTIONS,
)  # fmt: skip


@verb
@with_options(_CRAWL_OPTIONS)
def crawl(**options: Any) -> int:
    """Find and fetch every article below the start URLs, and store it.

    Articles are found by sitemaps, feeds and links on the host of the start URL, and below its folder if it names one.
    Run the same command again to continue; once all is done, it revisits pages that may have changed. An archive that
    has start URLs needs no URL. Ctrl-C stops cleanly; a second one stops at once.
    """
    processes.require_workers()
    early_checks.check_crawl(options)
    return run_and_notify(_crawl, options)


def _crawl(options: Mapping[str, Any], on_failure: Callable[[str], object]) -> int:
    with crawl_process(options):
        return run_crawl(options, on_failure=on_failure)


def run_and_notify(crawl: CrawlingVerb, options: Mapping[str, Any]) -> int:
    """Run a verb that crawls, and send its news to the receivers that `--notify` names."""
    if not options["notify"]:
        return crawl(options, str)  # failures are not sent to anyone
    require_extra("apprise", "notify")
    return crawl_and_notify(crawl, options, run_notices.read_receivers(options["notify"]))


@contextmanager
def crawl_process(options: Mapping[str, Any]) -> Iterator[None]:
    """Lock the archive, start the workers, then import Scrapy: the fork server warms up meanwhile."""
    with _ownership(options["db"], options["patience"]):
        processes.start_workers()
        import_while_not_collecting("broadsheet.crawler.commands.spider_run")
        yield


@contextmanager
def _ownership(db: str, patience: float | None) -> Iterator[None]:
    """Wait for another crawl of the archive, then lock it. Without patience, opening the archive fails instead."""
    if not patience:
        yield
        return
    file = archive_file.archive_path(db)
    if archive_lock.is_owned(file):
        click.echo(f"Waiting for another crawl of {terminal.one_line(db)} to finish …", err=True)
    with archive_lock.keep_lock(file, patience):
        yield


def run_crawl(
    options: Mapping[str, Any],
    print_first: Callable[[], None] = lambda: None,
    on_failure: Callable[[str], object] = str,
) -> int:
    """Crawl as the options say, print a summary, and return the exit code.

    `print_first` is called before the summary, unless the crawl is quiet; `on_failure` gets a line about each serious
    failure.
    """
    options = {**_DEFAULT_REVISIT, **options}
    if not options["urls"] and not options["urls_file"]:
        options |= resumed_options(options)
    run = spider_run.run_spider(
        options["db"], early_checks.spider_arguments(options), spider_run.spider_settings(options)
    )
    if run.failure:
        on_failure(failure_message(run))
        return archive_access.refuse(failure_message(run))
    return run_summary.conclude(run, quiet=options["quiet"], print_first=print_first, on_failure=on_failure)


def resumed_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options for a command without a URL: all start URLs of the archive, and the bounds of its last crawl.

    A bound that the command line gives counts. Limits on pages, time and size are never taken from the last crawl.
    """
    with archive_writer.Archive.open(options["db"]) as archive:
        earlier_runs = run_records.crawl_options(archive.db)
        dropped_seeds = run_records.useless_seeds(archive.db, (seed for run in earlier_runs for seed in run["seeds"]))
    if not earlier_runs:
        raise CommandError(f"{options['db']} has no start URL yet: broadsheet crawl https://… --db {options['db']}")
    last_run = earlier_runs[-1]
    bounds = {name: options[name] or last_run.get(run_option) for name, run_option in _RESUMED_OPTIONS.items()}
    disabled = {
        f"no_{source}": options[f"no_{source}"] or not last_run.get(source, True) for source in DISCOVERY_SOURCES
    }
    disabled["no_warc"] = options["no_warc"] or not last_run.get("warc", True)
    max_depth = last_run.get("max_depth") if options["max_depth"] is None else options["max_depth"]
    seeds = dict.fromkeys(seed for run_options in earlier_runs for seed in run_options["seeds"])
    working = [seed for seed in seeds if seed not in dropped_seeds]
    if not options["quiet"]:
        for seed, reason in dropped_seeds.items() if working else ():
            why = "" if reason == url_words.OutcomeReason.FORGOTTEN else ", since it never worked"
            click.echo(terminal.one_line(f"Left out{why}: {seed} ({plain_words.reason_text(reason)})"), err=True)
    return bounds | disabled | {"max_depth": max_depth, "urls": tuple(working or seeds)}


def failure_message(run: run_summary.RunResult) -> str:
    """Return what broke a crawl, and that it can be continued."""
    kind, _, detail = run.failure.partition(": ")
    if kind == "archive" and detail.startswith(f"{run.db} is damaged"):
        return detail
    cause = f"{run.db} cannot be written: {detail}" if kind == "archive" else f"internal error: {detail}"
    return f"{cause}; the stored data is intact, and the same command goes on from here"


def crawl_and_notify(crawl: CrawlingVerb, options: Mapping[str, Any], receivers: Sequence[run_notices.Receiver]) -> int:
    """Run a verb that crawls, then tell the receivers, and return its exit code.

    CommandError, before the crawl starts, if Apprise does not know an address.
    """
    for receiver in receivers:
        if not run_notices.is_known_address(receiver):
            raise CommandError(f"{receiver.label} is not an address that Apprise knows (it is not shown)")
    since, failures, is_over = _moment_of(options["db"]), list[str](), False
    try:
        code = crawl(options, failures.append)
        is_over = True
    except (ArchiveError, OSError, sqlite3.Error) as error:
        failures.append(str(error))
        raise
    finally:
        if is_over or failures:
            news = [*_failure_items(options, failures), *(_archive_news(options, since) if is_over else ())]
            news, name = _without_repeats(news, failures), Path(options["db"]).name
            for problem in run_notices.send_notices(name, news, receivers, run_notices.send_notice):
                click.echo(terminal.one_line(f"broadsheet: {problem}"), err=True)
    return code


def _without_repeats(news: Sequence[run_notices.NewsItem], failures: Sequence[str]) -> list[run_notices.NewsItem]:
    """Leave out alarms whose sentence is already sent as a failure."""
    alarms = run_notices.NewsEvent.ALARMS
    return [item for item in news if item.event != alarms or item.line.partition("\n")[0] not in failures]


def _moment_of(db: str) -> run_notices.ArchiveMoment:
    """Return the archive's latest change and the time; an archive that is missing or unreadable has no changes."""
    with suppress(ArchiveError, sqlite3.Error):
        if is_nonempty_file(db):
            with archive_access.open_read_only(db) as archive_db:
                looks = frozenset(look.key for look in judgement.judge_archive(archive_db))
                return run_notices.ArchiveMoment(article_storage.latest_seq(archive_db), stored_values.utc_now(), looks)
    return run_notices.ArchiveMoment(0, stored_values.utc_now())


def _archive_news(options: Mapping[str, Any], since: run_notices.ArchiveMoment) -> list[run_notices.NewsItem]:
    with archive_access.open_read_only(options["db"]) as archive_db:
        return list(run_notices.read_news(archive_db, since, changes.edit_summary, options.get("room") or ""))


def _failure_items(options: Mapping[str, Any], failures: Sequence[str]) -> Iterator[run_notices.NewsItem]:
    hosts = tuple(canonical_urls.host_of(url) for url in options.get("urls") or ())
    with suppress(ArchiveError, sqlite3.Error):
        if failures and not hosts:
            with archive_access.open_read_only(str(options["db"])) as archive_db:
                hosts = run_notices.seed_hosts(archive_db)
    for failure in failures:
        yield run_notices.NewsItem(run_notices.NewsEvent.FAILURES, hosts, redaction.without_userinfo(failure))
