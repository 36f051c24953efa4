"""Storing one article: its row in place, its revisions, and the note in `changes` that readers poll.

An article that `settle` took out is `shelved`: the same row in another table, so that it can come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sqlite_utils import Database

from output.db.ids import content_id
from output.db.text import as_json, storable_text
from output.store.page_rows import PageRows
from output.store.revisions import (
    ArticleCapture,
    ArticleState,
    RevisionChange,
    correct_revision,
    note_first_revision,
    note_new_capture,
)
from output.store.stated_date import read_stated_date

# The metadata fields that are stored as text, NULL where the page states nothing.
_PLAIN_FIELDS = (*("canonical_url", "language", "description", "section", "licence", "sitename", "image"),)

COLUMNS = (
    *("id", "url", "canonical_url", "host", "title", "authors", "published", "modified", "language", "description"),
    *("section", "tags", "licence", "sitename", "image", "metadata_sources", "text", "markdown", "word_count"),
    *("page_type", "first_seen", "last_seen", "page_id", "capture_id", "cleaner_version"),
    *("published_day", "published_raw", "modified_day", "modified_raw"),
)
"""The columns of `articles` in the schema; every other one was added by a user."""


class ArticleChange(StrEnum):
    """What became of an article, in `changes.change`."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Sighting:
    """When and where an article was seen: its URL, host, page, capture and UTC time."""

    url: str
    host: str
    page_id: int
    capture_id: int | None
    seen_at: str


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """What an archive already holds of an article, and in which table: `articles` or `shelved`."""

    table: str
    title: str
    text: str
    capture_id: int | None
    page_type: str
    word_count: int


def article_id(url: str) -> int:
    """The id of the article at a URL: 53 bits, the same in every archive."""
    return content_id(storable_text(url))


def stored_article(db: Database, url: str) -> StoredArticle | None:
    """What `articles` or `shelved` holds for the article at this URL."""
    for table in ("articles", "shelved"):
        query = f"SELECT title, text, capture_id, page_type, word_count FROM {table} WHERE id = ?"
        row = db.execute(query, [article_id(url)]).fetchone()
        if row:
            return StoredArticle(table, *row)
    return None


def save_article(
    db: Database,
    page: PageRows,
    sighting: Sighting,
    stored: StoredArticle | None,
    state_before: ArticleState | None = None,
) -> bool:
    """Insert or update the article of a page, with its revision and change; return whether title or text differ.

    `stored` is what the archive held of it, `state_before` its state before this capture, where this is another one
    than the stored. Runs in the caller's transaction.
    """
    values = _article_columns(page, sighting)
    capture = ArticleCapture(
        article_id(sighting.url), sighting.page_id, sighting.capture_id, sighting.seen_at, page.digest
    )
    if stored is None:
        _insert_article(db, values | {"first_seen": sighting.seen_at})
        note_first_revision(db, capture, str(values["title"]))
        note_change(db, capture.article_id, sighting.seen_at, ArticleChange.ADDED)
        return True
    _update_article(db, stored.table, values)
    has_changed = (stored.title, stored.text) != (values["title"], values["text"])
    if has_changed and stored.table == "articles":
        note_change(db, capture.article_id, sighting.seen_at, ArticleChange.CHANGED)
    if state_before is not None:
        note_new_capture(db, capture, state_before)
    elif has_changed:
        correct_revision(db, capture.article_id, str(values["title"]), page.digest)
    return has_changed


def remove_article(db: Database, url: str, removed_at: str) -> None:
    """Delete an article from `articles` and `shelved`; its revisions stay."""
    article_number = article_id(url)
    if db.execute("DELETE FROM articles WHERE id = ?", [article_number]).rowcount:
        note_change(db, article_number, removed_at, ArticleChange.REMOVED)
    db.execute("DELETE FROM shelved WHERE id = ?", [article_number])


def note_change(
    db: Database,
    article_number: object,
    changed_at: str,
    change: ArticleChange,
    kind: RevisionChange | Literal[""] = "",
    revision: int | None = None,
) -> None:
    """Append to `changes`; `kind` and `revision` are those of an edit."""
    db.execute(
        "INSERT INTO changes (article_id, at, change, kind, revision) VALUES (?, ?, ?, ?, ?)",
        [article_number, changed_at, str(change), str(kind), revision],
    )


def _insert_article(db: Database, values: dict[str, object]) -> None:
    columns = ", ".join(values)
    placeholders = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO articles ({columns}) VALUES ({placeholders})", values)


def _update_article(db: Database, table: str, values: dict[str, object]) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in values if name != "id")
    db.execute(f"UPDATE {table} SET {assignments} WHERE id = :id", values)


def _article_columns(page: PageRows, sighting: Sighting) -> dict[str, object]:
    """The values of the article's columns by name, without `first_seen`, which an update does not change."""
    return _metadata_columns(page) | {
        "id": article_id(sighting.url),
        "url": storable_text(sighting.url),
        "host": sighting.host,
        "text": page.text,
        "markdown": page.markdown,
        "word_count": page.words,
        "page_type": str(page.verdict.page_type),
        "last_seen": sighting.seen_at,
        "page_id": sighting.page_id,
        "capture_id": sighting.capture_id,
        "cleaner_version": page.cleaner_version,
    }


def _metadata_columns(page: PageRows) -> dict[str, object]:
    """The values of the columns that hold the page's metadata; NULL where it states nothing."""
    metadata = page.metadata
    columns: dict[str, object] = {name: storable_text(getattr(metadata, name)) or None for name in _PLAIN_FIELDS}
    return columns | {
        "title": storable_text(metadata.title),
        "authors": as_json(list(metadata.authors)),
        "tags": as_json(list(metadata.tags)),
        "metadata_sources": as_json(dict(metadata.sources)),
        **_date_columns("published", metadata.published),
        **_date_columns("modified", metadata.modified),
    }


def _date_columns(name: str, text: str) -> dict[str, str | None]:
    """The values of the three columns of a date that the page states."""
    stated_date = read_stated_date(storable_text(text))
    return {
        name: stated_date.instant or None,
        f"{name}_day": stated_date.day or None,
        f"{name}_raw": stated_date.text or None,
    }
