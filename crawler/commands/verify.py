"""`broadsheet verify`: the problems of an archive, a line each."""

from __future__ import annotations

from dataclasses import asdict

import click

from broadsheet.crawler.crawl.archive_access import open_read_only
from broadsheet.crawler.crawl.terminal import one_line, print_json, print_text
from broadsheet.output.archive.archive_file import database_file
from broadsheet.output.raw.stored_credentials import credentials_warning
from broadsheet.output.read.plain_words import count_text
from broadsheet.output.read.verify import verify as find_problems


def verify(path: str, *, as_json: bool) -> int:
    """Print the problems, or that there is none; 1 if there is a problem. Stored credentials are told, and are none."""
    with open_read_only(path) as db:
        problems = find_problems(db)
        warning = credentials_warning(db, database_file(db).parent)
        articles = 0 if problems and not as_json else db.execute("SELECT count(*) FROM articles").fetchone()[0]
    if warning:
        click.echo(one_line(f"broadsheet: {warning}"), err=True)
    if as_json:
        print_json({"articles": articles, "problems": [asdict(problem) for problem in problems]})
        return int(bool(problems))
    for problem in problems:
        print_text(one_line(f"{problem.check}: {problem.detail}"))
    if not problems:
        print_text(f"in order: {count_text(articles, 'article')}")
    return int(bool(problems))
