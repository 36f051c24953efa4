"""The list of articles that match a search and the chosen facets, sorted, with the facets' counts.

Without a search everything is read from one index, `articles_listed`. A search looks at its best hits, at most
`MOST_HITS`, since a frequent word stands in most articles of a large archive. Side facets (author, tag, certainty)
stand in no such index: they are counted in the whole archive, and among the articles of a short list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from sqlite_utils import Database

from broadsheet.cleaners.judge.certainty import FAIR_F1, HIGH_F1, Certainty

from ..archive.stored_values import stored_texts
from ..read.search import hits_of_articles, missing_words, rank_articles, widened
from .facets import MOST_CHOICES, Facet, FacetChoice, count_passing, make_facet
from .strict_requests import Arguments, BadArgumentError, NotHereError

PAGE_SIZE = 30
MOST_HITS = 1000
MOST_COUNTED = 2000
"""Articles of a narrowed list up to which its side facets are counted: about 20 ms."""

FACETS = ("host", "language", "section", "year", "kind")
NAME_FACETS = ("author", "tag")
_MOST_LIST_CHARACTERS = 4000  # of a list's arguments in an article's address: a query of 1,000, each percent-encoded

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
    "certainty": "page.certainty NULLS LAST, articles.id",
}
SORTS = ("best", *_ORDERS)

# An article is found by its page in an index; the rows of articles hold whole texts.
_JUDGED_PAGES = "pages AS page CROSS JOIN articles AS judged ON judged.page_id = page.id"
_JUDGED = f"(SELECT judged.id FROM {_JUDGED_PAGES} WHERE {{}})"
_IS_FAIR = f"page.certainty >= {FAIR_F1} AND page.certainty < {HIGH_F1}"
_CERTAINTY_CONDITIONS = {
    Certainty.HIGH: f"articles.id NOT IN {_JUDGED.format(f'page.certainty < {HIGH_F1} OR page.certainty IS NULL')}",
    Certainty.FAIR: f"articles.id IN {_JUDGED.format(_IS_FAIR)}",
    Certainty.LOW: f"articles.id IN {_JUDGED.format(f'page.certainty < {FAIR_F1}')}",
}
# The inner query counts in the order of the index, so that the outer one has little left to sort.
_CUBE = """SELECT host, coalesce(language, ''), coalesce(section, ''), coalesce(year, ''), page_type, sum(articles)
    FROM (SELECT host, language, section, substr(published_day, 1, 4) AS year, page_type, count(*) AS articles
        FROM articles INDEXED BY articles_listed WHERE {} GROUP BY host, language, section, published_day, page_type)
    GROUP BY 1, 2, 3, 4, 5"""
_CUBE_OF_HITS = f"""SELECT {", ".join(_COLUMNS.values())}, count(*) FROM articles
    WHERE id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2, 3, 4, 5"""
_NAMES = {
    name: f"json_each(CASE WHEN json_valid(articles.{column}) THEN articles.{column} ELSE '[]' END)"
    for name, column in (("author", "authors"), ("tag", "tags"))
}
_HAS_NAME = "EXISTS (SELECT 1 FROM {} AS name WHERE name.value = ?)"
_COUNT_NAMES = f"""SELECT value, count, count(*) OVER () FROM (
        SELECT CAST(name.value AS TEXT) AS value, count(DISTINCT articles.id) AS count
        FROM {{source}} CROSS JOIN {{names}} AS name WHERE name.value <> '' GROUP BY 1)
    ORDER BY count DESC, value LIMIT {MOST_CHOICES}"""
_COUNT_CERTAINTIES = f"""SELECT CASE WHEN page.certainty >= {HIGH_F1} THEN 'high'
            WHEN page.certainty >= {FAIR_F1} THEN 'fair' ELSE 'low' END, count(*), 0
    FROM {{}} WHERE page.certainty IS NOT NULL GROUP BY 1"""
_LISTED = "json_each(?) AS hit CROSS JOIN articles ON articles.id = hit.value"
_ROWS = """SELECT id, title, url, host, coalesce(language, ''), coalesce(section, ''), authors,
        coalesce(published_day, ''), first_seen, word_count, page_type,
        coalesce(nullif(description, ''), substr(text, 1, 400))
    FROM articles WHERE id IN (SELECT value FROM json_each(?))"""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for a list of articles.

    `facets` are the chosen values by facet, where the empty text is "none stated"; `names` the chosen author and tag;
    `certainty` is a `Certainty`, or empty for all.
    """

    query: str
    facets: Mapping[str, str]
    sort: str
    page: int
    certainty: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, arguments: Arguments) -> ListRequest:
        """Read a request from the arguments of an address."""
        facets = {name: arguments.text(name) for name in FACETS if name in arguments.values}
        names = {name: value for name in NAME_FACETS if (value := arguments.text(name))}
        query, certainty = arguments.text("q"), arguments.choice("certainty", tuple(Certainty))
        sort = arguments.choice("sort", SORTS, "best" if query else "newest")
        return cls(query, facets, sort, max(1, arguments.number("page", 1)), certainty, names)

    @property
    def chosen(self) -> Mapping[str, str]:
        """Return all values that the list is narrowed to."""
        certainty = {"certainty": self.certainty} if self.certainty else {}
        return {**self.facets, **self.names, **certainty}

    @property
    def arguments(self) -> str:
        """Return the arguments of the list's address, without its page."""
        return urlencode({**({"q": self.query} if self.query else {}), "sort": self.sort, **self.chosen})

    @property
    def is_whole(self) -> bool:
        """Return whether the request is for all articles."""
        return not self.query and not self.chosen


