"""Where the raw response of a URL is stored: the WARC record of its latest capture."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.urls.canonical import canonicalise
from broadsheet.output.db.text import storable_text
from broadsheet.output.raw.capture import RecordLocation
from broadsheet.output.store.known_url import find_known_url
from broadsheet.output.verdicts.rulings import find_article

_LOCATIONS = """SELECT c.url, c.fetched_at, c.warc_file, c.warc_offset, c.warc_length,
        o.warc_file, o.warc_offset, o.warc_length
    FROM captures c LEFT JOIN captures o ON o.id = c.refers_to WHERE c.warc_file IS NOT NULL AND """
_OF_URL = f"{_LOCATIONS} c.url = ? ORDER BY c.fetched_at DESC, c.id LIMIT 1"
_OF_ARTICLE = f"{_LOCATIONS} c.id = (SELECT capture_id FROM articles WHERE id = ?)"


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A capture and the place of its record; `body` is the record that has its body, where its own has not.

    `fetched_at` is UTC ISO 8601.
    """

    url: str
    fetched_at: str
    location: RecordLocation
    body: RecordLocation | None


def find_record(db: Database, url_or_id: str) -> StoredRecord | None:
    """The record of the latest capture of a URL, or else of the article that a number or URL names; None without one.

    The URL is looked for as `find_known_url` does; one that only a redirect of a robots.txt led to has captures alone.
    """
    spellings = dict.fromkeys(
        (storable_text(url_or_id.strip()), find_known_url(db, url_or_id) or "", canonicalise(url_or_id) or "")
    )
    row = next((row for url in spellings if url and (row := db.execute(_OF_URL, [url]).fetchone())), None)
    if row is None and (article_id := find_article(db, url_or_id)) is not None:
        row = db.execute(_OF_ARTICLE, [article_id]).fetchone()
    if row is None:
        return None
    url, fetched_at, *places = row
    body = None if places[3] is None else RecordLocation(*places[3:])
    return StoredRecord(url, fetched_at, RecordLocation(*places[:3]), body)
