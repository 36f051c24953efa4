"""Changes since the archive was last settled: pages, hosts, and related pages that they may affect.

Triggers note in `unsettled` each page of which something changed that settling reads, and in `unsettled_texts` the
block texts that it had before. What else decides the outcome stands in a fact of the file: the version of the judges,
and the pages that articles on several pages still await.

A change may make its page, or a related one, a copy or part of another. Pages are related by a common text, by a
canonical URL, by a link to the rest of an article, and if they were copies or parts of one article when the archive was
last settled. Their groups, taken whole, decide alone what each of them is, so looking at them gives what looking at the
whole archive would give.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.lineage import CLEANER_VERSION

from ..archive.stored_text import SQL_ARTICLE_TYPES
from ..archive.stored_values import STORE_FACT, content_id
from ..write.removed_counts import RemovedByReason, stored_counts

if TYPE_CHECKING:
    from sqlite_utils import Database


SETTLE_VERSION = "11"
"""Raised whenever settling the same archive may give another result: every archive is then settled as a whole once."""

_FACT = "settled"
_READ_FACT = "SELECT value FROM meta WHERE key = ?"
_AWAITED_URLS = """SELECT DISTINCT u.url FROM _page_leads l JOIN urls u ON u.url = l.url
    WHERE u.state = 'queued' OR (u.state = 'skipped' AND u.reason = 'limit') ORDER BY u.url"""
_UNSETTLED_HOSTS = """SELECT host FROM _unsettled
    UNION SELECT u.host FROM _unsettled s CROSS JOIN urls u ON u.id = s.page_id"""
_ALL_HOSTS = """SELECT DISTINCT u.host FROM pages p JOIN urls u ON u.id = p.id
    UNION SELECT DISTINCT host FROM _layouts UNION SELECT DISTINCT host FROM _block_evidence"""

# A copy is no evidence. What is no article is no evidence and not judged, and neither are its copies; but what settling
# left without a text is both.
_COPIES = "SELECT c.id FROM urls u CROSS JOIN pages c ON c.id = u.id WHERE u.host = ? AND c._copy_of IS NOT NULL"
_UNJUDGED_PAGES = """SELECT p.id FROM urls u CROSS JOIN pages p ON p.id = u.id
        CROSS JOIN pages o ON o.id = coalesce(p._copy_of, p.id)
    WHERE u.host = ? AND o.page_type <> o.own_type AND NOT EXISTS (
        SELECT 1 FROM _page_parts h WHERE h.page_id = o.id AND h.head_id <> o.id)
        AND NOT EXISTS (SELECT 1 FROM _shelf x WHERE x.page_id = o.id AND x.why = 'emptied')"""
_HOSTS_OF_PAGES = "SELECT DISTINCT host FROM urls WHERE id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class StaleHosts:
    """The hosts whose pages have to be judged again: these, or with `hosts` None those of the whole archive."""

    hosts: frozenset[str] | None = None

    def __contains__(self, host: str) -> bool:
        return self.hosts is None or host in self.hosts

    def __bool__(self) -> bool:
        return self.hosts is None or bool(self.hosts)

    def and_hosts(self, more_hosts: Collection[str]) -> StaleHosts:
        """Return these hosts and some more."""
        return self if self.hosts is None else StaleHosts(self.hosts.union(more_hosts))


class PageRoles(NamedTuple):
    """The pages not counted as evidence of repetition (`uncounted`). Those that are no articles are not
    judged by it either (`unjudged`).
    """

    uncounted: frozenset[int]
    unjudged: frozenset[int]


WHOLE_ARCHIVE = StaleHosts()


def is_settled(db: Database) -> bool:
    """Return whether the same judges settled the archive, and nothing that settling reads has changed since."""
    return _settled_by(db) == _present_judges(db) and not db.execute("SELECT 1 FROM _unsettled LIMIT 1").fetchone()


def judges_have_changed(db: Database) -> bool:
    """Return whether other judges settled the archive, or none: all of it then has to be settled."""
    return (_settled_by(db) or "").partition(" ")[0] != _judges_version()


def awaited_urls_have_changed(db: Database) -> bool:
    """Return whether parts of articles are awaited from other URLs than when the archive was settled."""
    return _settled_by(db) != _present_judges(db)


def find_unsettled_hosts(db: Database) -> frozenset[str]:
    """Find the hosts of which a page has changed since the archive was settled."""
    return frozenset(host for (host,) in db.execute(_UNSETTLED_HOSTS))


def settled_removed_counts(db: Database) -> Iterator[tuple[str, RemovedByReason | None]]:
    """Yield each host that has articles, with what settling has counted of its removed blocks; None if it has changed
    since, or was not counted.
    """
    changed_hosts = find_unsettled_hosts(db)
    for (host,) in db.execute("SELECT DISTINCT host FROM articles").fetchall():
        yield host, None if host in changed_hosts else stored_counts(db, host)


def list_hosts(db: Database, stale_hosts: StaleHosts) -> list[str]:
    """List the names of these hosts, in order."""
    if stale_hosts.hosts is None:
        return sorted(host for (host,) in db.execute(_ALL_HOSTS))
    return sorted(stale_hosts.hosts)


def hosts_of_pages(db: Database, page_ids: Collection[int]) -> frozenset[str]:
    """Return the hosts of some pages."""
    return frozenset(host for (host,) in db.execute(_HOSTS_OF_PAGES, [json.dumps(sorted(page_ids))]))


def read_roles(db: Database, host: str) -> PageRoles:
    """Read the pages of a host that do not count as evidence: copies, parts and pages of other types."""
    unjudged_pages, copies = (
        frozenset(page_id for (page_id,) in db.execute(query, [host])) for query in (_UNJUDGED_PAGES, _COPIES)
    )
    return PageRoles(unjudged_pages | copies, unjudged_pages)


def note_settled(db: Database) -> None:
    """Note that the archive is settled as it is. Runs in the transaction that settled it."""
    db.execute("DELETE FROM _unsettled")
    db.execute("DELETE FROM _unsettled_texts")
    db.execute(STORE_FACT, [_FACT, _present_judges(db)])


def note_unsettled(db: Database) -> None:
    """Note that all of the archive has to be settled again."""
    db.execute("DELETE FROM meta WHERE key = ?", [_FACT])


def _settled_by(db: Database) -> str | None:
    row = db.execute(_READ_FACT, [_FACT]).fetchone()
    return str(row[0]) if row else None


def _present_judges(db: Database) -> str:
    """Return the version of the judges, and a number for the URLs that parts of articles are still awaited from."""
    awaited_urls = [url for (url,) in db.execute(_AWAITED_URLS)]
    return f"{_judges_version()} {content_id(*awaited_urls) if awaited_urls else 0}"


def _judges_version() -> str:
    return f"{SETTLE_VERSION}/{CLEANER_VERSION}"


AFFECTED_TABLES = ("settle_affected",)

_CREATE = "CREATE TEMP TABLE settle_affected (page_id INTEGER PRIMARY KEY, step INTEGER NOT NULL)"
_CREATE_STEPS = "CREATE INDEX temp.settle_affected_step ON settle_affected (step)"
_INSERT_UNSETTLED = "INSERT OR IGNORE INTO settle_affected (page_id, step) SELECT page_id, 0 FROM _unsettled"
_INSERT_LEADING = "INSERT OR IGNORE INTO settle_affected (page_id, step) SELECT page_id, 0 FROM _page_leads"
_INSERT = "INSERT OR IGNORE INTO settle_affected (page_id, step) VALUES (?, 0)"
_IS_ARTICLE = f"own_type IN {SQL_ARTICLE_TYPES}"

# What the pages of a step, `a`, are related to.
_RELATED_PAGES = (
    "SELECT c._copy_of FROM step a CROSS JOIN pages c ON c.id = a.page_id WHERE c._copy_of IS NOT NULL",
    "SELECT c.id FROM step a CROSS JOIN pages c ON c._copy_of = a.page_id",
    "SELECT h.head_id FROM step a CROSS JOIN _page_parts h ON h.page_id = a.page_id",
    "SELECT h.page_id FROM step a CROSS JOIN _page_parts h ON h.head_id = a.page_id",
    f"""SELECT o.id FROM step a CROSS JOIN pages p ON p.id = a.page_id AND p.{_IS_ARTICLE}
        CROSS JOIN pages o ON o.text_digest = p.text_digest AND o.{_IS_ARTICLE}""",
    f"""SELECT o.id FROM step a CROSS JOIN urls u ON u.id = a.page_id
        CROSS JOIN pages o ON o.canonical_url = u.url AND o.{_IS_ARTICLE}""",
    f"""SELECT o.id FROM step a CROSS JOIN pages p ON p.id = a.page_id
        CROSS JOIN pages o ON o.canonical_url = p.canonical_url AND o.{_IS_ARTICLE} WHERE p.canonical_url <> ''""",
    """SELECT u.id FROM step a CROSS JOIN pages p ON p.id = a.page_id CROSS JOIN urls u ON u.url = p.canonical_url
        WHERE p.canonical_url <> ''""",
    """SELECT u.id FROM step a CROSS JOIN _page_leads l ON l.page_id = a.page_id CROSS JOIN urls u ON u.url = l.url""",
    """SELECT l.page_id FROM step a CROSS JOIN urls u ON u.id = a.page_id CROSS JOIN _page_leads l ON l.url = u.url""",
)
_INSERT_RELATED = tuple(
    f"""WITH step (page_id) AS (SELECT page_id FROM settle_affected WHERE step = :step)
    INSERT OR IGNORE INTO settle_affected (page_id, step) SELECT column1, :step + 1 FROM (
        SELECT NULL AS column1 WHERE 0 UNION ALL {query})"""
    for query in _RELATED_PAGES
)


def find_affected_pages(db: Database, more_pages: Iterable[int], *, awaited_urls_changed: bool) -> None:
    """Make the temporary table `settle_affected` of the pages in `unsettled`, and some more, and all related ones.

    Where it changed which pages of articles are awaited, every page with a link to the rest of its article is one.
    """
    db.execute(_CREATE)
    db.execute(_CREATE_STEPS)
    db.execute(_INSERT_UNSETTLED)
    db.conn.executemany(_INSERT, [(page_id,) for page_id in more_pages])
    if awaited_urls_changed:
        db.execute(_INSERT_LEADING)
    step = 0
    while db.execute("SELECT 1 FROM settle_affected WHERE step = ? LIMIT 1", [step]).fetchone():
        for statement in _INSERT_RELATED:
            db.execute(statement, {"step": step})
        step += 1
