"""`broadsheet merge`: archives, from other machines or of other sites, into one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import is_nonempty_file
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from .verb_options import PATH, verb

with lazy_imports():
    from broadsheet.output.archive import archive_file
    from broadsheet.output.collections import archive_merge, source_archive
    from broadsheet.output.write import archive_writer, takedowns

    from ..cli import archive_access
    from ..crawl import processes
    from ..replay import recleaning
    from ..workers import settle_pool

_MEGABYTE = 10**6


@verb
@click.argument("target", metavar="TARGET", type=PATH)
@click.argument("sources", nargs=-1, required=True, metavar="ARCHIVE...", type=PATH)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def merge(target: str, sources: tuple[str, ...], quiet: bool) -> int:
    """Merge archives into TARGET, which is made if missing: URLs, articles, histories, corrections, raw responses.

    The merged archives stay as they are. Run the same command again to merge what is new, or to continue an interrupted
    merge. Takedowns in one of them also apply to TARGET.
    """
    processes.start_workers()
    names = {archive_file.archive_path(source): source for source in sources}
    for source in sources:
        archive_merge.refuse_itself(source, target)
    with archive_access.told_faults(target), ExitStack() as stack:
        opened = [stack.enter_context(source_archive.open_source(path)) for path in names]
        is_new = not is_nonempty_file(target)
        if is_new:  # it is not even made if a source is damaged
            for opened_source in opened:
                source_archive.refuse_damage(opened_source.db, opened_source.file)
            archive_file.make_private(target, list(names))
        archive = stack.enter_context(archive_writer.Archive.open(target))
        archive_access.print_notices(archive.recovery)
        if not is_new:
            for opened_source in opened:
                archive_merge.refuse_damaged_source(archive.db, opened_source)
        results = [_merge_source(archive, source, names[source.file], quiet) for source in opened]
        recleaning.clean_as_told(archive.db, archive.path)
        settled = settle_pool.settle_in_processes(archive.db)
    if not quiet:
        copy_count = settled.duplicate_pages
        are_copies = "is a copy of another" if copy_count == 1 else "are copies of others"
        copies = f", {count_text(copy_count, 'page')} {are_copies}"
        counts = f"{count_text(settled.articles, 'article')} from {count_text(len(results), 'archive')}"
        print_text(f"{target}: {counts}{copies if copy_count else ''}")
        backups = takedowns.archive_backups(Path(target).absolute())
        if any(result.takedowns for result in results) and backups:
            print_text(f"What was taken down is still in: {', '.join(backups)}")
    return 0


def _merge_source(
    archive: archive_writer.Archive, source: source_archive.SourceArchive, name: str, quiet: bool
) -> archive_merge.MergeResult:
    result = archive_merge.merge_source(archive.db, source)
    for conflict in result.conflicts:
        click.echo(one_line(f"broadsheet: {name}: corrections differ: {conflict}"), err=True)
    if not quiet:
        click.echo(one_line(f"{name}: {result_text(result)}"))
    return result


def result_text(result: archive_merge.MergeResult) -> str:
    """Summarise a merge, in a few words."""
    if not result.has_changed:
        return "nothing new"
    parts = [f"{count_text(result.new_urls, 'URL')} new", f"{count_text(result.stored_pages, 'page')} stored"]
    if result.copied_bytes:
        parts.append(f"{result.copied_bytes / _MEGABYTE:,.1f} MB of raw responses copied")
    if result.takedowns:
        parts.append(f"{count_text(result.takedowns, 'takedown')} carried out")
    return ", ".join(parts)
