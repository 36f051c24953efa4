"""The site's evidence for fields: what the sources of a host's article pages state is counted, and fields follow it.

Fields are settled before anything else, from the pages' own values alone: so what else is settled sees the same titles
and authors, however often the archive was settled before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from broadsheet.cleaners.compare.site_statements import (
    SettledField,
    SourceFinding,
    StatedPage,
    find_sources,
    settle_fields,
)
from broadsheet.cleaners.document import FieldStatement
from broadsheet.cleaners.page.authors import name_key
from broadsheet.output.write.site_fields import (
    pages_with_site_fields,
    replace_site_fields,
    stored_metadata,
    with_own_fields,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

_PAGES = """SELECT p.id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.own_type IN ('article', 'teaser') ORDER BY u.url"""
_STATEMENTS = """SELECT s.page_id, s.field, s.source, s.value, s.note
    FROM urls u CROSS JOIN _page_statements s ON s.page_id = u.id WHERE u.host = ? ORDER BY s.page_id, s.position"""
_FINDINGS = """SELECT field, source, pages, distinct_values, commonest, commonest_pages FROM _statements
    WHERE host = ? ORDER BY field, source"""
_PUT_FINDING = """INSERT INTO _statements (
        host, field, source, pages, distinct_values, commonest, commonest_pages) VALUES (?, ?, ?, ?, ?, ?, ?)"""


def settle_statements(db: Database, hosts: Iterable[str], settled_at: str) -> int:
    """Count what the sources of these hosts' pages state, and settle their fields; return the pages that changed."""
    return sum(_settle_host(db, host, settled_at) for host in hosts)


def _settle_host(db: Database, host: str, settled_at: str) -> int:
    pages, site_names = _read_pages(db, host)
    findings = find_sources(pages)
    _store_findings(db, host, findings)
    settled = settle_fields(pages, findings, site_names)
    changed_count = 0
    for page_id in sorted(settled.keys() | pages_with_site_fields(db, host)):
        fields: Sequence[SettledField] = settled.get(page_id, ())
        changed_count += replace_site_fields(db, page_id, fields, settled_at)
    return changed_count


def _read_pages(db: Database, host: str) -> tuple[list[StatedPage], frozenset[str]]:
    """Read a host's article pages with their own values, and the keys of the names that the site has."""
    statements: dict[int, list[FieldStatement]] = defaultdict(list)
    for page_id, *texts in db.execute(_STATEMENTS, [host]).fetchall():
        statements[page_id].append(FieldStatement(*texts))
    pages: list[StatedPage] = []
    site_names = {name_key(host), name_key(host.removeprefix("www."))}
    for (page_id,) in db.execute(_PAGES, [host]).fetchall():
        if stored := stored_metadata(db, page_id):
            own = with_own_fields(db, page_id, stored[1])
            site_names.add(name_key(own.sitename))
            said = statements.get(page_id, [])
            pages.append(StatedPage(page_id, own.title, own.authors, own.published, own.sources, said))
    return pages, frozenset(site_names - {""})


def _store_findings(db: Database, host: str, findings: Sequence[SourceFinding]) -> None:
    """Store the findings on a host's sources where they differ from the stored ones."""
    if [SourceFinding(*row) for row in db.execute(_FINDINGS, [host]).fetchall()] == list(findings):
        return
    db.execute("DELETE FROM _statements WHERE host = ?", [host])
    rows = [
        (host, found.field, found.source, found.pages, found.values, found.commonest, found.commonest_pages)
        for found in findings
    ]
    db.conn.executemany(_PUT_FINDING, rows)
