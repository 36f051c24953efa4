"""`broadsheet backup`: a copy of an archive that is safe also while it is crawled, and the way back."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import NamedTuple

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError
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
@click.option(
    "--copies",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep N dated copies in the folder TARGET: older ones go once the new one is verified.",
)
@click.option("--restore", is_flag=True, help="Restore the copy DB to TARGET, which must not exist.")
@click.option("--no-raw", is_flag=True, help="Only the database, without the raw responses.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def backup(db: str, target: str, copies: int | None, restore: bool, no_raw: bool, quiet: bool) -> int:
    """Copy an archive with its raw responses to TARGET, a new file or a folder, and verify the copy.

    In a folder the copy has the time in its name. Crawls and readers are not interrupted. On the same disk, complete
    WARC files become hard links.

    The last line is the command that puts the copy back. If the copy has a problem, it stays, and the exit code is 1.
    """
    source, path = archive_file.archive_path(db), Path(target).absolute()
    is_folder = target.endswith("/") or path.is_dir()
    if is_folder and restore:
        raise CommandError("--restore: name the file to restore to")
    if copies and not is_folder:
        raise CommandError("--copies keeps copies in a folder: name one")
    with archive_access.told_faults(str(path)):
        if is_folder:
            with archive_backup.dated_copies(source, path) as dated:
                made = _checked(*dated.make(with_raw=not no_raw), no_raw=no_raw)
                removed = dated.remove_older(copies) if copies and made.is_sound else []
        else:
            result = archive_backup.back_up(source, path, with_raw=not no_raw)
            made, removed = _checked(path, result, no_raw=no_raw), []
    if not made.is_sound:
        kept = "; no older copy was removed" if copies else ""
        click.echo(one_line(f"broadsheet: {made.file} was made, but has the problems above{kept}"), err=True)
    if not quiet:
        raw_words = _raw_words(made.result, no_raw=no_raw)
        print_text(one_line(f"{made.file}: {count_text(made.articles, 'article')}{raw_words}"))
        if removed:
            print_text(one_line(f"Older copies removed: {', '.join(older.name for older in removed)}"))
        if made.is_sound and restore:
            print_text(one_line(f"Verified, and put back: broadsheet browse {quote(str(made.file))}"))
        elif made.is_sound:
            way_back = f"broadsheet backup --restore {quote(str(made.file))} {quote(str(source))}"
            print_text(one_line(f"Verified. To put it back: {way_back}"))
    return int(not made.is_sound)


class _MadeCopy(NamedTuple):
    """A copy: the result for its WARC files, its number of articles, and whether verification found no problem."""

    file: Path
    result: archive_backup.BackupResult
    articles: int
    is_sound: bool


def _checked(copy: Path, result: archive_backup.BackupResult, *, no_raw: bool) -> _MadeCopy:
    """Verify a copy, and print its problems."""
    left_out = verify_module.RAW_CHECKS if no_raw or result.away else ()
    with archive_access.open_read_only(str(copy)) as copy_db:
        problems = verify_module.verify(copy_db, left_out=left_out)
        (articles,) = copy_db.execute("SELECT count(*) FROM articles").fetchone()
    for name in result.missing:
        click.echo(one_line(f"broadsheet: {name} is missing or incomplete, so the copy lacks it"), err=True)
    for problem in problems:
        click.echo(one_line(f"{problem.check}: {problem.detail}"), err=True)
    return _MadeCopy(copy, result, articles, not problems and not result.missing)


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
