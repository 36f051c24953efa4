"""How often pages link to hosts out of the crawl, counted once whichever ways an archive comes into another.

For each archive whose counts came in, the target remembers them under its name. So what a source counts falls into
parts: what it counted itself, and what it remembers of others. Of each part, what is above the count that is
remembered here is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlite_utils import Database

from broadsheet.output.db.stored_values import stored_object
from broadsheet.output.db.text import as_json
from broadsheet.output.merge.archive_identity import former_identity
from broadsheet.output.merge.source_archive import SourceArchive

_PREFIX = "merged_links "
_LINKS = "SELECT host, links FROM outside_hosts ORDER BY host"
_REMEMBERED = "SELECT key, value FROM meta WHERE key LIKE ? ORDER BY key"
_ADD_LINKS = """INSERT INTO outside_hosts (host, links) VALUES (?, ?)
    ON CONFLICT (host) DO UPDATE SET links = links + excluded.links"""
_REMEMBER = """INSERT INTO meta (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value"""

HostLinks = Counter[str]
"""Links by the host that they go to."""


def merge_links(target: Database, source: SourceArchive) -> None:
    """Add the source's counts, less what came in before, alone or with others. Runs in the caller's transaction."""
    known_parts = _remembered(target)
    for name, links in _parts(source).items():
        known_links = known_parts.get(name, Counter())
        target.conn.executemany(_ADD_LINKS, sorted((links - known_links).items()))
        if links | known_links:
            target.execute(_REMEMBER, [_PREFIX + name, as_json(dict(links | known_links))])


def _parts(source: SourceArchive) -> Mapping[str, HostLinks]:
    """The source's counts by the archive that they are from."""
    parts = _remembered(source.db)
    own_links: HostLinks = Counter(dict(source.db.execute(_LINKS).fetchall()))
    for links in parts.values():
        own_links -= links
    own_name = former_identity(source.identity) or source.identity
    return parts | {own_name: parts.get(own_name, Counter()) + own_links}


def _remembered(db: Database) -> dict[str, HostLinks]:
    rows = db.execute(_REMEMBERED, [f"{_PREFIX}%"]).fetchall()
    return {str(key).removeprefix(_PREFIX): _host_links(str(key), value) for key, value in rows}


def _host_links(key: str, value: object) -> HostLinks:
    return Counter({host: int(str(count)) for host, count in stored_object(value, "meta", "value", key).items()})
