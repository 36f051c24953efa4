"""A fetched page stored: its verdict, and for an article the article and the ledger of its blocks."""

from __future__ import annotations

from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import PageType

from ..archive.article_storage import StoredArticle, remove_article, save_article, stored_article
from ..archive.ledger import clear_ledger, write_ledger
from ..archive.page_rows import (
    SETTLED_EVIDENCE,
    PageRows,
    Sighting,
    intern_lineage,
    put_images,
    put_leads,
    put_signature,
    put_statements,
)
from ..archive.rendered_layouts import shows_more
from ..archive.revisions import ArticleState, read_article_state
from ..archive.stored_text import as_json, storable_text
from ..archive.stored_values import stored_texts
from ..archive.text_links import put_links, text_links
from .assembled_text import has_further_pages, with_assembled_text
from .edit_decisions import decide_pending
from .site_fields import put_own_fields, raised_fields
from .verdicts import raise_verdicts, read_carried_verdicts

_TEASER_SHARE = 0.8  # of the stored words: a teaser with fewer is the free beginning, with more the same article

_COLUMNS = (
    "id, capture_id, page_type, own_type, evidence, title, canonical_url, text_digest, word_count, blocks, kept,"
    " removed, outlinks, robots, cleaner_version, cleaner_id, article_id, certainty"
)
_COLUMN_NAMES = _COLUMNS.split(", ")
_UPSERT = (
    f"INSERT INTO pages ({_COLUMNS}) VALUES ({', '.join(f':{name}' for name in _COLUMN_NAMES)})"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMN_NAMES[1:])}"
)


class SaveResult(NamedTuple):
    """The result of saving a page: whether it is now its URL's current content, and whether title or text changed."""

    is_current: bool
    has_changed: bool = False


def save_page(db: Database, sighting: Sighting, rows: PageRows) -> SaveResult:
    """Store a page's verdict, and for an article its ledger and row. Runs in the caller's transaction.

    A URL that held an article may now give a wall, an error with status 200, an empty page, only the free beginning, or
    less than a browser rendered. Then the article stays, and the row in `urls` says what came. Only the same capture,
    judged again, can remove an article.
    """
    page_id = sighting.page_id
    stored = stored_article(db, sighting.url)
    is_new_capture = stored is not None and stored.capture_id != sighting.capture_id
    if stored and is_new_capture and (not rows.is_article or _is_cut_short(db, stored, sighting, rows)):
        return SaveResult(is_current=False)
    if stored and not rows.is_article:
        remove_article(db, sighting.url, sighting.seen_at)
        stored = None
    is_shelved = stored is not None and stored.table == "shelved"
    state_before = _state_before(db, sighting) if is_new_capture else None
    has_changed = False
    rows, own_fields = raised_fields(db, page_id, rows) if rows.is_article else (rows, ())
    cleaner_column = {"cleaner_id": intern_lineage(db, rows.lineage)}
    db.execute(
        _UPSERT,
        _page_columns(sighting, rows) | cleaner_column | (_settled_columns(db, page_id, rows) if is_shelved else {}),
    )
    if rows.is_article:
        carried_verdicts = read_carried_verdicts(db, page_id) if stored else {}
        write_ledger(db, page_id, rows.ledger)
        if raise_verdicts(db, page_id, carried=carried_verdicts) or has_further_pages(db, page_id):
            rows = with_assembled_text(db, page_id, rows)
        has_changed = save_article(db, rows, sighting, stored, state_before)
    else:
        clear_ledger(db, page_id)
    put_own_fields(db, page_id, own_fields)
    put_leads(db, page_id, rows.leads)
    put_signature(db, page_id, rows.layout_signature)
    put_images(db, page_id, rows.images)
    put_statements(db, page_id, rows.statements)
    put_links(db, page_id, text_links(rows.markdown, sighting.url) if rows.is_article else ())
    return SaveResult(is_current=True, has_changed=has_changed)


def _state_before(db: Database, sighting: Sighting) -> ArticleState:
    """Return the state of the article before another capture; a pending revision is decided first."""
    decide_pending(db, sighting.seen_at, sighting.article_id)
    return read_article_state(db, sighting.article_id, sighting.page_id)


def _is_cut_short(db: Database, stored: StoredArticle, sighting: Sighting, rows: PageRows) -> bool:
    """Return whether an article that was stored whole now has only its free beginning, or lacks what scripts add."""
    became_teaser = rows.verdict.page_type is PageType.TEASER and stored.page_type == PageType.ARTICLE
    if became_teaser and rows.words < _TEASER_SHARE * stored.word_count:
        return True
    stored_facts = PageType(stored.page_type), stored.word_count
    is_less = shows_more(stored_facts, (rows.verdict.page_type, rows.words))
    return is_less and _is_rendered(db, stored.capture_id) and not _is_rendered(db, sighting.capture_id)


def _is_rendered(db: Database, capture_id: int | None) -> bool:
    row = db.execute("SELECT rendered_for IS NOT NULL FROM captures WHERE id = ?", [capture_id]).fetchone()
    return bool(row and row[0])


def _settled_columns(db: Database, page_id: int, rows: PageRows) -> dict[str, object]:
    """Return the columns that `settle` has set for a shelved page; they stay until the next settle."""
    query = "SELECT page_type, article_id, evidence FROM pages WHERE id = ?"
    page_type, article_number, evidence = db.execute(query, [page_id]).fetchone()
    stored_facts = stored_texts(evidence, "pages", "evidence", page_id)
    settled_facts = [fact for fact in stored_facts if fact.startswith(SETTLED_EVIDENCE)]
    return {
        "page_type": page_type,
        "article_id": article_number,
        "evidence": as_json([*rows.verdict.evidence, *settled_facts]),
    }


def _page_columns(sighting: Sighting, rows: PageRows) -> dict[str, object]:
    """Return the values of the page's columns by name, without `cleaner_id`."""
    page_type = str(rows.verdict.page_type)
    return {
        "id": sighting.page_id,
        "capture_id": sighting.capture_id,
        "page_type": page_type,
        "own_type": page_type,
        "evidence": as_json(list(rows.verdict.evidence)),
        "title": storable_text(rows.metadata.title),
        "canonical_url": storable_text(rows.metadata.canonical_url) or None,
        "text_digest": rows.digest,
        "word_count": rows.words,
        "blocks": rows.blocks,
        "kept": rows.kept,
        "removed": rows.blocks - rows.kept,
        "outlinks": rows.outlinks,
        "robots": as_json(list(rows.robots)),
        "cleaner_version": rows.cleaner_version,
        "article_id": sighting.article_id if rows.is_article else None,
        "certainty": rows.certainty,
    }
