"""Articles on several pages: which pages make up which article, and the blocks that the further pages add."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.document import Block
from broadsheet.output.db.text import count_words
from broadsheet.output.store.ledger import read_kept_blocks

_FEW_WORDS = 4  # words; a shorter line may be repeated on a later page and belong to its text
_HEAD = "SELECT head_id FROM page_parts WHERE page_id = ?"
_STORED_PARTS = """SELECT page_id, head_id, place FROM page_parts
    WHERE ?1 IS NULL OR page_id IN (SELECT value FROM json_each(?1))"""
_PARTS = "SELECT page_id FROM page_parts WHERE head_id = ? AND place > 0 ORDER BY place"


def put_parts(db: Database, parts: Mapping[int, ArticlePart], pages: Collection[int] | None = None) -> tuple[int, ...]:
    """Replace the parts (by page id) in the caller's transaction; return the first pages of old and new ones.

    Of `pages` alone, if given.
    """
    wanted = None if pages is None else json.dumps(sorted(pages))
    stored_parts = {row[0]: ArticlePart(*row[1:]) for row in db.execute(_STORED_PARTS, [wanted]).fetchall()}
    stale_pages = [page for page, part in stored_parts.items() if parts.get(page) != part]
    db.conn.executemany("DELETE FROM page_parts WHERE page_id = ?", [(page,) for page in stale_pages])
    rows = [(page, part.head_id, part.index) for page, part in parts.items() if stored_parts.get(page) != part]
    db.conn.executemany("INSERT INTO page_parts (page_id, head_id, place) VALUES (?, ?, ?)", rows)
    return tuple(sorted({part.head_id for part in (*stored_parts.values(), *parts.values())}))


def head_page(db: Database, page_id: int) -> int:
    """The first page of the article of which this page is a part; the page itself where it is no part."""
    row = db.execute(_HEAD, [page_id]).fetchone()
    return int(row[0]) if row else page_id


def has_further_pages(db: Database, page_id: int) -> bool:
    """Whether a page is the first of an article that continues on other pages."""
    return db.execute(_PARTS, [page_id]).fetchone() is not None


def further_blocks(db: Database, page_id: int, head_blocks: Iterable[Block]) -> list[Block]:
    """The kept blocks of an article's pages after the first one, without those that an earlier page has.

    Sites repeat title and standfirst at the beginning of each page, and notes at its end.
    """
    known_texts = {block.text for block in head_blocks}
    blocks: list[Block] = []
    for (part_id,) in db.execute(_PARTS, [page_id]).fetchall():
        new_blocks = list(_new_blocks(read_kept_blocks(db, part_id), known_texts))
        known_texts |= {block.text for block in new_blocks}
        blocks += new_blocks
    return blocks


def _new_blocks(blocks: Iterable[Block], known_texts: set[str]) -> Iterable[Block]:
    """The blocks of a further page without repeated ones; a short repeated one is dropped only at the beginning."""
    has_begun = False
    for block in blocks:
        is_repeated = block.text in known_texts and (not has_begun or count_words(block.text) >= _FEW_WORDS)
        has_begun = has_begun or not is_repeated
        if not is_repeated:
            yield block


@dataclass(frozen=True, slots=True)
class ArticlePart:
    """A page's part in an article: id of the first page, and index; -1 for one whose text the first page holds too."""

    head_id: int
    index: int
