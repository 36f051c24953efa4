"""Pages of a host joined from two archives, each as its cleaner read it, with their histories.

A page is saved as a crawl saves it. What an archive's other pages made of it (what the site repeats, copies, parts)
does not come along: settling judges anew with the pages of both archives.

If one archive's history of an article begins with all of the other's, the longer one holds. Histories that part, as
when two machines looked at different times, are not woven into one: the target's stays, and the source's captures say
the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlite_utils import Database

from ..archive.article_storage import ARTICLE_COLUMNS, changes_made_now, put_user_values, stored_article
from ..archive.fulltext import index_postponed, postpone_indexing
from ..archive.page_rows import Sighting
from ..archive.revisions import correct_revision
from ..archive.stored_text import storable_text
from ..archive.stored_values import text_digest
from ..archive.table_columns import folded_name, quoted_name, table_columns
from ..settle.own_reading import OwnReading, read_own_reading
from ..write.page_writer import save_page
from ..write.takedowns import is_forgotten
from .source_archive import SCHEMA_NAME, SourceArchive

_SIGHTINGS = "SELECT seen_at, capture_id FROM {}.revisions WHERE article_id = ? ORDER BY number"
_REVISION_COLUMNS = (
    "article_id, seen_at, capture_id, title, text_digest, change, number, kinds, added, removed, rewritten, note"
)
_REPLACE_REVISIONS = (
    "DELETE FROM revisions WHERE article_id = ?",
    "DELETE FROM _revision_blocks WHERE article_id = ?",
    f"""INSERT INTO revisions ({_REVISION_COLUMNS}) SELECT {_REVISION_COLUMNS} FROM {SCHEMA_NAME}.revisions
        WHERE article_id = ? ORDER BY number""",
    f"""INSERT OR IGNORE INTO _block_texts (id, text) SELECT t.id, t.text FROM {SCHEMA_NAME}._revision_blocks b
        JOIN {SCHEMA_NAME}._block_texts t ON t.id = b.block_id WHERE b.article_id = ?""",
    f"""INSERT INTO _revision_blocks (
            article_id, number, position, block_id, kind, kept, reason_id, box, linked, elsewhere)
        SELECT b.article_id, b.number, b.position, b.block_id, b.kind, b.kept, n.id, b.box, b.linked, b.elsewhere
        FROM {SCHEMA_NAME}._revision_blocks b JOIN {SCHEMA_NAME}._reasons o ON o.id = b.reason_id
            JOIN main._reasons n ON n.reason = o.reason AND n.rule = o.rule
        WHERE b.article_id = ?""",
)
_GONE_ARTICLES = f"""SELECT DISTINCT s.article_id FROM {SCHEMA_NAME}.revisions s
    WHERE NOT EXISTS (SELECT 1 FROM main.revisions t WHERE t.article_id = s.article_id)
        AND s.article_id NOT IN (SELECT id FROM temp.merge_forgotten)"""
_EDIT_COLUMNS = "article_id, at, change, kind, revision"
_CREATE_EDITS = """CREATE TEMP TABLE merge_edits AS
    SELECT DISTINCT article_id, at, kind, coalesce(revision, 0) AS number FROM main.changes WHERE kind <> ''"""
_PUT_EDITS = f"""INSERT INTO changes ({_EDIT_COLUMNS}) SELECT {_EDIT_COLUMNS} FROM {SCHEMA_NAME}.changes s
    WHERE s.kind <> '' AND s.article_id NOT IN (SELECT id FROM temp.merge_forgotten) AND NOT EXISTS (
        SELECT 1 FROM temp.merge_edits e WHERE e.article_id = s.article_id AND e.at = s.at AND e.kind = s.kind
            AND e.number = coalesce(s.revision, 0))
    ORDER BY s.seq"""

Sightings = list[tuple[str, int | None]]
"""When an article was seen, and in which capture, for each of its revisions."""


def read_sightings(target: Database, article_id: int) -> Sightings:
    """Read the article's history as the target has it."""
    return _read_revisions(target, "main", article_id)


def merge_history(target: Database, article_id: int, stored_sightings: Sightings) -> bool:
    """Put the source's revisions of an article in place if they go on from `stored_sightings`, which the target had;
    returns whether they do.
    """
    source_sightings = _read_revisions(target, SCHEMA_NAME, article_id)
    count = len(stored_sightings)
    is_further = len(source_sightings) > count and source_sightings[:count] == stored_sightings
    for statement in _REPLACE_REVISIONS if is_further else ():
        target.execute(statement, [article_id])
    return is_further


def merge_gone_histories(target: Database) -> None:
    """Take over the revisions of articles that neither archive has any more."""
    for (article_id,) in target.execute(_GONE_ARTICLES).fetchall():
        merge_history(target, article_id, [])


def merge_edits(target: Database) -> None:
    """Append the source's edits that `changes` does not hold yet; their times stay."""
    target.execute("DROP TABLE IF EXISTS temp.merge_edits")
    target.execute(_CREATE_EDITS)
    target.execute("CREATE INDEX temp.merge_edits_article ON merge_edits (article_id)")
    target.execute(_PUT_EDITS)


def _read_revisions(target: Database, schema: str, article_id: int) -> Sightings:
    return [tuple(row) for row in target.execute(_SIGHTINGS.format(schema), [article_id])]


