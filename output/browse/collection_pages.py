"""A data set by its catalogue: what it holds, its articles by title and facets, an article with its text and copies.

The catalogue has no texts. That of an article is read from the data set's Parquet files beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from ..read.search import match_expression
from .charts import ColumnChart, timeline
from .facets import FacetedList, count_passing, make_facet
from .strict_requests import Arguments, NotHereError

PAGE_SIZE = 30
FACETS = ("host", "archive", "language", "section", "year")
SORTS = ("newest", "oldest", "longest", "title")

MOST_HOSTS = 200
MOST_COPIED = 20
_MOST_SIMILAR = 50

_COLUMNS = {
    "host": "a.host",
    "archive": "a.archive",
    "language": "coalesce(a.language, '')",
    "section": "coalesce(a.section, '')",
    "year": "coalesce(substr(a.published_day, 1, 4), '')",
}
_ORDERS = {
    "newest": "a.published_day DESC, a.id",
    "oldest": "a.published_day NULLS LAST, a.id",
    "longest": "a.word_count DESC, a.id",
    "title": "a.title, a.id",
}
_ARTICLES = """SELECT a.id, a.title, a.url, a.host, coalesce(a.published_day, ''), coalesce(a.language, ''),
    coalesce(a.section, ''), a.word_count, a.archive FROM articles a"""
# The inner query counts in the order of an index, so that the outer one has little left to sort.
_COUNTS = """SELECT host, archive, coalesce(language, ''), coalesce(section, ''), coalesce(year, ''), sum(articles)
    FROM (SELECT a.host, a.archive, a.language, a.section, substr(a.published_day, 1, 4) AS year, count(*) AS articles
        FROM articles a WHERE {condition} GROUP BY a.host, a.archive, a.language, a.section, a.published_day)
    GROUP BY 1, 2, 3, 4, 5"""
_MATCHES = "a.id IN (SELECT rowid FROM articles_fts WHERE articles_fts MATCH :match)"
_TOTALS = """SELECT (SELECT count(*) FROM articles), (SELECT total(words) FROM hosts),
    (SELECT count(*) FROM duplicates), coalesce((SELECT min(first_day) FROM hosts), ''),
    coalesce((SELECT max(last_day) FROM hosts), '')"""
_BY_MONTH = "SELECT substr(published_day, 1, 7), count(*) FROM articles WHERE published_day IS NOT NULL GROUP BY 1"
_HOSTS = f"""SELECT host, articles, words, coalesce(first_day, ''), coalesce(last_day, ''), languages FROM hosts
    ORDER BY articles DESC, host LIMIT {MOST_HOSTS}"""
_ARCHIVES = "SELECT name, articles, hosts FROM archives ORDER BY articles DESC, name"
_COPIED = f"SELECT host, duplicate_host, kind, articles FROM copied_between_hosts LIMIT {MOST_COPIED}"
_SIMILAR = f"""SELECT a.id, a.title, a.url, a.host, coalesce(a.published_day, ''), d.kind, d.similarity
    FROM (SELECT duplicate_id AS id, kind, similarity FROM duplicates WHERE article_id = ?1
            UNION SELECT article_id, kind, similarity FROM duplicates WHERE duplicate_id = ?1) d
        JOIN articles a ON a.id = d.id
    ORDER BY d.similarity DESC, a.published_day, a.id LIMIT {_MOST_SIMILAR}"""
_TEXT_FILES = "SELECT name FROM files WHERE table_name = 'articles' AND partition = 'host=' || ? ORDER BY name"

TextReader = Callable[[Sequence[str], int], str | None]
"""Reads an article's Markdown by its number from Parquet files of these names; None if it is in none of them."""


@dataclass(frozen=True, slots=True)
class HostLine:
    """A host of the data set; days are empty where no article states one."""

    host: str
    articles: int
    words: int
    first_day: str
    last_day: str
    languages: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """An archive that the data set is made of."""

    name: str
    articles: int
    hosts: int


@dataclass(frozen=True, slots=True)
class CopiedLine:
    """The number of articles of a host that another host has too, by relation."""

    host: str
    other_host: str
    kind: str
    articles: int


