"""`broadsheet verify`: the problems of an archive, a line each."""

from __future__ import annotations

import click

from crawler.console.open_archive import open_read_only
from crawler.console.terminal import one_line, print_text
from output.db.open import database_file
from output.raw.stored_credentials import credentials_warning
from output.read.verify import verify as find_problems


def verify(path: str) -> int:
    """Print the problems, or that there is none; 1 if there is a problem. Stored credentials are told, and are none."""
    with open_read_only(path) as db:
        problems = find_problems(db)
        warning = credentials_warning(db, database_file(db).parent)
        articles = 0 if problems else db.execute("SELECT count(*) FROM articles").fetchone()[0]
    for problem in problems:
        print_text(one_line(f"{problem.check}: {problem.detail}"))
    if not problems:
        print_text(f"in order: {articles:,} articles")
    if warning:
        click.echo(one_line(f"broadsheet: {warning}"), err=True)
    return int(bool(problems))
