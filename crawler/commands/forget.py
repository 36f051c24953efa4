"""`broadsheet forget`: take articles down. What would be deleted is shown first, and a person has to agree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import IN_USE, CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from .verb_options import (
    PATH,
    REFERENCE,
    TAKEDOWN_OPTIONS,
    archive_argument,
    article_reference,
    verb,
    with_options,
    write_errors,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import archive_file, article_filter, stored_values
    from broadsheet.output.read import export_target, stored_articles, takedown_remains
    from broadsheet.output.write import archive_writer, takedowns

    from ..cli import archive_access

_MAX_LINES = 10
_ERASING_RATE = 100e6  # bytes a second: VACUUM of 447 MB takes 3.4 s of processor time, and the disk its share
_ERASING = "{megabytes:,.1f} MB, some {duration}; it needs that room beside it, and nobody who reads it meanwhile"


@verb
@archive_argument
@click.argument("words", nargs=-1, required=True, metavar=f"{REFERENCE}|PATTERN...")
@click.option(
    "--certificate",
    type=PATH,
    metavar="FILE",
    help="Write a record of what was erased, when, and what remains where: URLs and digests, no titles or texts.",
)
@with_options(TAKEDOWN_OPTIONS)
def forget(db: str, words: tuple[str, ...], certificate: str | None, note: str, dry_run: bool, yes: bool) -> int:
    """Remove an article and all that was kept of it, and never fetch it again.

    ARTICLE is its URL, a path, its number, its title, or words that no other article has. Its other URLs go with it. In
    a PATTERN, * stands for anything: 'https://example.org/people/*'. While a crawl runs, the takedown is noted, and
    done when the crawl ends.
    """  # fmt: skip
    if dry_run and certificate:
        raise CommandError("--certificate needs a takedown: leave out --dry-run")
    if not dry_run:
        with suppress(InUse):
            archive_access.upgrade(db)
    with archive_access.open_read_only(db) as archive_db:
        takedown = takedowns.plan_takedown(archive_db, _pattern(archive_db, db, " ".join(words)))
        if not takedown.urls:
            return archive_access.refuse(f"{db} knows no URL {takedown.pattern}")
        print_takedowns([takedown], db)
        if dry_run:
            return 0
        if not yes and not is_confirmed():
            return 1
        erased, begun_at = takedown_remains.erased_records(archive_db), stored_values.utc_now()
        own_files = export_target.OwnFiles.of(archive_db)
    with ExitStack() as stack:
        stream = None
        if certificate:
            stack.enter_context(write_errors())
            stream = stack.enter_context(export_target.open_target(own_files, certificate))
        waiting, finished_at, problem = list[str](), "", ""
        try:
            with archive_access.told_faults(db):
                waiting = archive_writer.take_down_or_note(db, [(takedown.pattern, note)])
            finished_at = stored_values.utc_now()
        except archive_writer.UnfinishedTakedown as error:
            problem = str(error)
        if stream:
            remains = takedown_remains.find_remains(db, takedown)
            remains += [takedown_remains.Remainder(takedown_remains.RemainsKind.WAITING, file) for file in waiting]
            stream.write(
                takedown_remains.certificate(Path(db).name, takedown, erased, remains, (begun_at, finished_at))
            )
    print_waiting(waiting)
    if problem:
        archive_access.refuse(problem)
        return IN_USE
    print_text(f"forgotten: {count_text(len(takedown.articles), 'article')}, {count_text(len(takedown.urls), 'URL')}")
    return 0


def _pattern(db: Database, archive: str, reference: str) -> str:
    """Return the pattern that a person means: one with `*`, a URL, or the URL of the article that is named."""
    pattern = takedowns.archive_pattern(reference)
    if takedowns.WILDCARD in pattern:
        return pattern
    article = stored_articles.find_stored_article(db, article_reference(db, archive, reference, must_be_one=True))
    return article_filter.find_known_url(db, pattern) or (article.url if article else pattern)


def print_waiting(files: Sequence[str]) -> None:
    """Print the WARC files whose records are erased later."""
    _print_lines([takedown_remains.RemainsKind.WAITING.words.format(file) for file in files])


def is_confirmed() -> bool:
    """Ask for confirmation. CommandError if standard input is not a terminal."""
    if not sys.stdin.isatty():
        raise CommandError("no terminal to ask on: confirm with --yes, or use --dry-run")
    return click.confirm("Remove all this for good?")


def print_takedowns(planned: Sequence[takedowns.Takedown], path: str) -> int:
    """Print what will be deleted from an archive, and where copies of it remain."""
    remains = []
    for takedown in planned:
        _print_takedown(takedown)
        remains += takedown_remains.find_remains(path, takedown)
    _print_lines([remainder.line for remainder in dict.fromkeys(remains)])
    _print_lines([f"the file is then written anew: {describe_erasing(archive_file.archive_path(path))}"])
    return 0


def _print_takedown(takedown: takedowns.Takedown) -> None:
    counts = (
        count_text(len(takedown.articles), "article"),
        count_text(takedown.page_count, "page"),
        count_text(takedown.capture_count, "capture"),
        count_text(takedown.block_count, "block text"),
        count_text(len(takedown.urls), "URL"),
    )
    print_text(one_line(f"{takedown.pattern}: {', '.join(counts)}"))
    _print_lines([f"{url}: {title or '(no title)'}" for title, url in takedown.articles])
    article_urls = {url for _, url in takedown.articles}
    _print_lines([f"also {url}" for url in takedown.urls if url not in article_urls])


def describe_erasing(file: Path) -> str:
    """Estimate the cost of rewriting a file: bytes, time, and free space."""
    size = file.stat().st_size
    seconds = max(1, round(size / _ERASING_RATE))
    duration = f"{seconds} s" if seconds < 60 else f"{round(seconds / 60)} min"
    return _ERASING.format(megabytes=size / 1e6, duration=duration)


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines[:_MAX_LINES]:
        print_text("  " + one_line(line))
    if len(lines) > _MAX_LINES:
        print_text(f"  … and {len(lines) - _MAX_LINES:,} more")
