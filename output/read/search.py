"""Full-text search over the articles: a person's words in, hits with a snippet out.

Words are joined by AND; "a phrase" stands in double quotes and a word* with an asterisk is a beginning. Everything
is quoted before FTS5 sees it, so no input is a syntax error. Chinese and Japanese are looked up as the pairs of
characters that `output.db.fulltext` puts into the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.fulltext import CJK_RANGES
from output.db.text import inert, storable

_TITLE_WEIGHT = 5.0  # a word of the title says what the article is about
_SNIPPET_WORDS = 24
_SNIPPET_CHARS = 60  # for text without spaces: about a line and a half at double width

_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_PART = re.compile(rf"[{CJK_RANGES}]+|[^{CJK_RANGES}]+")
_CJK = re.compile(f"[{CJK_RANGES}]")

_QUERY = f"""SELECT a.url, a.title, coalesce(a.published, ''), a.text,
        snippet(articles_fts, 1, '[', ']', '…', {_SNIPPET_WORDS})
    FROM articles_fts JOIN articles a ON a.id = articles_fts.rowid
    WHERE articles_fts MATCH ? ORDER BY bm25(articles_fts, {_TITLE_WEIGHT}, 1.0), a.id LIMIT ?"""


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that was found; the snippet is one line, with what matched in square brackets."""

    url: str
    title: str
    published: str
    snippet: str


def search(db: Database, query: str, limit: int = 20) -> Iterator[Hit]:
    """The best articles for a query, best first, at most `limit`; none for a query without a word."""
    match = match_expression(query)
    if not match:
        return
    for url, title, published, text, snippet in db.execute(_QUERY, [match, limit]):
        shown = _cjk_snippet(text, query) if _CJK.search(text) else snippet
        yield Hit(url, inert(title), published, " ".join(inert(shown).split()))


def match_expression(query: str) -> str:
    """The query as an FTS5 expression; empty if it holds no word."""
    terms = (_term(phrase or word) for phrase, word in _TERM.findall(storable(query)))
    return " AND ".join(term for term in terms if term)


def _term(term: str) -> str:
    prefix = term.endswith("*")
    parts = [_part(part, prefix=prefix) for part in _PART.findall(term.rstrip("*")) if re.search(r"[^\W_]", part)]
    return " AND ".join(parts)


def _part(part: str, *, prefix: bool) -> str:
    if not _CJK.match(part):
        return '"' + part.replace('"', '""') + '"' + ("*" if prefix else "")
    if len(part) == 1:
        return f'"{part}"*'
    pairs = " ".join(part[start : start + 2] for start in range(len(part) - 1))
    return f'"{pairs}"'


def _cjk_snippet(text: str, query: str) -> str:
    """A window around the first of the query's words; the index holds pairs, which nobody wants to read."""
    words = [part for term in _TERM.findall(query) for part in _PART.findall((term[0] or term[1]).rstrip("*"))]
    found = [(place, word) for word in words if (place := text.lower().find(word.lower())) >= 0]
    if not found:
        return text[:_SNIPPET_CHARS] + ("…" if len(text) > _SNIPPET_CHARS else "")
    place, word = min(found)
    start, end = max(0, place - _SNIPPET_CHARS // 2), place + len(word) + _SNIPPET_CHARS // 2
    marked = f"{text[start:place]}[{text[place : place + len(word)]}]{text[place + len(word) : end]}"
    return ("…" if start else "") + marked + ("…" if end < len(text) else "")
