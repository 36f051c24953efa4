"""Takedowns: articles removed from an archive for good, on request, so that they never come back.

Removed are the articles, also shelved ones, their revisions, pages, ledgers and captures, and their words in the
full-text index. Block texts, pictures and style sheets go if nothing else uses them. What stays are the rows of
`urls`, skipped, and the takedown itself, which keeps these URLs and every URL that matches out of the queue (triggers
on `urls`).
Nothing of it is left then in bytes that no row uses. What a kill, a full disk or a reader keeps from being done is
noted in `meta`, and `finish_takedowns` does it, in whatever process opens the archive to write next.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlite_utils import Database

from broadsheet.cleaners.page.canonical_urls import canonicalise

from ..archive.archive_errors import NotReachable
from ..archive.archive_file import BUSY_MS, check_room, database_bytes, database_file
from ..archive.article_storage import ArticleChange, note_change
from ..archive.atomic_writes import write_transaction
from ..archive.page_rows import article_id
from ..archive.stored_text import storable_text
from ..archive.stored_values import STORE_FACT, content_id, utc_now
from ..archive.url_words import OutcomeReason, UrlState
from ..raw.erasure import IS_REMOVED, erase_records, find_rescues, note_erasures, write_rescues
from ..raw.warc_files import WARC_FILE_SIZE
from ..raw.warc_writer import RawResponseWriter
from .outcome import Outcome

WILDCARD = "*"
_COPY_BLOCK_LENGTH = 80  # characters; a page that keeps a block of at least this length is a copy
_MAX_COPIES = 20  # listed at most
_MOST_HOPS = 20
_UNFINISHED = "takedowns_unfinished"
"""Key in `meta` of the takedowns that are not finished: those to be begun, as [pattern, note]. Deleted rows may still
stand in bytes that no row uses."""
_READ_UNFINISHED = f"SELECT value FROM meta WHERE key = '{_UNFINISHED}'"
_ALL_DONE = f"DELETE FROM meta WHERE key = '{_UNFINISHED}'"
_READER_MS = 1_000  # how long a reader is waited for

_AS_GLOB = "replace(replace({}, '[', '[[]'), '?', '[?]')"
FORGOTTEN_URL = (
    "(EXISTS (SELECT 1 FROM main.takedowns WHERE pattern = {0}) OR EXISTS (SELECT 1 FROM main.takedowns"
    f" WHERE instr(pattern, '{WILDCARD}') AND {{0}} GLOB {_AS_GLOB.format('pattern')}))"
)
"""SQL that says of an expression whether the URL that it gives was taken down; to be formatted with it."""
_HAS_PAGE = "SELECT 1 FROM pages p JOIN urls u ON u.id = p.id WHERE u.url = ?"
_MOVED = (UrlState.DONE, OutcomeReason.REDIRECT)
_IS_FORGOTTEN = f"""SELECT {FORGOTTEN_URL.format("?1")}
    OR EXISTS (SELECT 1 FROM urls WHERE url = ?1 AND reason = '{OutcomeReason.FORGOTTEN}')"""

# The rows that match; articles that they redirect to, over ?3 hops; every other page of those articles; all that
# redirects to these.
_REACHED = f"""CREATE TEMP TABLE reached AS
    WITH RECURSIVE
    matched (id) AS (SELECT id FROM urls WHERE url = ?1 OR (?2 AND url GLOB {_AS_GLOB.format("?1")})),
    leads (id, hops) AS (
        SELECT id, 0 FROM matched UNION
        SELECT t.id, l.hops + 1 FROM leads l JOIN urls f ON f.id = l.id JOIN urls t ON t.url = f.location
        WHERE l.hops < ?3),
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
    , used (id) AS (
        SELECT url_id FROM _page_files WHERE user_id IN (SELECT id FROM back)
        UNION SELECT f.url_id FROM used u JOIN _page_files f ON f.user_id = u.id),
    needed (id) AS (
        SELECT f.url_id FROM _page_files f JOIN pages p ON p.id = f.user_id
        WHERE EXISTS (SELECT 1 FROM used) AND p.id NOT IN (SELECT id FROM back)
        UNION SELECT f.url_id FROM needed n JOIN _page_files f ON f.user_id = n.id)
    , shown (id) AS (
        SELECT u.id FROM urls u WHERE u.kind = 'picture' AND (u.id IN (SELECT id FROM used) OR u.url IN (
            SELECT url FROM _images WHERE page_id IN (SELECT id FROM back)
            UNION SELECT image FROM articles WHERE page_id IN (SELECT id FROM back)
            UNION SELECT image FROM shelved WHERE page_id IN (SELECT id FROM back)))
            AND u.id NOT IN (SELECT id FROM needed)
            AND NOT EXISTS (SELECT 1 FROM _images o WHERE o.url = u.url AND o.page_id NOT IN (SELECT id FROM back))
            AND NOT EXISTS (SELECT 1 FROM articles o WHERE o.image = u.url AND o.page_id NOT IN (SELECT id FROM back))
        UNION SELECT t.id FROM shown s JOIN urls f ON f.id = s.id JOIN urls t ON t.url = f.location
        WHERE t.kind = 'picture' AND NOT EXISTS (SELECT 1 FROM urls o WHERE o.location = t.url
            AND o.id <> f.id AND o.found_on NOT IN (SELECT url FROM urls WHERE id IN (SELECT id FROM back))))
    SELECT DISTINCT u.id AS id, u.url AS url FROM (SELECT id FROM back UNION SELECT id FROM shown) r
        JOIN urls u ON u.id = r.id"""
_REACHED_OTHERWISE = f"SELECT url FROM reached WHERE NOT url GLOB {_AS_GLOB.format('?1')} ORDER BY url"
_REACHED_ROWS = "SELECT {} FROM {} WHERE page_id IN (SELECT id FROM reached)"
_FROM_REACHED_CAPTURES = f"FROM captures WHERE {IS_REMOVED}"
_IS_IMPORTED = "warc_file IS NOT NULL AND warc_file NOT IN (SELECT name FROM _warc_files)"
_GONE_TEXTS = """CREATE TEMP TABLE gone_texts AS SELECT block_id AS id FROM (
    SELECT block_id FROM _page_blocks WHERE page_id IN (SELECT id FROM reached) UNION
    SELECT block_id FROM _revision_blocks WHERE article_id IN (SELECT id FROM gone)) b WHERE NOT EXISTS (
        SELECT 1 FROM _page_blocks o WHERE o.block_id = b.block_id AND o.page_id NOT IN (SELECT id FROM reached))
    AND NOT EXISTS (SELECT 1 FROM _revision_blocks o
        WHERE o.block_id = b.block_id AND o.article_id NOT IN (SELECT id FROM gone))"""
_COPIES = """SELECT DISTINCT u.url FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
        JOIN _page_blocks o ON o.block_id = b.block_id AND o.kept = 1 JOIN urls u ON u.id = o.page_id
    WHERE b.page_id IN (SELECT id FROM reached) AND b.kept = 1 AND length(t.text) >= ?
        AND o.page_id NOT IN (SELECT id FROM reached) ORDER BY u.url LIMIT ?"""
_LEDGER_TEXTS = "SELECT block_id FROM _page_blocks UNION SELECT block_id FROM _revision_blocks"
_CORRECTED_TEXTS = "SELECT block_id FROM corrections WHERE block_id IS NOT NULL"
_REMOVALS = (
    "DELETE FROM _revision_blocks WHERE article_id IN (SELECT id FROM gone)",
    "DELETE FROM revisions WHERE article_id IN (SELECT id FROM gone)",
    "DELETE FROM _pending_revisions WHERE article_id IN (SELECT id FROM gone)",
    "DELETE FROM articles WHERE id IN (SELECT id FROM gone)",
    "DELETE FROM _shelf WHERE id IN (SELECT id FROM gone)",
    "DELETE FROM _page_blocks WHERE page_id IN (SELECT id FROM reached)",
    "DELETE FROM _page_layout WHERE page_id IN (SELECT id FROM reached)",
    "DELETE FROM _page_signatures WHERE page_id IN (SELECT id FROM reached)",
    # Settling counts the rest again.
    "DELETE FROM pages WHERE id IN (SELECT id FROM reached)",
    "DELETE FROM _layouts WHERE id NOT IN (SELECT layout_id FROM pages WHERE layout_id IS NOT NULL)",
    "DELETE FROM _pictures WHERE url_id IN (SELECT id FROM reached)",
    "DELETE FROM _page_files WHERE user_id IN (SELECT id FROM reached) OR url_id IN (SELECT id FROM reached)",
    f"DELETE {_FROM_REACHED_CAPTURES}",
    "DELETE FROM _resource_users WHERE url IN (SELECT url FROM reached)",
    """UPDATE captures SET rendered_for = (SELECT min(url) FROM _resource_users WHERE capture_id = captures.id)
        WHERE rendered_for IN (SELECT url FROM reached)""",
    "DELETE FROM _reviews WHERE url IN (SELECT url FROM reached)",
    # Earlier versions of a page leave texts that no ledger names any more. One that only a correction names may be of
    # these pages, unless the correction is for another article or host.
    f"""DELETE FROM corrections WHERE article_id IN (SELECT id FROM gone) OR block_id IN (SELECT id FROM gone_texts)
        OR (article_id IS NULL AND block_id IS NOT NULL AND block_id NOT IN ({_LEDGER_TEXTS})
            AND coalesce(host IN (SELECT host FROM urls WHERE id IN (SELECT id FROM reached)), true))""",
    f"""DELETE FROM _block_texts WHERE id NOT IN ({_LEDGER_TEXTS}) AND id NOT IN ({_CORRECTED_TEXTS})""",
    f"""UPDATE urls SET state = 'skipped', reason = '{OutcomeReason.FORGOTTEN}', _not_before = NULL
        WHERE kind IN ('page', 'picture') AND id IN (SELECT id FROM reached)""",
)


@dataclass(frozen=True, slots=True)
class Takedown:
    """A takedown of a URL or pattern: the URLs and articles, as (title, URL), that it removes, and counts of the rest.

    `block_count` is of block texts that no other page uses. Not touched are `warc_files`, imported files with responses
    of these URLs, and `copies`, URLs of other pages with long blocks of these articles.
    """

    pattern: str
    urls: tuple[str, ...]
    articles: tuple[tuple[str, str], ...]
    page_count: int
    capture_count: int
    block_count: int
    warc_files: tuple[str, ...]
    copies: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is stored for its URLs."""
        return not (self.page_count or self.capture_count or self.articles)


