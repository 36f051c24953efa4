"""Coverage of the URLs that sitemaps, feeds and links name, and why the archive lacks the others.

A redirect is followed: its target counts. An article whose URL gives an error now is still in the archive, and counts
as captured.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.package_data import read_toml

from ..archive.url_words import Reason, UrlState

MAX_EXAMPLES = 3

_MAX_HOPS = 10
_DATA = "coverage.toml"
_IS_NAMED = {
    "sitemap": "n.in_sitemap",
    "feed": "n.in_feed",
    "link": "n.kind = 'page' AND n.found_via IN ('link', 'next', 'canonical', 'single_page', 'redirect')",
}
_SOURCE_QUERIES = {source: f"SELECT n.id FROM urls n WHERE {is_named}" for source, is_named in _IS_NAMED.items()}
# `+` keeps SQLite from the index on states, in which each step would read every redirect of the archive. Most URLs lead
# nowhere else, and are read directly.
# A page whose article the archive keeps ends the chain, even if its URL redirects now.
_IS_REDIRECT = """+u.state = 'done' AND +u.reason = 'redirect'
    AND NOT EXISTS (SELECT 1 FROM pages o WHERE o.id = u.id AND o.article_id IS NOT NULL)"""
_REDIRECT_ENDS = f"""WITH RECURSIVE named (id) AS ({{named}}),
    moved (start, id) AS (
        SELECT n.id, t.id FROM named n JOIN urls u ON u.id = n.id JOIN urls t ON t.url = u.location
        WHERE {_IS_REDIRECT}),
    way (start, id, hops) AS (
        SELECT start, id, 1 FROM moved
        UNION ALL
        SELECT w.start, t.id, w.hops + 1 FROM way w JOIN urls u ON u.id = w.id JOIN urls t ON t.url = u.location
        WHERE {_IS_REDIRECT} AND w.hops < {_MAX_HOPS}),
    ends (url, state, reason, article_id, hops) AS (
        SELECT u.url, u.state, u.reason, p.article_id, 0
        FROM named n JOIN urls u ON u.id = n.id LEFT JOIN pages p ON p.id = n.id
        WHERE NOT ({_IS_REDIRECT}) OR n.id NOT IN (SELECT start FROM moved)
        UNION ALL
        SELECT s.url, u.state, u.reason, p.article_id, max(w.hops)
        FROM way w JOIN urls s ON s.id = w.start JOIN urls u ON u.id = w.id LEFT JOIN pages p ON p.id = w.id
        GROUP BY w.start)"""

_CLASSED_ENDS = f"""{_REDIRECT_ENDS} SELECT CASE WHEN article_id IS NOT NULL THEN 'article'
        WHEN state = 'done' AND reason <> 'redirect' THEN 'page' ELSE 'gap' END, state, reason, url, article_id
    FROM ends"""

# From the ends back: those in one state for one reason to which a named URL leads, by the index on states.
_LEADS_BACK = f"""WITH RECURSIVE back (id, url, hops) AS (
        SELECT {{end}} UNION
        SELECT r.id, r.url, back.hops + 1 FROM back JOIN urls r ON r.location = back.url
        WHERE {_IS_REDIRECT.replace("u.", "r.")} AND back.hops < {_MAX_HOPS})
    SELECT {{columns}} FROM back WHERE (SELECT {{is_named}} FROM urls n WHERE n.id = back.id)"""
_ENDS_OF = """SELECT u.id, u.url FROM urls u
    WHERE u.state = :state AND u.reason = :reason AND u.kind IN ('page', 'sitemap', 'feed', 'robots') AND u.id > :after
        AND NOT EXISTS (SELECT 1 FROM pages p WHERE p.id = u.id AND p.article_id IS NOT NULL)
        AND (u.reason <> 'redirect' OR NOT EXISTS (SELECT 1 FROM urls t WHERE t.url = u.location))
        AND EXISTS ({is_reached}) ORDER BY u.id LIMIT :limit"""


class CoveredUrl(NamedTuple):
    """A URL that a source names, and where its redirects end (the URL itself if it has none)."""

    url: str
    end_id: int
    end_url: str


@dataclass(frozen=True, slots=True)
class Gap:
    """URLs that ended in one state for one reason: their number, some examples, and advice."""

    state: UrlState
    reason: Reason
    urls: int
    examples: tuple[str, ...]
    hint: str

    @property
    def is_worth_a_look(self) -> bool:
        """Return whether a person could act on the gap, or should know of it; False if the site says that the page is
        gone.
        """
        return bool(self.hint) and self.reason not in read_toml(__package__, _DATA)["settled"]


class Coverage(NamedTuple):
    """The outcome of the `named` URLs that a `source` (sitemap, feed, link) lists.

    `articles` lead to an article of the archive, `pages` are other pages by type, `gaps` were not read. `unnamed`
    counts articles that the source does not list; only sitemaps have examples of these.
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
    """List the URLs of a source that ended in a state for a reason without an article, for up to `limit` ends after a
    number in `urls`.
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
    """Return advice about URLs that were not read, or an empty string."""
    hints: dict[str, str] = read_toml(__package__, _DATA)["hints"]
    return hints.get(reason) or hints.get(reason.partition(":")[0]) or hints.get(state, "")


def missing_words(gap: Gap) -> str:
    """Say briefly, to follow a number, why pages are missing; empty for a URL that is not a page of the site."""
    if gap.state == UrlState.QUEUED:
        return "still to be fetched"
    family = gap.reason.partition(":")[0]
    lists: dict[str, list[str]] = read_toml(__package__, _DATA)["missing"]
    found = next((words for words, reasons in lists.items() if family in reasons), "failed")
    return "" if found == "no page" else found


def _measure_source(db: Database, source: str, query: str) -> Coverage:
    """Measure the coverage of one source; `query` selects the ids of the URLs that it names."""
    counts: Counter[tuple[str, UrlState, Reason]] = Counter()
    first_urls: dict[tuple[str, UrlState, Reason], list[str]] = {}
    named_articles: set[int | None] = set()
    for class_name, state, reason, url, article_id in db.execute(_CLASSED_ENDS.format(named=query)):
        named_articles.add(article_id)
        counts[key := (class_name, state, reason)] += 1
        urls = first_urls.setdefault(key, [])
        if len(urls) < MAX_EXAMPLES or url < urls[-1]:
            urls[:] = sorted((*urls, url))[:MAX_EXAMPLES]
    gaps_by_class: dict[str, list[Gap]] = {"article": [], "page": [], "gap": []}
    for key in sorted(counts, key=lambda key: (-counts[key], key)):
        class_name, state, reason = key
        hint = hint_for(state, reason) if class_name == "gap" else ""
        gaps_by_class[class_name].append(Gap(state, reason, counts[key], tuple(first_urls[key]), hint))
    articles, pages, gaps = map(tuple, gaps_by_class.values())
    total = sum(gap.urls for gap in (*articles, *pages, *gaps))
    unnamed, examples = 0, list[str]()
    for article_id, url in db.execute("SELECT id, url FROM articles ORDER BY url"):
        if article_id not in named_articles:
            unnamed += 1
            if source == "sitemap" and total and len(examples) < MAX_EXAMPLES:
                examples.append(url)
    return Coverage(source, total, sum(gap.urls for gap in articles), pages, gaps, unnamed, tuple(examples))
