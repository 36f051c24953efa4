"""Version 3: the raw responses, in WARC files beside the archive."""

from __future__ import annotations

RAW: tuple[str, ...] = (
    # What is beyond `length` was written by a run that ended before it could commit; other files are not ours.
    "CREATE TABLE warc_files (name TEXT PRIMARY KEY, length INTEGER NOT NULL, begun_at TEXT NOT NULL) WITHOUT ROWID",
    # Records to be written over: the transaction that deletes their rows notes them here, and it is done after it.
    """CREATE TABLE warc_erasures (
        file TEXT NOT NULL, offset INTEGER NOT NULL, following INTEGER NOT NULL,
        PRIMARY KEY (file, offset)) WITHOUT ROWID""",
    "ALTER TABLE captures ADD COLUMN refers_to INTEGER REFERENCES captures (id)",
    "ALTER TABLE captures ADD COLUMN truncated TEXT",
    """CREATE INDEX captures_payload ON captures (payload_digest)
        WHERE warc_file IS NOT NULL AND refers_to IS NULL AND truncated IS NULL""",
    "CREATE INDEX captures_refers ON captures (refers_to) WHERE refers_to IS NOT NULL",
    "CREATE INDEX captures_place ON captures (warc_file, warc_offset) WHERE warc_file IS NOT NULL",
)