def is_forgotten(db: Database, url: str) -> bool:
    """Return whether a URL, such as a page's canonical one, was taken down."""
    return bool(url) and bool(db.execute(_IS_FORGOTTEN, [storable_text(url)]).fetchone()[0])


def unless_forgotten(db: Database, outcome: Outcome) -> Outcome:
    """Return the outcome to store: a page whose redirect or canonical URL is a forgotten URL is forgotten too.

    Where an earlier page is stored, which nobody took down, the outcome is a redirect, and that page stays.
    """
    canonical_url = outcome.page.metadata.canonical_url if outcome.page else ""
    [target, *_] = *filter(partial(is_forgotten, db), (outcome.location, canonical_url)), ""
    if not target:
        return outcome
    has_page = db.execute(_HAS_PAGE, [storable_text(outcome.url)]).fetchone()
    state, reason = _MOVED if has_page else (UrlState.SKIPPED, OutcomeReason.FORGOTTEN)
    return replace(outcome, state=state, reason=reason, location=target, capture=None, page=None)


def archive_pattern(text: str) -> str:
    """Return the pattern for a user's input: a URL in its canonical form, a pattern with `*` unchanged."""
    return text.strip() if WILDCARD in text else (canonicalise(text) or text.strip())


def plan_takedown(db: Database, pattern: str, *, follows_redirects: bool = True) -> Takedown:
    """Compute what taking down a pattern would remove. A read-only connection is enough.

    Where no person sees the plan, follow no redirects: an address may lead to another article by now.
    """
    for table in ("reached", "gone", "gone_texts"):
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")
    db.execute(_REACHED, [storable_text(pattern), WILDCARD in pattern, (_MOST_HOPS if follows_redirects else 0)])
    stored_ids = f"{_REACHED_ROWS.format('id', 'articles')} UNION {_REACHED_ROWS.format('id', 'shelved')}"
    ids_by_url = [article_id(url) for (url,) in db.execute("SELECT url FROM reached").fetchall()]
    db.execute(
        f"CREATE TEMP TABLE gone AS SELECT id FROM ({stored_ids}) UNION SELECT value FROM json_each(?)",
        [json.dumps(ids_by_url)],
    )
    db.execute(_GONE_TEXTS)
    urls = tuple(url for (url,) in db.execute("SELECT url FROM reached ORDER BY url"))
    return Takedown(
        pattern,
        urls,
        tuple(db.execute(f"{_REACHED_ROWS.format('title, url', 'articles')} ORDER BY url").fetchall()),
        _count(db, "SELECT count(*) FROM pages WHERE id IN (SELECT id FROM reached)"),
        _count(db, f"SELECT count(*) {_FROM_REACHED_CAPTURES}"),
        _count(db, "SELECT count(*) FROM gone_texts"),
        _first_column(db.execute(f"SELECT DISTINCT warc_file {_FROM_REACHED_CAPTURES} AND {_IS_IMPORTED} ORDER BY 1")),
        _first_column(db.execute(_COPIES, [_COPY_BLOCK_LENGTH, _MAX_COPIES])),
    )


