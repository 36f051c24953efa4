"""Version 6: the layouts of each host's pages, the layout of each page, and the signatures that they are found by."""

from __future__ import annotations

LAYOUTS: tuple[str, ...] = (
    """CREATE TABLE layouts (
        id INTEGER PRIMARY KEY,
        host TEXT NOT NULL,
        signature BLOB NOT NULL,
        pages INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        kind TEXT NOT NULL,
        evidence TEXT NOT NULL)""",
    "CREATE TABLE page_signatures (page_id INTEGER PRIMARY KEY REFERENCES pages (id), signature BLOB NOT NULL)",
    "ALTER TABLE pages ADD COLUMN layout_id INTEGER",
    "CREATE INDEX pages_layout ON pages (layout_id)",
)
