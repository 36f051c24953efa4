"""The captures of a source, with the places of their records in the copied WARC files."""

from __future__ import annotations

from sqlite_utils import Database

from broadsheet.output.db.url_words import UrlState
from broadsheet.output.merge.source_archive import SCHEMA_NAME
from broadsheet.output.write.forget import FORGOTTEN_URL

_COLUMNS = (
    *("id", "url", "fetched_at", "http_status", "final_url", "content_type", "payload_digest", "payload_length"),
    *("directives", "robots_id", "refers_to", "truncated", "etag", "last_modified", "record_faults"),
)
# Captures that were taken down here stay out, unless the record of one holds what another capture refers to.
_CREATE_LEFT_OUT = f"""CREATE TEMP TABLE merge_left_out AS
    SELECT s.id AS id, s.warc_file AS warc_file, s.warc_offset AS warc_offset FROM {SCHEMA_NAME}.captures s
    WHERE {FORGOTTEN_URL.format("s.url")} AND NOT EXISTS (
        SELECT 1 FROM {SCHEMA_NAME}.captures o WHERE o.refers_to = s.id AND NOT {FORGOTTEN_URL.format("o.url")})"""
# One that the target has from an imported file has its record in a file of its own now, where a takedown finds it.
_OF_RECORD = ("refers_to", "truncated", "record_faults", "warc_file", "warc_offset", "warc_length")
_PUT_CAPTURES = f"""INSERT INTO captures ({", ".join(_COLUMNS)}, warc_file, warc_offset, warc_length)
    SELECT {", ".join(f"s.{name}" for name in _COLUMNS)}, coalesce(p.name, s.warc_file), s.warc_offset, s.warc_length
    FROM {SCHEMA_NAME}.captures s LEFT JOIN temp.merge_places p ON p.source_name = s.warc_file
    WHERE s.id NOT IN (SELECT id FROM temp.merge_left_out) ORDER BY s.id
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _OF_RECORD)}
        WHERE coalesce(captures.warc_file, '') NOT IN (SELECT name FROM main.warc_files)
            AND excluded.warc_file IN (SELECT name FROM main.warc_files)"""
# Their records came with the copied bytes, and are written over.
_PUT_ERASURES = f"""INSERT OR IGNORE INTO warc_erasures (file, offset, following)
    SELECT p.name, n.warc_offset, coalesce((SELECT min(o.warc_offset) FROM {SCHEMA_NAME}.captures o
            WHERE o.warc_file = n.warc_file AND o.warc_offset > n.warc_offset), f.length)
    FROM temp.merge_left_out n JOIN temp.merge_places p ON p.source_name = n.warc_file
        JOIN main.warc_files f ON f.name = p.name
    WHERE n.warc_offset >= p.copied"""
# A takedown there that waited for a file: the record came with the copied bytes too.
_PUT_WAITING_ERASURES = f"""INSERT OR IGNORE INTO warc_erasures (file, offset, following)
    SELECT p.name, e.offset, e.following FROM {SCHEMA_NAME}.warc_erasures e
        JOIN temp.merge_places p ON p.source_name = e.file JOIN main.warc_files f ON f.name = p.name"""
# Each capture has a row of its URL. One that is new here waits in the queue until its host's turn.
_PUT_WAITING_URLS = f"""INSERT OR IGNORE INTO urls (
        url, host, kind, state, found_via, found_on, depth, priority, first_seen)
    SELECT u.url, u.host, u.kind, '{UrlState.QUEUED}', u.found_via, u.found_on, u.depth, u.priority, u.first_seen
    FROM {SCHEMA_NAME}.urls u WHERE EXISTS (SELECT 1 FROM {SCHEMA_NAME}.captures s WHERE s.url = u.url)
    ORDER BY u.id"""
_FORGOTTEN_KEPT = f"""SELECT DISTINCT s.url FROM {SCHEMA_NAME}.captures s JOIN main.captures t ON t.id = s.id
    WHERE {FORGOTTEN_URL.format("s.url")}"""


def merge_captures(target: Database) -> list[str]:
    """Take over the captures, but for those of URLs that were taken down here, whose records are to be erased.

    Returns the URLs that were taken down and whose captures had to come in, since others refer to their records: they
    have to be taken down again. `temp.merge_places` has to be there. Runs in the caller's transaction.
    """
    target.execute("PRAGMA defer_foreign_keys = ON")
    target.execute("DROP TABLE IF EXISTS temp.merge_left_out")
    target.execute(_CREATE_LEFT_OUT)
    target.execute("CREATE UNIQUE INDEX temp.merge_left_out_id ON merge_left_out (id)")
    target.execute(_PUT_WAITING_URLS)
    target.execute(_PUT_CAPTURES)
    target.execute(_PUT_ERASURES)
    target.execute(_PUT_WAITING_ERASURES)
    return [url for (url,) in target.execute(_FORGOTTEN_KEPT).fetchall()]
