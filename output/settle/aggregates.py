"""Which article pages only repeat other articles: whole issues, archives and sections in full text.

The evidence is the ledger with each page's own verdicts (`settle_kept`): a long block of such a page stands, word for
word, in a smaller article page. A page is a list when at least two smaller pages together account for most of its
words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.text import count_words

MIN_LONG_WORDS = 8  # a shorter block («Read more», a place, a date) is shared by chance
MIN_COVERED_SHARE = 0.8  # share of the page's long words that must stand elsewhere
MIN_ADDED_SHARE = 0.03  # what a page must add to count as one of those repeated
MAX_BLOCK_PAGES = 50  # a block on more article pages than this is boilerplate, and evidence of nothing

# A rough sieve in characters, before any text is read: what misses 60 % cannot reach 80 % of the words.
_SIEVE_SHARE = 0.6
_MIN_LONG_CHARS = 20

_CREATE_SHARED_BLOCKS = """CREATE TEMP TABLE settle_shared AS
    SELECT b.block_id AS block_id, min(p.words) AS least, count(DISTINCT b.page_id) AS pages
    FROM settle_kept b INDEXED BY settle_kept_block CROSS JOIN settle_pages p ON p.page_id = b.page_id
    GROUP BY b.block_id HAVING count(DISTINCT b.page_id) > 1"""

_SUSPECT_PAGES = f"""SELECT b.page_id FROM settle_kept b JOIN settle_pages p ON p.page_id = b.page_id
        JOIN block_texts t ON t.id = b.block_id LEFT JOIN settle_shared s ON s.block_id = b.block_id
    WHERE length(t.text) >= {_MIN_LONG_CHARS} AND coalesce(s.pages, 0) <= {MAX_BLOCK_PAGES}
        AND b.page_id IN (
            SELECT o.page_id FROM settle_shared m CROSS JOIN settle_kept o ON o.block_id = m.block_id)
    GROUP BY b.page_id HAVING total(length(t.text) * (s.least < p.words)) >= {_SIEVE_SHARE} * sum(length(t.text))"""

_PAGE_TEXTS = f"""SELECT DISTINCT t.id, t.text FROM settle_kept b JOIN block_texts t ON t.id = b.block_id
        LEFT JOIN settle_shared s ON s.block_id = b.block_id
    WHERE b.page_id = ? AND coalesce(s.pages, 0) <= {MAX_BLOCK_PAGES}"""

# Another page with the same title, or one that names this as its canonical, is a part of it, not a story in it.
_CARRIER_BLOCKS = f"""SELECT DISTINCT o.page_id, o.block_id
    FROM settle_kept b CROSS JOIN settle_shared s ON s.block_id = b.block_id
        CROSS JOIN settle_kept o ON o.block_id = b.block_id CROSS JOIN settle_pages w ON w.page_id = o.page_id
    WHERE b.page_id = :page AND o.page_id <> :page AND s.pages <= {MAX_BLOCK_PAGES}
        AND w.words < (SELECT words FROM settle_pages WHERE page_id = :page)
        AND NOT EXISTS (
            SELECT 1 FROM pages one JOIN urls u ON u.id = one.id JOIN pages other ON other.id = o.page_id
            WHERE one.id = :page AND (other.canonical_url = u.url OR (one.title <> '' AND other.title = one.title)))"""


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """A page that stands for an article, and its length in words."""

    page_id: int
    word_count: int


def find_list_pages(db: Database, pages: Iterable[ArticlePage]) -> dict[int, int]:
    """Map each page that only repeats others of `pages` to the number of articles it repeats.

    Needs `settle_kept` and a connection that may make temporary tables.
    """
    try:
        _prepare_tables(db, pages)
        suspects = [page for (page,) in db.execute(_SUSPECT_PAGES).fetchall()]
        repeat_counts = {page: _count_repeated_articles(db, page) for page in suspects}
    finally:
        db.execute("DROP TABLE IF EXISTS settle_pages")
        db.execute("DROP TABLE IF EXISTS settle_shared")
    return {page: count for page, count in repeat_counts.items() if count}


def _prepare_tables(db: Database, pages: Iterable[ArticlePage]) -> None:
    db.execute("CREATE TEMP TABLE settle_pages (page_id INTEGER PRIMARY KEY, words INTEGER NOT NULL)")
    rows = ((page.page_id, page.word_count) for page in pages)
    db.conn.executemany("INSERT INTO settle_pages (page_id, words) VALUES (?, ?)", rows)
    db.execute(_CREATE_SHARED_BLOCKS)
    db.execute("CREATE UNIQUE INDEX settle_shared_block ON settle_shared (block_id)")


def _count_repeated_articles(db: Database, page: int) -> int:
    """How many smaller articles account for most of a page; 0 if they do not, or if it is only one."""
    word_counts = ((block, count_words(text)) for block, text in db.execute(_PAGE_TEXTS, [page]))
    block_words = {block: words for block, words in word_counts if words >= MIN_LONG_WORDS}
    blocks_by_carrier: dict[int, set[int]] = defaultdict(set)
    for carrier, block in db.execute(_CARRIER_BLOCKS, {"page": page}):
        if block in block_words:
            blocks_by_carrier[carrier].add(block)
    return _count_covering_articles(block_words, blocks_by_carrier)


def _count_covering_articles(block_words: dict[int, int], blocks_by_carrier: dict[int, set[int]]) -> int:
    """Greedy set cover, the largest share first; ties go to the lower set of blocks, not to the earlier page."""
    total, open_blocks, article_count = sum(block_words.values()), set(block_words), 0
    block_sets = sorted((sorted(blocks) for blocks in blocks_by_carrier.values()), reverse=True)
    while block_sets:
        largest = max(
            block_sets, key=lambda blocks: sum(block_words[block] for block in blocks if block in open_blocks)
        )
        if sum(block_words[block] for block in largest if block in open_blocks) < MIN_ADDED_SHARE * total:
            break
        open_blocks.difference_update(largest)
        block_sets.remove(largest)
        article_count += 1
    covered_words = total - sum(block_words[block] for block in open_blocks)
    return article_count if total and article_count > 1 and covered_words >= MIN_COVERED_SHARE * total else 0
