"""What has changed since the archive was last settled: which pages, on which hosts, and which texts they share.

Triggers (`output.db.migrations.v6_settle`) note in `unsettled` each page of which something changed that settling
reads. What else decides the outcome stands in a fact of the file: the version of the judges, and which pages of
articles on several pages are still to come.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleaners.lineage import CLEANER_VERSION
from output.db.ids import content_id

if TYPE_CHECKING:
    from sqlite_utils import Database

SETTLE_VERSION = "1"
"""Raised whenever settling the same archive may give another result: every archive is then settled as a whole once."""

_FACT = "settled"
_READ_FACT = "SELECT value FROM meta WHERE key = ?"
_STORE_FACT = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_AWAITED_URLS = """SELECT DISTINCT u.url FROM page_leads l JOIN urls u ON u.url = l.url
    WHERE u.state = 'queued' OR (u.state = 'skipped' AND u.reason = 'limit') ORDER BY u.url"""
_UNSETTLED_HOSTS = """SELECT host FROM unsettled
    UNION SELECT u.host FROM unsettled s JOIN urls u ON u.id = s.page_id"""

# The pages of a text for which the flags of `settle_common` are others than when the archive was last settled.
_HOSTS_OF_CHANGED_TEXTS = """WITH changed (block_id) AS (
        SELECT block_id FROM (SELECT block_id, asked FROM temp.settle_common
            EXCEPT SELECT block_id, asked FROM common_texts)
        UNION SELECT block_id FROM (SELECT block_id, asked FROM common_texts
            EXCEPT SELECT block_id, asked FROM temp.settle_common))
    SELECT DISTINCT u.host FROM changed c CROSS JOIN page_blocks b ON b.block_id = c.block_id
        CROSS JOIN urls u ON u.id = b.page_id"""
_STORE_COMMON_TEXTS = (
    "DELETE FROM common_texts WHERE block_id NOT IN (SELECT block_id FROM temp.settle_common)",
    """INSERT INTO common_texts (block_id, asked) SELECT block_id, asked FROM (
            SELECT block_id, asked FROM temp.settle_common EXCEPT SELECT block_id, asked FROM common_texts)
        WHERE true ON CONFLICT (block_id) DO UPDATE SET asked = excluded.asked""",
)
_UNCOUNTED_PAGES = "SELECT page_id FROM shelved WHERE why = 'duplicate'"
_UNJUDGED_PAGES = "SELECT id FROM pages WHERE page_type <> own_type"
_HOSTS_OF_PAGES = "SELECT DISTINCT host FROM urls WHERE id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class StaleHosts:
    """The hosts whose pages have to be judged again: these, or with `hosts` None those of the whole archive."""

    hosts: frozenset[str] | None = None

    def __contains__(self, host: str) -> bool:
        return self.hosts is None or host in self.hosts

    def __bool__(self) -> bool:
        return self.hosts is None or bool(self.hosts)

    @property
    def as_json(self) -> str | None:
        """The hosts as JSON, for SQL; None for all."""
        return None if self.hosts is None else json.dumps(sorted(self.hosts))

    def and_hosts(self, more_hosts: Collection[str]) -> StaleHosts:
        """These hosts and some more."""
        return self if self.hosts is None else StaleHosts(self.hosts.union(more_hosts))


@dataclass(frozen=True, slots=True)
class PageRoles:
    """The pages that are no evidence of what their host repeats (`uncounted`), and those of them that are not judged by
    it either, since they are no articles (`unjudged`)."""

    uncounted: frozenset[int]
    unjudged: frozenset[int]

    def changes_from(self, roles: PageRoles) -> frozenset[int]:
        """The pages that have another role than in these."""
        return (self.uncounted ^ roles.uncounted) | (self.unjudged ^ roles.unjudged)


WHOLE_ARCHIVE = StaleHosts()


def is_settled(db: Database) -> bool:
    """Whether nothing that settling reads of pages has changed since the archive was settled, by the same judges."""
    return _settled_by(db) == _present_judges(db) and not db.execute("SELECT 1 FROM unsettled LIMIT 1").fetchone()


def find_stale_hosts(db: Database) -> StaleHosts:
    """The hosts of which a page has changed, or a page has a text that came to stand, or to be kept, elsewhere too.

    Needs the temporary tables of settling.
    """
    if (_settled_by(db) or "").partition(" ")[0] != _judges_version():
        return WHOLE_ARCHIVE
    queries = (_UNSETTLED_HOSTS, _HOSTS_OF_CHANGED_TEXTS)
    return StaleHosts(frozenset(host for query in queries for (host,) in db.execute(query)))


def hosts_of_pages(db: Database, page_ids: Collection[int]) -> frozenset[str]:
    """The hosts of some pages."""
    return frozenset(host for (host,) in db.execute(_HOSTS_OF_PAGES, [json.dumps(sorted(page_ids))]))


def read_roles(db: Database) -> PageRoles:
    """The pages that were no evidence when the archive was last settled, as the archive has it."""
    unjudged_pages = frozenset(page_id for (page_id,) in db.execute(_UNJUDGED_PAGES))
    copies = frozenset(page_id for (page_id,) in db.execute(_UNCOUNTED_PAGES))
    return PageRoles(unjudged_pages | copies, unjudged_pages)


def note_settled(db: Database) -> None:
    """Note that the archive is settled as it is. Runs in the transaction that settled it, and needs its temporary
    tables."""
    for statement in _STORE_COMMON_TEXTS:
        db.execute(statement)
    db.execute("DELETE FROM unsettled")
    db.execute(_STORE_FACT, [_FACT, _present_judges(db)])


def _settled_by(db: Database) -> str | None:
    row = db.execute(_READ_FACT, [_FACT]).fetchone()
    return str(row[0]) if row else None


def _present_judges(db: Database) -> str:
    """The version of the judges, and a number for the URLs that parts of articles are still awaited from."""
    awaited_urls = [url for (url,) in db.execute(_AWAITED_URLS)]
    return f"{_judges_version()} {content_id(*awaited_urls) if awaited_urls else 0}"


def _judges_version() -> str:
    return f"{SETTLE_VERSION}/{CLEANER_VERSION}"
