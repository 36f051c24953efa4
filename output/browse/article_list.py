"""The list of articles: what a search and the chosen facets leave, sorted, with the facets' counts.

A facet is a value by which the list can be narrowed, with the number of articles that it would leave. Without a search
everything is read from one index, `articles_listed`. A search looks at its best hits, at most `MOST_HITS`, since a
frequent word stands in most articles of a large archive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlite_utils import Database

from broadsheet.cleaners.judge.certainty import FAIR_F1, HIGH_F1, Certainty
from broadsheet.output.archive.stored_values import stored_texts
from broadsheet.output.browse.strict_requests import Arguments
from broadsheet.output.read.search import hits_of_articles, rank_articles

MOST_CHOICES = 12  # of a facet, the most frequent ones


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """A value of a facet, how many articles it would leave, and whether it is chosen."""

    value: str
    articles: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet with its most frequent values; `others` counts the values that are not listed."""

    name: str
    choices: tuple[FacetChoice, ...]
    others: int


@dataclass(frozen=True, slots=True)
class FacetedList:
    """A page of a list that is narrowed by a query and by chosen values of facets; `sorts` are those there are."""

    query: str
    sort: str
    sorts: tuple[str, ...]
    facets: tuple[Facet, ...]
    chosen: Mapping[str, str]
    page: int
    page_count: int
    page_size: int
    total: int


def count_passing(rows: Iterable[Sequence[Any]], names: Sequence[str], chosen: Mapping[str, str]) -> int:
    """Count the articles that have all chosen values.

    A row has a value for each of the facets `names`, then a count.
    """
    return sum(row[-1] for row in rows if _passes(row, names, chosen))


def make_facet(rows: Iterable[Sequence[Any]], names: Sequence[str], name: str, chosen: Mapping[str, str]) -> Facet:
    """Make a facet of values, counted among the articles that the other facets leave."""
    counts: Counter[str] = Counter()
    other_values = {facet: value for facet, value in chosen.items() if facet != name}
    for row in rows:
        if _passes(row, names, other_values):
            counts[str(row[names.index(name)])] += row[-1]
    values = sorted(counts, key=lambda value: (-counts[value], value))
    listed = values[:MOST_CHOICES]
    if name in chosen and chosen[name] not in listed:
        listed.append(chosen[name])
    choices = tuple(FacetChoice(value, counts[value], chosen.get(name) == value) for value in listed)
    return Facet(name, choices, len(values) - min(len(values), MOST_CHOICES))


def _passes(row: Sequence[Any], names: Sequence[str], chosen: Mapping[str, str]) -> bool:
    return all(row[names.index(name)] == value for name, value in chosen.items())


PAGE_SIZE = 30
MOST_HITS = 1000
FACETS = ("host", "language", "section", "year", "kind")

_COLUMNS = {
    "host": "articles.host",
    "language": "coalesce(articles.language, '')",
    "section": "coalesce(articles.section, '')",
    "year": "coalesce(substr(articles.published_day, 1, 4), '')",
    "kind": "articles.page_type",
}
_ORDERS = {
    "newest": "articles.published_day DESC, articles.id DESC",
    "oldest": "articles.published_day NULLS LAST, articles.id",
    "seen": "articles.first_seen DESC, articles.id",
    "longest": "articles.word_count DESC, articles.id",
    "shortest": "articles.word_count, articles.id",
    "certainty": "page.expected_f1 NULLS LAST, articles.id",
}
SORTS = ("best", *_ORDERS)
CERTAINTIES = {Certainty.FAIR: (FAIR_F1, HIGH_F1), Certainty.LOW: (0.0, FAIR_F1)}
"""The certainties that a list can be narrowed to, with the expected F1 from which and below which they are."""

# The inner query counts in the order of the index, so that the outer one has little left to sort.
_CUBE = """SELECT host, coalesce(language, ''), coalesce(section, ''), coalesce(year, ''), page_type, sum(articles)
    FROM (SELECT host, language, section, substr(published_day, 1, 4) AS year, page_type, count(*) AS articles
        FROM articles INDEXED BY articles_listed GROUP BY host, language, section, published_day, page_type)
    GROUP BY 1, 2, 3, 4, 5"""
_CUBE_OF_HITS = f"""SELECT {", ".join(_COLUMNS.values())}, count(*) FROM articles
    WHERE id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2, 3, 4, 5"""
