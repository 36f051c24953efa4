"""Filters on articles, and look-up of the URL that a person means.

Searches, exports, feeds, reports and Python share this one meaning. A ruling's host is that very host, since what is
ruled there is written, and so are the hosts of an import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from sqlite_utils import Database

from broadsheet.cleaners.page.canonical_urls import canonicalise, host_of, near_spellings

from .fulltext import has_unspaced_script
from .stored_text import storable_text
from .table_columns import folded_name, quoted_name, table_columns
from .usage_preferences import refusing_texts

USAGE_COLUMN = "usage"
"""The column of exports that has the usage preferences of an article's capture."""

USAGE_OF_ARTICLE = "coalesce((SELECT u.usage FROM main.captures u WHERE u.id = {}.capture_id), '[]')"
"""SQL: that column's value, for the name that stands for an article's row."""

_ROBOT = "broadsheet"  # the name by which directives call us
_DAY = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ArticleBounds:
    """Bounds on articles; empty ones let everything pass.

    `host` is a host, or a domain whose subdomains count too, as `host_condition` has it. `since` and `until` are ISO
    days, months or years, both included, compared with the day that the publisher states; an article without one is
    left out where either is given. `languages` are primary tags. `section` is compared whatever its case. `match` is an
    FTS5 expression that title or text match. `use` is one of `USES`: what its site refuses to that use is left out,
    whether at the article's capture or at a later one.
    """

    host: str = ""
    since: str = ""
    until: str = ""
    languages: tuple[str, ...] = ()
    section: str = ""
    match: str = ""
    use: str = ""

    @property
    def condition(self) -> str:
        """Return a condition on the columns of `articles`, with the names of `values` as parameters; it calls
        `fold_case`.
        """
        languages = ", ".join(f":language_{number}" for number in range(len(self.languages)))
        parts = {
            host_condition(self.host): self.host,
            "published_day >= :since": self.since,
            "substr(published_day, 1, length(:until)) <= :until": self.until,
            f"language IN ({languages})": languages,
            "fold_case(section) = fold_case(:section)": self.section,
            "id IN (SELECT rowid FROM articles_fts WHERE articles_fts MATCH :bounds_match)": self.match,
            permitting_condition(self.use): self.use,
        }
        return " AND ".join(part for part, value in parts.items() if value) or "true"

    @property
    def values(self) -> Mapping[str, str]:
        """Return the parameters of `condition`; it may use only some of them."""
        languages = {f"language_{number}": tag for number, tag in enumerate(self.languages)}
        return {
            "since": self.since,
            "until": self.until,
            "section": self.section,
            "bounds_match": self.match,
            **languages,
        }


def read_day(text: str) -> str:
    """Read a day, a month or a year as ISO 8601 writes it (2024-01-31, 2024-01, 2024).

    Raises ValueError for any other text.
    """
    day = text.strip()
    if not _DAY.fullmatch(day):
        raise ValueError(f"{text!r} is not a date; write 2024-01-31, 2024-01 or 2024")
    try:
        date.fromisoformat(day + "0001-01-01"[len(day) :])
    except ValueError:
        raise ValueError(f"{text!r} is not a date in the calendar") from None
    return day


def primary_tag(language: str) -> str:
    """Return the primary tag of a language's code, in lower case.

    >>> primary_tag("en-GB")
    'en'
    """
    return language.strip().lower().replace("_", "-").partition("-")[0]


def host_condition(host: str, column: str = "host") -> str:
    """Return an SQL condition on a column of hosts: is it the host that a person names? It has no parameters, as views
    need.

    `a.test` means a.test and all hosts below it, at any port; `a.test:8000` means these at that port alone. Capitals,
    letters beyond ASCII, and a scheme or path around the host may stand as a person writes them. An empty text means
    every host.
    """
    name = stored_host_of(host)
    if not name:
        return "true"
    escaped_name = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    likes = (f"%.{escaped_name}", f"{escaped_name}:%", f"%.{escaped_name}:%")
    parts = [f"{column} = {_quoted(name)}", *(f"{column} LIKE {_quoted(like)} ESCAPE '\\'" for like in likes)]
    return f"({' OR '.join(parts)})"


def stored_host_of(host: str) -> str:
    """Return a host as an archive stores it; only in lower case if it is not a valid host."""
    text = host.strip()
    return host_of(canonicalise(text if "://" in text else f"http://{text}/") or "") or text.lower()


def permitting_condition(use: str) -> str:
    """Return an SQL condition on articles: does no word of the site refuse a use?

    The words are those of the article's capture and of later ones of its URL. Without a use the condition is `true`.
    """
    if not use:
        return "true"
    usage, directives = refusing_texts(use, _ROBOT)
    likes = [_array_condition("c.usage", text) for text in usage]
    likes += [_array_condition("c.directives", text) for text in directives]
    return f"""NOT EXISTS (SELECT 1 FROM main.captures o JOIN main.captures c ON c.url = o.url
        AND c.fetched_at >= o.fetched_at WHERE o.id = capture_id AND ({" OR ".join(likes)}))"""


