"""What a requested URL gave after its redirects: its state, and its article."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.output.db.text import storable_text
from broadsheet.output.db.url_words import NO_REASON, OutcomeReason, Reason, UrlState

_MAX_HOPS = 10
_STATE = "SELECT id, state, reason FROM urls WHERE url = ?"
_REDIRECT_TARGET = "SELECT location FROM urls WHERE url = ? AND location IS NOT NULL"
_ARTICLE = """SELECT a.title, a.authors, coalesce(a.published_raw, ''), a.text
    FROM pages p JOIN articles a ON a.id = p.article_id WHERE p.id = ?"""


@dataclass(frozen=True, slots=True)
class FetchedArticle:
    """An article as it is stored; `authors` is a JSON list, `published` as the page states it."""

    title: str
    authors: str
    published: str
    text: str


@dataclass(frozen=True, slots=True)
class UrlResult:
    """The state and reason of the URL at the end of its redirects, and its article if it gave one."""

    state: UrlState | None
    reason: Reason
    article: FetchedArticle | None = None


def find_url_result(db: Database, url: str) -> UrlResult:
    """The result of a URL; the state is None if the archive has no row of it."""
    for _ in range(_MAX_HOPS):
        row = db.execute(_STATE, [storable_text(url)]).fetchone()
        if row is None:
            return UrlResult(None, NO_REASON)
        url_id, state, reason = row
        target = (
            db.execute(_REDIRECT_TARGET, [storable_text(url)]).fetchone() if reason == OutcomeReason.REDIRECT else None
        )
        if target is None:
            article = db.execute(_ARTICLE, [url_id]).fetchone()
            return UrlResult(state, reason, FetchedArticle(*article) if article else None)
        url = target[0]
    return UrlResult(UrlState.FAILED, OutcomeReason.TOO_MANY_REDIRECTS)
