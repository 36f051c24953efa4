"""Article pages that only repeat other articles: whole issues, archives and sections in full text.

The evidence is the ledger with each page's own verdicts (`settle_kept`): a long block of such a page stands, word for
word, in a smaller article page. A page is a list when at least two smaller pages together account for most of its
words, each with a text that stands on few other pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from sqlite_utils import Database

from ..archive.stored_text import SQL_ARTICLE_TYPES, count_words

MIN_LONG_WORDS = 8  # a shorter block («Read more», a place, a date) is shared by chance
MIN_COVERED_SHARE = 0.8  # share of the page's long words that must stand elsewhere
MIN_ADDED_SHARE = 0.03  # what a page must add to count as one of those repeated
MAX_BLOCK_PAGES = 50  # a block on more article pages than this is boilerplate, and evidence of nothing
MAX_STORY_PAGES = 10  # a block on more is what a series says on all its pages: no article is repeated for it alone

# A rough sieve in characters, before any text is read: what misses 60 % cannot reach 80 % of the words.
_SIEVE_SHARE = 0.6
_MIN_LONG_CHARS = 20

LIST_TABLES = ("settle_listable", "settle_texts", "settle_shared", "settle_changed", "settle_layout_out")

# The article pages that are no copy or part of another, and that their layout leaves in, with their length in words.
_CREATE_PAGES_VIEW = f"""CREATE TEMP VIEW settle_pages (page_id, words) AS
    SELECT p.id, p.word_count FROM pages p WHERE p.own_type IN {SQL_ARTICLE_TYPES}
        AND p._copy_of IS NULL
        AND NOT EXISTS (SELECT 1 FROM _page_parts h WHERE h.page_id = p.id AND h.head_id <> p.id)
        AND NOT coalesce((SELECT l.is_out FROM temp.settle_layout_out l WHERE l.page_id = p.id),
            EXISTS (SELECT 1 FROM shelved x WHERE x.page_id = p.id AND x.why = 'layout'))"""

# The texts that may have to be looked at, and those of them that several pages keep: on how many, and the length of the
# shortest of these.
_CREATE_TABLES = (
    "CREATE TEMP TABLE settle_listable (page_id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE settle_texts (block_id INTEGER PRIMARY KEY, is_counted INTEGER NOT NULL DEFAULT 0)",
    """CREATE TEMP TABLE settle_shared (
        block_id INTEGER PRIMARY KEY, least INTEGER NOT NULL, pages INTEGER NOT NULL)""",
)
_INSERT_ALL_TEXTS = "INSERT INTO settle_texts (block_id) SELECT block_id FROM _common_texts WHERE asked & 8"
_INSERT_ALL_SHARING = f"""INSERT OR IGNORE INTO settle_listable (page_id) SELECT k.page_id FROM settle_shared s
    CROSS JOIN temp.settle_kept k ON k.block_id = s.block_id WHERE s.pages <= {MAX_BLOCK_PAGES}"""
_INSERT_TOUCHED_TEXTS = "INSERT INTO settle_texts (block_id) SELECT block_id FROM settle_touched WHERE kept > 0"
_INSERT_TEXTS_OF_PAGES = """INSERT OR IGNORE INTO settle_texts (block_id)
    SELECT k.block_id FROM {pages} a CROSS JOIN temp.settle_kept k ON k.page_id = a.page_id"""
_COUNT_SHARED = """INSERT INTO settle_shared (block_id, least, pages)
    SELECT t.block_id, min(p.words), count(DISTINCT k.page_id)
    FROM settle_texts t CROSS JOIN temp.settle_kept k ON k.block_id = t.block_id
        CROSS JOIN temp.settle_pages p ON p.page_id = k.page_id
    WHERE NOT t.is_counted AND EXISTS (SELECT 1 FROM _common_texts c WHERE c.block_id = t.block_id)
    GROUP BY t.block_id HAVING count(DISTINCT k.page_id) > 1"""
_NOTE_COUNTED = "UPDATE settle_texts SET is_counted = 1"
_INSERT_LISTABLE = "INSERT OR IGNORE INTO settle_listable (page_id) SELECT page_id FROM settle_changed"
_INSERT_SHARING = """INSERT OR IGNORE INTO settle_listable (page_id)
    SELECT k.page_id FROM settle_texts t LEFT JOIN settle_shared s ON s.block_id = t.block_id
        CROSS JOIN temp.settle_kept k ON k.block_id = t.block_id
    WHERE coalesce(s.pages, 0) <= ?"""

_SUSPECT_PAGES = f"""SELECT b.page_id FROM settle_listable i CROSS JOIN temp.settle_pages p ON p.page_id = i.page_id
        CROSS JOIN temp.settle_kept b ON b.page_id = p.page_id CROSS JOIN _block_texts t ON t.id = b.block_id
        LEFT JOIN settle_shared s ON s.block_id = b.block_id
    WHERE length(t.text) >= {_MIN_LONG_CHARS} AND coalesce(s.pages, 0) <= {MAX_BLOCK_PAGES}
    GROUP BY b.page_id HAVING total(length(t.text) * (s.least < p.words)) >= {_SIEVE_SHARE} * sum(length(t.text))"""

_PAGE_TEXTS = f"""SELECT DISTINCT t.id, t.text FROM temp.settle_kept b JOIN _block_texts t ON t.id = b.block_id
        LEFT JOIN settle_shared s ON s.block_id = b.block_id
    WHERE b.page_id = ? AND coalesce(s.pages, 0) <= {MAX_BLOCK_PAGES}"""

# Another page with the same title, or one that names this as its canonical, is a part of it, not a story in it.
_CARRIER_BLOCKS = f"""SELECT DISTINCT o.page_id, o.block_id, s.pages <= {MAX_STORY_PAGES}
    FROM temp.settle_kept b CROSS JOIN settle_shared s ON s.block_id = b.block_id
        CROSS JOIN temp.settle_kept o ON o.block_id = b.block_id
        CROSS JOIN temp.settle_pages w ON w.page_id = o.page_id
    WHERE b.page_id = :page AND o.page_id <> :page AND s.pages <= {MAX_BLOCK_PAGES}
        AND w.words < (SELECT words FROM temp.settle_pages WHERE page_id = :page)
        AND NOT EXISTS (
            SELECT 1 FROM pages one JOIN urls u ON u.id = one.id JOIN pages other ON other.id = o.page_id
            WHERE one.id = :page AND (other.canonical_url = u.url OR (one.title <> '' AND other.title = one.title)))"""


def create_pages_view(db: Database) -> None:
    """Make the view `settle_pages` of the pages that may repeat others, and be repeated. Needs `settle_layout_out`."""
    db.execute(_CREATE_PAGES_VIEW)


def find_list_pages(db: Database, *, in_whole_archive: bool) -> dict[int, int]:
    """Map each page that only repeats others to the number of articles it repeats.

    Judged are the pages in `settle_changed` and those that have, or had, a text in common with one; or all. Needs the
    temporary tables of settling, and `page_copies` and `page_parts` up to date.
    """
    for statement in _CREATE_TABLES:
        db.execute(statement)
    if in_whole_archive:
        for statement in (_INSERT_ALL_TEXTS, _COUNT_SHARED, _INSERT_ALL_SHARING):
            db.execute(statement)
    else:
        _collect_sharing_pages(db)
    suspects = [page for (page,) in db.execute(_SUSPECT_PAGES).fetchall()]
    repeat_counts = {page: _count_repeated_articles(db, page) for page in suspects}
    return {page: count for page, count in repeat_counts.items() if count}


def _collect_sharing_pages(db: Database) -> None:
    """Collect the pages to judge. A text that would be on few enough pages without the changed ones counts too."""
    (changed_count,) = db.execute("SELECT count(*) FROM settle_changed").fetchone()
    db.execute(_INSERT_TOUCHED_TEXTS)
    db.execute(_INSERT_TEXTS_OF_PAGES.format(pages="settle_changed"))
    db.execute(_COUNT_SHARED)
    db.execute(_NOTE_COUNTED)
    db.execute(_INSERT_LISTABLE)
    db.execute(_INSERT_SHARING, [MAX_BLOCK_PAGES + changed_count])
    db.execute(_INSERT_TEXTS_OF_PAGES.format(pages="settle_listable"))
    db.execute(_COUNT_SHARED)


def _count_repeated_articles(db: Database, page: int) -> int:
    """Count the smaller articles that make up most of a page; 0 if they do not, or if there is only one."""
    word_counts = ((block, count_words(text)) for block, text in db.execute(_PAGE_TEXTS, [page]))
    block_words = {block: words for block, words in word_counts if words >= MIN_LONG_WORDS}
    blocks_by_carrier: dict[int, set[int]] = defaultdict(set)
    story_blocks = set()
    for carrier, block, is_of_story in db.execute(_CARRIER_BLOCKS, {"page": page}):
        if block in block_words:
            blocks_by_carrier[carrier].add(block)
            if is_of_story:
                story_blocks.add(block)
    return _count_covering_articles(block_words, blocks_by_carrier.values(), story_blocks)


def _count_covering_articles(
    block_words: Mapping[int, int], carriers: Iterable[set[int]], story_blocks: Set[int]
) -> int:
    """Count the articles of a greedy set cover, the largest share first.

    Ties go to the lower set of blocks, not to the earlier page. Stories differ: an article counts if it has a text of a
    story that none before it has, and half of its words there.
    """
    open_blocks, article_count = set(block_words), 0

    def words_of(blocks: Iterable[int]) -> int:
        return sum(block_words[block] for block in blocks)

    def adds_a_story(blocks: Set[int]) -> bool:
        added_blocks = blocks & open_blocks
        return not story_blocks.isdisjoint(added_blocks) and 2 * words_of(added_blocks) >= words_of(blocks)

    total = words_of(block_words)
    candidates = sorted(carriers, key=sorted, reverse=True)
    while candidates := [blocks for blocks in candidates if adds_a_story(blocks)]:
        largest = max(candidates, key=lambda blocks: words_of(blocks & open_blocks))
        if words_of(largest & open_blocks) < MIN_ADDED_SHARE * total:
            break
        open_blocks -= largest
        article_count += 1
    is_covered = total - words_of(open_blocks) >= MIN_COVERED_SHARE * total
    return article_count if total and article_count > 1 and is_covered else 0