def _array_condition(column: str, text: str) -> str:
    """Return an SQL condition: is a text one of those in a column's JSON array?"""
    return f"instr({column}, {_quoted(json.dumps(text))}) > 0"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("\0", "") + "'"


@contextmanager
def article_scope(db: Database, article_filter: ArticleBounds) -> Iterator[None]:
    """Narrow table `articles`, for this connection and while the context is open, to the articles that pass the filter.

    A temporary view stands before the table, so that whatever reads articles need not know of it. It has a further
    column, `usage`, of the article's capture, unless a user has one of that name.
    """
    query = f"SELECT id FROM main.articles WHERE {article_filter.condition}"
    db.execute(f"CREATE TEMP TABLE chosen_articles AS {query}", dict(article_filter.values))
    try:
        names = [column.name for column in table_columns(db, "articles")]
        columns = ", ".join(f"a.{quoted_name(name)}" for name in names)
        if folded_name(USAGE_COLUMN) not in map(folded_name, names):
            columns += f", {USAGE_OF_ARTICLE.format('a')} AS {USAGE_COLUMN}"
        chosen = "SELECT id FROM temp.chosen_articles"
        db.execute(f"CREATE TEMP VIEW articles AS SELECT {columns} FROM main.articles a WHERE a.id IN ({chosen})")
        yield
    finally:
        db.execute("DROP VIEW IF EXISTS temp.articles")
        db.execute("DROP TABLE temp.chosen_articles")


ALL_ARTICLES = ArticleBounds()


def find_known_url(db: Database, text: str) -> str | None:
    """Find the URL in table `urls` that a person means by a text, in its stored spelling; None if the archive has none.

    The very URL goes first, then its canonical spelling, then those that differ by scheme, `www.` or the last slash,
    then those that name the index page of a folder, or do not. A path alone is looked for on each host, on the first
    ones of an archive of many.
    """
    query = "SELECT url FROM urls WHERE url = ?"
    rows = (db.execute(query, [storable_text(url)]).fetchone() for url in _meant_urls(db, text))
    return next((str(row[0]) for row in rows if row), None)


_MOST_HOSTS = 20  # on which a path alone is looked for
_INDEX_PAGE = re.compile(r"/(?:index\.(?:html?|php|shtml)|default\.(?:html?|aspx?))$", re.IGNORECASE)
_INDEX_PAGES = ("index.html", "index.htm", "index.php", "index.shtml", "default.htm", "default.html", "default.aspx")
# From one host to the next in the index, since an archive has many URLs of few hosts.
_HOSTS = f"""WITH RECURSIVE known (host) AS (SELECT min(host) FROM urls
        UNION ALL SELECT (SELECT min(u.host) FROM urls u WHERE u.host > k.host) FROM known k WHERE k.host IS NOT NULL)
    SELECT host FROM known WHERE host <> '' LIMIT {_MOST_HOSTS}"""


def _meant_urls(db: Database, text: str) -> Iterator[str]:
    """Yield the URLs that a person may mean, the likeliest first."""
    path = text.strip()
    hosts = db.execute(_HOSTS).fetchall() if path.startswith("/") and not path.startswith("//") else ()
    spellings = [
        url for place in ([f"https://{host}{path}" for (host,) in hosts] or [text]) for url in near_spellings(place)
    ]
    yield from spellings
    for url in spellings:
        folder = _INDEX_PAGE.sub("/", url)
        if folder != url:
            yield folder
        elif "://" in url and url.endswith("/"):
            yield from (url + name for name in _INDEX_PAGES)


_TITLED = "SELECT rowid FROM articles_fts WHERE articles_fts MATCH ? ORDER BY rowid"
_EQUAL_TITLE = "SELECT id FROM articles WHERE title = ? ORDER BY id"
_TITLE = "SELECT title FROM articles WHERE id = ?"


def find_titled(db: Database, title: str) -> list[int]:
    """Find the ids of the articles that have a title, whatever its case and spaces; exactly as it is in Chinese and
    Japanese.
    """
    words = " ".join(storable_text(title).split())
    if has_unspaced_script(words):
        return [number for (number,) in db.execute(_EQUAL_TITLE, [words])]
    phrase = '{title} : "' + words.replace('"', '""') + '"'
    found = [number for (number,) in db.execute(_TITLED, [phrase])] if any(map(str.isalnum, words)) else []
    titles = {number: db.execute(_TITLE, [number]).fetchone() for number in found}
    return [number for number, row in titles.items() if row and " ".join(row[0].split()).casefold() == words.casefold()]
