"""Taking articles out of an archive for good, at somebody's request, so that they never come back.

What goes: the articles, also shelved ones, their revisions, pages, ledgers and captures, block texts that nothing else
uses, and their words in the full-text index. What stays: the rows of `urls`, skipped, and the takedown itself, which
keeps these URLs and every URL that matches out of the queue (triggers on `urls`). `wipe` then rewrites the file, so
that nothing is left in free pages.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from cleaners.urls.canonical import canonicalise
from output.db.clock import utc_now
from output.db.ids import content_id
from output.db.open import file_of
from output.db.text import storable
from output.db.transaction import writing
from output.raw.erase import erase, note_going, rescue, rescues
from output.raw.save_capture import RawKeeper
from output.raw.warc_files import SIZE
from output.store.articles import article_id, note_change

FORGOTTEN = "forgotten"
WILDCARD = "*"
_LONG = 80  # characters of a block that names a copy of an article
_MOST = 20  # copies told

_AS_GLOB = "replace(replace({}, '[', '[[]'), '?', '[?]')"
_IS_FORGOTTEN = f"SELECT 1 FROM takedowns WHERE pattern = ?1 OR ?1 GLOB {_AS_GLOB.format('pattern')} LIMIT 1"

# The rows that match; articles that they redirect to; every other page of those articles; all that redirects to these.
_REACHED = f"""CREATE TEMP TABLE reached AS
    WITH RECURSIVE
    matched (id) AS (SELECT id FROM urls WHERE url = ?1 OR (?2 AND url GLOB {_AS_GLOB.format("?1")})),
    leads (id, hops) AS (
        SELECT id, 0 FROM matched UNION
        SELECT t.id, l.hops + 1 FROM leads l JOIN urls f ON f.id = l.id JOIN urls t ON t.url = f.location
        WHERE l.hops < 20),
    carrying (id, article_id) AS (
        SELECT p.id, p.article_id FROM pages p JOIN leads l ON l.id = p.id WHERE p.article_id IS NOT NULL),
    named (url) AS (SELECT url FROM urls WHERE id IN (SELECT id FROM matched)),
    pages_of (id) AS (
        SELECT id FROM matched UNION SELECT id FROM carrying UNION
        SELECT id FROM pages WHERE article_id IN (SELECT article_id FROM carrying) UNION
        SELECT page_id FROM articles WHERE id IN (SELECT article_id FROM carrying) UNION
        SELECT page_id FROM shelved WHERE id IN (SELECT article_id FROM carrying) UNION
        SELECT p.id FROM pages p WHERE p.canonical_url IN (SELECT url FROM named) AND p.article_id IS NOT NULL),
    back (id) AS (
        SELECT id FROM pages_of UNION
        SELECT f.id FROM back b JOIN urls t ON t.id = b.id JOIN urls f ON f.location = t.url)
    SELECT DISTINCT u.id AS id, u.url AS url FROM back JOIN urls u ON u.id = back.id"""
_GOING = "SELECT {} FROM {} WHERE page_id IN (SELECT id FROM reached)"
_FOREIGN = "warc_file IS NOT NULL AND warc_file NOT IN (SELECT name FROM warc_files)"
_LOST_BLOCKS = """SELECT count(*) FROM (
    SELECT block_id FROM page_blocks WHERE page_id IN (SELECT id FROM reached) UNION
    SELECT block_id FROM revision_blocks WHERE article_id IN (SELECT id FROM gone)) b WHERE NOT EXISTS (
        SELECT 1 FROM page_blocks o WHERE o.block_id = b.block_id AND o.page_id NOT IN (SELECT id FROM reached))
    AND NOT EXISTS (SELECT 1 FROM revision_blocks o
        WHERE o.block_id = b.block_id AND o.article_id NOT IN (SELECT id FROM gone))"""
_COPIES = """SELECT DISTINCT u.url FROM page_blocks b JOIN block_texts t ON t.id = b.block_id
        JOIN page_blocks o ON o.block_id = b.block_id AND o.kept = 1 JOIN urls u ON u.id = o.page_id
    WHERE b.page_id IN (SELECT id FROM reached) AND b.kept = 1 AND length(t.text) >= ?
        AND o.page_id NOT IN (SELECT id FROM reached) ORDER BY u.url LIMIT ?"""
_REMOVALS = (
    "DELETE FROM revision_blocks WHERE article_id IN (SELECT id FROM gone)",
    "DELETE FROM revisions WHERE article_id IN (SELECT id FROM gone)",
    "DELETE FROM articles WHERE id IN (SELECT id FROM gone)",
    "DELETE FROM shelved WHERE id IN (SELECT id FROM gone)",
    "DELETE FROM rulings WHERE article_id IN (SELECT id FROM gone)",
    "DELETE FROM sketches WHERE page_id IN (SELECT id FROM reached)",
    "DELETE FROM page_blocks WHERE page_id IN (SELECT id FROM reached)",
    "DELETE FROM page_layout WHERE page_id IN (SELECT id FROM reached)",
    "DELETE FROM pages WHERE id IN (SELECT id FROM reached)",
    "DELETE FROM captures WHERE url IN (SELECT url FROM reached)",
    # Earlier versions of a page leave texts that no ledger names any more.
    """DELETE FROM block_texts WHERE id NOT IN (SELECT block_id FROM page_blocks)
        AND id NOT IN (SELECT block_id FROM revision_blocks)""",
    f"""UPDATE urls SET state = 'skipped', reason = '{FORGOTTEN}', not_before = NULL
        WHERE kind = 'page' AND id IN (SELECT id FROM reached)""",
)


@dataclass(frozen=True, slots=True)
class Takedown:
    """What a URL or pattern reaches: URLs, (title, URL) of articles, captures, and what only it uses.

    `warc_files` hold their responses too, were imported, and are not touched. `copies`, other pages that keep
    long blocks of these articles, are not touched either.
    """

    pattern: str
    urls: tuple[str, ...]
    articles: tuple[tuple[str, str], ...]
    pages: int
    captures: int
    blocks: int
    warc_files: tuple[str, ...]
    copies: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is stored any more under its URLs."""
        return not (self.pages or self.captures or self.articles)


