"""Archives of earlier schema versions."""

from __future__ import annotations

from pathlib import Path

from sqlite_utils import Migrations

from broadsheet.output.archive.archive_file import open_writer
from broadsheet.output.archive.migrations import MIGRATIONS

_STATED_DATES = {"published": "published_raw", "modified": "modified_raw"}  # before version 5
_MADE_ANEW = ("unsettled", "_sqlite", "sqlite_", "articles_fts", "meta", "reasons", "url_counts")


def of_version(version: int) -> Migrations:
    """The migrations as they were at that version."""
    earlier = Migrations(MIGRATIONS.name)
    earlier._migrations = list(MIGRATIONS._migrations)[:version]
    return earlier


def copy_as_version(source: Path, target: Path, version: int) -> None:
    """The rows of an archive in a new one of an earlier version, as far as that has their tables and columns."""
    db = open_writer(target, of_version(version), version)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("ATTACH ? AS newer", [str(source)])
    for name in db.table_names():
        if name.startswith(_MADE_ANEW):
            continue
        columns = [{row[1] for row in db.execute(f"PRAGMA {at}.table_info({name})")} for at in ("main", "newer")]
        if names := sorted(columns[0] & columns[1]):
            values = [_STATED_DATES.get(column, column) for column in names] if _has_articles(name, version) else names
            db.execute(f"INSERT INTO main.{name} ({', '.join(names)}) SELECT {', '.join(values)} FROM newer.{name}")
    db.execute("INSERT OR REPLACE INTO reasons SELECT * FROM newer.reasons")
    db.conn.commit()
    db.close()


def _has_articles(table: str, version: int) -> bool:
    """Whether the table of that version holds articles with dates as their pages state them."""
    return version < 5 and table in ("articles", "shelved")