# From the pages on: few of them are uncertain, and an article is found by its page in an index.
_CERTAIN_PAGES = "pages AS page CROSS JOIN articles ON articles.page_id = page.id"
_IS_CERTAIN = "page.expected_f1 >= ? AND page.expected_f1 < ?"
_CUBE_OF_CERTAINTY = f"""SELECT {", ".join(_COLUMNS.values())}, count(*) FROM {_CERTAIN_PAGES}
    WHERE {_IS_CERTAIN} GROUP BY 1, 2, 3, 4, 5"""
_CERTAINTY_COUNTS = f"""SELECT count(*) FILTER (WHERE page.expected_f1 < {FAIR_F1}),
    count(*) FILTER (WHERE page.expected_f1 >= {FAIR_F1}) FROM {_CERTAIN_PAGES} WHERE page.expected_f1 < {HIGH_F1}"""
_HITS_OF_CERTAINTY = f"""SELECT articles.id FROM json_each(?) AS hit CROSS JOIN articles ON articles.id = hit.value
    CROSS JOIN pages AS page ON page.id = articles.page_id WHERE {_IS_CERTAIN} ORDER BY hit.key"""
_ROWS = """SELECT id, title, url, host, coalesce(language, ''), coalesce(section, ''), authors,
        coalesce(published_day, ''), first_seen, word_count, page_type, coalesce(description, '')
    FROM articles WHERE id IN (SELECT value FROM json_each(?))"""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for a list of articles.

    `facets` are the chosen values by facet, where the empty text is "none stated"; `certainty` is one of `CERTAINTIES`,
    or empty for all.
    """

    query: str
    facets: Mapping[str, str]
    sort: str
    page: int
    certainty: str = ""

    @classmethod
    def of(cls, arguments: Arguments) -> ListRequest:
        """Read a request from the arguments of an address."""
        facets = {name: arguments.text(name) for name in FACETS if name in arguments.values}
        query, certainty = arguments.text("q"), arguments.choice("certainty", CERTAINTIES)
        sort = arguments.choice("sort", SORTS, "best" if query else "newest")
        return cls(query, facets, sort, max(1, arguments.number("page", 1)), certainty)

    @property
    def chosen(self) -> Mapping[str, str]:
        """Return all that the list is narrowed to."""
        return {**self.facets, **({"certainty": self.certainty} if self.certainty else {})}

    @property
    def is_whole(self) -> bool:
        """Return whether the request is for all articles."""
        return not self.query and not self.chosen


@dataclass(frozen=True, slots=True)
class ListedArticle:
    """An article in the list; `snippet` shows what a search met, in pieces with whether each matched."""

    id: int
    title: str
    url: str
    host: str
    language: str
    section: str
    authors: tuple[str, ...]
    published_day: str
    first_seen: str
    word_count: int
    page_type: str
    description: str
    snippet: tuple[tuple[bool, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ArticleList(FacetedList):
    """A page of the list. `is_cut` says that a search has more hits than it looked at."""

    is_cut: bool
    articles: tuple[ListedArticle, ...]


CubeRow = tuple[str, str, str, str, str, int]
"""A value of each facet, and how many articles have them all."""


@dataclass(frozen=True, slots=True)
class ArticleCounts:
    """The numbers of all articles by their facets, and by certainty (None: not counted yet)."""

    cube: Sequence[CubeRow]
    by_certainty: Mapping[str, int] | None = None


def list_articles(db: Database, request: ListRequest, counts: ArticleCounts | None = None) -> ArticleList:
    """List one page of the articles that a request asks for. `counts` are those of all articles, if known already."""
    counts = counts or ArticleCounts(count_facets(db), count_certainties(db))
    ranked = rank_articles(db, request.query, MOST_HITS + 1) if request.query else []
    hits = _certain_hits(db, request, ranked[:MOST_HITS]) if request.query else None
    rows = count_hits(db, hits) if hits is not None else counts.cube
    if hits is None and request.certainty:
        rows = db.execute(_CUBE_OF_CERTAINTY, CERTAINTIES[Certainty(request.certainty)]).fetchall()
    total = count_passing(rows, FACETS, request.facets)
    page_count = max(1, -(-total // PAGE_SIZE))
    request = replace(request, page=min(request.page, page_count))
    ids = _page_of_ids(db, request, hits)
    return ArticleList(
        query=request.query,
        sort=request.sort,
        sorts=SORTS if request.query else SORTS[1:],
        facets=(
            *(make_facet(rows, FACETS, name, request.facets) for name in FACETS),
            _certainty_facet(request, counts, total),
        ),
        chosen=request.chosen,
        page=request.page,
        page_count=page_count,
        page_size=PAGE_SIZE,
        total=total,
        is_cut=len(ranked) > MOST_HITS,
        articles=tuple(_read_articles(db, ids, request.query)),
    )


def count_facets(db: Database) -> tuple[CubeRow, ...]:
    """Count the articles that have each combination of the facets' values."""
    return tuple(db.execute(_CUBE).fetchall())


