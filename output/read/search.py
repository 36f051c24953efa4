"""Full-text search over the articles: a person's query in, hits with a snippet out.

Words are joined by AND; "a phrase" is in double quotes, and word* with an asterisk is a prefix. Everything is quoted
before FTS5 sees it, so no input is a syntax error. Words are not stemmed: `widened` gives the query that finds other
endings of its words, to be tried where a query finds little. Chinese and Japanese are searched as the pairs of
characters that `broadsheet.output.archive.fulltext` puts into the index.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from broadsheet.cleaners.words import CJK_RANGES

from ..archive.article_filter import ALL_ARTICLES, ArticleBounds
from ..archive.stored_text import inert_text, storable_text
from ..archive.stored_values import LARGEST_INTEGER, decoding

_TITLE_WEIGHT = 5.0  # a word in the title weighs more: it says what the article is about
_SNIPPET_WORDS = 24
_SNIPPET_CHARS = 60  # for text without spaces: about a line and a half at double width

_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_PART = re.compile(rf"[{CJK_RANGES}]+|[^{CJK_RANGES}]+")
_CJK = re.compile(f"[{CJK_RANGES}]")

_PREFIX = '"*'  # what follows the beginning of a word in an expression
_MATCH_BEGIN, _MATCH_END = "\x02", "\x03"  # around what matched; no text that is shown has them
_COLUMNS = """a.id, a.url, a.title, a.published_day, a.language, a.word_count, a.text"""
_HIT = f"""SELECT {_COLUMNS}, snippet(articles_fts, 1, char(2), char(3), '…', {_SNIPPET_WORDS})
    FROM articles_fts JOIN articles a ON a.id = articles_fts.rowid WHERE articles_fts MATCH :match"""
_FILTERED = "AND a.id IN (SELECT id FROM articles WHERE {condition})"
_ORDER = f"ORDER BY bm25(articles_fts, {_TITLE_WEIGHT}, 1.0), articles_fts.rowid LIMIT :limit"
_HITS = f"{_HIT} {_FILTERED} ORDER BY {{order}} LIMIT :limit"
_LISTED = f"""SELECT {_COLUMNS}, coalesce(nullif(a.description, ''), substr(a.text, 1, 200))
    FROM articles a WHERE a.id IN (SELECT id FROM articles WHERE {{condition}}) ORDER BY {{order}} LIMIT :limit"""
_COUNT = f"""SELECT count(*) FROM articles_fts JOIN articles a ON a.id = articles_fts.rowid
    WHERE articles_fts MATCH :match {_FILTERED}"""
_HIT_OF_ARTICLE = f"{_HIT} AND articles_fts.rowid = :article_id"
_HITS_OF_ARTICLES = f"{_HIT} AND +articles_fts.rowid IN (SELECT value FROM json_each(:article_ids))"
_MANY_MATCHES = 20_000  # articles that are ranked while somebody waits: in a tenth of a second of CPU time
_BOUND = f"SELECT rowid FROM articles_fts WHERE articles_fts MATCH :match LIMIT 1 OFFSET {_MANY_MATCHES}"
_RANKED_IDS = f"SELECT rowid FROM articles_fts WHERE articles_fts MATCH :match AND rowid < :bound {_ORDER}"
_NO_BOUND = 2**62  # ids have 53 bits


class SearchSort(StrEnum):
    """Order of hits: the best first, the newest first, the least certain texts first."""

    RELEVANCE = "relevance"
    DATE = "date"
    CERTAINTY = "certainty"


_SORT_COLUMNS = {
    SearchSort.RELEVANCE: f"bm25(articles_fts, {_TITLE_WEIGHT}, 1.0), a.id",
    SearchSort.DATE: "a.published_day DESC NULLS LAST, a.published DESC, a.id",
    SearchSort.CERTAINTY: "(SELECT p.certainty FROM pages p WHERE p.id = a.page_id) NULLS LAST, a.id",
}


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An article that was found. `snippet_parts` are its snippet in pieces, with whether each of them matched."""

    id: int
    url: str
    title: str
    published_day: date | None
    language: str | None
    word_count: int
    snippet_parts: tuple[tuple[bool, str], ...]

    @property
    def snippet(self) -> str:
        """Return the snippet in one line, with matches in square brackets."""
        return "".join(f"[{text}]" if is_match else text for is_match, text in self.snippet_parts)