def take_down(
    db: Database, pattern: str, note: str = "", clock: Callable[[], str] = utc_now, *, follows_redirects: bool = True
) -> Takedown:
    """Remove what `plan_takedown` says, in one transaction, and record it. Call `finish_takedowns` afterwards."""
    db.execute("PRAGMA secure_delete = ON")
    file = database_file(db)
    takedown = plan_takedown(db, pattern, follows_redirects=follows_redirects)
    rescues = find_rescues(db, file)
    raw_writer = RawResponseWriter(db, file, clock, {"software": "Broadsheet, forget"}, WARC_FILE_SIZE)
    try:
        if rescues:
            raw_writer.make_room(sum(rescue.exchange.size for rescue in rescues))
        with write_transaction(db):
            note_erasures(db)
            write_rescues(db, raw_writer, rescues)
            _apply_takedown(db, pattern, takedown, note, clock)
            _note_waiting(db, [waiting for waiting in waiting_takedowns(db) or () if waiting[0] != pattern])
            raw_writer.sync()
        raw_writer.mark_committed()
    except BaseException:
        raw_writer.roll_back()
        raise
    finally:
        raw_writer.close()
    erase_records(db, file, clock)
    return takedown


def _apply_takedown(db: Database, pattern: str, takedown: Takedown, note: str, clock: Callable[[], str]) -> None:
    """Delete the rows, note each article's removal in `changes`, and record the takedown."""
    for (article_number,) in db.execute(_REACHED_ROWS.format("id", "articles")).fetchall():
        note_change(db, article_number, clock(), ArticleChange.REMOVED)
    for statement in _REMOVALS:
        db.execute(statement)
    # Other addresses of what a pattern names do not match it: each has a row of its own, here and where this is merged.
    further_urls = _first_column(db.execute(_REACHED_OTHERWISE, [storable_text(pattern)]))
    _record_takedown(db, dict.fromkeys((pattern, *further_urls)), takedown, note, clock())


