"""Version 2: what a host asked for, what a person had taken down or ruled, what a site repeats, articles in parts."""

from __future__ import annotations

from broadsheet.output.archive.migrations.v1_archive import KIND_NAME

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
            CASE b.kind {KIND_NAME} END AS kind, b.kept AS kept, r.reason AS reason, r.rule AS rule,
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

MANNERS = (*_ROBOTS, *_TAKEDOWNS, *_FORGOTTEN, *_TRAPS, *_QUEUE, *_RULINGS, *_SITE_MEMORY, *_PARTS)