_PAGES = f"""SELECT s.id, u.url, u.host, v.id, s.capture_id, coalesce(c.fetched_at, ''), s.cleaner_version,
        coalesce(s.cleaner_id, 0), s.own_type, s.text_digest, t.id IS NOT NULL, t.capture_id,
        coalesce(d.fetched_at, ''), t.cleaner_version, coalesce(t.cleaner_id, 0), t.own_type, t.text_digest
    FROM temp.merge_hosts h CROSS JOIN {SCHEMA_NAME}.urls u ON u.id = h.url_id
        CROSS JOIN {SCHEMA_NAME}.pages s ON s.id = u.id JOIN main.urls v ON v.url = u.url
        LEFT JOIN {SCHEMA_NAME}.captures c ON c.id = s.capture_id
        LEFT JOIN main.pages t ON t.id = v.id LEFT JOIN main.captures d ON d.id = t.capture_id
    WHERE h.host = ? ORDER BY u.id"""
_UPDATE_SEEN = """UPDATE {} SET first_seen = min(first_seen, ?1), last_seen = max(last_seen, ?2) WHERE page_id = ?3"""


@dataclass(frozen=True, slots=True)
class _PagePair:
    """A page of the source with its number there and its sighting here, and how both archives' readings compare.

    A reading is known by the time and number of its capture, its cleaner's version and number, and what it says; the
    greater one holds, so that it does not matter which archive comes first. None where the target has no page.
    """

    source_id: int
    sighting: Sighting
    source_reading: tuple[object, ...]
    target_reading: tuple[object, ...] | None

    @property
    def is_newer(self) -> bool:
        """Return whether the source's reading replaces the target's."""
        return self.target_reading is None or self.source_reading > self.target_reading


def merge_pages(target: Database, source: SourceArchive, host: str, clock: Callable[[], str]) -> int:
    """Take over a host's pages in the caller's transaction; returns how many were stored.

    Rows of `changes` get the present time; all else keeps that of the captures.
    """
    with changes_made_now(target, clock):
        stored_count = sum(_merge_page(target, source, pair) for pair in list(_page_pairs(target, host)))
        index_postponed(target)
    return stored_count


def add_user_columns(target: Database) -> None:
    """Add to `articles` the columns that users added to the source's and that this archive lacks."""
    names = {folded_name(column.name) for column in table_columns(target, "articles")}
    rows = target.execute(f"SELECT name, type, hidden FROM pragma_table_xinfo('articles', '{SCHEMA_NAME}')").fetchall()
    for name, declared_type, hidden in rows:
        if not hidden and name not in ARTICLE_COLUMNS and folded_name(name) not in names:
            type_text = f" {quoted_name(declared_type)}" if declared_type else ""
            target.execute(f"ALTER TABLE articles ADD COLUMN {quoted_name(name)}{type_text}")


def _page_pairs(target: Database, host: str) -> Iterator[_PagePair]:
    for row in target.execute(_PAGES, [host]):
        source_id, url, page_host, page_id, capture_id, fetched_at, *rest = row
        source_reading = (fetched_at, capture_id or 0, *rest[:4])
        has_page, target_capture, target_time, *target_rest = rest[4:]
        target_reading = (target_time, target_capture or 0, *target_rest) if has_page else None
        sighting = Sighting(page_id, storable_text(url), page_host, capture_id, fetched_at)
        yield _PagePair(source_id, sighting, source_reading, target_reading)


def _merge_page(target: Database, source: SourceArchive, pair: _PagePair) -> bool:
    """Store a page if the source's reading is the newer one, and join the histories; returns whether it was stored."""
    if is_forgotten(target, pair.sighting.url):
        return False
    stored_sightings = read_sightings(target, pair.sighting.article_id)
    reading = read_own_reading(source.db, pair.source_id) if pair.is_newer else None
    if reading and is_forgotten(target, reading.rows.metadata.canonical_url):
        return False
    if reading:
        _save_reading(target, pair.sighting, reading)
    if merge_history(target, pair.sighting.article_id, stored_sightings):
        _correct_digest(target, pair.sighting)
    return reading is not None


def _save_reading(target: Database, sighting: Sighting, reading: OwnReading) -> None:
    seen_at = sighting.seen_at or reading.last_seen
    if reading.rows.is_article:
        postpone_indexing(target, sighting.article_id)
    save_page(target, replace(sighting, seen_at=seen_at), reading.rows)
    if reading.first_seen:
        for table in ("articles", "_shelf"):
            seen = [reading.first_seen, reading.last_seen, sighting.page_id]
            target.execute(_UPDATE_SEEN.format(table), seen)
    _put_user_values(target, sighting.page_id, reading.user_values)


def _correct_digest(target: Database, sighting: Sighting) -> None:
    """Have the last revision state the digest of the text as it stands here until settling."""
    stored = stored_article(target, sighting.url)
    if stored:
        correct_revision(target, sighting.article_id, None, text_digest(stored.text))


def _put_user_values(target: Database, page_id: int, values: Mapping[str, object]) -> None:
    """Write what a user noted beside the source's article, where there is something."""
    put_user_values(target, page_id, {name: value for name, value in values.items() if value is not None})  # type: ignore[misc]
