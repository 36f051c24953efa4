"""Where a page leads: to the next page of its article, or to the article whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.document import Outlink
from output.db.text import storable

_PUT_LEAD = "INSERT OR IGNORE INTO page_leads (page_id, way, url, ruled) VALUES (?, ?, ?, ?)"
NEXT, WHOLE = "next", "whole"
_WAYS = {"next": NEXT, "single_page": WHOLE}


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a page leads: to its `next` page or to the article in one page, `whole`; `ruled` if a rule says so."""

    page_id: int
    way: str
    url: str
    ruled: bool = False


def leads_of(outlinks: Iterable[Outlink]) -> tuple[tuple[str, str, bool], ...]:
    """(way, URL, whether a site's rule says so) of the links to an article's next page, and to it in one page."""
    return tuple(
        (_WAYS[link.via], storable(link.url), link.via == "single_page" or not link.rel)
        for link in outlinks
        if link.via in _WAYS and "prev" not in link.rel
    )


def put_leads(db: Database, page_id: int, leads: Sequence[tuple[str, str, bool]]) -> None:
    """Replace what is known of where a page leads. Runs in the caller's transaction."""
    db.execute("DELETE FROM page_leads WHERE page_id = ?", [page_id])
    db.conn.executemany(_PUT_LEAD, [(page_id, *lead) for lead in leads])
