"""Pictures of the articles (lead and inline), each URL once, to be fetched or found among captures.

The files that a page shows besides are queued with the page (`Outcome.page_files`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.canonical_urls import host_of

from ..archive.atomic_writes import write_transaction
from ..archive.stored_text import SQL_ARTICLE_TYPES
from ..archive.stored_values import stored_texts
from ..archive.url_words import OutcomeReason, UrlKind
from ..archive.usage_preferences import PICTURE_REFUSALS
from .outcome import MAX_PICTURES
from .takedowns import FORGOTTEN_URL

if TYPE_CHECKING:
    from sqlite_utils import Database

_IS_PERMITTED = f"""NOT EXISTS (SELECT 1 FROM captures c, json_each(c.directives) d WHERE c.id = a.capture_id
    AND d.value IN ({", ".join(f"'{directive}'" for directive in PICTURE_REFUSALS)}))"""
# The pictures that articles name, and where they are known to redirect to.
_WANTED = f"""WITH RECURSIVE named (image, url) AS (
        SELECT a.image, a.url FROM articles a WHERE a.image LIKE 'http%' AND {{permitted}}
        UNION SELECT i.url, a.url FROM articles a JOIN _images i ON i.page_id = a.page_id
        WHERE i.position < {MAX_PICTURES} AND {{permitted}}
        UNION SELECT u.url, u.found_on FROM _page_files f JOIN urls u ON u.id = f.url_id WHERE u.state <> 'done'),
    wanted (image, url) AS (
        SELECT image, url FROM named
        UNION SELECT u.location, w.url FROM wanted w JOIN urls u ON u.url = w.image WHERE u.location IS NOT NULL)"""
_UNKNOWN = f"""{_WANTED} SELECT DISTINCT w.image, w.url FROM wanted w LEFT JOIN urls u ON u.url = w.image
    WHERE u.id IS NULL AND NOT {FORGOTTEN_URL.format("w.image")} ORDER BY w.url, w.image"""
# Responses that the archive has of pictures whose files are not known: it imported them.
_AT_HAND = f"""{_WANTED} SELECT c.url, c.id, c.fetched_at, c.payload_digest, c.content_type, c.directives, c.usage
    FROM (SELECT DISTINCT image FROM wanted) w JOIN urls u ON u.url = w.image
        JOIN captures c ON c.id = (SELECT id FROM captures WHERE url = w.image AND http_status = 200
            AND warc_file IS NOT NULL AND truncated IS NULL ORDER BY fetched_at DESC, id LIMIT 1)
    WHERE u.kind IN ('page', 'picture') AND u.reason <> '{OutcomeReason.FORGOTTEN}'
        AND NOT EXISTS (SELECT 1 FROM _pictures p WHERE p.url_id = u.id) ORDER BY c.url"""
_PUT = f"""INSERT OR IGNORE INTO urls (url, host, kind, state, found_via, found_on, first_seen)
    VALUES (?, ?, '{UrlKind.PICTURE}', 'queued', '{UrlSource.IMAGE}', ?, ?)"""
# Links to picture files were left out as not pages. Failed ones may work now, except those that are gone.
_TAKE_LINKED = f"""{_WANTED} UPDATE urls SET kind = '{UrlKind.PICTURE}', state = 'queued', reason = '', attempts = 0
    WHERE kind = 'page' AND state = 'skipped' AND reason = '{OutcomeReason.MEDIA_TYPE}'
        AND url IN (SELECT image FROM wanted)"""
_SKIPPED_YET = f"('{OutcomeReason.ROBOTS_UNREACHABLE}', '{OutcomeReason.NOT_IN_ARCHIVE}')"
_TAKE_FAILED = f"""UPDATE urls SET state = 'queued', reason = '', attempts = 0, _not_before = NULL
    WHERE kind = '{UrlKind.PICTURE}' AND ((state = 'failed' AND reason NOT IN ('http_404', 'http_410'))
        OR (state = 'skipped' AND reason IN {_SKIPPED_YET}))"""
_COUNT = f"SELECT count(*) FROM urls WHERE state = 'queued' AND kind = '{UrlKind.PICTURE}'"


def queue_pictures(db: Database, seen_at: str, *, obeys_directives: bool = False) -> int:
    """Queue the pictures of the articles that were not fetched yet; return how many wait.

    With `obeys_directives`, those of pages that ask not to use their pictures stay out.
    """
    permitted = _IS_PERMITTED if obeys_directives else "true"
    with write_transaction(db):
        rows = [
            (image, host, page_url, seen_at)
            for image, page_url in db.execute(_UNKNOWN.format(permitted=permitted)).fetchall()
            if "#" not in image and (host := host_of(image))
        ]
        db.conn.executemany(_PUT, rows)
        db.execute(_TAKE_LINKED.format(permitted=permitted))
        db.execute(_TAKE_FAILED)
        return int(db.execute(_COUNT).fetchone()[0])


_LACKS_FILES = f"""SELECT 1 FROM pages WHERE id = ?1 AND own_type IN {SQL_ARTICLE_TYPES}
    AND NOT EXISTS (SELECT 1 FROM _page_files WHERE user_id = ?1)"""


def lacks_page_files(db: Database, url_id: int) -> bool:
    """Return whether no files of a URL's article page are known, as before a crawl asked for them."""
    return db.execute(_LACKS_FILES, [url_id]).fetchone() is not None


class PictureAtHand(NamedTuple):
    """Response that may be the file of an article's picture or page: its capture, and its usage preferences."""

    url: str
    capture_id: int
    fetched_at: str
    payload_digest: str
    content_type: str
    directives: tuple[str, ...]
    usage: tuple[str, ...]


def pictures_at_hand(db: Database, *, obeys_directives: bool = False) -> tuple[PictureAtHand, ...]:
    """Find the latest response of each picture of the articles whose file is not known yet.

    With `obeys_directives`, those of pages that ask not to use their pictures stay out.
    """
    rows = db.execute(_AT_HAND.format(permitted=_IS_PERMITTED if obeys_directives else "true")).fetchall()
    return tuple(_picture_at_hand(*row) for row in rows)


def _picture_at_hand(url: str, capture_id: int, fetched_at: str, digest: str, *texts: str) -> PictureAtHand:
    directives, usage = (stored_texts(text, "captures", "directives", capture_id) for text in texts[1:])
    return PictureAtHand(url, capture_id, fetched_at, digest, texts[0], directives, usage)
