"""`broadsheet backup`: a copy of an archive that is safe also while it is crawled."""

from __future__ import annotations

from pathlib import Path

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_text
from .verb_options import PATH, archive_argument, verb

with lazy_imports():
    from broadsheet.output.archive import archive_file
    from broadsheet.output.read import archive_backup
    from broadsheet.output.read import verify as verify_module

    from ..cli import archive_access


@verb
@archive_argument
@click.argument("target", metavar="TARGET", type=PATH)
@click.option("--no-raw", is_flag=True, help="Only the database, without the raw responses.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def backup(db: str, target: str, no_raw: bool, quiet: bool) -> int:
    """Copy an archive with its raw responses to TARGET, a new file or a folder, and verify the copy.

    Crawls and readers go on meanwhile. WARC files that are complete become hard links where the disk is the same.
    """
    source, copy = archive_file.archive_path(db), Path(target).absolute()
    if target.endswith("/") or copy.is_dir():
        copy /= source.name
    with archive_access.told_faults(str(copy)):
        result = archive_backup.back_up(source, copy, with_raw=not no_raw)
    left_out = verify_module.RAW_CHECKS if no_raw or result.away else ()
    with archive_access.open_read_only(str(copy)) as copy_db:
        problems = verify_module.verify(copy_db, left_out=left_out)
        (articles,) = copy_db.execute("SELECT count(*) FROM articles").fetchone()
    for name in result.missing:
        click.echo(one_line(f"broadsheet: {db} has no whole file {name}, so the backup has none"), err=True)
    for problem in problems:
        click.echo(one_line(f"{problem.check}: {problem.detail}"), err=True)
    if not quiet:
        print_text(one_line(f"{copy}: {count_text(articles, 'article')}{_raw_words(result, no_raw=no_raw)}"))
        if not problems:
            print_text(one_line(f"Verified. A backup is an archive: broadsheet browse {copy}"))
    return int(bool(problems or result.missing))


def _raw_words(result: archive_backup.BackupResult, *, no_raw: bool) -> str:
    """Return the end of a sentence about the WARC files."""
    if no_raw:
        return ", without raw responses"
    counts = (
        (result.linked, "linked"), (result.copied, "copied"), (result.imported, "imported, read where they are"),
        (result.away, "in the store"),
    )  # fmt: skip
    shown = [f"{count:,} {words}" for count, words in counts if count]
    return f", WARC files: {', '.join(shown)}" if shown else ", no WARC files"
