"""Checks of what tables say of one another: values stored twice, counts, rows that need another.

Examples: a page's title in its article, a URL's host, pairs that name each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS
from broadsheet.cleaners.document import KeepReason, PageType, RemovalReason
from broadsheet.cleaners.page.canonical_urls import host_of

from ..archive.metadata_columns import read_stated_date
from ..archive.stored_text import sql_words
from ..archive.stored_values import content_id
from ..archive.url_words import OutcomeReason, ReasonFamily
from ..settle.unsettled import settled_removed_counts
from ..write.removed_counts import count_removed
from .file_checks import Finding, row_finding, value_finding

_ARTICLES = ("articles", "shelved")
_OF_PAGE = "SELECT a.id FROM {} a JOIN pages p ON p.id = a.page_id WHERE a.{} IS NOT p.{}"
_PAGE_COLUMNS = (("title", "title"), ("canonical_url", "canonical_url"), ("capture_id", "capture_id"),
                 ("cleaner_version", "cleaner_version"))  # fmt: skip
_LAST_TITLES = f"""SELECT a.id FROM {{}} a JOIN revisions r ON r.article_id = a.id
        LEFT JOIN _pending_revisions p ON p.article_id = a.id
    WHERE r.number = (SELECT max(number) FROM revisions WHERE article_id = a.id
        AND change NOT IN {sql_words(TEXTLESS_KINDS)}) AND coalesce(p.title, r.title) IS NOT a.title"""
_MISSING_PAGES = f"""SELECT id FROM urls WHERE kind = 'page' AND state = 'done' AND reason IN {sql_words(PageType)}
    AND id NOT IN (SELECT id FROM pages)"""
_CONTRADICTIONS = f"""SELECT b.page_id, b.position FROM {{}} b JOIN _reasons r ON r.id = b.reason_id
    WHERE CASE b.kept WHEN 1 THEN r.reason IN {sql_words(RemovalReason)} ELSE r.reason IN {sql_words(KeepReason)} END"""
_KNOWN_REASON = re.compile(
    "|".join(
        (
            r"(?:http_\d{3})?",
            *(re.escape(word) for word in (*PageType, *OutcomeReason)),
            rf"(?:{'|'.join(ReasonFamily)}):.*",
        )
    ),
    re.DOTALL,
)


class NumberedTable(NamedTuple):
    """A table whose rows have a number from their content: `columns` is SQL for the texts that it is made of."""

    name: str
    columns: str
    make_id: Callable[..., int] = content_id


NUMBERED_TABLES = (
    NumberedTable("captures", "url, fetched_at, payload_digest"),
    NumberedTable("robots_files", "host, access, text"),
    NumberedTable("_cleaners", "version, rules, model, site_rules, libraries"),
    NumberedTable("takedowns", "pattern"),
    NumberedTable(
        "corrections",
        "CASE WHEN block_id THEN CAST(block_id AS TEXT) ELSE field END, coalesce(CAST(article_id AS TEXT), ''),"
        " coalesce(host, '')",
    ),
    NumberedTable("articles", "url"),
    NumberedTable("shelved", "url"),
    NumberedTable("_layouts", "host, lower(hex(signature))"),
)


def row_numbers(db: Database) -> Iterator[Finding]:
    """Check that the number of a row that is made from its content is that of the content."""
    for table in NUMBERED_TABLES:
        for row_id, *parts in db.conn.execute(f"SELECT id, {table.columns} FROM {table.name}"):
            if table.make_id(*map(_text, parts)) != row_id:
                yield row_finding(table.name, row_id, f"has not the number of its {table.columns.split(',')[0]}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def hosts(db: Database) -> Iterator[Finding]:
    """Check that the host beside a URL is that of the URL."""
    for table in ("urls", *_ARTICLES):
        for row_id, url, host in db.conn.execute(f"SELECT id, url, host FROM {table}"):
            if host_of(_text(url)) != host:
                yield value_finding(table, "host", row_id, "is not that of its URL")


def dates(db: Database) -> Iterator[Finding]:
    """Check that instant and day of a date are those of what the page states."""
    for table in _ARTICLES:
        for name in ("published", "modified"):
            query = f"SELECT id, {name}, {name}_day, {name}_stated FROM {table} WHERE {name}_stated IS NOT NULL"
            for row_id, instant, day, raw in db.conn.execute(query):
                date = read_stated_date(_text(raw))
                if (date.instant or None, date.day or None) != (instant, day):
                    yield value_finding(table, name, row_id, f"is not the date of {name}_stated")


def copied_values(db: Database) -> Iterator[Finding]:
    """Check that copies agree: of a page's values in its article, and of an article's values in its last revision."""
    for table in _ARTICLES:
        for column, page_column in _PAGE_COLUMNS:
            for (row_id,) in db.execute(_OF_PAGE.format(table, column, page_column)):
                yield value_finding(table, column, row_id, "is not that of its page")
        type_column = "page_type" if table == "articles" else "own_type"
        for (row_id,) in db.execute(_OF_PAGE.format(table, "page_type", type_column)):
            yield value_finding(table, "page_type", row_id, "is not that of its page")
        for (row_id,) in db.execute(_LAST_TITLES.format(table)):
            yield value_finding(table, "title", row_id, "is not that of its last revision")


def url_reasons(db: Database) -> Iterator[Finding]:
    """Check that a URL's reason is a word that there is, and a page that was read has its row."""
    for column in ("reason", "held_reason"):
        for row_id, reason in db.conn.execute(f"SELECT id, {column} FROM urls WHERE {column} IS NOT NULL"):
            if not _KNOWN_REASON.fullmatch(_text(reason)):
                yield value_finding("urls", column, row_id, f"is {_text(reason)[:40]!r}, which is not a reason")
    for (row_id,) in db.execute(_MISSING_PAGES):
        yield row_finding("pages", row_id, "is missing")


