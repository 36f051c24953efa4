"""Storing a fetched page: its verdict, and for an article the article and the ledger of its blocks."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.record import Cleaned
from output.articles import Sighting, article_id, as_json, remove_article, save_article, stored_article
from output.ids import text_digest
from output.ledger import clear_ledger, write_ledger
from output.text import count_words, storable

# Evidence that `settle` adds to a page's own begins with this name; a page judged again keeps it until then.
SETTLED_EVIDENCE = "repeats="

_COLUMNS = (
    "id, capture_id, page_type, own_type, evidence, title, canonical_url, text_digest, word_count, blocks, kept,"
    " removed, outlinks, robots, cleaner_version, article_id"
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


def save_page(db: Database, page: PageRef, cleaned: Cleaned) -> None:
    """Store a page's verdict and what follows from it. Runs in the caller's transaction.

    A page that once was an article and now answers with something else (a wall, an error with status 200, an
    empty page) keeps its article; the row in `urls` tells what came. Only the same capture, judged again,
    can take an article away.
    """
    before = stored_article(db, page.url)
    if before and not cleaned.is_article:
        if before.capture_id != page.capture_id:
            return
        remove_article(db, page.url, page.at)
        before = None
    shelved = before is not None and before.table == "shelved"
    db.execute(_UPSERT, _values(page, cleaned) | (_settled(db, page.id, cleaned) if shelved else {}))
    if cleaned.is_article:
        write_ledger(db, page.id, cleaned)
        save_article(db, cleaned, Sighting(page.url, page.host, page.id, page.capture_id, page.at), before)
    else:
        clear_ledger(db, page.id)


def _settled(db: Database, page_id: int, cleaned: Cleaned) -> dict[str, object]:
    """What `settle` had decided about a page; it holds until settle looks again."""
    query = "SELECT page_type, article_id, evidence FROM pages WHERE id = ?"
    page_type, winner, evidence = db.execute(query, [page_id]).fetchone()
    added = [fact for fact in json.loads(evidence) if fact.startswith(SETTLED_EVIDENCE)]
    return {
        "page_type": page_type,
        "article_id": winner,
        "evidence": as_json([*cleaned.verdict.evidence, *added]),
    }


def _values(page: PageRef, cleaned: Cleaned) -> dict[str, object]:
    page_type = str(cleaned.verdict.page_type)
    return _counts(cleaned) | {
        "id": page.id,
        "capture_id": page.capture_id,
        "page_type": page_type,
        "own_type": page_type,
        "evidence": as_json(list(cleaned.verdict.evidence)),
        "title": storable(cleaned.metadata.title),
        "canonical_url": storable(cleaned.metadata.canonical_url) or None,
        "text_digest": text_digest(storable(cleaned.text)),
        "robots": as_json(list(cleaned.robots)),
        "cleaner_version": cleaned.cleaner_version,
        "article_id": article_id(page.url) if cleaned.is_article else None,
    }


def _counts(cleaned: Cleaned) -> dict[str, object]:
    kept = sum(verdict.kept for verdict in cleaned.verdicts)
    return {
        "word_count": count_words(cleaned.text),
        "blocks": len(cleaned.blocks),
        "kept": kept,
        "removed": len(cleaned.verdicts) - kept,
        "outlinks": len(cleaned.outlinks),
    }
