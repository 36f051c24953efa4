"""Site fields: values of an article's fields that the site's evidence puts in place of the page's own.

Table `own_fields` keeps the page's own value with its source, and the evidence against it, so that it can be put back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from broadsheet.cleaners.compare.site_statements import SettledField
from broadsheet.cleaners.document import AUTHORS, Metadata

from ..archive.article_storage import ArticleChange, note_change
from ..archive.metadata_columns import (
    SOURCES_COLUMN,
    STATED_AS_FIELDS,
    field_columns,
    metadata_of_row,
    sources_value,
)
from ..archive.page_rows import PageRows
from ..archive.revisions import correct_title
from ..archive.shelf import update_article
from ..archive.stored_text import as_json

_TITLE = "title"
_ARTICLE = f"SELECT {STATED_AS_FIELDS} FROM {{}} WHERE page_id = ?"
_OWN_FIELDS = "SELECT field, value, source, evidence FROM _own_fields WHERE page_id = ? ORDER BY field"
_PUT_OWN_FIELD = "INSERT INTO _own_fields (page_id, field, value, source, evidence) VALUES (?, ?, ?, ?, ?)"
_PAGES = "SELECT o.page_id FROM _own_fields o JOIN urls u ON u.id = o.page_id WHERE u.host = ?"


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field's own value on a page, as text, with its source, and the evidence that put another in its place."""

    field: str
    value: str
    source: str
    evidence: str


def pages_with_site_fields(db: Database, host: str) -> set[int]:
    """Return the ids of a host's pages that have values by the site's evidence."""
    return {page_id for (page_id,) in db.execute(_PAGES, [host])}


def own_fields(db: Database, page_id: int) -> list[OwnField]:
    """Return the page's own values of the fields that have another."""
    return [OwnField(*row) for row in db.execute(_OWN_FIELDS, [page_id]).fetchall()]


def with_own_fields(db: Database, page_id: int, metadata: Metadata) -> Metadata:
    """Return an article's stored metadata with the page's own values."""
    for own in own_fields(db, page_id):
        metadata = with_field(metadata, own.field, own.value, own.source)
    return metadata


def with_field(metadata: Metadata, field: str, value: str, source: str) -> Metadata:
    """Return the metadata with a field's value, given as text, and its source; without source, no source."""
    sources = {name: stated for name, stated in metadata.sources.items() if name != field}
    if source:
        sources[field] = source
    changes: dict[str, Any] = {field: _parse(field, value), "sources": sources}
    return replace(metadata, **changes)


def stored_metadata(db: Database, page_id: int) -> tuple[str, Metadata] | None:
    """Return the table that has a page's article, and its metadata as stored; None if the page has no article."""
    for table in ("articles", "_shelved"):
        cursor = db.execute(_ARTICLE.format(table), [page_id])
        if values := cursor.fetchone():
            row = dict(zip([column[0] for column in cursor.description], values, strict=True))
            return table, metadata_of_row(row, table, f"of page {page_id}")
    return None


def replace_site_fields(db: Database, page_id: int, fields: Iterable[SettledField], changed_at: str) -> bool:
    """Make these the only values that a page's article has by the site's evidence; return whether that changed any.

    A title that differs is noted in `changes` at `changed_at`. Runs in the caller's transaction.
    """
    stored = stored_metadata(db, page_id)
    if stored is None:
        return False
    table, metadata = stored
    own = with_own_fields(db, page_id, metadata)
    wanted = {field.field: field for field in fields}
    rows = [
        OwnField(name, _as_text(getattr(own, name)), own.sources.get(name, ""), wanted[name].evidence)
        for name in sorted(wanted)
    ]
    settled = own
    for name, field in wanted.items():
        settled = with_field(settled, name, _as_text(field.value), field.source)
    if rows == own_fields(db, page_id) and settled == metadata:
        return False
    db.execute("DELETE FROM _own_fields WHERE page_id = ?", [page_id])
    db.conn.executemany(_PUT_OWN_FIELD, [(page_id, row.field, row.value, row.source, row.evidence) for row in rows])
    _write_fields(db, table, page_id, metadata, settled, changed_at)
    return True


def carry_over_fields(db: Database, page_id: int, rows: PageRows) -> PageRows:
    """Give a page that is stored again the values that it had by the site's evidence, where its own ones are the same.

    Those whose own value is another are forgotten, until the archive is settled.
    """
    fields = own_fields(db, page_id)
    if not fields:
        return rows
    stored = stored_metadata(db, page_id)
    metadata = rows.metadata
    for own in fields:
        is_same = (own.value, own.source) == (
            _as_text(getattr(metadata, own.field)),
            metadata.sources.get(own.field, ""),
        )
        if is_same and stored:
            value, source = _as_text(getattr(stored[1], own.field)), stored[1].sources.get(own.field, "")
            metadata = with_field(metadata, own.field, value, source)
        else:
            db.execute("DELETE FROM _own_fields WHERE page_id = ? AND field = ?", [page_id, own.field])
    return replace(rows, metadata=metadata)


def forget_own_fields(db: Database, page_id: int) -> None:
    """Forget the own values of a page that is no article any more."""
    db.execute("DELETE FROM _own_fields WHERE page_id = ?", [page_id])


def _write_fields(db: Database, table: str, page_id: int, stored: Metadata, settled: Metadata, changed_at: str) -> None:
    """Write the fields that differ into the article's row; a title also into its page and its revision."""
    columns: dict[str, str | None] = {SOURCES_COLUMN: sources_value(settled.sources)}
    for name in (_TITLE, AUTHORS, "published"):
        if getattr(settled, name) != getattr(stored, name):
            columns |= field_columns(name, getattr(settled, name))
    (article_number,) = db.execute(f"SELECT id FROM {table} WHERE page_id = ?", [page_id]).fetchone()
    update_article(db, table, article_number, columns)
    if _TITLE in columns:
        db.execute("UPDATE pages SET title = ? WHERE id = ?", [columns[_TITLE], page_id])
        correct_title(db, article_number, settled.title)
        if table == "articles":
            note_change(db, article_number, changed_at, ArticleChange.CHANGED)


def _as_text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else as_json(list(value))


def _parse(field: str, value: str) -> str | tuple[str, ...]:
    return tuple(json.loads(value)) if field == AUTHORS else value
