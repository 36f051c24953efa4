"""The options that choose articles, shared by the verbs that read them. Light: `broadsheet --help` imports this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from broadsheet.crawler.crawl.command_line import language

if TYPE_CHECKING:
    from broadsheet.output.archive.article_filter import ArticleBounds


def iso_day(value: str) -> str:
    """A day, a month or a year as ISO 8601 writes it: 2024-01-31, 2024-01, 2024."""
    from broadsheet.output.archive.article_filter import read_day

    try:
        return read_day(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


FILTER_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--host", metavar="HOST", help="Only of this host, or of a domain's hosts."),
    click.option("--since", type=iso_day, metavar="DAY", help="Only published since this day: 2024-01-31."),
    click.option("--until", type=iso_day, metavar="DAY", help="Only published up to this day or month."),
    click.option("--language", "languages", type=language, multiple=True, metavar="CODE",
                 help="Only in these languages: en, es … Repeatable."),
    click.option("--section", metavar="NAME", help="Only of this section, as the pages state it."),
)  # fmt: skip


def article_filter(options: Mapping[str, Any]) -> ArticleBounds:
    """The filter that a verb's options ask for."""
    from broadsheet.output.archive.article_filter import ArticleBounds

    return ArticleBounds(
        host=(options["host"] or "").lower(),
        since=options["since"] or "",
        until=options["until"] or "",
        languages=tuple(options["languages"]),
        section=options["section"] or "",
    )
