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


# Pages that were related to one that changes are found by what the archive has of them afterwards, but for these: which
# texts a page had, who called the same URL canonical, and the parts of an article that loses one of its pages.
_NOTE_TEXT = """CREATE TRIGGER page_blocks_unsettled_gone AFTER DELETE ON page_blocks BEGIN
            INSERT INTO unsettled_texts (block_id)
            SELECT old.block_id WHERE NOT EXISTS (SELECT 1 FROM unsettled_texts WHERE block_id = old.block_id); END"""
_MARK_NAMESAKE = """INSERT INTO unsettled (page_id, host)
            SELECT id, coalesce((SELECT host FROM urls u WHERE u.id = n.id), '') FROM (
                SELECT id FROM pages WHERE canonical_url = old.canonical_url AND id <> old.id LIMIT 1) n
            WHERE NOT EXISTS (SELECT 1 FROM unsettled WHERE page_id = n.id);"""
_RELATED = (
    _NOTE_TEXT,
    f"CREATE TRIGGER pages_unnamed_gone AFTER DELETE ON pages BEGIN {_MARK_NAMESAKE} END",
    f"""CREATE TRIGGER pages_unnamed_changed AFTER UPDATE OF canonical_url ON pages
        WHEN old.canonical_url IS NOT new.canonical_url BEGIN {_MARK_NAMESAKE} END""",
    f"""CREATE TRIGGER page_parts_unsettled_gone AFTER DELETE ON page_parts
        BEGIN {_MARK.format(page="old.page_id")} {_MARK.format(page="old.head_id")} END""",
)

SETTLE: tuple[str, ...] = (
    "CREATE TABLE unsettled (page_id INTEGER PRIMARY KEY, host TEXT NOT NULL)",
    "CREATE TABLE unsettled_texts (block_id INTEGER PRIMARY KEY)",
    "CREATE TABLE common_texts (block_id INTEGER PRIMARY KEY, asked INTEGER NOT NULL)",
    "CREATE TABLE page_copies (page_id INTEGER PRIMARY KEY, original_id INTEGER NOT NULL)",
    "CREATE INDEX page_copies_original ON page_copies (original_id)",
    "CREATE TABLE crowded_hashes (host TEXT PRIMARY KEY, hashes BLOB NOT NULL) WITHOUT ROWID",
    "ALTER TABLE sketches ADD COLUMN crowded INTEGER",
    "CREATE INDEX page_leads_url ON page_leads (url)",
    "CREATE INDEX urls_host ON urls (host)",
    "CREATE INDEX block_evidence_host ON block_evidence (host)",
    "CREATE INDEX layouts_host ON layouts (host)",
    "CREATE INDEX shelved_why ON shelved (why, page_id)",
    *(trigger for table in _READ_COLUMNS for trigger in _triggers(*table)),
    *_RELATED,
)
