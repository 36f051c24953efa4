"""`broadsheet search`: the articles that match a query, or that filters leave, in an order of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from broadsheet.output.read.plain_words import count_text, joined

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import cut_line, fit, is_coloured, one_line, print_json, print_pages, terminal_width
from .verb_options import FILTER_OPTIONS, archive_argument, article_filter, verb, with_options

if TYPE_CHECKING:
    from sqlite_utils import Database

    from broadsheet.output.archive.article_filter import ArticleBounds

with lazy_imports():
    from broadsheet.output.read import search as search_module

    from ..cli import archive_access

_INDENT = "  "
SORTS = ("relevance", "date", "certainty")
"""The words of `SearchSort`, which is not loaded for a help text."""


@verb
@archive_argument
@click.argument("query", nargs=-1, metavar="[QUERY...]")
@with_options(FILTER_OPTIONS)
@click.option("--sort", type=click.Choice(SORTS), help="Default: relevance; without a query, date.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Print at most N results."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def search(**options: Any) -> int:
    """Find articles by words, best first: "a phrase", begin* and words in any order. Without a query, list
    the articles that pass the filters, newest first.

    If no article has the exact words, other endings are tried: armée finds armées.
    """
    query, bounds = " ".join(options["query"]), article_filter(options)
    with archive_access.open_read_only(options["db"]) as db:
        found = _find(db, query, bounds, options)
        missing = () if found.hits else search_module.missing_words(db, query, bounds)
    if options["as_json"]:
        values = {"query": query, "count": found.count, "widened": found.widened or None, "missing": list(missing)}
        print_json(values | {"articles": [hit_values(hit) for hit in found.hits]})
        return int(not found.hits)
    if not found.hits:
        return archive_access.refuse(_nothing_text(query, missing, is_filtered=bounds.condition != "true"))
    print_pages("\n\n".join([_count_line(query, found), *map(hit_text, found.hits)]))
    return 0


@dataclass(frozen=True, slots=True)
class _Found:
    """Hits of a query, or of the `widened` one if that has others; `others` counts hits that only that one has."""

    hits: Sequence[search_module.SearchHit]
    count: int
    widened: str = ""
    others: int = 0


def _find(db: Database, query: str, bounds: ArticleBounds, options: Mapping[str, Any]) -> _Found:
    """Search for the exact words; if no article has them, with other endings."""
    limit, sort = options["limit"], search_module.SearchSort(options["sort"] or "relevance")
    if not query:
        listed = list(search_module.list_articles(db, limit, bounds, sort))
        return _Found(listed, search_module.count_articles(db, bounds))
    hits = list(search_module.search(db, query, limit, bounds, sort))
    count = search_module.count_matches(db, query, bounds) if len(hits) == limit else len(hits)
    wide_query = search_module.widened(query)
    wide_count = search_module.count_matches(db, wide_query, bounds) if wide_query else 0
    if hits or not wide_count:
        return _Found(hits, count, wide_query if wide_count > count else "", max(0, wide_count - count))
    return _Found(list(search_module.search(db, wide_query, limit, bounds, sort)), wide_count, wide_query)


def _count_line(query: str, found: _Found) -> str:
    shown_count = len(found.hits)
    cut = f"; {shown_count:,} of them (--limit {found.count} shows all)" if found.count > shown_count else ""
    if not query:
        return f"{count_text(found.count, 'article')}{cut}"
    matches = f"{count_text(found.count, 'article')} {'matches' if found.count == 1 else 'match'}"
    if found.widened and not found.others:
        return f"No article has these words as they stand; {matches} with other endings ({found.widened}){cut}"
    more = f"; {found.others:,} more with other endings ({found.widened})" if found.others else ""
    return f"{matches}{cut}{more}"


def _nothing_text(query: str, missing: Sequence[str], *, is_filtered: bool) -> str:
    """Say that nothing was found, and name the words that no article has."""
    within = " within these filters" if is_filtered else ""
    if not query:
        return f"no article{within}"
    why = f": none has {joined(missing)}" if missing else ": no article has all of it" if " " in query else ""
    return f"no article matches {query}{within}{why}"


def hit_text(hit: search_module.SearchHit) -> str:
    """Format a hit in three lines: title and facts, number and URL, snippet."""
    columns = terminal_width()
    day = str(hit.published_day or "")
    facts = "  ".join(filter(None, (day, one_line(hit.language or ""), count_text(hit.word_count, "word"))))
    title = cut_line(hit.title or "(no title)", max(20, columns - len(facts) - 2))
    head = f"{click.style(title, bold=True) if is_coloured() else title}  {facts}"
    return "\n".join((head, f"{_INDENT}{hit.id}  {one_line(hit.url)}", _INDENT + _snippet_line(hit, columns - 2)))


def _snippet_line(hit: search_module.SearchHit, columns: int) -> str:
    """Format the snippet, with matches in colour on a terminal, elsewhere in square brackets."""
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


def hit_values(hit: search_module.SearchHit) -> dict[str, object]:
    """Return a hit as JSON values."""
    return {
        "id": hit.id,
        "url": hit.url,
        "title": hit.title,
        "published_day": hit.published_day and str(hit.published_day),
        "language": hit.language,
        "word_count": hit.word_count,
        "snippet": hit.snippet,
    }
