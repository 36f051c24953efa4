"""Version 6: the pictures of each article, and a view that names its article beside each."""

from __future__ import annotations

IMAGES: tuple[str, ...] = (
    """CREATE TABLE images (
        page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE, position INTEGER NOT NULL,
        url TEXT NOT NULL, caption TEXT NOT NULL, credit TEXT NOT NULL, alt TEXT NOT NULL,
        PRIMARY KEY (page_id, position)) WITHOUT ROWID""",
    """CREATE VIEW article_images AS
        SELECT a.id AS article_id, a.title AS title, i.url AS image, i.caption AS caption, i.credit AS credit,
            i.alt AS alt, i.position AS position, a.url AS url
        FROM articles a JOIN images i ON i.page_id = a.page_id""",
)
