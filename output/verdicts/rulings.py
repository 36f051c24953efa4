"""A person's rulings on blocks: a text belongs to the article, or does not, in one article, on one host, or anywhere.

A ruling is stored until it is removed. What it does to the ledger and the texts is in
`broadsheet.output.verdicts.apply_rulings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.output.db.ids import content_id
from broadsheet.output.db.text import storable_text
from broadsheet.output.store.known_url import find_known_url

PERSON = "person"

_COLUMNS = "id, block_id, article_id, host, kept, at, note, reason, rule"
_STORE = f"""INSERT INTO rulings ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kept = excluded.kept, at = excluded.at, reason = excluded.reason,
        rule = excluded.rule, note = CASE WHEN excluded.note <> '' THEN excluded.note ELSE note END"""
_LIST_RULINGS = """SELECT r.block_id, r.kept, r.article_id, r.host, r.at, r.note, r.reason, r.rule, t.text,
        (SELECT coalesce(a.url, s.url) FROM (SELECT 1) LEFT JOIN articles a ON a.id = r.article_id
            LEFT JOIN shelved s ON s.id = r.article_id),
        (SELECT count(DISTINCT o.page_id) FROM overruled o WHERE o.ruling_id = r.id)
    FROM rulings r LEFT JOIN block_texts t ON t.id = r.block_id ORDER BY r.at, r.id"""
_ARTICLE = "SELECT id FROM articles WHERE id = ?1 UNION SELECT id FROM shelved WHERE id = ?1"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict on a block text for one article, for one host, or (with neither) for every page.

    `ruled_at` is a UTC ISO 8601 time. `reason` and `rule` are those of the verdict that it overruled most often.
    """

    block_id: int
    is_kept: bool
    article_id: int | None = None
    host: str | None = None
    ruled_at: str = ""
    note: str = ""
    reason: str = ""
    rule: str = ""

    @property
    def id(self) -> int:
        """The id of the ruling: one for each block and scope, so that a later ruling replaces an earlier one."""
        scope = "" if self.article_id is None else str(self.article_id)
        return content_id(str(self.block_id), scope, storable_text(self.host or ""))


@dataclass(frozen=True, slots=True)
class ListedRuling:
    """A ruling as the user sees it: with the block's text, the article's URL, and on how many pages it is in force.

    `text` is None where the archive no longer has the text; `url` where the ruling is not for a single article.
    """

    ruling: Ruling
    text: str | None
    url: str | None
    page_count: int


def list_rulings(db: Database) -> list[ListedRuling]:
    """All rulings, the earliest first."""
    return [
        ListedRuling(Ruling(row[0], bool(row[1]), *row[2:8]), *row[8:]) for row in db.execute(_LIST_RULINGS).fetchall()
    ]


def stored_ruling(db: Database, scope: Ruling) -> Ruling | None:
    """The stored ruling on the same block in exactly the same scope; None if there is none."""
    query = "SELECT block_id, kept, article_id, host, at, note, reason, rule FROM rulings WHERE id = ?"
    row = db.execute(query, [scope.id]).fetchone()
    return Ruling(row[0], bool(row[1]), *row[2:]) if row else None


def store_ruling(db: Database, ruling: Ruling) -> None:
    """Store a ruling, in place of the one in the same scope. Runs in the caller's transaction."""
    scope = (ruling.article_id, storable_text(ruling.host) if ruling.host else None)
    verdict = (ruling.is_kept, ruling.ruled_at, storable_text(ruling.note), ruling.reason, ruling.rule)
    db.execute(_STORE, [ruling.id, ruling.block_id, *scope, *verdict])


def drop_ruling(db: Database, ruling: Ruling) -> None:
    """Delete the ruling in this scope; its effect on the ledger stays until rulings are applied."""
    db.execute("DELETE FROM rulings WHERE id = ?", [ruling.id])


def block_text(db: Database, block_id: int) -> str | None:
    """The text of a block by its id; None if the archive has none."""
    row = db.execute("SELECT text FROM block_texts WHERE id = ?", [block_id]).fetchone()
    return str(row[0]) if row else None


def count_pages(db: Database, block_id: int) -> int:
    """On how many pages a block stands, kept or removed."""
    return int(
        db.execute("SELECT count(DISTINCT page_id) FROM page_blocks WHERE block_id = ?", [block_id]).fetchone()[0]
    )


def find_article(db: Database, reference: str) -> int | None:
    """The id of the article that a user means by its id or by one of its URLs (`find_known_url`), or None."""
    if reference.isascii() and reference.isdigit() and len(reference) < 19:
        return _first_number(db.execute(_ARTICLE, [int(reference)]).fetchall())
    url = find_known_url(db, reference)
    return _first_number(db.execute("SELECT article_id FROM article_urls WHERE url = ?", [url]).fetchall())


def _first_number(rows: Iterable[tuple[int]]) -> int | None:
    return next((int(number) for (number,) in rows), None)
