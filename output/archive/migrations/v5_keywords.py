"""Version 5: the keywords that a page states, beside its tags."""

from __future__ import annotations

KEYWORDS: tuple[str, ...] = (
    "ALTER TABLE articles ADD COLUMN keywords TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE shelved ADD COLUMN keywords TEXT NOT NULL DEFAULT '[]'",
)
