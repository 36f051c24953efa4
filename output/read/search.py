"""Full-text search over the articles: a person's query in, hits with a snippet out.

Words are joined by AND; "a phrase" is in double quotes, and word* with an asterisk is a prefix. Everything is quoted
before FTS5 sees it, so no input is a syntax error. Chinese and Japanese are searched as the pairs of characters that
`output.db.fulltext` puts into the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.fulltext import CJK_RANGES
from output.db.text import inert_text, storable_text

_TITLE_WEIGHT = 5.0  # a word of the title says what the article is about
_SNIPPET_WORDS = 24
_SNIPPET_CHARS = 60  # for text without spaces: about a line and a half at double width

_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_PART = re.compile(rf"[{CJK_RANGES}]+|[^{CJK_RANGES}]+")
_CJK = re.compile(f"[{CJK_RANGES}]")

_HIT = f"""SELECT a.url, a.title, coalesce(a.published_day, ''), a.text,
        snippet(articles_fts, 1, '[', ']', '…', {_SNIPPET_WORDS})
    FROM articles_fts JOIN articles a ON a.id = articles_fts.rowid WHERE articles_fts MATCH ?"""
_ORDER = f"ORDER BY bm25(articles_fts, {_TITLE_WEIGHT}, 1.0), articles_fts.rowid LIMIT ?"
_QUERY = f"{_HIT} {_ORDER}"
_HIT_OF_ARTICLE = f"{_HIT} AND articles_fts.rowid = ?"
_RANKED_IDS = f"SELECT rowid FROM articles_fts WHERE articles_fts MATCH ? {_ORDER}"


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An article that was found; the snippet is one line, with what matched in square brackets."""

    url: str
    title: str
    published_day: str
    snippet: str


def search(db: Database, query: str, limit: int = 20) -> Iterator[SearchHit]:
    """The best articles for a query, best first, at most `limit`; none for a query without a word."""
    match = match_expression(query)
    if not match:
        return
    for row in db.execute(_QUERY, [match, limit]):
        yield _make_hit(query, *row)


def rank_articles(db: Database, query: str, limit: int) -> list[int]:
    """The ids of the best articles for a query, best first, at most `limit`; none for a query without a word."""
    match = match_expression(query)
    return [article_id for (article_id,) in db.execute(_RANKED_IDS, [match, limit])] if match else []


def hits_of_articles(db: Database, query: str, article_ids: Iterable[int]) -> dict[int, SearchHit]:
    """The hits of a query in these articles, by article."""
    match = match_expression(query)
    rows = ((article_id, db.execute(_HIT_OF_ARTICLE, [match, article_id]).fetchone()) for article_id in article_ids)
    return {article_id: _make_hit(query, *row) for article_id, row in rows if row} if match else {}


def _make_hit(query: str, url: str, title: str, published_day: str, text: str, snippet: str) -> SearchHit:
    shown_snippet = _cjk_snippet(text, query) if _CJK.search(text) else snippet
    return SearchHit(url, inert_text(title), published_day, " ".join(inert_text(shown_snippet).split()))


def match_expression(query: str) -> str:
    """The query as an FTS5 expression; empty if it holds no word."""
    terms = (_term_expression(phrase or word) for phrase, word in _TERM.findall(storable_text(query)))
    return " AND ".join(term for term in terms if term)


def _term_expression(term: str) -> str:
    prefix = term.endswith("*")
    parts = (part for part in _PART.findall(term.rstrip("*")) if re.search(r"[^\W_]", part))
    return " AND ".join(_part_expression(part, prefix=prefix) for part in parts)


def _part_expression(part: str, *, prefix: bool) -> str:
    if not _CJK.match(part):
        return '"' + part.replace('"', '""') + '"' + ("*" if prefix else "")
    if len(part) == 1:
        return f'"{part}"*'
    pairs = " ".join(part[start : start + 2] for start in range(len(part) - 1))
    return f'"{pairs}"'


def _cjk_snippet(text: str, query: str) -> str:
    """A window around the first of the query's words, since FTS5's own snippet would show the indexed pairs."""
    terms = [phrase or word for phrase, word in _TERM.findall(query)]
    words = [part for term in terms for part in _PART.findall(term.rstrip("*"))]
    matches = [(start, word) for word in words if (start := text.lower().find(word.lower())) >= 0]
    if not matches:
        return text[:_SNIPPET_CHARS] + ("…" if len(text) > _SNIPPET_CHARS else "")
    match_start, word = min(matches)
    match_end = match_start + len(word)
    start, end = max(0, match_start - _SNIPPET_CHARS // 2), match_end + _SNIPPET_CHARS // 2
    window = f"{text[start:match_start]}[{text[match_start:match_end]}]{text[match_end:end]}"
    return ("…" if start else "") + window + ("…" if end < len(text) else "")