@dataclass(frozen=True, slots=True)
class CollectionHome:
    """The front page of a data set: its totals, and its articles by month, host and archive; who copied whom."""

    articles: int
    words: int
    pairs: int
    first_day: str
    last_day: str
    published: ColumnChart
    hosts: tuple[HostLine, ...]
    archives: tuple[SourceLine, ...]
    copied: tuple[CopiedLine, ...]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """An article as the catalogue lists it."""

    id: int
    title: str
    url: str
    host: str
    published_day: str
    language: str
    section: str
    word_count: int
    archive: str


@dataclass(frozen=True, slots=True)
class CollectionList(FacetedList):
    """A page of the data set's articles: those whose title has all words of the query, with the chosen facets."""

    articles: tuple[CatalogueEntry, ...]


@dataclass(frozen=True, slots=True)
class SimilarEntry:
    """An article that says the same, in which way, and how much they have in common (0 to 1)."""

    id: int
    title: str
    url: str
    host: str
    published_day: str
    kind: str
    similarity: float


@dataclass(frozen=True, slots=True)
class CollectionArticle:
    """An article of the data set; `markdown` is its text, and `fault` why there is none."""

    entry: CatalogueEntry
    markdown: str
    fault: str
    similar: tuple[SimilarEntry, ...]


def read_collection(db: Database) -> CollectionHome:
    """Read the front page."""
    articles, words, pairs, first_day, last_day = db.execute(_TOTALS).fetchone()
    return CollectionHome(
        articles, int(words), pairs, first_day, last_day, timeline(dict(db.execute(_BY_MONTH).fetchall())),
        tuple(HostLine(*row) for row in db.execute(_HOSTS)),
        tuple(SourceLine(*row) for row in db.execute(_ARCHIVES)),
        tuple(CopiedLine(*row) for row in db.execute(_COPIED)),
    )  # fmt: skip


def list_collection(db: Database, arguments: Arguments) -> CollectionList:
    """List the page of articles that is asked for."""
    query, sort = arguments.text("q"), arguments.choice("sort", SORTS, "newest")
    chosen = {name: arguments.text(name) for name in FACETS if name in arguments.values}
    match = match_expression(query)
    condition = _MATCHES if match else "1" if not query else "0"
    rows = db.execute(_COUNTS.format(condition=condition), {"match": match}).fetchall()
    total = count_passing(rows, FACETS, chosen)
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, arguments.number("page", 1)), page_count)
    where = " AND ".join([condition, *(f"{_COLUMNS[name]} = :{name}" for name in chosen)])
    articles = f"{_ARTICLES} WHERE {where} ORDER BY {_ORDERS[sort]} LIMIT {PAGE_SIZE} OFFSET :offset"
    values = {"match": match, "offset": (page - 1) * PAGE_SIZE, **chosen}
    return CollectionList(
        query, sort, SORTS, tuple(make_facet(rows, FACETS, name, chosen) for name in FACETS), chosen,
        page, page_count, PAGE_SIZE, total, tuple(_entries(db.execute(articles, values))),
    )  # fmt: skip


def read_collection_article(db: Database, article_id: int, read_text: TextReader) -> CollectionArticle:
    """Read an article by its number. Raises NotHereError if there is none."""
    entry = next(_entries(db.execute(f"{_ARTICLES} WHERE a.id = ?", [article_id])), None)
    if entry is None:
        raise NotHereError("the data set has no article of that number")
    names = [name for (name,) in db.execute(_TEXT_FILES, [entry.host])]
    similar = tuple(SimilarEntry(*row) for row in db.execute(_SIMILAR, [article_id]))
    try:
        markdown = read_text(names, article_id)
    except NotHereError as error:
        return CollectionArticle(entry, "", str(error), similar)
    fault = "its text is not in the files of the data set" if markdown is None else ""
    return CollectionArticle(entry, markdown or "", fault, similar)


def _entries(rows: Iterator[Sequence[Any]]) -> Iterator[CatalogueEntry]:
    return (CatalogueEntry(*row) for row in rows)