def search(
    db: Database,
    query: str,
    limit: int = 20,
    article_filter: ArticleBounds = ALL_ARTICLES,
    sort: SearchSort = SearchSort.RELEVANCE,
) -> Iterator[SearchHit]:
    """Yield up to `limit` articles that match a query; none for a query without words."""
    match = match_expression(query)
    if not match:
        return
    sql = _HITS.format(condition=article_filter.condition, order=_SORT_COLUMNS[sort])
    values = {"match": match, "limit": min(limit, LARGEST_INTEGER), **article_filter.values}
    for row in db.execute(sql, values):
        yield _make_hit(row, query)


def list_articles(
    db: Database, limit: int, article_filter: ArticleBounds = ALL_ARTICLES, sort: SearchSort = SearchSort.DATE
) -> Iterator[SearchHit]:
    """Yield at most `limit` articles within a filter, with description or opening as snippet; relevance means date
    here.
    """
    order = _SORT_COLUMNS[SearchSort.DATE if sort is SearchSort.RELEVANCE else sort]
    sql = _LISTED.format(condition=article_filter.condition, order=order)
    for row in db.execute(sql, {"limit": min(limit, LARGEST_INTEGER), **article_filter.values}):
        yield _make_hit(row, "")


def count_articles(db: Database, article_filter: ArticleBounds = ALL_ARTICLES) -> int:
    """Count the articles within a filter."""
    query = f"SELECT count(*) FROM articles WHERE {article_filter.condition}"
    return int(db.execute(query, dict(article_filter.values)).fetchone()[0])


def count_matches(db: Database, query: str, article_filter: ArticleBounds = ALL_ARTICLES) -> int:
    """Count the articles that match a query."""
    match = match_expression(query)
    if not match:
        return 0
    sql = _COUNT.format(condition=article_filter.condition)
    return int(db.execute(sql, {"match": match, **article_filter.values}).fetchone()[0])


_LEAST_STEM = 4  # minimum length of a word whose other endings are searched
_ENDING = re.compile(r"(?<=\w{4})(?:es|[sx])$", re.IGNORECASE)  # of the plural in several languages


def widened(query: str) -> str:
    """Return a query that also finds other endings of its words; empty if no word can have any.

    A word becomes a prefix, without its plural ending. Phrases and words of fewer than four letters stay.

    >>> widened('armées du "grand nord"')
    'armé* du "grand nord"'
    """
    terms = [f'"{phrase}"' if phrase else _widened_word(word) for phrase, word in _TERM.findall(query)]
    wide_query = " ".join(terms)
    return wide_query if match_expression(wide_query) != match_expression(query) else ""


def _widened_word(word: str) -> str:
    if len(word) < _LEAST_STEM or not word.isalpha() or _CJK.search(word):
        return word
    return f"{_ENDING.sub('', word)}*"


def missing_words(db: Database, query: str, article_filter: ArticleBounds = ALL_ARTICLES) -> tuple[str, ...]:
    """Return the words and phrases of a query that no article within the filter has."""
    terms = [f'"{phrase}"' if phrase else word for phrase, word in _TERM.findall(query)]
    return tuple(
        term for term in dict.fromkeys(terms) if match_expression(term) and not count_matches(db, term, article_filter)
    )


