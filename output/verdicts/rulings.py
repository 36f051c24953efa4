"""A person's rulings on blocks: this text belongs to an article, or does not, in one article or wherever it stands.

A ruling is kept until it is taken back. What it does to the ledger and the texts is in `output.verdicts.apply_rulings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.urls.canonical import canonicalise
from output.db.ids import content_id
from output.db.text import storable

PERSON = "person"
RESTORED = "restored"
REMOVED = "removed_by_person"

_COLUMNS = "id, block_id, article_id, host, kept, at, note, reason, rule"
_STORE = f"""INSERT INTO rulings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, at = excluded.at, reason = excluded.reason,
        rule = excluded.rule, note = CASE WHEN excluded.note <> '' THEN excluded.note ELSE note END"""
_LISTED = """SELECT r.block_id, r.kept, r.article_id, r.host, r.at, r.note, r.reason, r.rule, t.text,
        (SELECT coalesce(a.url, s.url) FROM (SELECT 1) LEFT JOIN articles a ON a.id = r.article_id
            LEFT JOIN shelved s ON s.id = r.article_id),
        (SELECT count(DISTINCT o.page_id) FROM overruled o WHERE o.ruling_id = r.id)
    FROM rulings r LEFT JOIN block_texts t ON t.id = r.block_id ORDER BY r.at, r.id"""
_ARTICLE = "SELECT id FROM articles WHERE id = ?1 UNION SELECT id FROM shelved WHERE id = ?1"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict on a block for one article, for one host, or (with neither) wherever it stands.

    `at` is a UTC ISO 8601 time. `reason` and `rule` are of the verdict that it overruled, where the block stood
    most often.
    """

    block_id: int
    kept: bool
    article_id: int | None = None
    host: str | None = None
    at: str = ""
    note: str = ""
    reason: str = ""
    rule: str = ""

    @property
    def id(self) -> int:
        """The number of the ruling: one for each block and scope, so that a later ruling replaces an earlier one."""
        scope = "" if self.article_id is None else str(self.article_id)
        return content_id(str(self.block_id), scope, storable(self.host or ""))


@dataclass(frozen=True, slots=True)
class Listed:
    """A ruling with what a person wants to see of it: the text, the article's URL, and on how many pages it holds.

    `text` is None where the archive has no such text any more; `url` where it holds for no single article.
    """

    ruling: Ruling
    text: str | None
    url: str | None
    pages: int


def listed(db: Database) -> list[Listed]:
    """All rulings, the earliest first."""
    return [Listed(Ruling(row[0], bool(row[1]), *row[2:8]), *row[8:]) for row in db.execute(_LISTED).fetchall()]


def stored_ruling(db: Database, scope: Ruling) -> Ruling | None:
    """The ruling that stands for this block in exactly this scope."""
    query = "SELECT block_id, kept, article_id, host, at, note, reason, rule FROM rulings WHERE id = ?"
    row = db.execute(query, [scope.id]).fetchone()
    return Ruling(row[0], bool(row[1]), *row[2:]) if row else None


def store_ruling(db: Database, ruling: Ruling) -> None:
    """Keep a ruling, in place of the one in the same scope. Runs in the caller's transaction."""
    scope = (ruling.article_id, storable(ruling.host) if ruling.host else None)
    verdict = (ruling.kept, ruling.at, storable(ruling.note), ruling.reason, ruling.rule)
    db.execute(_STORE, [ruling.id, ruling.block_id, *scope, *verdict])


def drop_ruling(db: Database, ruling: Ruling) -> None:
    """Forget the ruling in this scope; what it did to the ledger stays until rulings are applied."""
    db.execute("DELETE FROM rulings WHERE id = ?", [ruling.id])


def block_text(db: Database, number: int) -> str | None:
    """The text of a block by its number; None if the archive has none of this number."""
    row = db.execute("SELECT text FROM block_texts WHERE id = ?", [number]).fetchone()
    return str(row[0]) if row else None


def find_article(db: Database, named: str) -> int | None:
    """The article that a person names by number or by any of its URLs; None if the archive knows none."""
    if named.isascii() and named.isdigit() and len(named) < 19:
        return _first(db.execute(_ARTICLE, [int(named)]).fetchall())
    urls = dict.fromkeys((named.strip(), canonicalise(named) or ""))
    query = "SELECT article_id FROM article_urls WHERE url = ?"
    return next((found for url in urls if url and (found := _first(db.execute(query, [url]).fetchall()))), None)


def _first(rows: Iterable[tuple[int]]) -> int | None:
    return next((int(number) for (number,) in rows), None)
