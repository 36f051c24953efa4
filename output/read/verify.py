"""Whether the archive is intact: each check tests one invariant of the file and names what breaks it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from sqlite_utils import Database

from output.db.migrations import SCHEMA_VERSION
from output.db.open import database_file
from output.raw.check import raw_faults
from output.verdicts.rebuild import assemble_page

_MAX_PROBLEMS = 20  # of one check


@dataclass(frozen=True, slots=True)
class ArchiveProblem:
    """A broken invariant: the name of the check that found it, and what is wrong, in one line."""

    check: str
    detail: str


def verify(db: Database) -> list[ArchiveProblem]:
    """Run every check; the list is empty if the archive is intact. A read-only connection is enough.

    A file too damaged to be read gives a problem, not an exception.
    """
    return [problem for check in CHECKS for problem in _run_check(check, db)]


def _run_check(check: Callable[[Database], Iterator[str]], db: Database) -> list[ArchiveProblem]:
    name = check.__name__
    try:
        return [ArchiveProblem(name, detail) for _, detail in zip(range(_MAX_PROBLEMS), check(db), strict=False)]
    except sqlite3.DatabaseError as error:
        return [ArchiveProblem(name, f"cannot be checked: {error}")]


def integrity(db: Database) -> Iterator[str]:
    """SQLite's own check of pages, indexes and constraints."""
    yield from (line for (line,) in db.execute("PRAGMA integrity_check") if line != "ok")


def foreign_keys(db: Database) -> Iterator[str]:
    """Every reference has its row."""
    for table, rowid, parent, _ in db.execute("PRAGMA foreign_key_check"):
        yield f"{table} row {rowid} refers to a missing row of {parent}"


def schema_version(db: Database) -> Iterator[str]:
    """`meta` and `user_version` state the schema of this version."""
    meta_row = db.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    user_version = db.execute("PRAGMA user_version").fetchone()[0]
    if meta_row != (str(SCHEMA_VERSION),) or user_version != SCHEMA_VERSION:
        yield f"meta says {meta_row and meta_row[0]}, user_version {user_version}, expected {SCHEMA_VERSION}"


def full_text(db: Database) -> Iterator[str]:
    """The full-text index holds the words of the articles, all of them and no others."""
    missing = "SELECT id FROM articles EXCEPT SELECT id FROM articles_fts_docsize"
    surplus = "SELECT id FROM articles_fts_docsize EXCEPT SELECT id FROM articles"
    yield from (f"article {article_id} is not in the full-text index" for (article_id,) in db.execute(missing))
    yield from (f"the full-text index holds {rowid}, which is no article" for (rowid,) in db.execute(surplus))
    yield from _full_text_words(db)


def articles_and_pages(db: Database) -> Iterator[str]:
    """An article's page names that article, and every article that a page names exists."""
    yield from (
        f"article {article_id} and its page {page_id} do not name each other"
        for article_id, page_id in db.execute(
            """SELECT a.id, a.page_id FROM articles a JOIN pages p ON p.id = a.page_id
                WHERE p.article_id IS NOT a.id OR p.page_type NOT IN ('article', 'teaser')"""
        )
    )
    yield from (
        f"page {page_id} names article {article_id}, which does not exist"
        for page_id, article_id in db.execute(
            """SELECT id, article_id FROM pages WHERE article_id IS NOT NULL
                AND article_id NOT IN (SELECT id FROM articles) AND article_id NOT IN (SELECT id FROM shelved)"""
        )
    )


def ledger_counts(db: Database) -> Iterator[str]:
    """For a page with a ledger, blocks = kept + removed, in its row and in its ledger."""
    query = """SELECT p.id, p.blocks, p.kept, p.removed, count(b.position), total(b.kept)
        FROM pages p LEFT JOIN page_blocks b ON b.page_id = p.id
        WHERE p.own_type IN ('article', 'teaser') GROUP BY p.id
        HAVING p.blocks <> p.kept + p.removed OR p.blocks <> count(b.position) OR p.kept <> total(b.kept)"""
    for page_id, blocks, kept_count, removed_count, rows, kept_rows in db.execute(query):
        counts = f"{blocks} blocks = {kept_count} kept + {removed_count} removed"
        yield f"page {page_id}: {counts}, ledger {rows} with {kept_rows:g} kept"


def old_revisions(db: Database) -> Iterator[str]:
    """Stored blocks belong to revisions, and no article has more than one pending revision."""
    orphans = """SELECT DISTINCT b.article_id, b.number FROM revision_blocks b
        LEFT JOIN revisions r ON r.article_id = b.article_id AND r.number = b.number WHERE r.number IS NULL"""
    many_pending = "SELECT article_id FROM revisions WHERE change = 'pending' GROUP BY article_id HAVING count(*) > 1"
    yield from (
        f"blocks of revision {number} of article {article_id}, which does not exist"
        for article_id, number in db.execute(orphans)
    )
    yield from (
        f"several revisions of article {article_id} wait to be decided" for (article_id,) in db.execute(many_pending)
    )


def article_texts(db: Database) -> Iterator[str]:
    """An article's text is its kept blocks in order, word for word, and those of the pages that go on with it."""
    query = """SELECT a.id, a.text, t.text, a.page_id FROM articles a
            LEFT JOIN page_blocks b ON b.page_id = a.page_id AND b.kept = 1
            LEFT JOIN block_texts t ON t.id = b.block_id
        ORDER BY a.id, b.position"""
    article_columns = itemgetter(0, 1, 3)
    for (article_id, text, page_id), rows in groupby(db.execute(query), key=article_columns):
        kept_words = [word for _, _, block_text, _ in rows for word in (block_text or "").split()]
        if kept_words != text.split() and assemble_page(db, page_id).text.split() != text.split():
            yield f"the text of article {article_id} is not its kept blocks"


def raw_responses(db: Database) -> Iterator[str]:
    """Every record has the digests that it states, and each capture finds its own record: URL, time and payload."""
    yield from raw_faults(db, database_file(db).parent)


def _full_text_words(db: Database) -> Iterator[str]:
    """FTS5's own comparison, which SQLite counts as a write; left out where the file cannot be written now."""
    path = next(path for _, name, path in db.execute("PRAGMA database_list") if name == "main")
    if not path:
        return
    connection = sqlite3.connect(f"{Path(path).as_uri()}?mode=rw", uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return
    except sqlite3.DatabaseError as error:
        yield f"the full-text index does not hold the articles' words: {error}"
    finally:
        connection.close()


CHECKS: tuple[Callable[[Database], Iterator[str]], ...] = (
    integrity,
    foreign_keys,
    schema_version,
    full_text,
    articles_and_pages,
    ledger_counts,
    article_texts,
    old_revisions,
    raw_responses,
)