def rank_articles(db: Database, query: str, limit: int) -> list[int]:
    """Return the ids of the best articles for a query, best first, at most `limit`; none for a query without a word.

    Of more than 20,000 matches not all are ranked: those with all words in the title come first, then the best of
    20,000 others. Ids are digests, so the lowest ones are a random sample.
    """
    match = match_expression(query)
    if not match:
        return []
    bound = _rank_bound(db, match)
    if bound == _NO_BOUND:
        return _ranked_ids(db, match, bound, limit)
    title_match = f"{{title}} : ({match})"
    title_ids = _ranked_ids(db, title_match, _rank_bound(db, title_match), limit)
    others = _ranked_ids(db, match, bound, limit) if len(title_ids) < limit else []
    return list(dict.fromkeys((*title_ids, *others)))[:limit]


def _rank_bound(db: Database, match: str) -> int:
    """Return the id that bounds the matching articles to as many as can be ranked."""
    row = db.execute(_BOUND, {"match": match}).fetchone()
    return _NO_BOUND if row is None else int(row[0])


def _ranked_ids(db: Database, match: str, bound: int, limit: int) -> list[int]:
    rows = db.execute(_RANKED_IDS, {"match": match, "bound": bound, "limit": limit})
    return [article_id for (article_id,) in rows]


def hits_of_articles(db: Database, query: str, article_ids: Iterable[int]) -> dict[int, SearchHit]:
    """Return the hits of a query in these articles, by article.

    Whole words are looked up one article at a time, prefixes in all articles at once: joining the lists of all words
    with a prefix costs the same however few articles are asked for.
    """
    match, article_ids = match_expression(query), list(article_ids)
    if not match or not article_ids:
        return {}
    if _PREFIX in match:
        found = db.execute(_HITS_OF_ARTICLES, {"match": match, "article_ids": json.dumps(article_ids)})
        return {row[0]: _make_hit(row, query) for row in found}
    values = ({"match": match, "article_id": article_id} for article_id in article_ids)
    rows = (db.execute(_HIT_OF_ARTICLE, value).fetchone() for value in values)
    return {row[0]: _make_hit(row, query) for row in rows if row}


def _make_hit(row: Sequence[Any], query: str) -> SearchHit:
    article_id, url, title, published_day, language, word_count, text, snippet = row
    marked_snippet = _cjk_snippet(text, query) if _CJK.search(text) else snippet
    with decoding("articles", "published_day", article_id):
        day = date.fromisoformat(published_day) if published_day else None
    parts = tuple((is_match, inert_text(part)) for is_match, part in _snippet_parts(" ".join(marked_snippet.split())))
    return SearchHit(article_id, url, inert_text(title), day, language, word_count, parts)


def _snippet_parts(marked_snippet: str) -> Iterator[tuple[bool, str]]:
    first_part, *marked_parts = marked_snippet.split(_MATCH_BEGIN)
    yield False, inert_text(first_part)
    for marked_part in marked_parts:
        match, _, rest = marked_part.partition(_MATCH_END)
        yield True, inert_text(match)
        yield False, inert_text(rest)


def match_expression(query: str) -> str:
    """Translate a query into an FTS5 expression; empty if it holds no word.

    >>> match_expression('court "new law" tax*')
    '"court" AND "new law" AND "tax"*'
    """
    terms = (_term_expression(phrase or word) for phrase, word in _TERM.findall(storable_text(query)))
    return " AND ".join(dict.fromkeys(term for term in terms if term))


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
    """Return a window around the first of the query's words, since FTS5's own snippet would show the indexed pairs."""
    terms = [phrase or word for phrase, word in _TERM.findall(query)]
    words = [part for term in terms for part in _PART.findall(term.rstrip("*"))]
    matches = [(start, word) for word in words if (start := text.lower().find(word.lower())) >= 0]
    if not matches:
        return text[:_SNIPPET_CHARS] + ("…" if len(text) > _SNIPPET_CHARS else "")
    match_start, word = min(matches)
    match_end = match_start + len(word)
    start, end = max(0, match_start - _SNIPPET_CHARS // 2), match_end + _SNIPPET_CHARS // 2
    match = f"{_MATCH_BEGIN}{text[match_start:match_end]}{_MATCH_END}"
    window = f"{text[start:match_start]}{match}{text[match_end:end]}"
    return ("…" if start else "") + window + ("…" if end < len(text) else "")
