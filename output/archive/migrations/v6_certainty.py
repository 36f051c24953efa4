"""Version 6: how certain the verdicts of a page are, and how likely each of its blocks is the article's."""

from __future__ import annotations

CERTAINTY: tuple[str, ...] = (
    "ALTER TABLE pages ADD COLUMN expected_f1 REAL",
    "ALTER TABLE page_layout ADD COLUMN chances BLOB",
)
