"""An article's row: stored, changed or removed, with its revisions and the note in `changes` that readers poll.

An article that `settle` took out is on the shelf, and changes there. Values in the columns that a user added to
`articles` are read as JSON can hold them while the article is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Literal, NamedTuple

from sqlite_utils import Database

from .metadata_columns import ARTICLE_COLUMNS, metadata_values
from .page_rows import PageRows, Sighting, article_id
from .revisions import (
    ArticleState,
    RevisionChange,
    RevisionMark,
    RevisionValues,
    correct_revision,
    drop_pending,
    note_new_capture,
    note_revision,
)
from .shelf import JsonValue, SqlValue, json_values, sql_value, update_article
from .stored_text import storable_text
from .stored_values import stored_object
from .table_columns import column_list, writable_columns


class ArticleChange(StrEnum):
    """A change of an article, in `changes.change`."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class StoredArticle(NamedTuple):
    """An article as an archive holds it already, in `articles` or `shelved`."""

    table: str
    title: str
    text: str
    capture_id: int | None
    page_type: str
    word_count: int


def stored_article(db: Database, url: str) -> StoredArticle | None:
    """Return what `articles` or `shelved` holds for the article at this URL."""
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
    title, article_number = str(values["title"]), sighting.article_id
    if stored is None:
        _insert_article(db, values | {"id": article_number, "first_seen": sighting.seen_at})
        note_revision(db, sighting, RevisionValues(title, page.digest, RevisionMark.FIRST))
        note_change(db, article_number, sighting.seen_at, ArticleChange.ADDED)
        return True
    update_article(db, stored.table, article_number, values)
    has_changed = (stored.title, stored.text) != (values["title"], values["text"])
    if has_changed and stored.table == "articles":
        note_change(db, article_number, sighting.seen_at, ArticleChange.CHANGED)
    if state_before is not None:
        note_new_capture(db, sighting, page.digest, state_before)
    elif has_changed:
        correct_revision(db, article_number, title, page.digest)
    return has_changed


def remove_article(db: Database, url: str, removed_at: str) -> None:
    """Delete an article from `articles` or the shelf; its revisions stay, but for a pending one."""
    article_number = article_id(url)
    drop_pending(db, article_number)
    if db.execute("DELETE FROM articles WHERE id = ?", [article_number]).rowcount:
        note_change(db, article_number, removed_at, ArticleChange.REMOVED)
    db.execute("DELETE FROM _shelf WHERE id = ?", [article_number])


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


def latest_seq(db: Database) -> int:
    """Return the number of the latest change, 0 if there is none."""
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()[0])


@contextmanager
def changes_made_now(db: Database, clock: Callable[[], str]) -> Iterator[None]:
    """Use the present time for what the body appends to `changes`; its other rows keep the time of their capture."""
    last_seq = latest_seq(db)
    yield
    db.execute("UPDATE changes SET at = ? WHERE seq > ?", [clock(), last_seq])


def _insert_article(db: Database, values: dict[str, SqlValue]) -> None:
    columns = ", ".join(values)
    placeholders = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO articles ({columns}) VALUES ({placeholders})", values)


def _article_columns(page: PageRows, sighting: Sighting) -> dict[str, SqlValue]:
    """Return the values of the article's columns by name, without `id` and `first_seen`, which no update changes."""
    return {
        **metadata_values(page.metadata),
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


def user_values(db: Database, page_id: int) -> dict[str, JsonValue]:
    """Return the values in a user's columns of the page's article, shelved or not; empty if the page has none.

    The columns are named as in `articles`. Generated ones are left out, since they are computed again.
    """
    names = [name for name in writable_columns(db) if name not in ARTICLE_COLUMNS]
    if not names:
        return {}
    row = db.execute(f"SELECT {column_list(names)} FROM articles WHERE page_id = ?", [page_id]).fetchone()
    if row:
        return json_values(dict(zip(names, row, strict=True)))
    shelved = db.execute("SELECT id, article FROM _shelf WHERE page_id = ?", [page_id]).fetchone()
    values = stored_object(shelved[1], "_shelf", "article", shelved[0]) if shelved else {}
    return {name: values[name] for name in names if name in values}


def put_user_values(db: Database, page_id: int, values: Mapping[str, JsonValue]) -> None:
    """Write the values into the row of the page's article, shelved or not.

    Columns that no longer exist are left out.
    """
    known_names = writable_columns(db)
    known_values = {name: sql_value(value) for name, value in values.items() if name in known_names}
    for table in ("articles", "shelved") if known_values else ():
        for (article_number,) in db.execute(f"SELECT id FROM {table} WHERE page_id = ?", [page_id]).fetchall():
            update_article(db, table, article_number, known_values)
