"""Whether what tables say of one another agrees: counts, pairs that name each other, rows that need another."""

from __future__ import annotations

from collections.abc import Iterator

from sqlite_utils import Database

from broadsheet.output.read.checks.finding import Finding, row_finding

_UNPAIRED = """SELECT a.id, a.page_id FROM articles a JOIN pages p ON p.id = a.page_id
    WHERE p.article_id IS NOT a.id OR p.page_type NOT IN ('article', 'teaser')"""
_MISSING_ARTICLES = """SELECT id, article_id FROM pages WHERE article_id IS NOT NULL
    AND article_id NOT IN (SELECT id FROM articles) AND article_id NOT IN (SELECT id FROM shelved)"""
_PAGES_WITHOUT_ARTICLE = """SELECT id FROM pages WHERE own_type IN ('article', 'teaser')
    AND id NOT IN (SELECT page_id FROM articles) AND id NOT IN (SELECT page_id FROM shelved)"""
# Of a page that changed since the counts were made they may be off by one.
_LAYOUT_COUNTS = """WITH counted AS (
        SELECT p.layout_id, count(*) AS pages, sum(p.own_type IN ('article', 'teaser') AND x.id IS NULL) AS articles
        FROM pages p LEFT JOIN shelved x ON x.page_id = p.id AND x.why = 'layout'
        WHERE p.layout_id IS NOT NULL GROUP BY p.layout_id),
    changed AS (SELECT host, count(*) AS pages FROM unsettled GROUP BY host),
    compared AS (
        SELECT l.id, l.pages, l.articles, coalesce(c.pages, 0) AS page_count, coalesce(c.articles, 0) AS article_count,
            coalesce(u.pages, 0) + (SELECT count(*) FROM unsettled WHERE host = '') AS changed_count
        FROM layouts l LEFT JOIN counted c ON c.layout_id = l.id LEFT JOIN changed u ON u.host = l.host)
    SELECT id, pages, articles, page_count, article_count FROM compared
    WHERE max(abs(pages - page_count), abs(articles - article_count)) > changed_count"""
_LEDGER_COUNTS = """SELECT p.id, p.blocks, p.kept, p.removed, count(b.position), total(b.kept)
    FROM pages p LEFT JOIN page_blocks b ON b.page_id = p.id
    WHERE p.own_type IN ('article', 'teaser') GROUP BY p.id
    HAVING p.blocks <> p.kept + p.removed OR p.blocks <> count(b.position) OR p.kept <> total(b.kept)"""
_BROKEN_LEDGERS = """SELECT page_id, count(*), min(position), max(position) FROM page_blocks GROUP BY page_id
    HAVING min(position) <> 0 OR max(position) <> count(*) - 1"""
_PAGES_WITHOUT_LAYOUT = """SELECT id FROM pages WHERE own_type IN ('article', 'teaser') AND blocks > 0
    AND NOT EXISTS (SELECT 1 FROM page_layout l WHERE l.page_id = pages.id)"""
_ORPHANED_REVISION_BLOCKS = """SELECT DISTINCT b.article_id, b.number FROM revision_blocks b
    LEFT JOIN revisions r ON r.article_id = b.article_id AND r.number = b.number WHERE r.number IS NULL"""
_MANY_PENDING = "SELECT article_id FROM revisions WHERE change = 'pending' GROUP BY article_id HAVING count(*) > 1"
_URL_COUNTS = "SELECT state, urls FROM url_counts ORDER BY state"
_COUNTED_URLS = "SELECT state, count(*) FROM urls GROUP BY state ORDER BY state"
_GAPS = "SELECT article_id FROM revisions GROUP BY article_id HAVING min(number) <> 1 OR max(number) <> count(*)"
NEEDED_ROWS = (
    ("articles", "id", "revisions", "article_id"),
    ("articles", "id", "changes", "article_id"),
    ("captures", "url", "urls", "url"),
    ("captures", "robots_id", "robots_files", "id"),
    ("revisions", "capture_id", "captures", "id"),
    ("rulings", "block_id", "block_texts", "id"),
    ("overruled", "ruling_id", "rulings", "id"),
    ("yields", "run_id", "runs", "id"),
    ("rule_rates", "run_id", "runs", "id"),
    ("alarms", "run_id", "runs", "id"),
    ("duplicates", "article_id", "articles", "id"),
    ("duplicates", "duplicate_id", "articles", "id"),
    ("clusters", "article_id", "articles", "id"),
    ("listed", "url_id", "urls", "id"),
    ("sketches", "page_id", "pages", "id"),
    ("pages", "layout_id", "layouts", "id"),
)
"""Table and column whose value needs a row elsewhere, where no foreign key says so."""