def removed_counts(db: Database) -> Iterator[Finding]:
    """Check that what settling has counted on a host is what its ledgers say, unless it has changed since."""
    for host, stored in settled_removed_counts(db):
        if stored is not None and stored != count_removed(db, host):
            yield Finding(f"the blocks removed on {host} are other ones than settling has counted")


def block_reasons(db: Database) -> Iterator[Finding]:
    """Check that a kept block has a reason to keep it, a removed one a reason to remove it."""
    for table in ("_page_blocks", "_own_verdicts"):
        for page_id, position in db.execute(_CONTRADICTIONS.format(table)):
            yield value_finding(table, "reason_id", f"{page_id}/{position}", "contradicts whether the block is kept")


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
    changed AS (SELECT host, count(*) AS pages FROM _unsettled GROUP BY host),
    compared AS (
        SELECT l.id, l.pages, l.articles, coalesce(c.pages, 0) AS page_count, coalesce(c.articles, 0) AS article_count,
            coalesce(u.pages, 0) + (SELECT count(*) FROM _unsettled WHERE host = '') AS changed_count
        FROM _layouts l LEFT JOIN counted c ON c.layout_id = l.id LEFT JOIN changed u ON u.host = l.host)
    SELECT id, pages, articles, page_count, article_count FROM compared
    WHERE max(abs(pages - page_count), abs(articles - article_count)) > changed_count"""
_LEDGER_COUNTS = """SELECT p.id, p.blocks, p.kept, p.removed, count(b.position), total(b.kept)
    FROM pages p LEFT JOIN _page_blocks b ON b.page_id = p.id
    WHERE p.own_type IN ('article', 'teaser') GROUP BY p.id
    HAVING p.blocks <> p.kept + p.removed OR p.blocks <> count(b.position) OR p.kept <> total(b.kept)"""
_BROKEN_LEDGERS = """SELECT page_id, count(*), min(position), max(position) FROM _page_blocks GROUP BY page_id
    HAVING min(position) <> 0 OR max(position) <> count(*) - 1"""
_LOST_WITNESSES = """SELECT b.page_id, b.position, b.repeats FROM _page_blocks b
    LEFT JOIN _page_blocks w ON w.page_id = b.page_id AND w.position = b.repeats
    WHERE b.repeats IS NOT NULL AND (w.position IS NULL OR w.position = b.position)"""
_PAGES_WITHOUT_LAYOUT = """SELECT id FROM pages WHERE own_type IN ('article', 'teaser') AND blocks > 0
    AND NOT EXISTS (SELECT 1 FROM _page_layout l WHERE l.page_id = pages.id)"""
_ORPHANED_REVISION_BLOCKS = """SELECT DISTINCT b.article_id, b.number FROM _revision_blocks b
    LEFT JOIN revisions r ON r.article_id = b.article_id AND r.number = b.number WHERE r.number IS NULL"""
_URL_COUNTS = "SELECT state, urls FROM _url_counts ORDER BY state"
_COUNTED_URLS = "SELECT state, count(*) FROM urls GROUP BY state ORDER BY state"
NEEDED_ROWS = (
    ("articles", "id", "revisions", "article_id"),
    ("articles", "id", "changes", "article_id"),
    ("captures", "coalesce(rendered_for, url)", "urls", "url"),  # what a page loads in a browser has no row
    ("_resource_users", "url", "urls", "url"),
    ("captures", "robots_id", "robots_files", "id"),
    ("revisions", "capture_id", "captures", "id"),
    ("_pending_revisions", "capture_id", "captures", "id"),
    ("_yields", "run_id", "runs", "id"),
    ("alarms", "run_id", "runs", "id"),
    ("duplicates", "article_id", "articles", "id"),
    ("duplicates", "duplicate_id", "articles", "id"),
    ("_listed", "url_id", "urls", "id"),
    ("_pictures", "capture_id", "captures", "id"),
    ("_sketches", "page_id", "pages", "id"),
    ("pages", "layout_id", "_layouts", "id"),
)
"""Table and column whose value needs a row elsewhere, where no foreign key says so."""


def articles_and_pages(db: Database) -> Iterator[Finding]:
    """Check that pages and articles name one another, and that each page that looks like an article has one, shelved or
    not.
    """
    for article_id, page_id in db.execute(_UNPAIRED):
        yield Finding(f"article {article_id} and its page {page_id} do not name each other", f"pages row {page_id}")
    for page_id, article_id in db.execute(_MISSING_ARTICLES):
        yield Finding(f"page {page_id} names article {article_id}, which does not exist", f"pages row {page_id}")
    for (page_id,) in db.execute(_PAGES_WITHOUT_ARTICLE):
        yield Finding(f"page {page_id} has an article, which is neither listed nor shelved", f"pages row {page_id}")


def layout_counts(db: Database) -> Iterator[Finding]:
    """Check that a layout has as many pages, and articles among them, as it says, but for pages that changed since it
    was counted.
    """
    for layout_id, pages, articles, page_count, article_count in db.execute(_LAYOUT_COUNTS):
        detail = f"says {pages} pages, {articles} of them articles; {page_count} and {article_count} are"
        yield row_finding("_layouts", layout_id, detail)


def ledger_counts(db: Database) -> Iterator[Finding]:
    """Check that for a page with a ledger, blocks = kept + removed, in its row and in its ledger."""
    for page_id, blocks, kept_count, removed_count, rows, kept_rows in db.execute(_LEDGER_COUNTS):
        counts = f"{blocks} blocks = {kept_count} kept + {removed_count} removed"
        detail = f"page {page_id}: {counts}, ledger {rows} with {kept_rows:g} kept"
        yield Finding(detail, f"page_blocks row {page_id}")


def ledger_rows(db: Database) -> Iterator[Finding]:
    """Check a ledger: blocks are numbered from 0 without a gap, a block said twice names another one, and the page has
    a layout.
    """
    for page_id, count, first, last in db.execute(_BROKEN_LEDGERS):
        yield row_finding("_page_blocks", page_id, f"has {count} blocks, numbered from {first} to {last}")
    for page_id, position, repeats in db.execute(_LOST_WITNESSES):
        detail = f"names block {repeats}, which is not another block of the page"
        yield value_finding("_page_blocks", "repeats", f"{page_id}/{position}", detail)
    for (page_id,) in db.execute(_PAGES_WITHOUT_LAYOUT):
        yield row_finding("_page_layout", page_id, "is missing")


def old_revisions(db: Database) -> Iterator[Finding]:
    """Check that the stored blocks of a revision belong to one."""
    for article_id, number in db.execute(_ORPHANED_REVISION_BLOCKS):
        detail = f"blocks of revision {number} of article {article_id}, which does not exist"
        yield Finding(detail, f"revision_blocks row {article_id}/{number}")


def needed_rows(db: Database) -> Iterator[Finding]:
    """Check that each row that another refers to exists, also where the schema has no foreign key.

    `NOT IN`, since not every column that is referred to has an index: SQLite then makes one, once.
    """
    for table, column, parent, parent_column in NEEDED_ROWS:
        for (value,) in db.execute(missing_rows_query(table, column, parent, parent_column)):
            yield row_finding(table, value, f"refers by {column} to a missing row of {parent}")


def missing_rows_query(table: str, column: str, parent: str, parent_column: str) -> str:
    """Return SQL for the values of a column that `parent_column` of the other table lacks."""
    return f"""SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL
        AND {column} NOT IN (SELECT {parent_column} FROM {parent} WHERE {parent_column} IS NOT NULL)"""


def url_counts(db: Database) -> Iterator[Finding]:
    """Check that `url_counts` says how many URLs are in each state, and none waits for the full-text index."""
    stored_counts, counts = dict(db.execute(_URL_COUNTS).fetchall()), dict(db.execute(_COUNTED_URLS).fetchall())
    for state in sorted({*stored_counts, *counts}, key=str):
        if stored_counts.get(state, 0) != counts.get(state, 0):
            detail = f"says {stored_counts.get(state)}, and {counts.get(state, 0)} are"
            yield row_finding("_url_counts", state, detail)
    for (article_id,) in db.execute("SELECT id FROM _unindexed"):
        yield row_finding("_unindexed", article_id, "still waits for the full-text index")
