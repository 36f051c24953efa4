"""`broadsheet verify`: the problems of an archive, a line each."""

from __future__ import annotations

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line, print_json, print_text
from .verb_options import SAMPLE_OPTION, archive_argument, verb

with lazy_imports():
    from broadsheet.output.archive import archive_file, row_sample
    from broadsheet.output.raw import stored_credentials
    from broadsheet.output.read import verify as verify_module

    from ..cli import archive_access


@verb
@archive_argument
@SAMPLE_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(db: str, sample: row_sample.RowSample | None, as_json: bool) -> int:
    """Check an archive: SQLite's integrity check, the full-text index, counts, texts and raw records."""
    with archive_access.open_read_only(db) as archive_db:
        problems = verify_module.verify(archive_db, sample or row_sample.WHOLE)
        warning = stored_credentials.credentials_warning(archive_db, archive_file.database_file(archive_db))
        counted = ("articles", "_pictures") if as_json or not problems else ()
        counts = [archive_db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in counted]
    if warning:
        click.echo(one_line(f"broadsheet: {warning}"), err=True)
    if as_json:
        articles, pictures = counts
        part = f"{sample.number}/{sample.count}" if sample else None
        listed = [problem._asdict() for problem in problems]
        print_json({"articles": articles, "pictures": pictures, "sample": part, "problems": listed})
        return int(bool(problems))
    for problem in problems:
        print_text(one_line(f"{problem.check}: {problem.detail}"))
    if not problems:
        articles, pictures = counts
        shown = f", {count_text(pictures, 'picture')}" if pictures else ""
        print_text(f"in order: {count_text(articles, 'article')}{shown}{sample_words(sample)}")
    return int(bool(problems))


def sample_words(sample: row_sample.RowSample | None) -> str:
    """Return the end of a sentence that says which part was checked; empty if all was."""
    return f"; of texts and raw responses part {sample.number} of {sample.count}" if sample else ""
