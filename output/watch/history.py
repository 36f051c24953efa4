"""Reading the revisions of an article: which there are, and the blocks of each. A reading connection is enough."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from cleaners.compare.edits import Stood
from cleaners.urls.canonical import canonicalise
from output.db.ids import content_id
from output.db.migrations import BLOCK_KINDS
from output.db.text import storable
from output.store.revisions import BARE, PENDING, places_of
from output.verdicts.rulings import find_article

_ENOUGH = 2  # other articles with a block, from which it is the site's
_THEN = """SELECT b.block_id, b.kind, b.kept, b.box, b.linked, b.elsewhere, t.text
    FROM revision_blocks b JOIN block_texts t ON t.id = b.block_id
    WHERE b.article_id = ? AND b.number = ? ORDER BY b.position"""
_NOW = """SELECT b.block_id, b.kind, b.kept, t.text FROM page_blocks b JOIN block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? ORDER BY b.position"""
_LAYOUT = "SELECT layout FROM page_layout WHERE page_id = ?"
_ELSEWHERE = f"""SELECT count(*) FROM (SELECT DISTINCT p.article_id
    FROM page_blocks b CROSS JOIN pages p ON p.id = b.page_id CROSS JOIN urls u ON u.id = b.page_id
    WHERE b.block_id = ? AND u.host = ? AND p.article_id IS NOT NULL AND p.article_id <> ? LIMIT {_ENOUGH})"""
_REVISIONS = """SELECT number, seen_at, title, change, kinds, added, removed, rewritten, note, capture_id
    FROM revisions WHERE article_id = ? ORDER BY number"""

_ARTICLE = """SELECT id, url, page_id FROM articles WHERE id = ?1
    UNION ALL SELECT id, url, page_id FROM shelved WHERE id = ?1"""

_Placed = tuple[int, Stood]  # number of the text, and the block


@dataclass(frozen=True, slots=True)
class Revision:
    """A row of `revisions`; `kinds` says all that an edit is."""

    number: int
    seen_at: str
    title: str
    change: str
    kinds: tuple[str, ...]
    added: int
    removed: int
    rewritten: int
    note: str
    capture_id: int | None

    @property
    def is_bare(self) -> bool:
        """Whether it has no text of its own: the article was withdrawn or returned."""
        return self.change in BARE


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article with revisions: its number, the URL that names it, and the page with its current text."""

    id: int
    url: str
    page_id: int


def stored_article(db: Database, named: str) -> StoredArticle | None:
    """The article that a person names by number or by any of its URLs; the one at that very URL goes first."""
    own = [content_id(storable(url)) for url in dict.fromkeys((named.strip(), canonicalise(named) or "")) if url]
    for number in (*own, find_article(db, named)):
        if number is not None and (row := db.execute(_ARTICLE, [number]).fetchone()):
            return StoredArticle(*row)
    return None


def revisions_of(db: Database, article_id: int) -> tuple[Revision, ...]:
    """The decided revisions of an article, the first one first."""
    return tuple(_revision(*row) for row in db.execute(_REVISIONS, [article_id]) if row[3] != PENDING)


def blocks_of(db: Database, article_id: int, page_id: int, number: int) -> tuple[Stood, ...] | None:
    """The blocks of a revision; None for one from before their blocks were stored.

    A revision without a text of its own has that of the one before. The latest has its page's ledger.
    """
    texts = [each.number for each in revisions_of(db, article_id) if not each.is_bare]
    chosen = max((each for each in texts if each <= number), default=None)
    if chosen is None:
        return None
    if then := _then(db, article_id, chosen):
        return tuple(block for _, block in then)
    return tuple(block for _, block in _now(db, page_id)) if chosen == texts[-1] else None


def both(
    db: Database, article_id: int, number: int, page_id: int, host: str
) -> tuple[tuple[Stood, ...], tuple[Stood, ...]]:
    """The blocks of a replaced revision and those of the page now; those that are on one side alone with the number
    of the site's other articles that carry them."""
    then, now = _then(db, article_id, number), _now(db, page_id)
    shared = {number for number, _ in then} & {number for number, _ in now}

    def counted(blocks: Sequence[_Placed]) -> tuple[Stood, ...]:
        return tuple(
            block if at in shared else replace(block, elsewhere=block.elsewhere or _elsewhere(db, at, host, article_id))
            for at, block in blocks
        )

    return counted(then), counted(now)


def _revision(number: int, seen_at: str, title: str, change: str, kinds: str, *rest: Any) -> Revision:
    return Revision(number, seen_at, title, change, tuple(json.loads(kinds)), *rest)


def _then(db: Database, article_id: int, number: int) -> list[_Placed]:
    return [
        (block_id, Stood(text, BLOCK_KINDS[kind], bool(kept), box, bool(linked), elsewhere))
        for block_id, kind, kept, box, linked, elsewhere, text in db.execute(_THEN, [article_id, number]).fetchall()
    ]


def _now(db: Database, page_id: int) -> list[_Placed]:
    rows = db.execute(_NOW, [page_id]).fetchall()
    layout = db.execute(_LAYOUT, [page_id]).fetchone()
    places = places_of(layout[0] if layout else b"", [len(row[3]) for row in rows])
    return [
        (block_id, Stood(text, BLOCK_KINDS[kind], bool(kept), box, bool(linked)))
        for (block_id, kind, kept, text), (box, linked) in zip(rows, places, strict=True)
    ]


def _elsewhere(db: Database, block_id: int, host: str, article_id: int) -> int:
    return int(db.execute(_ELSEWHERE, [block_id, host, article_id]).fetchone()[0])
