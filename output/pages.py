"""Storing a fetched page: its verdict, and for an article the article and the ledger of its blocks."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.record import Cleaned
from output.articles import Sighting, article_id, as_json, remove_article, save_article, stored_article
from output.joined import put_leads
from output.ledger import clear_ledger, write_ledger
from output.lineage import intern_lineage
from output.overrule import under_rulings
from output.prepared import PreparedPage, prepared
from output.rebuild import joined
from output.site_verdicts import carried_verdicts, carry_over
from output.text import storable

# Evidence that `settle` adds to a page's own begins with this name; a page judged again keeps it until then.
SETTLED_EVIDENCE = "repeats="

_COLUMNS = (
    "id, capture_id, page_type, own_type, evidence, title, canonical_url, text_digest, word_count, blocks, kept,"
    " removed, outlinks, robots, cleaner_version, cleaner_id, article_id"
)
_NAMES = _COLUMNS.split(", ")
_UPSERT = (
    f"INSERT INTO pages ({_COLUMNS}) VALUES ({', '.join(f':{name}' for name in _NAMES)})"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _NAMES[1:])}"
)


@dataclass(frozen=True, slots=True)
class PageRef:
    """Which page, which capture of it, and when (UTC ISO 8601)."""

    id: int
    url: str
    host: str
    capture_id: int | None
    at: str


def save_page(db: Database, page: PageRef, cleaned: Cleaned | PreparedPage) -> None:
    """Store a page's verdict and what follows from it. Runs in the caller's transaction.

    A page that once was an article and now answers with something else (a wall, an error with status 200, an
    empty page) keeps its article; the row in `urls` tells what came. Only the same capture, judged again,
    can take an article away.
    """
    rows = prepared(cleaned)
    before = stored_article(db, page.url)
    if before and not rows.is_article:
        if before.capture_id != page.capture_id:
            return
        remove_article(db, page.url, page.at)
        before = None
    shelved = before is not None and before.table == "shelved"
    made_by = {"cleaner_id": intern_lineage(db, rows.lineage)}
    db.execute(_UPSERT, _values(page, rows) | made_by | (_settled(db, page.id, rows) if shelved else {}))
    if rows.is_article:
        carried = carried_verdicts(db, page.id) if before else ()
        write_ledger(db, page.id, rows.ledger)
        rows = carry_over(db, page.id, rows, carried)
        rows = joined(db, page.id, under_rulings(db, page.id, rows))
        save_article(db, rows, Sighting(page.url, page.host, page.id, page.capture_id, page.at), before)
    else:
        clear_ledger(db, page.id)
    put_leads(db, page.id, rows.leads)


def _settled(db: Database, page_id: int, rows: PreparedPage) -> dict[str, object]:
    """What `settle` had decided about a page; it holds until settle looks again."""
    query = "SELECT page_type, article_id, evidence FROM pages WHERE id = ?"
    page_type, winner, evidence = db.execute(query, [page_id]).fetchone()
    added = [fact for fact in json.loads(evidence) if fact.startswith(SETTLED_EVIDENCE)]
    return {
        "page_type": page_type,
        "article_id": winner,
        "evidence": as_json([*rows.verdict.evidence, *added]),
    }


def _values(page: PageRef, rows: PreparedPage) -> dict[str, object]:
    page_type = str(rows.verdict.page_type)
    return {
        "id": page.id,
        "capture_id": page.capture_id,
        "page_type": page_type,
        "own_type": page_type,
        "evidence": as_json(list(rows.verdict.evidence)),
        "title": storable(rows.metadata.title),
        "canonical_url": storable(rows.metadata.canonical_url) or None,
        "text_digest": rows.digest,
        "word_count": rows.words,
        "blocks": rows.blocks,
        "kept": rows.kept,
        "removed": rows.blocks - rows.kept,
        "outlinks": rows.outlinks,
        "robots": as_json(list(rows.robots)),
        "cleaner_version": rows.cleaner_version,
        "article_id": article_id(page.url) if rows.is_article else None,
    }
