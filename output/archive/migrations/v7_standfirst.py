"""Version 7: an article's standfirst, the lines between its title and its text that sum it up."""

from __future__ import annotations

STANDFIRST: tuple[str, ...] = (
    "ALTER TABLE articles ADD COLUMN standfirst TEXT",
    "ALTER TABLE shelved ADD COLUMN standfirst TEXT",
)
