"""The site's evidence for fields: what the sources of a host's article pages state is counted, and fields follow it.

Fields are settled before anything else, from the pages' own values alone: so what else is settled sees the same titles
and authors, however often the archive was settled before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from broadsheet.cleaners.compare.site_statements import (
    SourceFinding,
    StatedPage,
    find_sources,
    settle_fields,
    weigh_evidence,
)
from broadsheet.cleaners.document import FieldStatement
from broadsheet.cleaners.page.authors import name_key

from ..archive.page_rows import stored_statements
from ..write.site_fields import (
    pages_with_site_fields,
    replace_site_fields,
    stored_metadata,
    with_own_fields,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

_PAGES = """SELECT p.id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.own_type IN ('article', 'teaser') ORDER BY u.url"""
_STATEMENTS = """SELECT s.field, s.source, s.value, s.note FROM urls u CROSS JOIN _page_statements s ON s.page_id = u.id
    WHERE u.host = ?"""
_TITLES = """SELECT coalesce(o.value, a.title, x.title), coalesce(a.sitename, x.sitename, '')
    FROM urls u CROSS JOIN pages p ON p.id = u.id LEFT JOIN articles a ON a.page_id = p.id
        LEFT JOIN _shelved x ON x.page_id = p.id LEFT JOIN _own_fields o ON o.page_id = p.id AND o.field = 'title'
    WHERE u.host = ? AND p.own_type IN ('article', 'teaser') AND coalesce(a.id, x.id) IS NOT NULL"""
_FINDINGS = """SELECT field, source, pages, distinct_values, commonest, commonest_pages FROM _statements
    WHERE host = ? ORDER BY field, source"""
_PUT_FINDING = """INSERT INTO _statements (
        host, field, source, pages, distinct_values, commonest, commonest_pages) VALUES (?, ?, ?, ?, ?, ?, ?)"""


def settle_statements(db: Database, hosts: Iterable[str], settled_at: str) -> int:
    """Count what the sources of these hosts' pages state, and settle their fields; return the pages that changed."""
    return sum(_settle_host(db, host, settled_at) for host in hosts)


def _settle_host(db: Database, host: str, settled_at: str) -> int:
    """Settle the fields of a host's pages, one page after the other: a host may have more than memory holds."""
    findings = find_sources(FieldStatement(*row) for row in db.execute(_STATEMENTS, [host]))
    _store_findings(db, host, findings)
    evidence = weigh_evidence(findings, (title for title, _ in db.execute(_TITLES, [host])), _site_names(db, host))
    changed_pages = pages_with_site_fields(db, host)
    page_ids = [page_id for (page_id,) in db.execute(_PAGES, [host]).fetchall()]
    changed_count = 0
    for page_id in sorted(changed_pages) if evidence.is_silent else page_ids:
        page = _read_page(db, page_id)
        fields = settle_fields(page, evidence) if page else []
        if fields or page_id in changed_pages:
            changed_count += replace_site_fields(db, page_id, fields, settled_at)
    return changed_count


def _site_names(db: Database, host: str) -> frozenset[str]:
    """Return the keys of the names that a host's pages give the site, and of the host itself."""
    names = {name for _, name in db.execute(_TITLES, [host])}
    return frozenset(map(name_key, (*names, host, host.removeprefix("www.")))) - {""}


def _read_page(db: Database, page_id: int) -> StatedPage | None:
    """Read an article's own values and what its page's sources state; None if the page has no article."""
    stored = stored_metadata(db, page_id)
    if stored is None:
        return None
    own = with_own_fields(db, page_id, stored[1])
    return StatedPage(own.title, own.authors, own.published, own.sources, stored_statements(db, page_id))


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
