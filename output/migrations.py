"""The schema of an archive, written down here and nowhere else, as recorded migrations.

A migration that has shipped is never edited; a change is a new one, with `SCHEMA_VERSION` raised by one.
What the tables and columns mean is in `schema.toml`; `docs/schema.md` is generated from both.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from output.fulltext import FULLTEXT

SCHEMA_VERSION = 2

MIGRATIONS = Migrations("broadsheet")

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

# The order is part of the file format: page_blocks.kind is the place in this list. Only ever add at the end.
BLOCK_KINDS = ("paragraph", "heading", "list_item", "table", "quote", "code", "caption", "line")

_KIND_NAME = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(BLOCK_KINDS))

_VIEWS = (
    f"""CREATE VIEW blocks AS
        SELECT a.id AS article_id, a.url AS url, b.block_id AS block_id, b.position AS position,
            CASE b.kind {_KIND_NAME} END AS kind, b.kept AS kept, r.reason AS reason, r.rule AS rule,
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


@MIGRATIONS()
def m0001_archive(db: Database) -> None:
    """Make the archive: the crawl's state, pages, articles, the ledger of blocks, views and full text."""
    for statement in (*_STATE, *_PAGES, *_ARTICLES, *_LEDGER, *_VIEWS, *FULLTEXT):
        db.execute(statement)


# --- 2: what a host asked for, and what a person had taken down -------------------------------------------------
_ROBOTS = (
    """CREATE TABLE robots_files (
        id INTEGER PRIMARY KEY, host TEXT NOT NULL, url TEXT NOT NULL, seen_at TEXT NOT NULL,
        access TEXT NOT NULL CHECK (access IN ('rules', 'all', 'nothing')), reason TEXT NOT NULL,
        text TEXT NOT NULL)""",
    "CREATE INDEX robots_files_host ON robots_files (host, seen_at)",
    "ALTER TABLE captures ADD COLUMN directives TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE captures ADD COLUMN robots_id INTEGER REFERENCES robots_files (id)",
)

_TAKEDOWNS = (
    """CREATE TABLE takedowns (
        id INTEGER PRIMARY KEY, pattern TEXT NOT NULL UNIQUE, at TEXT NOT NULL, urls INTEGER NOT NULL,
        articles INTEGER NOT NULL, blocks INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '')""",
)

# A URL that is, or looks like, one that was taken down is never queued, whoever adds it.
_IS_FORGOTTEN = """EXISTS (SELECT 1 FROM takedowns WHERE pattern = new.url
            OR new.url GLOB replace(replace(pattern, '[', '[[]'), '?', '[?]'))"""
_FORGET = "UPDATE urls SET state = 'skipped', reason = 'forgotten' WHERE id = new.id"
_FORGOTTEN = (
    f"""CREATE TRIGGER urls_forgotten_insert AFTER INSERT ON urls
        WHEN new.kind = 'page' AND new.state = 'queued' AND {_IS_FORGOTTEN} BEGIN {_FORGET}; END""",
    f"""CREATE TRIGGER urls_forgotten_update AFTER UPDATE OF state ON urls
        WHEN new.kind = 'page' AND new.state = 'queued' AND (old.reason = 'forgotten' OR {_IS_FORGOTTEN})
        BEGIN {_FORGET}; END""",
)

_TRAPS = (
    """CREATE TABLE url_patterns (
        host TEXT NOT NULL, pattern TEXT NOT NULL, found INTEGER NOT NULL DEFAULT 0,
        fetched INTEGER NOT NULL DEFAULT 0, articles INTEGER NOT NULL DEFAULT 0, led INTEGER NOT NULL DEFAULT 0,
        dry INTEGER NOT NULL DEFAULT 0, hopes INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (host, pattern)) WITHOUT ROWID""",
    "CREATE TABLE url_orders (id INTEGER PRIMARY KEY)",
)

