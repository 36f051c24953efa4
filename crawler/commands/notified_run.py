"""`--notify` of crawl and update: one message a run to each receiver, of what was found and what went wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.article_storage import latest_seq
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.raw.redaction import without_userinfo
from broadsheet.output.read.judgement import judge_archive

from ..cli.archive_access import open_read_only
from ..cli.command_line import CommandError, is_nonempty_file
from ..cli.terminal import one_line
from ..fleet.run_notices import (
    ArchiveMoment,
    NewsEvent,
    NewsItem,
    Receiver,
    is_known_address,
    read_news,
    seed_hosts,
    send_notice,
    send_notices,
)
from .changes import edit_summary

Crawl = Callable[[Mapping[str, Any], Callable[[str], object]], int]
"""A verb that crawls: its options, and what hears of each thing that goes badly wrong."""


def crawl_and_notify(crawl: Crawl, options: Mapping[str, Any], receivers: Sequence[Receiver]) -> int:
    """Run a verb that crawls, then tell the receivers, and return its exit code.

    CommandError, before anything is done, if an address means nothing to Apprise.
    """
    for receiver in receivers:
        if not is_known_address(receiver):
            raise CommandError(f"{receiver.label} is no address that Apprise knows (it is not shown)")
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
            _notify(options["db"], _without_repeats(news, failures), receivers)
    return code


def _notify(db: str, news: Sequence[NewsItem], receivers: Sequence[Receiver]) -> None:
    for problem in send_notices(Path(db).name, news, receivers, send_notice):
        click.echo(one_line(f"broadsheet: {problem}"), err=True)


def _without_repeats(news: Sequence[NewsItem], failures: Sequence[str]) -> list[NewsItem]:
    """Leave out what needs a look where the same is told as a failure."""
    return [
        item for item in news if item.event != NewsEvent.ALARMS or item.line.partition("\n")[0] not in failures
    ]  # fmt: skip


def _moment_of(db: str) -> ArchiveMoment:
    """Return the archive's latest change and the time; an archive that is missing or unreadable has no changes."""
    with suppress(ArchiveError, sqlite3.Error):
        if is_nonempty_file(db):
            with open_read_only(db) as archive_db:
                looks = frozenset(look.key for look in judge_archive(archive_db))
                return ArchiveMoment(latest_seq(archive_db), utc_now(), looks)
    return ArchiveMoment(0, utc_now())


def _archive_news(options: Mapping[str, Any], since: ArchiveMoment) -> list[NewsItem]:
    with open_read_only(options["db"]) as archive_db:
        return list(read_news(archive_db, since, edit_summary, options.get("room") or ""))


def _failure_items(options: Mapping[str, Any], failures: Sequence[str]) -> Iterator[NewsItem]:
    hosts = tuple(host_of(url) for url in options.get("urls") or ())
    with suppress(ArchiveError, sqlite3.Error):
        if failures and not hosts:
            with open_read_only(str(options["db"])) as archive_db:
                hosts = seed_hosts(archive_db)
    for failure in failures:
        yield NewsItem(NewsEvent.FAILURES, hosts, without_userinfo(failure))
