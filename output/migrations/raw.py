"""Version 3: the raw responses, in WARC files beside the archive."""

from __future__ import annotations

RAW: tuple[str, ...] = (
    # What is beyond `length` was written by a run that ended before it could commit; other files are not ours.
    "CREATE TABLE warc_files (name TEXT PRIMARY KEY, length INTEGER NOT NULL, begun_at TEXT NOT NULL) WITHOUT ROWID",
    "ALTER TABLE captures ADD COLUMN refers_to INTEGER REFERENCES captures (id)",
    "ALTER TABLE captures ADD COLUMN truncated TEXT",
    """CREATE INDEX captures_payload ON captures (payload_digest)
        WHERE warc_file IS NOT NULL AND refers_to IS NULL AND truncated IS NULL""",
    "CREATE INDEX captures_refers ON captures (refers_to) WHERE refers_to IS NOT NULL",
)
