"""`broadsheet merge`: archives, from other machines or of other sites, into one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from broadsheet.crawler.crawl.archive_access import print_notices
from broadsheet.crawler.crawl.terminal import one_line, print_text
from broadsheet.crawler.workers.settle_pool import settle_in_processes
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.archive_file import archive_path
from broadsheet.output.collections.archive_merge import MergeResult, merge_source, refuse_itself
from broadsheet.output.collections.source_archive import SourceArchive, open_source
from broadsheet.output.read.plain_words import count_text
from broadsheet.output.settle.settling import SettleResult
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import archive_backups

_MEGABYTE = 10**6


def merge(target: str, sources: Sequence[str], *, quiet: bool) -> int:
    """Merge the archives at `sources`, one after the other, into the one at `target`, made if missing; then settle.

    What cannot be read, or belongs to a crawl, is said before anything is made or changed.
    """
    names = {archive_path(source): source for source in sources}
    for source in sources:
        refuse_itself(source, target)
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(open_source(path)) for path in names]
            archive = stack.enter_context(Archive.open(target))
            print_notices(archive.recovery)
            results = [_merge_source(archive, source, names[source.file], quiet) for source in opened]
            settled = settle_in_processes(archive.db)
    except (sqlite3.Error, OSError) as error:
        raise NotReachable(f"{target} cannot be written: {error}; the same command goes on from here") from error
    if not quiet:
        _print_total(target, results, settled)
    return 0


def _merge_source(archive: Archive, source: SourceArchive, name: str, quiet: bool) -> MergeResult:
    result = merge_source(archive.db, source)
    if not quiet:
        click.echo(one_line(f"{name}: {result_text(result)}"))
    return result


def result_text(result: MergeResult) -> str:
    """What came of merging an archive, in a few words."""
    if not result.has_changed:
        return "nothing new"
    parts = [f"{count_text(result.new_urls, 'URL')} new", f"{count_text(result.stored_pages, 'page')} stored"]
    if result.copied_bytes:
        parts.append(f"{result.copied_bytes / _MEGABYTE:,.1f} MB of raw responses copied")
    if result.takedowns:
        parts.append(f"{result.takedowns:,} takedowns carried out")
    return ", ".join(parts)


def _print_total(target: str, results: Sequence[MergeResult], settled: SettleResult) -> None:
    copies = f", {settled.duplicate_pages:,} pages are copies of others" if settled.duplicate_pages else ""
    print_text(
        f"{target}: {count_text(settled.articles, 'article')} from {count_text(len(results), 'archive')}{copies}"
    )
    backups = archive_backups(Path(target).absolute())
    if any(result.takedowns for result in results) and backups:
        print_text(f"What was taken down is still in: {', '.join(backups)}")
