"""Version 6: the layouts of each host's pages, the layout of each page, and the signatures that they are found by: that
of a page now, and that which it had when the last run ended."""

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
    "CREATE TABLE earlier_signatures (page_id INTEGER PRIMARY KEY REFERENCES pages (id), signature BLOB NOT NULL)",
    """CREATE TRIGGER pages_earlier_signature AFTER UPDATE OF capture_id ON pages
        WHEN new.capture_id IS NOT old.capture_id AND new.cleaner_version = old.cleaner_version
        BEGIN INSERT INTO earlier_signatures (page_id, signature)
            SELECT page_id, signature FROM page_signatures WHERE page_id = old.id AND signature <> x''
                AND NOT EXISTS (SELECT 1 FROM earlier_signatures WHERE page_id = old.id); END""",
    "ALTER TABLE pages ADD COLUMN layout_id INTEGER",
    "CREATE INDEX pages_layout ON pages (layout_id)",
)
