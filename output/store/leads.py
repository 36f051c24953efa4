"""Leads: the links of a page to the next page of its article, or to the whole article on one page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broadsheet.cleaners.document import Outlink
from broadsheet.output.db.text import storable_text

if TYPE_CHECKING:
    from sqlite_utils import Database

_PUT_LEAD = "INSERT OR IGNORE INTO page_leads (page_id, way, url, ruled) VALUES (?, ?, ?, ?)"
NEXT, WHOLE = "next", "whole"
_KIND_OF_LINK = {"next": NEXT, "single_page": WHOLE}


@dataclass(frozen=True, slots=True)
class PageLead:
    """A page's link to its article's `next` page or to the `whole` article; `is_by_rule` if a site rule names it."""

    page_id: int
    kind: str
    url: str
    is_by_rule: bool = False


def page_leads(outlinks: Iterable[Outlink]) -> tuple[tuple[str, str, bool], ...]:
    """(kind, URL, whether a site rule names it) of each link that is a lead."""
    return tuple(
        (_KIND_OF_LINK[link.via], storable_text(link.url), link.via == "single_page" or not link.rel)
        for link in outlinks
        if link.via in _KIND_OF_LINK and "prev" not in link.rel
    )


def put_leads(db: Database, page_id: int, leads: Sequence[tuple[str, str, bool]]) -> None:
    """Replace the leads of a page. Runs in the caller's transaction."""
    db.execute("DELETE FROM page_leads WHERE page_id = ?", [page_id])
    db.conn.executemany(_PUT_LEAD, [(page_id, *lead) for lead in leads])
