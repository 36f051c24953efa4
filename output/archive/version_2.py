"""Version 2 of the schema: the steps that make it of version 1, in their order.

A step is SQL, or a function where rows follow from others. All of them run in the one transaction of the upgrade, also
for a new file, whose tables are empty. A view that changes is dropped and made again, since readers know it by its SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

Step = str | Callable[[Database], None]

_GAPS = """SELECT article_id, number, place FROM (SELECT article_id, number,
        row_number() OVER (PARTITION BY article_id ORDER BY number) AS place FROM revisions)
    WHERE number <> place ORDER BY article_id, number"""
_NUMBERS = (("revisions", "number"), ("_revision_blocks", "number"), ("changes", "revision"))


def _close_number_gaps(db: Database) -> None:
    """Close the gaps that version 1 left where it had numbered a revision that turned out to be no edit."""
    rows = db.execute(_GAPS).fetchall()
    for table, column in _NUMBERS:  # in the order of the numbers, so that each finds its new one free
        db.conn.executemany(f"UPDATE {table} SET {column} = ?3 WHERE article_id = ?1 AND {column} = ?2", rows)


_ROLES = (".merged.warc", ".warc")
_FILE_COLUMNS = (("_warc_files", "name"), ("captures", "warc_file"), ("_warc_erasures", "file"))


def _name_roles(db: Database) -> None:
    """Name WARC files by role and file; version 1 named the folder, by the database's name of a time.

    Of several folders of a role, those of other databases are read on as imported files are.
    """
    database = Path(next(row[2] for row in db.execute("PRAGMA database_list") if row[1] == "main")).name
    names = [name for (name,) in db.execute("SELECT name FROM _warc_files ORDER BY begun_at, name")]
    folders = dict.fromkeys(name.rpartition("/")[0] for name in names)
    for role in _ROLES:
        of_role = [folder for folder in folders if next(filter(folder.endswith, _ROLES), "") == role]
        own_folder = f"{database}{role}" if f"{database}{role}" in of_role else "".join(of_role[-1:])
        for folder in of_role:
            for table, column in _FILE_COLUMNS:
                named = f"substr({column}, 1, {len(folder) + 1}) = ?"
                if folder == own_folder:
                    renamed = f"UPDATE {table} SET {column} = ? || substr({column}, {len(folder) + 1}) WHERE {named}"
                    db.execute(renamed, [role, f"{folder}/"])
                elif table != "captures":
                    db.execute(f"DELETE FROM {table} WHERE {named}", [f"{folder}/"])


STEPS: tuple[Step, ...] = (
    """CREATE TABLE _pending_revisions (
    article_id INTEGER PRIMARY KEY,
    seen_at TEXT NOT NULL,
    capture_id INTEGER,
    title TEXT NOT NULL,
    text_digest TEXT NOT NULL,
    before TEXT NOT NULL
);
INSERT OR IGNORE INTO _pending_revisions (article_id, seen_at, capture_id, title, text_digest, before)
    SELECT article_id, seen_at, capture_id, title, text_digest, note FROM revisions
    WHERE change = 'pending' ORDER BY number DESC;
DELETE FROM revisions WHERE change = 'pending';
DROP INDEX revisions_pending;
DROP VIEW articles_overview;
CREATE VIEW articles_overview AS
    SELECT a.id AS id, a.title AS title, a.url AS url, a.host AS host, a.published_day AS published_day,
        a.authors AS authors, a.language AS language, a.section AS section, a.tags AS tags,
        a.word_count AS word_count, a.page_type AS page_type, p.kept AS kept, p.removed AS removed,
        (SELECT count(*) FROM revisions r WHERE r.article_id = a.id) AS revisions,
        a.published AS published, a.modified AS modified, a.sitename AS sitename, a.description AS description,
        a.first_seen AS first_seen, a.last_seen AS last_seen
    FROM articles a JOIN pages p ON p.id = a.page_id;""",
    """DELETE FROM _revision_blocks WHERE NOT EXISTS (SELECT 1 FROM revisions r
        WHERE r.article_id = _revision_blocks.article_id AND r.number = _revision_blocks.number);""",
    _close_number_gaps,
    _name_roles,
    """DROP TRIGGER pages_earlier_signature;
DROP TABLE _earlier_signatures;
DROP TABLE _rule_rates;""",
)