def is_forgotten(db: Database, url: str) -> bool:
    """Whether a URL, such as the one a page calls its own, was taken down."""
    return bool(url) and db.execute(_IS_FORGOTTEN, [storable(url)]).fetchone() is not None


def pattern_of(text: str) -> str:
    """What a person wrote, as the archive spells it: a URL canonical, a pattern with `*` as it is."""
    return text.strip() if WILDCARD in text else (canonicalise(text) or text.strip())


def plan(db: Database, pattern: str) -> Takedown:
    """What would go. A reading connection is enough."""
    _reach(db, pattern)
    urls = tuple(url for (url,) in db.execute("SELECT url FROM reached ORDER BY url"))
    captures = "FROM captures WHERE url IN (SELECT url FROM reached)"
    return Takedown(
        pattern,
        urls,
        tuple(db.execute(f"{_GOING.format('title, url', 'articles')} ORDER BY url").fetchall()),
        _one(db, "SELECT count(*) FROM pages WHERE id IN (SELECT id FROM reached)"),
        _one(db, f"SELECT count(*) {captures}"),
        _one(db, _LOST_BLOCKS),
        _firsts(db.execute(f"SELECT DISTINCT warc_file {captures} AND {_FOREIGN} ORDER BY 1")),
        _firsts(db.execute(_COPIES, [_LONG, _MOST])),
    )


def forget(db: Database, pattern: str, note: str = "", clock: Callable[[], str] = utc_now) -> Takedown:
    """Take out what a URL or pattern reaches, in one transaction, and remember it. `wipe` the file afterwards."""
    db.execute("PRAGMA secure_delete = ON")
    file = file_of(db)
    found = plan(db, pattern)
    staying = rescues(db, file.parent)
    raw = RawKeeper(db, file, clock, {"software": "Broadsheet, forget"}, SIZE)
    try:
        if staying:
            raw.make_room(sum(each.wire.size for each in staying))
        with writing(db):
            note_going(db, staying)
            rescue(db, raw, staying)
            _take_out(db, pattern, found, note, clock)
            raw.sync()
        raw.committed()
    except BaseException:
        raw.undo()
        raise
    finally:
        raw.close()
    erase(db, file.parent, clock)
    return found


def _take_out(db: Database, pattern: str, found: Takedown, note: str, clock: Callable[[], str]) -> None:
    """Take the rows out, and remember what was asked."""
    for (number,) in db.execute(_GOING.format("id", "articles")).fetchall():
        note_change(db, number, clock(), "removed")
    for statement in _REMOVALS:
        db.execute(statement)
    names = [pattern] if WILDCARD in pattern else list(dict.fromkeys((pattern, *found.urls)))
    _remember(db, names, found, note, clock())


def wipe(db: Database) -> None:
    """Rewrite the index and the file, so that no free page and no log holds what was deleted. Takes the file's size."""
    db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('optimize')")
    db.conn.commit()
    with db.ensure_autocommit_on():
        db.conn.execute("VACUUM")
        db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def backups_of(file: Path) -> tuple[str, ...]:
    """The backups beside an archive: copies from before an upgrade, which hold what was there then."""
    return tuple(sorted(str(each) for each in file.parent.glob(f"{file.name}.backup-v*")))


def _reach(db: Database, pattern: str) -> None:
    """Make the temporary tables of the URLs that go, and of their articles, also those that only revisions tell of."""
    for table in ("reached", "gone"):
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")
    db.execute(_REACHED, [storable(pattern), WILDCARD in pattern])
    known = f"{_GOING.format('id', 'articles')} UNION {_GOING.format('id', 'shelved')}"
    named = [article_id(url) for (url,) in db.execute("SELECT url FROM reached").fetchall()]
    db.execute(
        f"CREATE TEMP TABLE gone AS SELECT id FROM ({known}) UNION SELECT value FROM json_each(?)", [json.dumps(named)]
    )


def _remember(db: Database, names: Iterable[str], found: Takedown, note: str, at: str) -> None:
    """A row for what was asked; a single article's other URLs get theirs, so that no new file has them back."""
    db.conn.executemany(
        """INSERT INTO takedowns (id, pattern, at, urls, articles, blocks, note) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (pattern) DO UPDATE SET at = excluded.at, urls = max(urls, excluded.urls),
                articles = articles + excluded.articles, blocks = blocks + excluded.blocks,
                note = CASE WHEN excluded.note <> '' THEN excluded.note ELSE note END""",
        [
            (content_id(storable(name)), storable(name), at, *((0, 0, 0) if place else _size(found)), storable(note))
            for place, name in enumerate(names)
        ],
    )


def _size(found: Takedown) -> tuple[int, int, int]:
    return len(found.urls), len(found.articles), found.blocks


def _firsts(rows: sqlite3.Cursor) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in rows)


def _one(db: Database, query: str) -> int:
    return int(db.execute(query).fetchone()[0])
