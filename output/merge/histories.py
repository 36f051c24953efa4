"""The revisions of articles and the edits in `changes`, joined from two archives.

Where one archive's history of an article begins with all of the other's, the longer one holds. Histories that part, as
when two machines looked at different times, are not woven into one: the target's stays, and the source's captures say
the rest.
"""

from __future__ import annotations

from sqlite_utils import Database

from broadsheet.output.merge.source_archive import SCHEMA_NAME

_SIGHTINGS = "SELECT seen_at, capture_id FROM {}.revisions WHERE article_id = ? ORDER BY number"
_COLUMNS = "article_id, seen_at, capture_id, title, text_digest, change, number, kinds, added, removed, rewritten, note"
_REPLACE = (
    "DELETE FROM revisions WHERE article_id = ?",
    "DELETE FROM revision_blocks WHERE article_id = ?",
    f"""INSERT INTO revisions ({_COLUMNS}) SELECT {_COLUMNS} FROM {SCHEMA_NAME}.revisions
        WHERE article_id = ? ORDER BY number""",
    f"""INSERT OR IGNORE INTO block_texts (id, text) SELECT t.id, t.text FROM {SCHEMA_NAME}.revision_blocks b
        JOIN {SCHEMA_NAME}.block_texts t ON t.id = b.block_id WHERE b.article_id = ?""",
    f"""INSERT INTO revision_blocks (
            article_id, number, position, block_id, kind, kept, reason_id, box, linked, elsewhere)
        SELECT b.article_id, b.number, b.position, b.block_id, b.kind, b.kept, n.id, b.box, b.linked, b.elsewhere
        FROM {SCHEMA_NAME}.revision_blocks b JOIN {SCHEMA_NAME}.reasons o ON o.id = b.reason_id
            JOIN main.reasons n ON n.reason = o.reason AND n.rule = o.rule
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
    """The article's history as the target has it."""
    return _read(target, "main", article_id)


def merge_history(target: Database, article_id: int, stored_sightings: Sightings) -> bool:
    """Put the source's revisions of an article in place if they go on from `stored_sightings`, which the target had;
    returns whether they do."""
    source_sightings = _read(target, SCHEMA_NAME, article_id)
    count = len(stored_sightings)
    is_further = len(source_sightings) > count and source_sightings[:count] == stored_sightings
    for statement in _REPLACE if is_further else ():
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


def _read(target: Database, schema: str, article_id: int) -> Sightings:
    return [tuple(row) for row in target.execute(_SIGHTINGS.format(schema), [article_id])]
