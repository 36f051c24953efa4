"""What came of a URL that was asked for, wherever it led: its state, and the article that it gave."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from output.db.text import storable

_MAX_HOPS = 10
_STATE = "SELECT id, state, reason FROM urls WHERE url = ?"
_MOVED = "SELECT location FROM urls WHERE url = ? AND location IS NOT NULL"
_ARTICLE = """SELECT a.title, a.authors, coalesce(a.published, ''), a.text
    FROM pages p JOIN articles a ON a.id = p.article_id WHERE p.id = ?"""


@dataclass(frozen=True, slots=True)
class FetchedArticle:
    """An article as it is stored; `authors` is a JSON list."""

    title: str
    authors: str
    published: str
    text: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The state and reason of the URL at the end of its redirects, and its article if it gave one."""

    state: str
    reason: str
    article: FetchedArticle | None = None


def fetched(db: Database, url: str) -> Fetched:
    """What came of a URL; state and reason are empty if the archive has no row of it."""
    for _ in range(_MAX_HOPS):
        row = db.execute(_STATE, [storable(url)]).fetchone()
        if row is None:
            return Fetched("", "")
        moved = db.execute(_MOVED, [storable(url)]).fetchone() if row[2] == "redirect" else None
        if moved is None:
            article = db.execute(_ARTICLE, [row[0]]).fetchone()
            return Fetched(row[1], row[2], FetchedArticle(*article) if article else None)
        url = moved[0]
    return Fetched("failed", "too_many_redirects")
