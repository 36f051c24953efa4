"""Which article pages only repeat other articles: whole issues, archives and sections in full text.

The evidence is the ledger, as the pages judged themselves (`settle_kept`): a long block of such a page stands, word
for word, in a smaller article page. A page is a list when at least two smaller pages together account for most of its
words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.text import count_words

LONG_WORDS = 8  # a shorter block («Read more», a place, a date) is shared by chance
COVERED = 0.8  # share of the page's long words that must stand elsewhere
LEAST_SHARE = 0.03  # what a page must add to count as one of those repeated
MANY_PAGES = 50  # a block on more article pages than this is furniture, and evidence of nothing

# A rough sieve in characters, before any text is read: what misses 60 % cannot reach 80 % of the words.
_SIEVE = 0.6
_LONG_CHARS = 20

_SHARED = """CREATE TEMP TABLE settle_shared AS
    SELECT b.block_id AS block_id, min(p.words) AS least, count(DISTINCT b.page_id) AS pages
    FROM settle_kept b INDEXED BY settle_kept_block CROSS JOIN settle_pages p ON p.page_id = b.page_id
    GROUP BY b.block_id HAVING count(DISTINCT b.page_id) > 1"""

_SUSPECTS = f"""SELECT b.page_id FROM settle_kept b JOIN settle_pages p ON p.page_id = b.page_id
        JOIN block_texts t ON t.id = b.block_id LEFT JOIN settle_shared s ON s.block_id = b.block_id
    WHERE length(t.text) >= {_LONG_CHARS} AND coalesce(s.pages, 0) <= {MANY_PAGES}
        AND b.page_id IN (
            SELECT o.page_id FROM settle_shared m CROSS JOIN settle_kept o ON o.block_id = m.block_id)
    GROUP BY b.page_id HAVING total(length(t.text) * (s.least < p.words)) >= {_SIEVE} * sum(length(t.text))"""

_TEXTS = f"""SELECT DISTINCT t.id, t.text FROM settle_kept b JOIN block_texts t ON t.id = b.block_id
        LEFT JOIN settle_shared s ON s.block_id = b.block_id
    WHERE b.page_id = ? AND coalesce(s.pages, 0) <= {MANY_PAGES}"""

# Another page with the same title, or one that names this as its canonical, is a part of it, not a story in it.
_CARRIERS = f"""SELECT DISTINCT o.page_id, o.block_id
    FROM settle_kept b CROSS JOIN settle_shared s ON s.block_id = b.block_id
        CROSS JOIN settle_kept o ON o.block_id = b.block_id CROSS JOIN settle_pages w ON w.page_id = o.page_id
    WHERE b.page_id = :page AND o.page_id <> :page AND s.pages <= {MANY_PAGES}
        AND w.words < (SELECT words FROM settle_pages WHERE page_id = :page)
        AND NOT EXISTS (
            SELECT 1 FROM pages one JOIN urls u ON u.id = one.id JOIN pages other ON other.id = o.page_id
            WHERE one.id = :page AND (other.canonical_url = u.url OR (one.title <> '' AND other.title = one.title)))"""


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """A page that stands for an article, and its length in words."""

    page_id: int
    words: int


def aggregates(db: Database, pages: Iterable[ArticlePage]) -> dict[int, int]:
    """Map each page that only repeats others of `pages` to the number of articles it repeats.

    Needs `settle_kept` and a connection that may make temporary tables.
    """
    try:
        _prepare(db, pages)
        suspects = [page for (page,) in db.execute(_SUSPECTS).fetchall()]
        found = {page: _repeats(db, page) for page in suspects}
    finally:
        db.execute("DROP TABLE IF EXISTS settle_pages")
        db.execute("DROP TABLE IF EXISTS settle_shared")
    return {page: repeats for page, repeats in found.items() if repeats}


def _prepare(db: Database, pages: Iterable[ArticlePage]) -> None:
    db.execute("CREATE TEMP TABLE settle_pages (page_id INTEGER PRIMARY KEY, words INTEGER NOT NULL)")
    rows = ((page.page_id, page.words) for page in pages)
    db.conn.executemany("INSERT INTO settle_pages (page_id, words) VALUES (?, ?)", rows)
    db.execute(_SHARED)
    db.execute("CREATE UNIQUE INDEX settle_shared_block ON settle_shared (block_id)")


def _repeats(db: Database, page: int) -> int:
    """How many smaller articles account for most of a page; 0 if they do not, or if it is only one."""
    counted = ((block, count_words(text)) for block, text in db.execute(_TEXTS, [page]))
    weights = {block: words for block, words in counted if words >= LONG_WORDS}
    carried: dict[int, set[int]] = defaultdict(set)
    for carrier, block in db.execute(_CARRIERS, {"page": page}):
        if block in weights:
            carried[carrier].add(block)
    return _cover(weights, carried)


def _cover(weights: dict[int, int], carried: dict[int, set[int]]) -> int:
    """Greedy set cover, the largest share first; ties go to the lower set of blocks, not to the earlier page."""
    total, open_blocks, taken = sum(weights.values()), set(weights), 0
    pool = sorted((sorted(blocks) for blocks in carried.values()), reverse=True)
    while pool:
        best = max(pool, key=lambda blocks: sum(weights[block] for block in blocks if block in open_blocks))
        if sum(weights[block] for block in best if block in open_blocks) < LEAST_SHARE * total:
            break
        open_blocks.difference_update(best)
        pool.remove(best)
        taken += 1
    covered = total - sum(weights[block] for block in open_blocks)
    return taken if total and taken > 1 and covered >= COVERED * total else 0
