"""Storing one article: its row in place, its revisions, and the note in `changes` that readers poll.

An article that `settle` took out is `shelved`: the same row in another table, so that it can come back.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from output.db.ids import content_id
from output.db.text import as_json, storable
from output.store.page_rows import PreparedPage
from output.store.revisions import Seen, Standing, correct, note_capture, note_first

# The metadata that is stored as it is said, NULL where the page says nothing.
_PLAIN = (
    *("canonical_url", "published", "modified", "language"),
    *("description", "section", "licence", "sitename", "image"),
)

COLUMNS = (
    *("id", "url", "canonical_url", "host", "title", "authors", "published", "modified", "language", "description"),
    *("section", "tags", "licence", "sitename", "image", "metadata_sources", "text", "markdown", "word_count"),
    *("page_type", "first_seen", "last_seen", "page_id", "capture_id", "cleaner_version"),
)
"""The columns of `articles`; every other one is a user's."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """When and where an article was seen: its URL, host, page, capture and UTC time."""

    url: str
    host: str
    page_id: int
    capture_id: int | None
    at: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What an archive already holds of an article: the table it is in, what decides about a revision, and its type."""

    table: str
    title: str
    text: str
    capture_id: int | None
    page_type: str
    words: int


def article_id(url: str) -> int:
    """The number of the article that lives at a URL: 53 bits, the same in every archive."""
    return content_id(storable(url))


def stored_article(db: Database, url: str) -> Stored | None:
    """What `articles` or `shelved` holds for the article at this URL."""
    for table in ("articles", "shelved"):
        query = f"SELECT title, text, capture_id, page_type, word_count FROM {table} WHERE id = ?"
        row = db.execute(query, [article_id(url)]).fetchone()
        if row:
            return Stored(table, *row)
    return None


def save_article(
    db: Database, page: PreparedPage, seen: Sighting, before: Stored | None, standing: Standing | None = None
) -> bool:
    """Insert or update the article of a page, with its revision and change; whether title or text differ.

    `standing` is the article as it stood before another capture. Runs in the caller's transaction.
    """
    values = _values(page, seen)
    note = Seen(article_id(seen.url), seen.page_id, seen.capture_id, seen.at, page.digest)
    if before is None:
        _insert(db, values | {"first_seen": seen.at})
        note_first(db, note, str(values["title"]))
        note_change(db, note.article_id, seen.at, "added")
        return True
    _update(db, before.table, values)
    differs = (before.title, before.text) != (values["title"], values["text"])
    if differs and before.table == "articles":
        note_change(db, note.article_id, seen.at, "changed")
    if standing is not None:
        note_capture(db, note, standing)
    elif differs:
        correct(db, note.article_id, str(values["title"]), page.digest)
    return differs


def remove_article(db: Database, url: str, at: str) -> None:
    """Take an article out for good; its revisions stay."""
    number = article_id(url)
    if db.execute("DELETE FROM articles WHERE id = ?", [number]).rowcount:
        note_change(db, number, at, "removed")
    db.execute("DELETE FROM shelved WHERE id = ?", [number])


def note_change(
    db: Database, number: object, at: str, change: str, kind: str = "", revision: int | None = None
) -> None:
    """Append to `changes`; `change` is added, changed or removed, `kind` and `revision` are those of an edit."""
    db.execute(
        "INSERT INTO changes (article_id, at, change, kind, revision) VALUES (?, ?, ?, ?, ?)",
        [number, at, change, kind, revision],
    )


def _insert(db: Database, values: dict[str, object]) -> None:
    columns = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO articles ({columns}) VALUES ({marks})", values)


def _update(db: Database, table: str, values: dict[str, object]) -> None:
    changes = ", ".join(f"{name} = :{name}" for name in values if name != "id")
    db.execute(f"UPDATE {table} SET {changes} WHERE id = :id", values)


def _values(page: PreparedPage, seen: Sighting) -> dict[str, object]:
    """The article's columns, without `first_seen`, which an update leaves alone."""
    return _described(page) | {
        "id": article_id(seen.url),
        "url": storable(seen.url),
        "host": seen.host,
        "text": page.text,
        "markdown": page.markdown,
        "word_count": page.words,
        "page_type": str(page.verdict.page_type),
        "last_seen": seen.at,
        "page_id": seen.page_id,
        "capture_id": seen.capture_id,
        "cleaner_version": page.cleaner_version,
    }


def _described(page: PreparedPage) -> dict[str, object]:
    """The columns that come from what the page says about its article; what it does not say is NULL."""
    said = page.metadata
    plain: dict[str, object] = {name: storable(getattr(said, name)) or None for name in _PLAIN}
    return plain | {
        "title": storable(said.title),
        "authors": as_json(list(said.authors)),
        "tags": as_json(list(said.tags)),
        "metadata_sources": as_json(dict(said.sources)),
    }
