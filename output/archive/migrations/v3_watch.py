"""Version 3: when a page is looked at again, and what changed in its article."""

from __future__ import annotations

# What stands at a URL stays known while it is queued again, and after it could not be fetched again.
_REVISITS = (
    "ALTER TABLE urls ADD COLUMN held_reason TEXT",
    "ALTER TABLE urls ADD COLUMN held_at TEXT",
    "ALTER TABLE urls ADD COLUMN revisit_seconds INTEGER",
    "ALTER TABLE urls ADD COLUMN unfounded INTEGER NOT NULL DEFAULT 0",
    "UPDATE urls SET held_reason = reason, held_at = fetched_at WHERE state = 'done'",
    "ALTER TABLE captures ADD COLUMN etag TEXT",
    "ALTER TABLE captures ADD COLUMN last_modified TEXT",
)

# The blocks of a revision are stored when another takes its place; those of the current one are its page's ledger.
_REVISIONS = (
    "ALTER TABLE revisions ADD COLUMN number INTEGER NOT NULL DEFAULT 1",
    """UPDATE revisions SET number = (SELECT count(*) FROM revisions o WHERE o.article_id = revisions.article_id
        AND (o.seen_at, o.rowid) <= (revisions.seen_at, revisions.rowid))""",
    "CREATE UNIQUE INDEX revisions_number ON revisions (article_id, number)",
    "CREATE INDEX revisions_pending ON revisions (article_id) WHERE change = 'pending'",
    "ALTER TABLE revisions ADD COLUMN kinds TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE revisions ADD COLUMN added INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE revisions ADD COLUMN removed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE revisions ADD COLUMN rewritten INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE revisions ADD COLUMN note TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE revision_blocks (
        article_id INTEGER NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL,
        block_id INTEGER NOT NULL REFERENCES block_texts (id), kind INTEGER NOT NULL, kept INTEGER NOT NULL,
        reason_id INTEGER NOT NULL REFERENCES reasons (id), box INTEGER NOT NULL, linked INTEGER NOT NULL,
        elsewhere INTEGER NOT NULL,
        PRIMARY KEY (article_id, number, position)) WITHOUT ROWID""",
    "CREATE INDEX revision_blocks_block ON revision_blocks (block_id)",
    "ALTER TABLE changes ADD COLUMN kind TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE changes ADD COLUMN revision INTEGER",
)

WATCH: tuple[str, ...] = (*_REVISITS, *_REVISIONS)
