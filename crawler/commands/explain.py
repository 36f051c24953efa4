"""`broadsheet explain`: the blocks of a stored page in order, each with its verdict, and its number to rule on it."""

from __future__ import annotations

import click

from crawler.commands.export import archive
from crawler.console.reasons import meaning
from crawler.console.terminal import one_line, say, say_blocks, width
from output.read.explain import StoredBlock, StoredPage, find_page, url_state

_HEADS = ("#", "block", "verdict", "reason", "rule", "on", "text")
_ROOMY = 140  # columns; a block's number alone takes nineteen
_SHELVED = {
    "duplicate": "the same text stands under another URL, which names the article",
    "list": "it only repeats other articles",
    "part": "its text is in the article of another page",
}


def explain(path: str, named: str) -> int:
    """Print the page that a URL or an article's number names; 1 if the archive holds none, or no blocks of it."""
    with archive(path) as db:
        page = find_page(db, named)
        state = None if page else url_state(db, named)
    if page is None:
        told = f"has no page of {named}" if state is None else f"has no page of {state[0]}: {_state(*state[1:])}"
        click.echo(one_line(f"broadsheet: {path} {told}"), err=True)
        return 1
    for line in _head(page):
        say(one_line(line))
    if not page.blocks:
        click.echo(one_line(f"broadsheet: judged as {page.page_type}, so no blocks of it are stored"), err=True)
        return 1
    cells = [_cells(block) for block in page.blocks]
    say_blocks(_HEADS, cells, [block.text for block in page.blocks], width(), roomy=_ROOMY)
    return 0


def _state(state: str, reason: str) -> str:
    return f"{state} ({meaning(reason)})" if reason else state


def _head(page: StoredPage) -> list[str]:
    kind = page.page_type + (f" (by itself {page.own_type})" if page.own_type != page.page_type else "")
    lines = [f"{page.url}: {page.title or '(no title)'}", f"{kind}; {', '.join(page.evidence)}"]
    if page.article_id is not None:
        lines.append(f"article {page.article_id}: {page.kept:,} blocks kept, {page.removed:,} removed")
    if page.why:
        lines.append(f"shelved: {_SHELVED.get(page.why, page.why)}")
    return lines


def _cells(block: StoredBlock) -> list[str]:
    overruled = f" (was {block.own_reason} {block.own_rule})" if block.own_rule else ""
    verdict = "kept" if block.kept else "removed"
    return [str(block.position), str(block.block_id), verdict, block.reason, block.rule + overruled, block.evidence]
