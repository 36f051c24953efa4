"""Version 3: which cleaner made each text, what cleaning again changed, and which files were imported."""

from __future__ import annotations

_CLEANERS = (
    """CREATE TABLE cleaners (
        id INTEGER PRIMARY KEY, version TEXT NOT NULL, rules TEXT NOT NULL, model TEXT NOT NULL,
        site_rules TEXT NOT NULL, libraries TEXT NOT NULL)""",
    "ALTER TABLE pages ADD COLUMN cleaner_id INTEGER REFERENCES cleaners (id)",
)

# `before` is a page's own reading as it stood, packed (`output.reclean_before`).
_RECLEANS = (
    """CREATE TABLE recleans (
        id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, finished_at TEXT,
        state TEXT NOT NULL CHECK (state IN ('running', 'done', 'undone')), options TEXT NOT NULL,
        counts TEXT NOT NULL DEFAULT '{}')""",
    """CREATE TABLE reclean_before (
        page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
        reclean_id INTEGER NOT NULL REFERENCES recleans (id), before BLOB NOT NULL,
        PRIMARY KEY (page_id, reclean_id)) WITHOUT ROWID""",
)

_IMPORTS = (
    """CREATE TABLE imports (
        file TEXT PRIMARY KEY, size INTEGER NOT NULL, modified TEXT NOT NULL, options TEXT NOT NULL,
        finished_at TEXT NOT NULL, records TEXT NOT NULL) WITHOUT ROWID""",
)

LINEAGE: tuple[str, ...] = (*_CLEANERS, *_RECLEANS, *_IMPORTS)
