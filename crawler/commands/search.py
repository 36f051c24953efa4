"""`broadsheet search`: the articles that match a query, best first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from broadsheet.crawler.commands.verb_options import (
    FILTER_OPTIONS,
    archive_argument,
    article_filter,
    verb,
    with_options,
)
from broadsheet.crawler.crawl.terminal import (
    cut_line,
    fit,
    is_coloured,
    one_line,
    print_json,
    print_pages,
    terminal_width,
)
from broadsheet.crawler.lazy_modules import lazy_imports

with lazy_imports():
    from broadsheet.crawler.crawl import archive_access
    from broadsheet.output.read import search as search_module

_INDENT = "  "


@verb("Find articles in an archive.")
@archive_argument
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@with_options(FILTER_OPTIONS)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most N.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def search(**options: Any) -> int:
    """Find articles by words, best first: "a phrase", begin* and words in any order."""
    query, bounds = " ".join(options["query"]), article_filter(options)
    with archive_access.open_read_only(options["db"]) as db:
        hits = list(search_module.search(db, query, options["limit"], bounds))
        count = search_module.count_matches(db, query, bounds) if len(hits) == options["limit"] else len(hits)
    if options["as_json"]:
        print_json({"query": query, "count": count, "articles": [hit_values(hit) for hit in hits]})
        return int(not hits)
    if not hits:
        return archive_access.refuse(f"no article matches {query}")
    print_pages("\n\n".join([_count_line(count, len(hits)), *map(hit_text, hits)]))
    return 0


def _count_line(count: int, shown_count: int) -> str:
    verb = "article matches" if count == 1 else "articles match"
    return f"{count:,} {verb}" + (
        f"; the best {shown_count:,} (--limit {count} shows all)" if count > shown_count else ""
    )


def hit_text(hit: search_module.SearchHit) -> str:
    """Format a hit in three lines: title and facts, number and URL, snippet."""
    columns = terminal_width()
    facts = "  ".join(filter(None, (*map(one_line, (hit.published_day, hit.language)), f"{hit.word_count:,} words")))
    title = cut_line(hit.title or "(no title)", max(20, columns - len(facts) - 2))
    head = f"{_bold(title)}  {facts}"
    return "\n".join((head, f"{_INDENT}{hit.id}  {one_line(hit.url)}", _INDENT + _snippet_line(hit, columns - 2)))


def _snippet_line(hit: search_module.SearchHit, columns: int) -> str:
    """Format the snippet, with the matches in colour on a terminal, else in square brackets."""
    if not is_coloured():
        return fit(hit.snippet, columns)
    return _coloured_parts(hit.snippet_parts, columns)


def _coloured_parts(parts: Sequence[tuple[bool, str]], columns: int) -> str:
    rest = fit("".join(text for _, text in parts), columns)
    shown = ""
    for is_match, text in parts:
        piece, rest = rest[: len(text)], rest[len(text) :]
        shown += click.style(piece, fg="yellow", bold=True) if is_match and piece else piece
    return shown + rest


def _bold(text: str) -> str:
    return click.style(text, bold=True) if is_coloured() else text


def hit_values(hit: search_module.SearchHit) -> dict[str, object]:
    """Return a hit as JSON values."""
    return {
        "id": hit.id,
        "url": hit.url,
        "title": hit.title,
        "published_day": hit.published_day or None,
        "language": hit.language or None,
        "word_count": hit.word_count,
        "snippet": hit.snippet,
    }
