"""Corrections: a person's word on a block, on a field, or on whether a page is an article.

A correction wins over every other verdict, also on pages that are fetched later. Of several the one for the article is
in force, with all its URLs and copies, else the one for its host, else the one for everywhere. There is one row for
each subject, field and scope: a later act replaces an earlier one. Undoing keeps the row, with its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlite_utils import Database

from ..archive.page_rows import TOLD_ARTICLE
from ..archive.stored_text import SQL_ARTICLE_TYPES, storable_text
from ..archive.stored_values import content_id

PERSON = "person"
"""The rule of a corrected verdict, and the source of a corrected field."""


class CorrectedField(StrEnum):
    """Subject of a correction: a block (`kept` or `removed`), the page's kind (`article` or `none`), how closely it is
    watched (`close`, `usual`, `rare`), or a field of the article, as text; authors and tags as a JSON array.
    """

    BLOCK = "block"
    KIND = "kind"
    TITLE = "title"
    AUTHORS = "authors"
    PUBLISHED = "published"
    TAGS = "tags"
    LANGUAGE = "language"
    WATCH = "watch"


OF_PAGE = (CorrectedField.KIND, CorrectedField.WATCH)
"""Corrections of a page, not of a field of its article."""

COLUMNS = "id, field, value, block_id, article_id, host, url, who, at, note, reason, rule, undone_at"
_STORE = f"""INSERT INTO corrections ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
    ON CONFLICT (id) DO UPDATE SET value = excluded.value, url = excluded.url, at = excluded.at,
        reason = excluded.reason, rule = excluded.rule, undone_at = NULL,
        who = CASE WHEN excluded.who <> '' OR undone_at IS NOT NULL THEN excluded.who ELSE who END,
        note = CASE WHEN excluded.note <> '' OR undone_at IS NOT NULL THEN excluded.note ELSE note END"""
_KINDS = """SELECT u.id, c.value FROM corrections c CROSS JOIN urls u ON u.url = c.url
    WHERE c.block_id IS NULL AND c.field = 'kind' AND c.undone_at IS NULL ORDER BY c.at, c.id"""
_TOLD_ARTICLES = """SELECT url FROM corrections
    WHERE block_id IS NULL AND field = 'kind' AND undone_at IS NULL AND value = 'article' ORDER BY url"""
# Only cleaning can turn such a page into an article, and back.
_UNCLEANED = f"""SELECT p.id FROM corrections c CROSS JOIN urls u ON u.url = c.url CROSS JOIN pages p ON p.id = u.id
    WHERE c.block_id IS NULL AND c.field = 'kind' AND CASE WHEN c.value = 'article' AND c.undone_at IS NULL
        THEN p.own_type NOT IN {SQL_ARTICLE_TYPES} ELSE instr(p.evidence, '"{TOLD_ARTICLE}"') END ORDER BY p.id"""
_IN_FORCE = f"""SELECT {COLUMNS} FROM corrections INDEXED BY corrections_field
    WHERE block_id IS NULL AND undone_at IS NULL
        AND (article_id = ?1 OR (article_id IS NULL AND (host = ?2 OR host IS NULL)))
    ORDER BY article_id IS NOT NULL, host IS NOT NULL, at, id DESC"""


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction for one article, for one host, or (with neither) for every page.

    `article_id` is `page_rows.article_id` of its URL, also for a page that is no article, whose `url` is named then.
    `who` is what the person calls themselves, and never the account's name. Times are UTC ISO 8601. `reason` and `rule`
    are those of the verdict that it overruled most often.
    """

    field: CorrectedField
    value: str
    block_id: int | None = None
    article_id: int | None = None
    host: str | None = None
    url: str = ""
    who: str = ""
    at: str = ""
    note: str = ""
    reason: str = ""
    rule: str = ""
    undone_at: str | None = None

    @property
    def id(self) -> int:
        """Return the number of the correction, from subject, field and scope."""
        subject = self.field if self.block_id is None else str(self.block_id)
        scope = "" if self.article_id is None else str(self.article_id)
        return content_id(subject, scope, storable_text(self.host or ""))


def store_correction(db: Database, correction: Correction) -> None:
    """Store a correction, replacing the one of its subject, field and scope. Runs in the caller's transaction."""
    one = correction
    host = None if one.host is None else storable_text(one.host)
    texts = map(storable_text, (one.url, one.who, one.at, one.note, one.reason, one.rule))
    value = storable_text(one.value)
    db.execute(_STORE, [one.id, one.field, value, one.block_id, one.article_id, host, *texts])


def undo_correction(db: Database, correction: Correction, undone_at: str) -> bool:
    """Undo a correction; the row stays. Return whether it was in force. Runs in the caller's transaction."""
    update = "UPDATE corrections SET undone_at = ? WHERE id = ? AND undone_at IS NULL"
    return bool(db.execute(update, [undone_at, correction.id]).rowcount)


def stored_day(text: str) -> str:
    """Return a day as corrections store it. ValueError if it is not a date.

    >>> stored_day("20240131")
    '2024-01-31'
    """
    return date.fromisoformat(text).isoformat()


def put_corrections(db: Database, made: Iterable[Correction], *, undo: bool, at: str) -> None:
    """Store corrections, or undo those of the same fields, without applying them. Runs in the caller's transaction."""
    for one in made:
        if undo:
            undo_correction(db, one, at)
        else:
            store_correction(db, one)


def stored_correction(db: Database, scope: Correction) -> Correction | None:
    """Return the correction of the same subject and field in exactly the same scope, or None."""
    query = f"SELECT {COLUMNS} FROM corrections WHERE id = ? AND undone_at IS NULL"
    return next(_read(db.execute(query, [scope.id])), None)


def list_corrections(db: Database) -> list[Correction]:
    """List all corrections, also those that were undone, the earliest first."""
    return list(_read(db.execute(f"SELECT {COLUMNS} FROM corrections ORDER BY at, id")))


def corrections_in_force(db: Database, article_id: int, host: str) -> dict[CorrectedField, Correction]:
    """Return the corrections in force for an article or another page, by field."""
    return {correction.field: correction for correction in _read(db.execute(_IN_FORCE, [article_id, host]))}


def told_kinds(db: Database) -> dict[int, bool]:
    """Return by page id whether a person says that a page is an article, the latest act last."""
    return {page_id: value == "article" for page_id, value in db.execute(_KINDS)}


def told_articles(db: Database) -> frozenset[str]:
    """Return the URLs of pages that a person calls articles."""
    return frozenset(url for (url,) in db.execute(_TOLD_ARTICLES))


def uncleaned_pages(db: Database) -> list[int]:
    """List the ids of pages whose kind a person corrected, to be cleaned again."""
    return [page_id for (page_id,) in db.execute(_UNCLEANED)]


def has_field_corrections(db: Database) -> bool:
    """Return whether a field, or the kind of a page, was ever corrected."""
    query = "SELECT 1 FROM corrections INDEXED BY corrections_field WHERE block_id IS NULL LIMIT 1"
    return db.execute(query).fetchone() is not None


def _read(rows: Iterable[tuple[object, ...]]) -> Iterator[Correction]:
    return (Correction(CorrectedField(str(row[1])), *row[2:]) for row in rows)  # type: ignore[arg-type]
