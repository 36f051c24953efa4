"""What the archive holds of one page, for a person who asks why a block is, or is not, in the article."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.urls.canonical import canonicalise
from output.db.text import storable
from output.verdicts.rulings import find_article

_PAGE = """SELECT u.url, p.title, p.page_type, p.own_type, p.evidence, p.article_id, p.kept, p.removed,
        coalesce(s.why, '') FROM pages p JOIN urls u ON u.id = p.id LEFT JOIN shelved s ON s.page_id = p.id
    WHERE p.id = ?"""
_BLOCKS = """SELECT b.position, b.block_id, b.kept, r.reason, r.rule, coalesce(n.reason, ''), coalesce(n.rule, ''),
        coalesce(e.pages || ' of ' || e.of_pages || ' pages', ''), t.text
    FROM page_blocks b JOIN urls u ON u.id = b.page_id JOIN block_texts t ON t.id = b.block_id
        JOIN reasons r ON r.id = b.reason_id
        LEFT JOIN block_evidence e ON e.block_id = b.block_id AND e.host = u.host
        LEFT JOIN overruled o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN reasons n ON n.id = o.reason_id
    WHERE b.page_id = ? ORDER BY b.position"""
_OF_ARTICLE = """SELECT page_id FROM articles WHERE id = ?1 UNION ALL SELECT page_id FROM shelved WHERE id = ?1"""
_OF_URL = "SELECT u.id FROM urls u JOIN pages p ON p.id = u.id WHERE u.url = ?"
_STATE = "SELECT url, state, reason FROM urls WHERE url = ?"


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block as the ledger has it. `own_reason` and `own_rule` are what a person overruled; empty if nobody did.

    `evidence` is on how many of the host's pages the text stands; empty where that was not counted.
    """

    position: int
    block_id: int
    kept: bool
    reason: str
    rule: str
    own_reason: str
    own_rule: str
    evidence: str
    text: str


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page's verdict with its evidence, and its blocks, which only an article page has.

    `why` says why its article is shelved; empty if it is not.
    """

    url: str
    title: str
    page_type: str
    own_type: str
    evidence: tuple[str, ...]
    article_id: int | None
    kept: int
    removed: int
    why: str
    blocks: tuple[StoredBlock, ...]


def find_page(db: Database, named: str) -> StoredPage | None:
    """The page at a URL, or else the current page of the article that a URL or number names."""
    page_id = next((found for url in _spellings(named) if (found := _one(db, _OF_URL, url))), None)
    if page_id is None and (article := find_article(db, named)) is not None:
        page_id = _one(db, _OF_ARTICLE, article)
    if page_id is None:
        return None
    row = db.execute(_PAGE, [page_id]).fetchone()
    url, title, page_type, own_type, evidence, article_id, kept, removed, why = row
    rows = db.execute(_BLOCKS, [page_id]).fetchall()
    blocks = tuple(StoredBlock(row[0], row[1], bool(row[2]), *row[3:]) for row in rows)
    facts = tuple(map(str, json.loads(evidence)))
    return StoredPage(url, title, page_type, own_type, facts, article_id, kept, removed, why, blocks)


def url_state(db: Database, named: str) -> tuple[str, str, str] | None:
    """(URL, state, reason) of a URL that the archive knows, fetched or not."""
    found = (db.execute(_STATE, [url]).fetchone() for url in _spellings(named))
    return next((row for row in found if row), None)


def _spellings(named: str) -> tuple[str, ...]:
    as_written = storable(named.strip())
    return tuple(url for url in dict.fromkeys((as_written, canonicalise(named) or "")) if url)


def _one(db: Database, query: str, value: object) -> int | None:
    row = db.execute(query, [value]).fetchone()
    return int(row[0]) if row else None