# What may be taken and what waits for a time are two indexes: taking reads the first entries of one, and the due
# entries of the other, and nothing else. Counting a million rows takes too long for a progress line: triggers count.
_QUEUE = (
    "DROP INDEX urls_next",
    "DROP INDEX urls_due",
    """CREATE INDEX urls_ready ON urls (
        host, (CASE kind WHEN 'robots' THEN 0 WHEN 'page' THEN 2 ELSE 1 END), priority DESC, id)
        WHERE state = 'queued' AND not_before IS NULL""",
    "CREATE INDEX urls_retry ON urls (host, not_before) WHERE state = 'queued' AND not_before IS NOT NULL",
    "CREATE TABLE url_counts (state TEXT PRIMARY KEY, urls INTEGER NOT NULL) WITHOUT ROWID",
    """INSERT INTO url_counts SELECT column1, (SELECT count(*) FROM urls WHERE state = column1)
        FROM (VALUES ('queued'), ('done'), ('failed'), ('skipped'))""",
    """CREATE TRIGGER urls_counted_insert AFTER INSERT ON urls
        BEGIN UPDATE url_counts SET urls = urls + 1 WHERE state = new.state; END""",
    """CREATE TRIGGER urls_counted_update AFTER UPDATE OF state ON urls WHEN old.state <> new.state BEGIN
        UPDATE url_counts SET urls = urls + 1 WHERE state = new.state;
        UPDATE url_counts SET urls = urls - 1 WHERE state = old.state;
        END""",
    """CREATE TRIGGER urls_counted_delete AFTER DELETE ON urls
        BEGIN UPDATE url_counts SET urls = urls - 1 WHERE state = old.state; END""",
)

# `overruled` goes with the block that it is about, whoever writes that page's ledger anew.
_RULINGS = (
    """CREATE TABLE rulings (
        id INTEGER PRIMARY KEY, block_id INTEGER NOT NULL, article_id INTEGER, host TEXT, kept INTEGER NOT NULL,
        at TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL, rule TEXT NOT NULL,
        CHECK (article_id IS NULL OR host IS NULL))""",
    "CREATE INDEX rulings_block ON rulings (block_id)",
    """CREATE TABLE overruled (
        page_id INTEGER NOT NULL, position INTEGER NOT NULL, ruling_id INTEGER NOT NULL, kept INTEGER NOT NULL,
        reason_id INTEGER NOT NULL REFERENCES reasons (id), PRIMARY KEY (page_id, position),
        FOREIGN KEY (page_id, position) REFERENCES page_blocks (page_id, position) ON DELETE CASCADE) WITHOUT ROWID""",
)

# What a host repeats, and the page's own verdict on a block where the site's memory put another in its place.
_SITE_MEMORY = (
    """CREATE TABLE own_verdicts (
        page_id INTEGER NOT NULL, position INTEGER NOT NULL, kept INTEGER NOT NULL,
        reason_id INTEGER NOT NULL REFERENCES reasons (id), PRIMARY KEY (page_id, position),
        FOREIGN KEY (page_id, position) REFERENCES page_blocks (page_id, position) ON DELETE CASCADE) WITHOUT ROWID""",
    """CREATE TABLE block_evidence (
        block_id INTEGER NOT NULL REFERENCES block_texts (id) ON DELETE CASCADE, host TEXT NOT NULL,
        pages INTEGER NOT NULL, of_pages INTEGER NOT NULL, first_seen TEXT NOT NULL,
        PRIMARY KEY (block_id, host)) WITHOUT ROWID""",
    "DROP VIEW removed",
    "DROP VIEW blocks",
    f"""CREATE VIEW blocks AS
        SELECT a.id AS article_id, a.url AS url, b.block_id AS block_id, b.position AS position,
            CASE b.kind {_KIND_NAME} END AS kind, b.kept AS kept, r.reason AS reason, r.rule AS rule,
            t.text AS text,
            e.pages || ' of ' || e.of_pages || ' pages since ' || substr(e.first_seen, 1, 10) AS evidence
        FROM articles a JOIN page_blocks b ON b.page_id = a.page_id JOIN block_texts t ON t.id = b.block_id
            JOIN reasons r ON r.id = b.reason_id
            LEFT JOIN block_evidence e ON e.block_id = b.block_id AND e.host = a.host""",
    """CREATE VIEW removed AS
        SELECT article_id, url, block_id, position, text, reason, rule, evidence FROM blocks WHERE kept = 0""",
)


# Where an article page leads to the rest of its article, and which pages make one article.
_PARTS = (
    """CREATE TABLE page_leads (
        page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE, way TEXT NOT NULL, url TEXT NOT NULL,
        ruled INTEGER NOT NULL, PRIMARY KEY (page_id, way, url)) WITHOUT ROWID""",
    """CREATE TABLE page_parts (
        page_id INTEGER PRIMARY KEY REFERENCES pages (id) ON DELETE CASCADE,
        head_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE, place INTEGER NOT NULL)""",
    "CREATE INDEX page_parts_head ON page_parts (head_id, place)",
)


@MIGRATIONS()
def m0002_manners(db: Database) -> None:
    """Robots directives beside each capture, takedowns, and a queue that stays quick when many retries wait."""
    for statement in (*_ROBOTS, *_TAKEDOWNS, *_FORGOTTEN, *_TRAPS, *_QUEUE, *_RULINGS, *_SITE_MEMORY, *_PARTS):
        db.execute(statement)