def note_takedown(db: Database, pattern: str, note: str = "") -> None:
    """Request a takedown, which `finish_takedowns` begins; the connection need not own the archive."""
    with write_transaction(db):
        waiting = [other for other in waiting_takedowns(db) or () if other[0] != pattern]
        _note_waiting(db, [*waiting, (pattern, note)])


def waiting_takedowns(db: Database) -> list[tuple[str, str]] | None:
    """Return requested takedowns that have not begun, as (pattern, note); None if all are finished."""
    row = db.execute(_READ_UNFINISHED).fetchone()
    return [(str(pattern), str(note)) for pattern, note in json.loads(row[0])] if row else None


def _note_waiting(db: Database, waiting: Sequence[tuple[str, str]]) -> None:
    db.execute(STORE_FACT, [_UNFINISHED, json.dumps([[*map(storable_text, pair)] for pair in waiting])])


def finish_takedowns(db: Database, clock: Callable[[], str] = utc_now) -> str:
    """Finish all takedowns: those that wait, then the bytes that no row uses. Needs autocommit.

    Returns what stands in the way, in a line, if something does: the disk has too little room, or another program reads
    the archive. It stays noted then.
    """
    try:
        for pattern, note in waiting_takedowns(db) or ():
            take_down(db, pattern, note, clock)
        if waiting_takedowns(db) is not None:
            _erase_remains(db)
    except (sqlite3.OperationalError, OSError, NotReachable) as error:
        db.rollback()
        return str(error)
    return ""


