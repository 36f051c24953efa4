"""`broadsheet search`: the articles that match a query, best first."""

from __future__ import annotations

from collections.abc import Sequence

from crawler.console.open_archive import open_read_only, refuse
from crawler.console.terminal import cut_line, one_line, print_text, terminal_width
from output.read.search import search as find


def search(archive_path: str, words: Sequence[str], limit: int) -> int:
    """Print the articles that match the query, best first; 1 if there is none."""
    query = " ".join(words)
    hit_count = 0
    with open_read_only(archive_path) as db:
        for hit in find(db, query, limit):
            hit_count += 1
            print_text(cut_line(f"{hit.title or '(no title)'}  {hit.published_day}", terminal_width()))
            print_text("  " + one_line(hit.url))
            print_text("  " + cut_line(hit.snippet, terminal_width() - 2) + "\n")
    if not hit_count:
        return refuse(f"no article matches {query}")
    return 0
