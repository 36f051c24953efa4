"""The full-text index: articles enter and leave it together, and its GLOB is made fast.

FTS5 collects text in memory and writes it as one segment of the index, but it does so before each statement that has a
savepoint of its own, as one with triggers has: articles between such statements become a segment each, and segments are
merged again and again. Indexing the articles of one transaction together saves a tenth of the time of storing pages,
and a twelfth of the time of first settling 20,000 articles.

The index asks by GLOB whether a text has CJK characters. SQLite tries each character of a text against each range: 1 ms
for an article of 10,000 characters, most of what the index costs. For a text with such characters the index then
evaluates GLOB twice for each character. A connection without this function gives the same answers.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from sqlite3 import DatabaseError

from sqlite_utils import Database

from broadsheet.cleaners.words import CJK_CHARACTER, CJK_RANGES

_PUT_UNINDEXED = """INSERT OR IGNORE INTO _unindexed (id)
    SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM articles WHERE id = ?1)"""

# The articles of pages, but for those that wait for the index already.
_INDEXED_ARTICLES = """FROM json_each(?) p CROSS JOIN articles a ON a.page_id = p.value
    WHERE a.id NOT IN (SELECT id FROM _unindexed)"""
_COLLECT_INDEXED = f"CREATE TEMP TABLE leaving_index AS SELECT a.id AS id {_INDEXED_ARTICLES}"
_REMOVE_FROM_INDEX = """INSERT INTO articles_fts (articles_fts, rowid, title, text)
    SELECT 'delete', s.id, s.title, s.text FROM temp.leaving_index n CROSS JOIN _articles_search s ON s.id = n.id
    ORDER BY n.id"""
_INDEX_UNINDEXED = """INSERT INTO articles_fts (rowid, title, text)
    SELECT s.id, s.title, s.text FROM _unindexed n CROSS JOIN _articles_search s ON s.id = n.id ORDER BY n.id"""


def postpone_indexing(db: Database, article_number: int) -> None:
    """Leave an article, if it is a new one, out of the index until `index_postponed` is called."""
    db.execute(_PUT_UNINDEXED, [article_number])


def remove_from_index(db: Database, page_ids: Iterable[int]) -> None:
    """Take the articles of these pages out of the index until `index_postponed` is called in the same transaction.

    To be called before their titles or texts change: FTS5 has to be given the words that it took in.
    """
    db.execute(_COLLECT_INDEXED, [json.dumps(list(page_ids))])
    db.execute(_REMOVE_FROM_INDEX)
    db.execute("INSERT INTO _unindexed (id) SELECT id FROM temp.leaving_index")
    db.execute("DROP TABLE temp.leaving_index")


def index_postponed(db: Database) -> None:
    """Index the postponed articles, in the same transaction."""
    db.execute(_INDEX_UNINDEXED)
    db.execute("DELETE FROM _unindexed")


_CONTAINS_PATTERN, _CHARACTER_PATTERN = f"*[{CJK_RANGES}]*", f"[{CJK_RANGES}]"
_LOWER_HIGH_BYTES = bytes(range(ord(CJK_RANGES[0]) >> 8))
"""High bytes in UTF-16 of the characters below the first range."""
_SqlValue = str | bytes | int | float | None
_WILDCARD = re.compile(r"[*?\[]")


def install_quick_glob(connection: sqlite3.Connection) -> None:
    """Replace GLOB on a connection that writes articles."""
    connection.create_function("glob", 2, _QuickGlob(), deterministic=True)


class _QuickGlob:
    """GLOB in Python for the index's two patterns and for prefixes; SQLite's own for every other pattern."""

    def __init__(self) -> None:
        self._sqlite = sqlite3.connect(":memory:", check_same_thread=False)

    def __call__(self, pattern: _SqlValue, text: _SqlValue) -> bool | None:
        if isinstance(pattern, str) and isinstance(text, str) and "\0" not in text:
            if pattern == _CHARACTER_PATTERN:
                return len(text) == 1 and text >= CJK_RANGES[0] and CJK_CHARACTER.match(text) is not None
            if pattern == _CONTAINS_PATTERN:
                return has_unspaced_script(text)
            if pattern.endswith("*") and "\0" not in pattern and not _WILDCARD.search(pattern, 0, len(pattern) - 1):
                return text.startswith(pattern[:-1])
        answer = self._sqlite.execute("SELECT ?2 GLOB ?1", (pattern, text)).fetchone()[0]
        return None if answer is None else bool(answer)

    def __del__(self) -> None:
        self._sqlite.close()


def has_unspaced_script(text: str) -> bool:
    """Return whether a text has a character of CJK_RANGES.

    Most texts are decided by their bytes, without the regular expression.
    """
    if text.isascii() or not text.encode("utf-16-be", "replace")[::2].translate(None, _LOWER_HIGH_BYTES):
        return False
    return CJK_CHARACTER.search(text) is not None


# Space given back at the end of a run: the full-text index merged into one segment, the file cut by its free pages.
#
# FTS5 keeps what each transaction indexed in a segment of its own, and what left the index stays in the old ones
# until they are merged: a first crawl leaves up to 2.7 times the bytes that the index needs. Merging rewrites the
# whole index, so it waits until a quarter is new. The index then grows by a third from one merge to the next, so that
# an indexed text is rewritten a few times only, however large the archive becomes.
#
# VACUUM would pack the tables too, for another 5 %. It needs twice the file's size on the disk, and gives new rowids
# to a user's own tables that have no INTEGER PRIMARY KEY.

_MIN_NEW_SHARE = 1 / 4  # of the index outside its largest segment
_MIN_FREE_SHARE = 1 / 32  # of the file: fewer free pages are left for the next run

_SEGMENT_SIZES = "SELECT count(*) FROM articles_fts_idx GROUP BY segid"


def compact_file(db: Database) -> None:
    """Merge the index and shrink the file if enough is gained. Needs autocommit; blocks no reader.

    What fails, as on a full disk, is left to the next run: nothing is lost but space.
    """
    with suppress(DatabaseError):
        # What lies outside the largest segment is worth merging.
        sizes = [size for (size,) in db.execute(_SEGMENT_SIZES)]
        if (1 - max(sizes) / sum(sizes) if sizes else 0.0) >= _MIN_NEW_SHARE:
            db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('optimize')")
        (free_pages,), (pages,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_count"))
        if (free_pages / pages if pages else 0.0) >= _MIN_FREE_SHARE:
            db.conn.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page only