def _erase_remains(db: Database) -> None:
    """Leave no deleted text in index, file and WAL: VACUUM writes all pages anew, and the WAL is then cut to nothing.

    NotReachable if the disk has too little room, or another program reads what is to go.
    """
    db.execute("PRAGMA secure_delete = ON")
    db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('optimize')")
    db.conn.commit()
    with db.ensure_autocommit_on():
        _write_back(db)
        check_room(database_file(db).parent, database_bytes(db), "a takedown")
        db.conn.execute("VACUUM")
        _write_back(db)
        db.conn.execute(_ALL_DONE)


def _write_back(db: Database) -> None:
    """Write the WAL back and cut it to nothing. NotReachable if a reader still needs it."""
    db.conn.execute(f"PRAGMA busy_timeout = {_READER_MS}")
    (is_busy, *_) = db.conn.execute("PRAGMA main.wal_checkpoint(TRUNCATE)").fetchone()
    db.conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    if is_busy:
        raise NotReachable(f"another program reads {database_file(db)}")


def archive_backups(file: Path) -> tuple[str, ...]:
    """Return the backups beside an archive: copies from before an upgrade, which takedowns cannot reach."""
    return tuple(sorted(str(path) for path in file.parent.glob(f"{file.name}.backup-v*")))


def _record_takedown(db: Database, patterns: Iterable[str], takedown: Takedown, note: str, taken_down_at: str) -> None:
    """Add a row for each pattern, the counts with the first. A row also keeps its URLs out of new crawls."""
    db.conn.executemany(
        """INSERT INTO takedowns (id, pattern, at, urls, articles, blocks, note) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (pattern) DO UPDATE SET at = excluded.at, urls = max(urls, excluded.urls),
                articles = articles + excluded.articles, blocks = blocks + excluded.blocks,
                note = CASE WHEN excluded.note <> '' THEN excluded.note ELSE note END""",
        [
            (
                content_id(storable_text(pattern)),
                storable_text(pattern),
                taken_down_at,
                *((0, 0, 0) if index else (len(takedown.urls), len(takedown.articles), takedown.block_count)),
                storable_text(note),
            )
            for index, pattern in enumerate(patterns)
        ],
    )


def _first_column(rows: sqlite3.Cursor) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in rows)


def _count(db: Database, query: str) -> int:
    return int(db.execute(query).fetchone()[0])
