"""Version 6: which pages have changed since the archive was settled, and which block texts several of them have."""

from __future__ import annotations

_MARK = """INSERT INTO unsettled (page_id, host)
            SELECT {page}, coalesce((SELECT host FROM urls WHERE id = {page}), '')
            WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE page_id = {page});"""

# What settling reads of a page, by table: the column with the page's id, and the columns that it reads.
_READ_COLUMNS = (
    ("pages", "id", "id, own_type, title, canonical_url, text_digest, word_count"),
    ("page_layout", "page_id", "page_id, layout"),
    ("page_signatures", "page_id", "page_id, signature"),
    ("articles", "page_id", "url, canonical_url, host, title, authors, published_raw, text, first_seen, page_id"),
    ("shelved", "page_id", "url, canonical_url, host, title, authors, published_raw, text, first_seen, page_id"),
)


def _triggers(table: str, page_column: str, columns: str) -> tuple[str, ...]:
    """Triggers that note a page whose row comes, goes or changes in one of these columns."""
    new, old = (_MARK.format(page=f"{row}.{page_column}") for row in ("new", "old"))
    return (
        f"CREATE TRIGGER {table}_unsettled_new AFTER INSERT ON {table} BEGIN {new} END",
        f"CREATE TRIGGER {table}_unsettled_gone AFTER DELETE ON {table} BEGIN {old} END",
        f"CREATE TRIGGER {table}_unsettled_changed AFTER UPDATE OF {columns} ON {table} BEGIN {old} {new} END",
    )


SETTLE: tuple[str, ...] = (
    "CREATE TABLE unsettled (page_id INTEGER PRIMARY KEY, host TEXT NOT NULL)",
    "CREATE TABLE common_texts (block_id INTEGER PRIMARY KEY, asked INTEGER NOT NULL)",
    "CREATE INDEX shelved_why ON shelved (why, page_id)",
    "CREATE INDEX pages_judged ON pages (id) WHERE page_type <> own_type",
    *(trigger for table in _READ_COLUMNS for trigger in _triggers(*table)),
)