def articles_and_pages(db: Database) -> Iterator[Finding]:
    """An article's page names that article, every article that a page names exists, and a page that looks like an
    article has one, shelved or not."""
    for article_id, page_id in db.execute(_UNPAIRED):
        yield Finding(f"article {article_id} and its page {page_id} do not name each other", f"pages row {page_id}")
    for page_id, article_id in db.execute(_MISSING_ARTICLES):
        yield Finding(f"page {page_id} names article {article_id}, which does not exist", f"pages row {page_id}")
    for (page_id,) in db.execute(_PAGES_WITHOUT_ARTICLE):
        yield Finding(f"page {page_id} has an article, which is neither listed nor shelved", f"pages row {page_id}")


def layout_counts(db: Database) -> Iterator[Finding]:
    """A layout has as many pages, and articles among them, as it says, but for pages that changed since it was
    counted."""
    for layout_id, pages, articles, page_count, article_count in db.execute(_LAYOUT_COUNTS):
        detail = f"says {pages} pages, {articles} of them articles; {page_count} and {article_count} are"
        yield row_finding("layouts", layout_id, detail)


def ledger_counts(db: Database) -> Iterator[Finding]:
    """For a page with a ledger, blocks = kept + removed, in its row and in its ledger."""
    for page_id, blocks, kept_count, removed_count, rows, kept_rows in db.execute(_LEDGER_COUNTS):
        counts = f"{blocks} blocks = {kept_count} kept + {removed_count} removed"
        detail = f"page {page_id}: {counts}, ledger {rows} with {kept_rows:g} kept"
        yield Finding(detail, f"page_blocks row {page_id}")


def ledger_rows(db: Database) -> Iterator[Finding]:
    """A ledger's blocks are numbered from 0 without a gap, and its page has a layout."""
    for page_id, count, first, last in db.execute(_BROKEN_LEDGERS):
        yield row_finding("page_blocks", page_id, f"has {count} blocks, numbered from {first} to {last}")
    for (page_id,) in db.execute(_PAGES_WITHOUT_LAYOUT):
        yield row_finding("page_layout", page_id, "is missing")


def old_revisions(db: Database) -> Iterator[Finding]:
    """Revisions are numbered from 1, stored blocks belong to one, and no article has more than one that is pending."""
    for article_id, number in db.execute(_ORPHANED_REVISION_BLOCKS):
        detail = f"blocks of revision {number} of article {article_id}, which does not exist"
        yield Finding(detail, f"revision_blocks row {article_id}/{number}")
    for (article_id,) in db.execute(_GAPS):
        yield row_finding("revisions", article_id, "has gaps in its numbers")
    for (article_id,) in db.execute(_MANY_PENDING):
        detail = f"several revisions of article {article_id} wait to be decided"
        yield Finding(detail, f"revisions row {article_id}")


def needed_rows(db: Database) -> Iterator[Finding]:
    """What a row refers to exists, also where no foreign key asks for it.

    `NOT IN`, since not every column that is referred to has an index: SQLite then makes one, once.
    """
    for table, column, parent, parent_column in NEEDED_ROWS:
        for (value,) in db.execute(missing_rows_query(table, column, parent, parent_column)):
            yield row_finding(table, value, f"refers by {column} to a missing row of {parent}")


def missing_rows_query(table: str, column: str, parent: str, parent_column: str) -> str:
    """SQL for the values of a column that `parent_column` of the other table lacks."""
    return f"""SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL
        AND {column} NOT IN (SELECT {parent_column} FROM {parent} WHERE {parent_column} IS NOT NULL)"""


def url_counts(db: Database) -> Iterator[Finding]:
    """`url_counts` says how many URLs are in each state, and none waits for the full-text index."""
    stored_counts, counts = dict(db.execute(_URL_COUNTS).fetchall()), dict(db.execute(_COUNTED_URLS).fetchall())
    for state in sorted({*stored_counts, *counts}, key=str):
        if stored_counts.get(state, 0) != counts.get(state, 0):
            detail = f"says {stored_counts.get(state)}, and {counts.get(state, 0)} are"
            yield row_finding("url_counts", state, detail)
    for (article_id,) in db.execute("SELECT id FROM unindexed"):
        yield row_finding("unindexed", article_id, "still waits for the full-text index")
