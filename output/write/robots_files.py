"""The robots.txt files that were in force, each text once for a host."""

from __future__ import annotations

from sqlite_utils import Database

from output.db.text import storable
from output.outcome import RobotsFile


def save_robots(db: Database, file: RobotsFile) -> None:
    """Keep a robots.txt, unless it is known. Runs in the caller's transaction."""
    values = (file.host, file.url, file.seen_at, file.access, file.reason, file.text)
    db.execute(
        """INSERT OR IGNORE INTO robots_files (id, host, url, seen_at, access, reason, text)
            VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [file.id, *map(storable, values)],
    )
