"""Version 1: the crawl's state, pages, articles, the ledger of blocks, views and full text."""

from __future__ import annotations

from broadsheet.output.archive.migrations.v1_fulltext import FULLTEXT

_STATE = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, finished_at TEXT, command TEXT NOT NULL,
        options TEXT NOT NULL, versions TEXT NOT NULL, outcome TEXT, reason TEXT, counts TEXT)""",
    """CREATE TABLE urls (
        id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, host TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('page', 'robots', 'sitemap', 'feed')),
        state TEXT NOT NULL CHECK (state IN ('queued', 'done', 'failed', 'skipped')),
        reason TEXT NOT NULL DEFAULT '', found_via TEXT NOT NULL, found_on TEXT, depth INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0, first_seen TEXT NOT NULL, fetched_at TEXT, http_status INTEGER,
        location TEXT, lastmod TEXT, priority INTEGER NOT NULL DEFAULT 0, not_before TEXT)""",
    # Taking the next URLs of a host reads the first entries of this index and nothing else.
    """CREATE INDEX urls_next ON urls (
        host, (CASE kind WHEN 'robots' THEN 0 WHEN 'page' THEN 2 ELSE 1 END), priority DESC, id)
        WHERE state = 'queued'""",
    "CREATE INDEX urls_due ON urls (not_before) WHERE state = 'queued' AND not_before IS NOT NULL",
    "CREATE INDEX urls_outcome ON urls (state, kind, reason)",
    "CREATE INDEX urls_location ON urls (location) WHERE location IS NOT NULL",
    "CREATE TABLE outside_hosts (host TEXT PRIMARY KEY, links INTEGER NOT NULL) WITHOUT ROWID",
)

_PAGES = (
    """CREATE TABLE captures (
        id INTEGER PRIMARY KEY, url TEXT NOT NULL, fetched_at TEXT NOT NULL, http_status INTEGER,
        final_url TEXT NOT NULL, content_type TEXT NOT NULL, payload_digest TEXT NOT NULL,
        payload_length INTEGER NOT NULL, warc_file TEXT, warc_offset INTEGER, warc_length INTEGER)""",
    "CREATE INDEX captures_url ON captures (url, fetched_at)",
    """CREATE TABLE pages (
        id INTEGER PRIMARY KEY REFERENCES urls (id), capture_id INTEGER REFERENCES captures (id),
        page_type TEXT NOT NULL, own_type TEXT NOT NULL, evidence TEXT NOT NULL, title TEXT NOT NULL,
        canonical_url TEXT, text_digest TEXT NOT NULL, word_count INTEGER NOT NULL, blocks INTEGER NOT NULL,
        kept INTEGER NOT NULL, removed INTEGER NOT NULL, outlinks INTEGER NOT NULL, robots TEXT NOT NULL,
        cleaner_version TEXT NOT NULL, article_id INTEGER)""",
    "CREATE INDEX pages_article ON pages (article_id) WHERE article_id IS NOT NULL",
    "CREATE INDEX pages_digest ON pages (text_digest) WHERE own_type IN ('article', 'teaser')",
    "CREATE INDEX pages_canonical ON pages (canonical_url) WHERE canonical_url IS NOT NULL",
)

_ARTICLE_COLUMNS = """
        id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, canonical_url TEXT, host TEXT NOT NULL, title TEXT NOT NULL,
        authors TEXT NOT NULL, published TEXT, modified TEXT, language TEXT, description TEXT, section TEXT,
        tags TEXT NOT NULL, licence TEXT, sitename TEXT, image TEXT, metadata_sources TEXT NOT NULL,
        text TEXT NOT NULL, markdown TEXT NOT NULL, word_count INTEGER NOT NULL, page_type TEXT NOT NULL,
        first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, page_id INTEGER NOT NULL REFERENCES pages (id),
        capture_id INTEGER REFERENCES captures (id), cleaner_version TEXT NOT NULL"""

_ARTICLES = (
    f"CREATE TABLE articles ({_ARTICLE_COLUMNS})",
    "CREATE INDEX articles_page ON articles (page_id)",
    "CREATE INDEX articles_published ON articles (published)",
    f"CREATE TABLE shelved ({_ARTICLE_COLUMNS},\n        why TEXT NOT NULL)",
    "CREATE INDEX shelved_page ON shelved (page_id)",
    """CREATE TABLE revisions (
        article_id INTEGER NOT NULL, seen_at TEXT NOT NULL, capture_id INTEGER, title TEXT NOT NULL,
        text_digest TEXT NOT NULL, change TEXT NOT NULL)""",
    "CREATE INDEX revisions_article ON revisions (article_id, seen_at)",
    """CREATE TABLE changes (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, article_id INTEGER NOT NULL, at TEXT NOT NULL,
        change TEXT NOT NULL CHECK (change IN ('added', 'changed', 'removed')))""",
)

_LEDGER = (
    "CREATE TABLE block_texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    "CREATE TABLE reasons (id INTEGER PRIMARY KEY, reason TEXT NOT NULL, rule TEXT NOT NULL, UNIQUE (reason, rule))",
    """CREATE TABLE page_blocks (
        page_id INTEGER NOT NULL REFERENCES pages (id), position INTEGER NOT NULL,
        block_id INTEGER NOT NULL REFERENCES block_texts (id), kind INTEGER NOT NULL, kept INTEGER NOT NULL,
        reason_id INTEGER NOT NULL REFERENCES reasons (id), PRIMARY KEY (page_id, position)) WITHOUT ROWID""",
    "CREATE INDEX page_blocks_block ON page_blocks (block_id, kept)",
    "CREATE TABLE page_layout (page_id INTEGER PRIMARY KEY REFERENCES pages (id), layout BLOB NOT NULL)",
)

# The order is part of the file format: page_blocks.kind is the place in this list. A migration that adds a kind lists
# these and puts its own at the end.
BLOCK_KINDS = ("paragraph", "heading", "list_item", "table", "quote", "code", "caption", "line")

KIND_NAME = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(BLOCK_KINDS))

_VIEWS = (
    f"""CREATE VIEW blocks AS
        SELECT a.id AS article_id, a.url AS url, b.block_id AS block_id, b.position AS position,
            CASE b.kind {KIND_NAME} END AS kind, b.kept AS kept, r.reason AS reason, r.rule AS rule,
            t.text AS text
        FROM articles a JOIN page_blocks b ON b.page_id = a.page_id JOIN block_texts t ON t.id = b.block_id
            JOIN reasons r ON r.id = b.reason_id""",
    """CREATE VIEW removed AS
        SELECT article_id, url, block_id, position, text, reason, rule FROM blocks WHERE kept = 0""",
    """CREATE VIEW article_urls AS
        WITH RECURSIVE leads (article_id, url) AS (
            SELECT p.article_id, u.url FROM pages p JOIN urls u ON u.id = p.id WHERE p.article_id IS NOT NULL
            UNION
            SELECT l.article_id, u.url FROM leads l JOIN urls u ON u.location = l.url)
        SELECT article_id, url FROM leads""",
)

ARCHIVE = (*_STATE, *_PAGES, *_ARTICLES, *_LEDGER, *_VIEWS, *FULLTEXT)
