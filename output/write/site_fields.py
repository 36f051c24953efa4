"""Fields of an article that override what its page states: by the site's evidence, and above that by a person.

Table `_own_fields` keeps the page's own value with its source, and the site's with the evidence for it, so that either
can be put back. A person's is in `corrections`, as `broadsheet.output.write.verdicts` has it of blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

from sqlite_utils import Database

from broadsheet.cleaners.document import AUTHORS, Metadata
from broadsheet.cleaners.site.field_evidence import SettledField

from ..archive.article_storage import ArticleChange, note_change
from ..archive.metadata_columns import SOURCES_COLUMN, STATED_AS_FIELDS, field_columns, metadata_of_row, sources_value
from ..archive.page_rows import PageRows, article_id
from ..archive.revisions import correct_revision
from ..archive.shelf import update_article
from ..archive.stored_text import as_json
from .corrections import OF_PAGE, PERSON, corrections_in_force, has_field_corrections

_TITLE = "title"
_CORRECTABLE = (_TITLE, AUTHORS, "published", "tags", "language")
_ARTICLE = f"SELECT {STATED_AS_FIELDS} FROM {{}} WHERE page_id = ?"
_NAMES = "field, value, source, evidence, site_value, site_source"
_OWN_FIELDS = f"SELECT {_NAMES} FROM _own_fields WHERE page_id = ? ORDER BY field"
_PUT_OWN_FIELD = f"INSERT INTO _own_fields (page_id, {_NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_PAGES = """SELECT o.page_id FROM _own_fields o JOIN urls u ON u.id = o.page_id
    WHERE u.host = ? AND o.site_value IS NOT NULL"""
_PAGE_NAMES = "SELECT u.url, u.host, p.article_id FROM urls u LEFT JOIN pages p ON p.id = u.id WHERE u.id = ?"
# Pages that somebody corrected a field of, now or once.
_CORRECTED_PAGES = """WITH c AS (SELECT article_id, host FROM corrections WHERE block_id IS NULL AND field <> 'kind')
    SELECT p.id FROM c JOIN pages p ON p.article_id = c.article_id
    UNION SELECT a.page_id FROM c JOIN articles a ON a.id = c.article_id
    UNION SELECT s.page_id FROM c JOIN _shelf s ON s.id = c.article_id
    UNION SELECT p.id FROM c JOIN urls u ON u.host = c.host JOIN pages p ON p.id = u.id
    UNION SELECT p.id FROM pages p WHERE EXISTS (SELECT 1 FROM c WHERE c.article_id IS NULL AND c.host IS NULL)"""


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field's own value on a page, as text, with its source, and the site's in its place with the evidence for it;
    None where only a person put another there.
    """

    field: str
    value: str
    source: str
    evidence: str = ""
    site_value: str | None = None
    site_source: str | None = None

    @property
    def text(self) -> str:
        """Return the page's own value as people write it; empty without one."""
        value = _parse(self.field, self.value)
        return value if isinstance(value, str) else ", ".join(value)


def pages_with_site_fields(db: Database, host: str) -> set[int]:
    """Return the ids of a host's pages with values from the site's evidence."""
    return {page_id for (page_id,) in db.execute(_PAGES, [host])}


def own_fields(db: Database, page_id: int) -> list[OwnField]:
    """Return the page's own values of the overridden fields."""
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
    for table in ("articles", "shelved"):
        cursor = db.execute(_ARTICLE.format(table), [page_id])
        if values := cursor.fetchone():
            row = dict(zip([column[0] for column in cursor.description], values, strict=True))
            return table, metadata_of_row(row, table, f"of page {page_id}")
    return None


def replace_site_fields(db: Database, page_id: int, fields: Iterable[SettledField], changed_at: str) -> bool:
    """Replace the values that a page's article has from the site's evidence; return whether any changed.

    A title that differs is noted in `changes` at `changed_at`. Runs in the caller's transaction.
    """
    site = [OwnField(one.field, "", "", one.evidence, _as_text(one.value), one.source) for one in fields]
    return _raise_fields(db, page_id, site, changed_at)


def apply_field_corrections(db: Database, changed_at: str) -> int:
    """Bring articles in line with the corrections of their fields; return how many pages changed.

    Call it after corrections were stored or taken back, in the same transaction.
    """
    pages = db.execute(_CORRECTED_PAGES).fetchall() if has_field_corrections(db) else []
    return sum(_raise_fields(db, page_id, _site_fields(db, page_id), changed_at) for (page_id,) in pages)


