"""What an archive has of the URLs that sitemaps, feeds and links name, and of the others why not.

A URL counts as what it led to: where it redirects, the target counts. An article that answers with an error now is
still in the archive, and counts as captured.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sqlite_utils import Database

EXAMPLES = 3

_HOPS = 10
_NAMED = {
    "sitemap": "SELECT url_id FROM listed WHERE kind = 'sitemap'",
    "feed": "SELECT url_id FROM listed WHERE kind = 'feed'",
    "link": """SELECT id FROM urls WHERE kind = 'page'
        AND found_via IN ('link', 'next', 'canonical', 'single_page', 'redirect')""",
}
_ENDS = f"""WITH RECURSIVE named (id) AS ({{named}}),
    way (start, id, hops) AS (
        SELECT id, id, 0 FROM named
        UNION ALL
        SELECT w.start, t.id, w.hops + 1 FROM way w JOIN urls u ON u.id = w.id JOIN urls t ON t.url = u.location
        WHERE u.state = 'done' AND u.reason = 'redirect' AND w.hops < {_HOPS}),
    ends AS (
        SELECT s.url AS url, u.state AS state, u.reason AS reason, p.article_id AS article_id, max(w.hops)
        FROM way w JOIN urls s ON s.id = w.start JOIN urls u ON u.id = w.id LEFT JOIN pages p ON p.id = w.id
        GROUP BY w.start)"""

_CLASSES = """SELECT CASE WHEN article_id IS NOT NULL THEN 'article'
        WHEN state = 'done' AND reason <> 'redirect' THEN 'page' ELSE 'gap' END AS class, state, reason, url
    FROM ends"""
_COUNTED = f"""{_ENDS}, classes AS ({_CLASSES}), ranked AS (
        SELECT class, state, reason, url, row_number() OVER (PARTITION BY class, state, reason ORDER BY url) AS place,
            count(*) OVER (PARTITION BY class, state, reason) AS urls FROM classes)
    SELECT class, state, reason, urls, url FROM ranked WHERE place <= {EXAMPLES} AND (class <> 'article' OR place = 1)
    ORDER BY class, urls DESC, state, reason, place"""
_UNNAMED = f"""{_ENDS} SELECT count(*) OVER (), url FROM articles
    WHERE id NOT IN (SELECT article_id FROM ends WHERE article_id IS NOT NULL) ORDER BY url LIMIT {EXAMPLES}"""


@dataclass(frozen=True, slots=True)
class Gap:
    """URLs that ended in one state for one reason: how many, some of them, and what may be done."""

    state: str
    reason: str
    urls: int
    examples: tuple[str, ...]
    hint: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of the URLs that `source` (sitemap, feed, link) names.

    `articles` lead to an article of the archive; `pages` were read and are no article, by type; `gaps` were not read.
    `unnamed` are articles that no URL of the source leads to, found by other ways, with some of them.
    """

    source: str
    named: int
    articles: int
    pages: tuple[Gap, ...]
    gaps: tuple[Gap, ...]
    unnamed: int
    unnamed_examples: tuple[str, ...]


def coverage(db: Database) -> tuple[Coverage, ...]:
    """The coverage against each source that names anything."""
    found = (_of(db, source, named) for source, named in _NAMED.items())
    return tuple(each for each in found if each.named)


def hint(state: str, reason: str) -> str:
    """What may be done about a URL that was not read."""
    said = _hints()
    return said.get(reason) or said.get(reason.partition(":")[0]) or said.get(state, "")


def _of(db: Database, source: str, named: str) -> Coverage:
    classes: dict[str, dict[tuple[str, str], Gap]] = {"article": {}, "page": {}, "gap": {}}
    for sort, state, reason, urls, url in db.execute(_COUNTED.format(named=named)):
        before = classes[sort].get((state, reason))
        examples = (*before.examples, url) if before else (url,)
        told = hint(state, reason) if sort == "gap" else ""
        classes[sort][state, reason] = Gap(state, reason, urls, examples, told)
    articles, pages, gaps = (tuple(classes[sort].values()) for sort in ("article", "page", "gap"))
    total = sum(each.urls for each in (*articles, *pages, *gaps))
    unnamed, examples = _unnamed(db, named) if source == "sitemap" and total else (0, ())
    return Coverage(source, total, sum(each.urls for each in articles), pages, gaps, unnamed, examples)


def _unnamed(db: Database, named: str) -> tuple[int, tuple[str, ...]]:
    rows: Iterable[tuple[int, str]] = db.execute(_UNNAMED.format(named=named)).fetchall()
    return next((count for count, _ in rows), 0), tuple(url for _, url in rows)


@cache
def _hints() -> dict[str, str]:
    return tomllib.loads(files(__package__).joinpath("coverage.toml").read_text("utf-8"))