@dataclass(frozen=True, slots=True)
class ListPlace:
    """The place of an article in the list from which it was opened: the list's arguments, and the place from 1 on."""

    list: str
    position: int
    total: int

    @classmethod
    def of(cls, arguments: Arguments) -> ListPlace | None:
        """Read the place from an article's address; None for an article that was not opened from a list."""
        listed = arguments.text("list", _MOST_LIST_CHARACTERS)
        if not listed:
            return None
        place = cls(listed, max(1, arguments.number("at", 1)), arguments.number("of", 1))
        return replace(place, list=place.request.arguments)

    @property
    def request(self) -> ListRequest:
        """Return the request for the list. Raises BadArgumentError if the arguments are not those of a list."""
        try:
            return ListRequest.of(Arguments(dict(parse_qsl(self.list, keep_blank_values=True, max_num_fields=20))))
        except ValueError as error:
            raise BadArgumentError("list is not a list of articles") from error

    @property
    def arguments(self) -> Mapping[str, object]:
        """Return the arguments of an article's address that state its place."""
        return {"list": self.list, "at": self.position, "of": self.total}

    @property
    def page(self) -> int:
        """Return the page of the list on which the article stands."""
        return -(-self.position // PAGE_SIZE)


class ListedArticle(NamedTuple):
    """An article in the list. `description` is the beginning of its text where the page states none.

    `snippet` shows what a search met, in pieces with whether each matched.
    """

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


class ArticleList(NamedTuple):
    """A page of the list, narrowed by a query and by chosen values of facets; `sorts` are those there are.

    `is_cut` says that a search has more hits than it looked at. `missing` are words of a search without a hit that no
    article has, `wider` is a search for other endings of its words. `list` are the list's own arguments.
    """

    query: str
    sort: str
    sorts: tuple[str, ...]
    facets: tuple[Facet, ...]
    chosen: Mapping[str, str]
    page: int
    page_count: int
    page_size: int
    total: int
    is_cut: bool
    articles: tuple[ListedArticle, ...]
    missing: tuple[str, ...]
    wider: str
    list: str


CubeRow = tuple[str, str, str, str, str, int]
"""A value of each facet, and how many articles have them all."""
SideCounts = Mapping[str, Sequence[tuple[str, int, int]]]
"""By side facet its most frequent values, each with its articles and the number of all values."""


class ArticleCounts(NamedTuple):
    """The numbers of all articles by their facets, and by side facets (None: not counted yet)."""

    cube: Sequence[CubeRow]
    sides: SideCounts | None = None


def list_articles(db: Database, request: ListRequest, counts: ArticleCounts | None = None) -> ArticleList:
    """List one page of the articles that a request asks for. `counts` are those of all articles, if known already."""
    counts = counts or ArticleCounts(count_facets(db), count_sides(db))
    selection = Selection(db, request, counts)
    page_count = max(1, -(-selection.total // PAGE_SIZE))
    page = min(request.page, page_count)
    ids = selection.ids(PAGE_SIZE, (page - 1) * PAGE_SIZE)
    has_no_hit = bool(request.query and not selection.total)
    return ArticleList(
        query=request.query,
        sort=request.sort,
        sorts=SORTS if request.query else SORTS[1:],
        facets=(*(make_facet(selection.rows, FACETS, name, request.facets) for name in FACETS), *selection.sides()),
        chosen=request.chosen,
        page=page,
        page_count=page_count,
        page_size=PAGE_SIZE,
        total=selection.total,
        is_cut=selection.is_cut,
        articles=tuple(_read_articles(db, ids, request.query)),
        missing=missing_words(db, request.query) if has_no_hit else (),
        wider=_wider_query(db, request.query) if has_no_hit else "",
        list=request.arguments,
    )


def _wider_query(db: Database, query: str) -> str:
    """Return the search for other endings of a search's words; empty if it has no hit either."""
    wider = widened(query)
    return wider if wider and rank_articles(db, wider, 1) else ""


def find_listed(db: Database, request: ListRequest, position: int, counts: ArticleCounts) -> tuple[int, ListPlace]:
    """Return the article at a place of a list, from 1 on, and its place; the last one for a place beyond it.

    Raises NotHereError if the list is empty.
    """
    selection = Selection(db, request, counts)
    if not selection.total:
        raise NotHereError("the list has no article any more")
    place = ListPlace(request.arguments, min(max(1, position), selection.total), selection.total)
    [article_id] = selection.ids(1, place.position - 1)
    return article_id, place


def count_facets(db: Database) -> tuple[CubeRow, ...]:
    """Count the articles that have each combination of the facets' values."""
    return tuple(db.execute(_CUBE.format("true")).fetchall())


def count_sides(db: Database) -> SideCounts:
    """Count the articles by author, tag and certainty."""
    queries = {name: _COUNT_NAMES.format(source="articles", names=_NAMES[name]) for name in NAME_FACETS}
    queries["certainty"] = _COUNT_CERTAINTIES.format(_JUDGED_PAGES)
    return {name: db.execute(query).fetchall() for name, query in queries.items()}


class Selection:
    """The articles that match a request: of a search or a name by their numbers, others by conditions."""

    def __init__(self, db: Database, request: ListRequest, counts: ArticleCounts) -> None:
        self._db, self._request, self._counts = db, request, counts
        ranked = rank_articles(db, request.query, MOST_HITS + 1) if request.query else []
        self.is_cut = len(ranked) > MOST_HITS
        self._hits = self._find_hits(ranked[:MOST_HITS]) if request.query or request.names else None
        self.rows = self._count_rows()
        self.total = count_passing(self.rows, FACETS, request.facets)

    def _find_hits(self, ranked: Sequence[int]) -> list[int]:
        """Find the articles of a search, or all, that have the chosen names and certainty, in their order."""
        request = self._request
        conditions = [_HAS_NAME.format(_NAMES[name]) for name in request.names]
        conditions += [self._certainty_condition] if request.certainty else []
        if not conditions:
            return list(ranked)
        source, first = (_LISTED, [_json(ranked)]) if request.query else ("articles", [])
        order = "hit.key" if request.query else "articles.id"
        query = f"SELECT articles.id FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {order}"
        return [number for (number,) in self._db.execute(query, [*first, *request.names.values()])]

    @property
    def _certainty_condition(self) -> str:
        return _CERTAINTY_CONDITIONS[Certainty(self._request.certainty)]

    def _count_rows(self) -> Sequence[CubeRow]:
        if self._hits is not None:
            return tuple(self._db.execute(_CUBE_OF_HITS, [_json(self._hits)]).fetchall())
        if self._request.certainty:
            return self._db.execute(_CUBE.format(self._certainty_condition)).fetchall()
        return self._counts.cube

    def ids(self, limit: int, offset: int = 0) -> list[int]:
        """Return the numbers of the articles on a page, in the list's order."""
        request = self._request
        values: list[object] = list(request.facets.values())
        conditions = [f"{_COLUMNS[name]} = ?" for name in request.facets]
        source, order = self._source, _ORDERS["newest" if request.sort == "best" else request.sort]
        if self._hits is not None:
            order = "hit.key" if request.sort == "best" else order
            values.insert(0, _json(self._hits))
        elif request.certainty:
            conditions.append(self._certainty_condition)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT articles.id FROM {source} {where} ORDER BY {order} LIMIT ? OFFSET ?"
        return [article_id for (article_id,) in self._db.execute(query, [*values, limit, offset])]

    @cached_property
    def _source(self) -> str:
        """Return the tables to read the list from, by the index that serves it."""
        request = self._request
        if self._hits is not None:
            with_page = " JOIN pages AS page ON page.id = articles.page_id" if request.sort == "certainty" else ""
            return _LISTED + with_page
        if request.sort == "certainty":
            return "pages AS page CROSS JOIN articles ON articles.page_id = page.id"
        is_plain = not request.facets and request.sort == "newest"
        return f"articles INDEXED BY {'articles_published_day' if is_plain else 'articles_listed'}"

    def sides(self) -> Iterator[Facet]:
        """Yield the side facets: of the whole archive or a short list; of a long list only the chosen values."""
        counts: SideCounts = {}
        if self._request.is_whole:
            counts = self._counts.sides or {}
        elif self.total <= MOST_COUNTED:
            counts = self._count_sides(self.ids(MOST_COUNTED))
        for name in (*NAME_FACETS, "certainty"):
            yield self._side(name, counts.get(name, ()))

    def _count_sides(self, ids: Sequence[int]) -> SideCounts:
        queries = {name: _COUNT_NAMES.format(source=_LISTED, names=_NAMES[name]) for name in NAME_FACETS}
        queries["certainty"] = _COUNT_CERTAINTIES.format(f"{_LISTED} JOIN pages AS page ON page.id = articles.page_id")
        return {name: self._db.execute(query, [_json(ids)]).fetchall() for name, query in queries.items()}

    def _side(self, name: str, rows: Sequence[tuple[str, int, int]]) -> Facet:
        chosen, counts = self._request.chosen.get(name), {value: count for value, count, _ in rows}
        if chosen is not None:
            counts.setdefault(chosen, self.total)
        words = [str(word) for word in Certainty if word in counts] if name == "certainty" else list(counts)
        choices = tuple(FacetChoice(word, counts[word], word == chosen) for word in words)
        return Facet(name, choices, max(0, rows[0][2] - len(rows)) if rows and name != "certainty" else 0)


def _json(ids: Sequence[int]) -> str:
    return json.dumps(list(ids))


def _read_articles(db: Database, ids: Sequence[int], query: str) -> Iterator[ListedArticle]:
    """Read the articles with these ids, in their order."""
    rows = {row[0]: row for row in db.execute(_ROWS, [_json(ids)])}
    hits = hits_of_articles(db, query, ids) if query else {}
    for article_id in ids:
        number, title, url, host, language, section, authors, *rest = rows[article_id]
        names = stored_texts(authors, "articles", "authors", number)
        snippet = hits[article_id].snippet_parts if article_id in hits else ()
        yield ListedArticle(*[number, title, url, host, language, section, names, *rest, snippet])
