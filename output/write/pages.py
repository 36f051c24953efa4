"""Storing a fetched page: its verdict, and for an article the article and the ledger of its blocks."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.document import Cleaned, PageType
from output.db.text import as_json, storable
from output.store.articles import Sighting, Stored, article_id, remove_article, save_article, stored_article
from output.store.leads import put_leads
from output.store.ledger import clear_ledger, write_ledger
from output.store.lineage import intern_lineage
from output.store.page_rows import SETTLED_EVIDENCE, PreparedPage, prepared
from output.store.revisions import Standing, is_pending, standing
from output.verdicts.apply_rulings import under_rulings
from output.verdicts.rebuild import joined
from output.verdicts.site_verdicts import carried_verdicts, carry_over
from output.watch.decide_edits import decide

_CUT_SHORT = 0.8  # share of the words from which a teaser is taken for the whole article, judged otherwise

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
class Saved:
    """What became of a page: whether it is what the archive holds now, and whether its article reads otherwise."""

    stored: bool
    changed: bool = False


@dataclass(frozen=True, slots=True)
class PageRef:
    """Which page, which capture of it, and when (UTC ISO 8601)."""

    id: int
    url: str
    host: str
    capture_id: int | None
    at: str


def save_page(db: Database, page: PageRef, cleaned: Cleaned | PreparedPage) -> Saved:
    """Store a page's verdict and what follows from it. Runs in the caller's transaction.

    A page that once was an article and now answers with something else (a wall, an error with status 200, an
    empty page, the free beginning alone) keeps its article; the row in `urls` tells what came. Only the same capture,
    judged again, can take an article away.
    """
    rows = prepared(cleaned)
    before = stored_article(db, page.url)
    another = before is not None and before.capture_id != page.capture_id
    if before and another and (not rows.is_article or _is_cut_short(before, rows)):
        return Saved(stored=False)
    if before and not rows.is_article:
        remove_article(db, page.url, page.at)
        before = None
    shelved = before is not None and before.table == "shelved"
    held = _standing(db, page) if another else None
    changed = False
    made_by = {"cleaner_id": intern_lineage(db, rows.lineage)}
    db.execute(_UPSERT, _values(page, rows) | made_by | (_settled(db, page.id, rows) if shelved else {}))
    if rows.is_article:
        carried = carried_verdicts(db, page.id) if before else ()
        write_ledger(db, page.id, rows.ledger)
        rows = carry_over(db, page.id, rows, carried)
        rows = joined(db, page.id, under_rulings(db, page.id, rows))
        changed = save_article(db, rows, Sighting(page.url, page.host, page.id, page.capture_id, page.at), before, held)
    else:
        clear_ledger(db, page.id)
    put_leads(db, page.id, rows.leads)
    return Saved(stored=True, changed=changed)


def _standing(db: Database, page: PageRef) -> Standing:
    """The article as it stands before another capture; what waits to be decided about it is decided first."""
    number = article_id(page.url)
    if is_pending(db, number):
        decide(db, page.at, number)
    return standing(db, number, page.id)


def _is_cut_short(before: Stored, rows: PreparedPage) -> bool:
    """Whether of an article that was free to read only the beginning came."""
    teaser = rows.verdict.page_type is PageType.TEASER and before.page_type == PageType.ARTICLE
    return teaser and rows.words < _CUT_SHORT * before.words


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
