"""References to articles on the command line: each verb understands a URL, a path, a number, a title or words alike."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

import click

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import article_filter
    from broadsheet.output.read import search, stored_articles

REFERENCE = "ARTICLE"
"""The name that help texts have for a URL, a path, a number, a title or words."""

_CHOSEN = "The best of {count:,} articles that match ({command} lists them)"
_UNDECIDED = "{count:,} articles match {words} ({command} lists them): name one by its number or its URL"


def article_reference(db: Database, archive: str, words: str, *, must_be_one: bool = False) -> str:
    """Return a URL or a number for what a person names: `words` as they are, or the article that search finds by them.

    Several matches: the best is taken, and standard error says so; with `must_be_one`, for verbs that write,
    CommandError. Words that find nothing name what a person took out, by its title, or are returned unchanged.
    """
    if "://" in words or article_filter.find_known_url(db, words) or stored_articles.find_stored_article(db, words):
        return words
    for query in (words, search.widened(words)):
        hit = next(search.search(db, query, 1), None) if query else None
        if hit is None:
            continue
        count = search.count_matches(db, query)
        command = f"broadsheet search {quote(archive)} {query}"
        if count > 1 and must_be_one:
            raise CommandError(one_line(_UNDECIDED.format(count=count, words=words, command=command)))
        if count > 1:
            click.echo(one_line(_CHOSEN.format(count=count, command=command)), err=True)
        return str(hit.id)
    return stored_articles.find_withdrawn(db, words) or words
