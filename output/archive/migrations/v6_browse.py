"""Version 6: the lists of the reading room read one index, and what a person judged of a sample stays."""

from __future__ import annotations

BROWSE: tuple[str, ...] = (
    # All that a list filters, counts and sorts by: the rows themselves hold whole texts and are slow to pass over.
    """CREATE INDEX articles_listed ON articles (
        host, language, section, published_day, page_type, word_count, first_seen)""",
    """CREATE TABLE reviews (
        id INTEGER PRIMARY KEY, url TEXT NOT NULL, host TEXT NOT NULL, block_id INTEGER, kept INTEGER NOT NULL,
        reason TEXT NOT NULL, rule TEXT NOT NULL, is_right INTEGER NOT NULL, at TEXT NOT NULL,
        cleaner_version TEXT NOT NULL)""",
)