def corrected_fields(db: Database, page_id: int) -> tuple[OwnField, ...]:
    """Return what a page states itself in the fields that a person corrected, and what the site's evidence says."""
    stored = stored_metadata(db, page_id)
    sources = stored[1].sources if stored else {}
    return tuple(own for own in own_fields(db, page_id) if sources.get(own.field) == PERSON)


def raised_fields(db: Database, page_id: int, rows: PageRows) -> tuple[PageRows, tuple[OwnField, ...]]:
    """Reapply the site's values to a page that is stored again, if its own are unchanged, and above them a person's.

    Those whose own value is another are forgotten, until the archive is settled. Returns also the rows for
    `put_own_fields`.
    """
    site = [field for field in _site_fields(db, page_id) if _states(rows.metadata, field)]
    if not site and not has_field_corrections(db):
        return rows, ()
    metadata, own = _raised(rows.metadata, site, _corrected(db, page_id))
    return replace(rows, metadata=metadata), own


def put_own_fields(db: Database, page_id: int, fields: Iterable[OwnField]) -> None:
    """Store the page's own values of the overridden fields."""
    db.execute("DELETE FROM _own_fields WHERE page_id = ?", [page_id])
    db.conn.executemany(_PUT_OWN_FIELD, [(page_id, *astuple(field)) for field in fields])


def _raise_fields(db: Database, page_id: int, site: Iterable[OwnField], changed_at: str) -> bool:
    stored = stored_metadata(db, page_id)
    if stored is None:
        return False
    table, metadata = stored
    raised, rows = _raised(with_own_fields(db, page_id, metadata), site, _corrected(db, page_id))
    if list(rows) == own_fields(db, page_id) and raised == metadata:
        return False
    put_own_fields(db, page_id, rows)
    _write_fields(db, table, page_id, metadata, raised, changed_at)
    return True


def _raised(
    own: Metadata, site: Iterable[OwnField], corrected: Mapping[str, str]
) -> tuple[Metadata, tuple[OwnField, ...]]:
    """Return metadata with the site's values above its own, and a person's above both, and the rows to store."""
    metadata, rows, by_name = own, [], {field.field: field for field in site}
    for name in sorted(by_name.keys() | corrected.keys()):
        field = by_name.get(name, OwnField(name, "", ""))
        rows.append(replace(field, value=_as_text(getattr(own, name)), source=own.sources.get(name, "")))
        value, source = (corrected[name], PERSON) if name in corrected else (field.site_value, field.site_source)
        metadata = with_field(metadata, name, value or "", source or "")
    return metadata, tuple(rows)


def _corrected(db: Database, page_id: int) -> dict[str, str]:
    """Return a person's values for a page's article, by field; one for the page's own URL wins."""
    if not has_field_corrections(db):
        return {}
    url, host, article_number = db.execute(_PAGE_NAMES, [page_id]).fetchone()
    numbers = dict.fromkeys((article_number or article_id(url), article_id(url)))
    found = {field: one for number in numbers for field, one in corrections_in_force(db, number, host).items()}
    return {str(field): one.value for field, one in found.items() if field not in OF_PAGE}


def _site_fields(db: Database, page_id: int) -> list[OwnField]:
    return [field for field in own_fields(db, page_id) if field.site_value is not None]


def _states(metadata: Metadata, field: OwnField) -> bool:
    """Return whether a page still states the value that the site's replaced."""
    stated = _as_text(getattr(metadata, field.field)), metadata.sources.get(field.field, "")
    return stated == (field.value, field.source)


def _write_fields(db: Database, table: str, page_id: int, stored: Metadata, settled: Metadata, changed_at: str) -> None:
    """Write the fields that differ into the article's row; a title also into its page and its revision."""
    columns: dict[str, str | None] = {SOURCES_COLUMN: sources_value(settled.sources)}
    for name in _CORRECTABLE:
        if getattr(settled, name) != getattr(stored, name):
            columns |= field_columns(name, getattr(settled, name))
    (article_number,) = db.execute(f"SELECT id FROM {table} WHERE page_id = ?", [page_id]).fetchone()
    update_article(db, table, article_number, columns)
    if _TITLE in columns:
        db.execute("UPDATE pages SET title = ? WHERE id = ?", [columns[_TITLE], page_id])
        correct_revision(db, article_number, settled.title)
        if table == "articles":
            note_change(db, article_number, changed_at, ArticleChange.CHANGED)


def _as_text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else as_json(list(value))


def _parse(field: str, value: str) -> str | tuple[str, ...]:
    return tuple(json.loads(value)) if field in (AUTHORS, "tags") else value
