"""Which URL of an archive a person means."""

from __future__ import annotations

from sqlite_utils import Database

from broadsheet.cleaners.urls.nearest import near_spellings
from broadsheet.output.db.text import storable_text


def find_known_url(db: Database, text: str) -> str | None:
    """The URL in table `urls` that a person means by a text, in its stored spelling; None if the archive has none.

    The very URL goes first, then its canonical spelling, then those that differ by scheme, `www.` or the last slash.
    """
    query = "SELECT url FROM urls WHERE url = ?"
    rows = (db.execute(query, [storable_text(url)]).fetchone() for url in near_spellings(text))
    return next((str(row[0]) for row in rows if row), None)
