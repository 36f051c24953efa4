"""`broadsheet forget`: take articles down. What would be deleted is shown first, and a person has to agree."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from .article_reference import REFERENCE, article_reference
from .verb_options import TAKEDOWN_OPTIONS, archive_argument, verb, with_options

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import archive_file, article_filter
    from broadsheet.output.raw import erasure, warc_folders
    from broadsheet.output.read import stored_articles
    from broadsheet.output.write import archive_writer, takedowns

    from ..cli import archive_access

_MAX_LINES = 10
_WAITING = "waits: {} is not there as a whole, or not this archive's; it is erased when it may be"
_ERASING_RATE = 200e6  # bytes a second: 440 MB of processor time alone
_ERASING = "{megabytes:,.1f} MB, some {duration}; while others read it, it is rewritten, with as much room beside it"
_UNFINISHED = "words of it may still stand in its files: the same command finishes it, with as much room as it takes"


@verb
@archive_argument
@click.argument("words", nargs=-1, required=True, metavar=f"{REFERENCE}|PATTERN...")
@with_options(TAKEDOWN_OPTIONS)
def forget(db: str, words: tuple[str, ...], note: str, dry_run: bool, yes: bool) -> int:
    """Remove an article and all that was kept of it, and never fetch it again.

    ARTICLE is its URL, a path, its number, its title, or words that no other article has. Its other URLs go with it. In
    a PATTERN, * stands for anything: 'https://example.org/people/*'.
    """
    reference = " ".join(words)
    if dry_run or not Path(db).exists():  # a missing archive is told, and not made
        with archive_access.open_read_only(db) as archive_db:
            takedown = takedowns.plan_takedown(archive_db, _pattern(archive_db, db, reference))
        return print_takedowns([takedown], db) if takedown.urls else _refuse_unknown(takedown.pattern, db)
    with archive_writer.Archive.open(db) as archive:
        archive_access.print_notices(archive.recovery)
        pattern = _pattern(archive.db, db, reference)
        takedown = takedowns.plan_takedown(archive.db, pattern)
        if not takedown.urls:
            return _refuse_unknown(pattern, db)
        print_takedowns([takedown], db)
        if not yes and not is_confirmed():
            return 1
        try:
            takedowns.take_down(archive.db, pattern, note)
            takedowns.erase_remains(archive.db)
        except (sqlite3.OperationalError, OSError) as error:
            raise NotReachable(f"{db} cannot be written: {error}; {_UNFINISHED}") from error
        waiting = erasure.waiting_files(archive.db)
    print_waiting(waiting)
    print_text(f"forgotten: {count_text(len(takedown.articles), 'article')}, {count_text(len(takedown.urls), 'URL')}")
    return 0


def _pattern(db: Database, archive: str, reference: str) -> str:
    """Return the pattern that a person means: one with `*`, a URL, or the URL of the article that is named."""
    pattern = takedowns.archive_pattern(reference)
    if takedowns.WILDCARD in pattern:
        return pattern
    article = stored_articles.find_stored_article(db, article_reference(db, archive, reference, must_be_one=True))
    return article_filter.find_known_url(db, pattern) or (article.url if article else pattern)


def _refuse_unknown(pattern: str, path: str) -> int:
    return archive_access.refuse(f"{path} knows no URL {pattern}")


def print_waiting(files: Sequence[str]) -> None:
    """Print the WARC files whose records are erased later."""
    _print_lines([_WAITING.format(file) for file in files])


def is_confirmed() -> bool:
    """Ask whether to go ahead. CommandError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise CommandError("nobody to ask: add --yes to go ahead, or --dry-run to look only")
    return click.confirm("Remove all this for good?")


def print_takedowns(planned: Sequence[takedowns.Takedown], path: str) -> int:
    """Print what is deleted in an archive, and where its words remain."""
    for takedown in planned:
        _print_takedown(takedown)
    file = archive_file.archive_path(path)
    _print_lines([f"stays: what the backup {backup} holds" for backup in takedowns.archive_backups(Path(path))])
    _print_lines([f"stays: what {tail} has of an interrupted write" for tail in warc_folders.tail_files(file)])
    unknown = warc_folders.unknown_files(file)
    _print_lines([f"stays: what {name} may hold, of which the archive knows nothing" for name in unknown])
    _print_lines([f"the file is then read through: {describe_erasing(file)}"])
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
    _print_lines([f"stays: the response in {file}" for file in takedown.warc_files])
    _print_lines([f"stays: the same words on {url}" for url in takedown.copies])


def describe_erasing(file: Path) -> str:
    """Say how much is read to overwrite what no row uses, about how long that takes, and the room that it may need."""
    size = file.stat().st_size
    seconds = max(1, round(size / _ERASING_RATE))
    duration = f"{seconds} s" if seconds < 60 else f"{round(seconds / 60)} min"
    return _ERASING.format(megabytes=size / 1e6, duration=duration)


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines[:_MAX_LINES]:
        print_text("  " + one_line(line))
    if len(lines) > _MAX_LINES:
        print_text(f"  … and {len(lines) - _MAX_LINES:,} more")
