"""Coverage of the URLs that sitemaps, feeds and links name, and why the archive lacks the others.

A redirect is followed: its target counts. An article whose URL gives an error now is still in the archive, and counts
as captured.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sqlite_utils import Database

from ..archive.url_words import Reason, UrlState

MAX_EXAMPLES = 3

_MAX_HOPS = 10
_SOURCE_QUERIES = {
    "sitemap": "SELECT url_id FROM _listed WHERE kind = 'sitemap'",
    "feed": "SELECT url_id FROM _listed WHERE kind = 'feed'",
    "link": """SELECT id FROM urls WHERE kind = 'page'
        AND found_via IN ('link', 'next', 'canonical', 'single_page', 'redirect')""",
}
# `+` keeps SQLite from the index on states, in which each step would read every redirect of the archive.
_REDIRECT_ENDS = f"""WITH RECURSIVE named (id) AS ({{named}}),
    way (start, id, hops) AS (
        SELECT id, id, 0 FROM named
        UNION ALL
        SELECT w.start, t.id, w.hops + 1 FROM way w JOIN urls u ON u.id = w.id JOIN urls t ON t.url = u.location
        WHERE +u.state = 'done' AND +u.reason = 'redirect' AND w.hops < {_MAX_HOPS}),
    ends AS (
        SELECT s.url AS url, u.state AS state, u.reason AS reason, p.article_id AS article_id, max(w.hops)
        FROM way w JOIN urls s ON s.id = w.start JOIN urls u ON u.id = w.id LEFT JOIN pages p ON p.id = w.id
        GROUP BY w.start)"""

_CLASSES = """SELECT CASE WHEN article_id IS NOT NULL THEN 'article'
        WHEN state = 'done' AND reason <> 'redirect' THEN 'page' ELSE 'gap' END AS class, state, reason, url
    FROM ends"""
_COUNTS_WITH_EXAMPLES = f"""{_REDIRECT_ENDS}, classes AS ({_CLASSES}), ranked AS (
        SELECT class, state, reason, url, row_number() OVER (PARTITION BY class, state, reason ORDER BY url) AS place,
            count(*) OVER (PARTITION BY class, state, reason) AS urls FROM classes)
    SELECT class, state, reason, urls, url FROM ranked
    WHERE place <= {MAX_EXAMPLES} AND (class <> 'article' OR place = 1)
    ORDER BY class, urls DESC, state, reason, place"""
_UNNAMED_ARTICLES = f"""{_REDIRECT_ENDS} SELECT count(*) OVER (), url FROM articles
    WHERE id NOT IN (SELECT article_id FROM ends WHERE article_id IS NOT NULL) ORDER BY url LIMIT {MAX_EXAMPLES}"""

# From the ends back: those in one state for one reason to which a named URL leads, by the index on states.
_IS_NAMED = {
    "sitemap": "EXISTS (SELECT 1 FROM _listed l WHERE l.url_id = back.id AND l.kind = 'sitemap')",
    "feed": "EXISTS (SELECT 1 FROM _listed l WHERE l.url_id = back.id AND l.kind = 'feed')",
    "link": """(SELECT n.kind = 'page' AND n.found_via IN ('link', 'next', 'canonical', 'single_page', 'redirect')
        FROM urls n WHERE n.id = back.id)""",
}
_LEADS_BACK = f"""WITH RECURSIVE back (id, url, hops) AS (
        SELECT {{end}} UNION
        SELECT r.id, r.url, back.hops + 1 FROM back JOIN urls r ON r.location = back.url
        WHERE +r.state = 'done' AND +r.reason = 'redirect' AND back.hops < {_MAX_HOPS})
    SELECT {{columns}} FROM back WHERE {{is_named}}"""
_ENDS_OF = """SELECT u.id, u.url FROM urls u
    WHERE u.state = :state AND u.reason = :reason AND u.kind IN ('page', 'sitemap', 'feed', 'robots') AND u.id > :after
        AND NOT EXISTS (SELECT 1 FROM pages p WHERE p.id = u.id AND p.article_id IS NOT NULL)
        AND (u.reason <> 'redirect' OR NOT EXISTS (SELECT 1 FROM urls t WHERE t.url = u.location))
        AND EXISTS ({is_reached}) ORDER BY u.id LIMIT :limit"""


@dataclass(frozen=True, slots=True)
class CoveredUrl:
    """A URL that a source names, and where it led: the end of its redirects, itself if there are none."""

    url: str
    end_id: int
    end_url: str


@dataclass(frozen=True, slots=True)
class Gap:
    """URLs that ended in one state for one reason: how many, some examples, and a hint what may be done."""

    state: UrlState
    reason: Reason
    urls: int
    examples: tuple[str, ...]
    hint: str

    @property
    def is_worth_a_look(self) -> bool:
        """Return whether a person may act on the gap or should know of it; False where the site says that nothing is
        there.
        """
        return bool(self.hint) and self.reason not in _settled_reasons()


@dataclass(frozen=True, slots=True)
class Coverage:
    """The outcome of the `named` URLs that a `source` (sitemap, feed, link) names.

    `articles` lead to an article of the archive; `pages` were read and are no article, by type; `gaps` were not read.
    `unnamed` counts the articles to which no URL of the source leads, which were found in other ways.
    """

    source: str
    named: int
    articles: int
    pages: tuple[Gap, ...]
    gaps: tuple[Gap, ...]
    unnamed: int
    unnamed_examples: tuple[str, ...]


def measure_coverage(db: Database) -> tuple[Coverage, ...]:
    """Measure the coverage of each source that names any URL."""
    coverages = (_measure_source(db, source, query) for source, query in _SOURCE_QUERIES.items())
    return tuple(coverage for coverage in coverages if coverage.named)


def list_covered_urls(
    db: Database, source: str, outcome: tuple[str, str], after_end: int = 0, limit: int = 50
) -> list[CoveredUrl]:
    """List the URLs of a source that ended in a state for a reason without an article: those of the first `limit` ends
    after the one of a number in `urls`.
    """
    is_reached = _LEADS_BACK.format(end="u.id, u.url, 0", columns="1", is_named=_IS_NAMED[source])
    bounds = {"state": outcome[0], "reason": outcome[1], "after": after_end, "limit": limit}
    ends = db.execute(_ENDS_OF.format(is_reached=is_reached), bounds).fetchall()
    named = _LEADS_BACK.format(end=":id, :url, 0", columns="back.url", is_named=_IS_NAMED[source])
    return [
        CoveredUrl(url, end_id, end_url)
        for end_id, end_url in ends
        for (url,) in db.execute(f"{named} ORDER BY back.url", {"id": end_id, "url": end_url})
    ]


def hint_for(state: UrlState, reason: Reason) -> str:
    """Return a hint on what to do about URLs that were not read; empty if there is none."""
    hints = _load_hints()
    return hints.get(reason) or hints.get(reason.partition(":")[0]) or hints.get(state, "")


def _measure_source(db: Database, source: str, query: str) -> Coverage:
    """Measure the coverage of one source; `query` selects the ids of the URLs that it names."""
    gaps_by_class: dict[str, dict[tuple[UrlState, Reason], Gap]] = {"article": {}, "page": {}, "gap": {}}
    for class_name, state, reason, urls, url in db.execute(_COUNTS_WITH_EXAMPLES.format(named=query)):
        gap = gaps_by_class[class_name].get((state, reason))
        examples = (*gap.examples, url) if gap else (url,)
        hint = hint_for(state, reason) if class_name == "gap" else ""
        gaps_by_class[class_name][state, reason] = Gap(state, reason, urls, examples, hint)
    articles, pages, gaps = (tuple(gaps_by_class[class_name].values()) for class_name in ("article", "page", "gap"))
    total = sum(gap.urls for gap in (*articles, *pages, *gaps))
    unnamed, examples = _find_unnamed(db, query) if source == "sitemap" and total else (0, ())
    return Coverage(source, total, sum(gap.urls for gap in articles), pages, gaps, unnamed, examples)


def _find_unnamed(db: Database, query: str) -> tuple[int, tuple[str, ...]]:
    """Count the articles to which no URL of the source leads, and return some of their URLs."""
    rows: Iterable[tuple[int, str]] = db.execute(_UNNAMED_ARTICLES.format(named=query)).fetchall()
    return next((count for count, _ in rows), 0), tuple(url for _, url in rows)


@cache
def _load_hints() -> dict[str, str]:
    hints: dict[str, str] = _load_data()["hints"]
    return hints


@cache
def _settled_reasons() -> frozenset[str]:
    return frozenset(_load_data()["settled"])


@cache
def _load_data() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("coverage.toml").read_text("utf-8"))
