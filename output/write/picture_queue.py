"""Pictures of the articles, queued to be fetched: those in the article and its lead, each URL once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.url_words import OutcomeReason, UrlKind
from broadsheet.output.write.takedowns import FORGOTTEN_URL

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_PICTURES = 50
"""Pictures of an article that are fetched at most, in the order of its page, and its lead."""

_REFUSING = ("noimageindex", "noimageai", "broadsheet: noimageindex", "broadsheet: noimageai")
_IS_PERMITTED = f"""NOT EXISTS (SELECT 1 FROM captures c, json_each(c.directives) d WHERE c.id = a.capture_id
    AND d.value IN ({", ".join(f"'{directive}'" for directive in _REFUSING)}))"""
_WANTED = f"""SELECT DISTINCT w.image, w.url FROM (
        SELECT a.image AS image, a.url AS url FROM articles a WHERE a.image LIKE 'http%' AND {{permitted}}
        UNION ALL SELECT i.url, a.url FROM articles a JOIN _images i ON i.page_id = a.page_id
        WHERE i.position < {MAX_PICTURES} AND {{permitted}}) w
    LEFT JOIN urls u ON u.url = w.image WHERE u.id IS NULL AND NOT {FORGOTTEN_URL.format("w.image")}
    ORDER BY w.url, w.image"""
_PUT = f"""INSERT OR IGNORE INTO urls (url, host, kind, state, found_via, found_on, first_seen)
    VALUES (?, ?, '{UrlKind.PICTURE}', 'queued', '{UrlSource.IMAGE}', ?, ?)"""
# Links to picture files were left out as no pages; what failed may be there now, but for what is gone.
_TAKE_LINKED = f"""UPDATE urls SET kind = '{UrlKind.PICTURE}', state = 'queued', reason = '', attempts = 0
    WHERE kind = 'page' AND state = 'skipped' AND reason = '{OutcomeReason.MEDIA_TYPE}'
        AND (url IN (SELECT url FROM _images WHERE position < {MAX_PICTURES}) OR url IN (SELECT image FROM articles))"""
_TAKE_FAILED = f"""UPDATE urls SET state = 'queued', reason = '', attempts = 0, not_before = NULL
    WHERE kind = '{UrlKind.PICTURE}' AND ((state = 'failed' AND reason NOT IN ('http_404', 'http_410'))
        OR (state = 'skipped' AND reason = '{OutcomeReason.ROBOTS_UNREACHABLE}'))"""
_COUNT = f"SELECT count(*) FROM urls WHERE state = 'queued' AND kind = '{UrlKind.PICTURE}'"


def queue_pictures(db: Database, seen_at: str, *, obeys_directives: bool = False) -> int:
    """Queue the pictures of the articles that were not fetched yet; return how many wait.

    With `obeys_directives`, those of pages that ask not to use their pictures stay out.
    """
    wanted = _WANTED.format(permitted=_IS_PERMITTED if obeys_directives else "true")
    with write_transaction(db):
        rows = [
            (image, host, page_url, seen_at)
            for image, page_url in db.execute(wanted).fetchall()
            if "#" not in image and (host := host_of(image))
        ]
        db.conn.executemany(_PUT, rows)
        for statement in (_TAKE_LINKED, _TAKE_FAILED):
            db.execute(statement)
        return int(db.execute(_COUNT).fetchone()[0])