def count_certainties(db: Database) -> dict[str, int]:
    """Count the articles of each certainty by which a list can be narrowed."""
    low, fair = db.execute(_CERTAINTY_COUNTS).fetchone()
    return {Certainty.LOW: low, Certainty.FAIR: fair}


def _certain_hits(db: Database, request: ListRequest, hits: list[int]) -> list[int]:
    """Filter the hits by the requested certainty, in their order."""
    if not request.certainty:
        return hits
    bounds = CERTAINTIES[Certainty(request.certainty)]
    return [hit for (hit,) in db.execute(_HITS_OF_CERTAINTY, [orjson.dumps(hits).decode(), *bounds])]


def count_hits(db: Database, ids: Sequence[int]) -> tuple[CubeRow, ...]:
    """Return the same of some articles."""
    return tuple(db.execute(_CUBE_OF_HITS, [orjson.dumps(ids).decode()]).fetchall())


def _certainty_facet(request: ListRequest, counts: ArticleCounts, total: int) -> Facet:
    """Return the certainties with their counts in the whole archive; within a choice, the one that is chosen."""
    articles = {request.certainty: total} if request.certainty else {}
    if request.is_whole and counts.by_certainty:
        articles = {name: count for name, count in counts.by_certainty.items() if count}
    choices = (FacetChoice(str(name), count, name == request.certainty) for name, count in articles.items())
    return Facet("certainty", tuple(choices), 0)


def _page_of_ids(db: Database, request: ListRequest, hits: Sequence[int] | None) -> list[int]:
    """Return the ids of the articles on the page, in order."""
    values: list[object] = list(request.facets.values())
    conditions = [f"{_COLUMNS[name]} = ?" for name in request.facets]
    source, order = _source(request), _ORDERS["newest" if request.sort == "best" else request.sort]
    if hits is not None:
        source = "json_each(?) AS hit CROSS JOIN articles ON articles.id = hit.value"
        source += " JOIN pages AS page ON page.id = articles.page_id" if request.sort == "certainty" else ""
        order = "hit.key" if request.sort == "best" else order
        values.insert(0, orjson.dumps(hits).decode())
    elif request.certainty:
        conditions.append(_IS_CERTAIN)
        values += CERTAINTIES[Certainty(request.certainty)]
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    query = f"SELECT articles.id FROM {source} {where} ORDER BY {order} LIMIT ? OFFSET ?"
    rows = db.execute(query, [*values, PAGE_SIZE, (request.page - 1) * PAGE_SIZE])
    return [article_id for (article_id,) in rows]


def _source(request: ListRequest) -> str:
    """Return the tables to read a list from that is no search, by the index that serves it."""
    if request.certainty or request.sort == "certainty":
        return _CERTAIN_PAGES
    is_plain = not request.facets and request.sort == "newest"
    return f"articles INDEXED BY {'articles_published_day' if is_plain else 'articles_listed'}"


def _read_articles(db: Database, ids: Sequence[int], query: str) -> Iterator[ListedArticle]:
    """Read the articles with these ids, in their order."""
    rows = {row[0]: row for row in db.execute(_ROWS, [orjson.dumps(ids).decode()])}
    hits = hits_of_articles(db, query, ids) if query else {}
    for article_id in ids:
        number, title, url, host, language, section, authors, *rest = rows[article_id]
        names = stored_texts(authors, "articles", "authors", number)
        snippet = hits[article_id].snippet_parts if article_id in hits else ()
        yield ListedArticle(*[number, title, url, host, language, section, names, *rest, snippet])
