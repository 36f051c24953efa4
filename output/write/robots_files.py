"""The robots.txt files that were in force, each text once for a host."""

from __future__ import annotations

from sqlite_utils import Database

from broadsheet.output.db.text import storable_text
from broadsheet.output.outcome import RobotsFile


def save_robots_file(db: Database, robots_file: RobotsFile) -> None:
    """Store a robots.txt, unless the host has one with this text and decision. Runs in the caller's transaction."""
    values = (
        robots_file.host,
        robots_file.url,
        robots_file.seen_at,
        robots_file.access,
        robots_file.reason,
        robots_file.text,
    )
    db.execute(
        """INSERT OR IGNORE INTO robots_files (id, host, url, seen_at, access, reason, text)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [robots_file.id, *map(storable_text, values)],
    )
