"""The layouts of each host: pages grouped by their signatures, each group judged, and what is stored of it.

Everything starts from the pages' own verdicts, so the outcome depends on the archive's content, and neither on the
order in which it came nor on how often it was settled. It writes only what differs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.compare.layout_groups import group_signatures
from cleaners.compare.layout_rules import LayoutPage, LayoutVerdict, judge_layouts
from cleaners.document import PageType, PageVerdict
from output.db.ids import content_id
from output.db.stored_values import stored_texts
from output.settle.layouts.excerpts import Quotation, find_frequent_blocks, find_quotations
from output.settle.unsettled import StaleHosts
from output.store.page_rows import LAYOUT_EVIDENCE
from output.store.shelf import ShelvingReason

_HOSTS = """SELECT DISTINCT u.host FROM page_signatures s JOIN urls u ON u.id = s.page_id
    WHERE s.signature <> x'' ORDER BY u.host"""
_PAGES_OF_HOST = """SELECT p.id, p.own_type, p.word_count, p.text_digest,
        coalesce(a.published_raw, x.published_raw) IS NOT NULL, s.signature
    FROM page_signatures s JOIN pages p ON p.id = s.page_id JOIN urls u ON u.id = p.id
        LEFT JOIN articles a ON a.page_id = p.id LEFT JOIN shelved x ON x.page_id = p.id
    WHERE u.host = ? AND s.signature <> x'' ORDER BY p.id"""
_COLUMNS = "id, host, signature, pages, articles, kind, evidence"
_STORED_LAYOUTS = f"SELECT {_COLUMNS} FROM layouts"
_TAKEN_OUT = f"""SELECT u.host, p.id, p.page_type, p.evidence FROM shelved x JOIN pages p ON p.id = x.page_id
    JOIN urls u ON u.id = p.id WHERE x.why = '{ShelvingReason.LAYOUT}'"""
_UPSERT_LAYOUT = f"""INSERT INTO layouts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
    SET pages = excluded.pages, articles = excluded.articles, kind = excluded.kind, evidence = excluded.evidence"""
_LAYOUT_OF_PAGES = """SELECT u.host, p.id, p.layout_id FROM pages p JOIN urls u ON u.id = p.id
    WHERE p.layout_id IS NOT NULL"""

LayoutRow = tuple[int, str, bytes, int, int, str, str]
"""A row of `layouts`, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class SiteLayouts:
    """The layouts of the hosts that were judged as rows, and the layout of each of their pages; the pages of all hosts
    that are no articles by their layouts."""

    rows: tuple[LayoutRow, ...]
    layout_by_page: Mapping[int, int]
    taken_out: Mapping[int, PageVerdict]


def find_layouts(db: Database, stale_hosts: StaleHosts) -> SiteLayouts:
    """Group and judge the pages of these hosts; those of others are as stored. Needs the temporary tables of
    settling."""
    rows: list[LayoutRow] = []
    layout_by_page: dict[int, int] = {}
    taken_out = _stored_verdicts(db, stale_hosts)
    hosts = [host for (host,) in db.execute(_HOSTS) if host in stale_hosts]
    frequent_blocks = find_frequent_blocks(db) if hosts else frozenset()
    for host in hosts:
        groups = _group_pages(db, host, frequent_blocks)
        for (signature, pages), verdict in zip(groups, judge_layouts([pages for _, pages in groups]), strict=True):
            row = _layout_row(host, signature, pages, verdict)
            rows.append(row)
            layout_by_page |= {page.page_id: row[0] for page in pages}
            taken_out |= verdict.taken_out
    return SiteLayouts(tuple(sorted(rows)), layout_by_page, taken_out)


def _stored_verdicts(db: Database, stale_hosts: StaleHosts) -> dict[int, PageVerdict]:
    """What the pages of other hosts are that are no articles by their layouts."""
    return {
        page_id: PageVerdict(PageType(page_type), _layout_facts(evidence, page_id))
        for host, page_id, page_type, evidence in db.execute(_TAKEN_OUT).fetchall()
        if host not in stale_hosts
    }


def _layout_facts(evidence: str, page_id: int) -> tuple[str, ...]:
    facts = stored_texts(evidence, "pages", "evidence", page_id)
    return tuple(fact.removeprefix(LAYOUT_EVIDENCE) for fact in facts if fact.startswith(LAYOUT_EVIDENCE))


def store_layouts(db: Database, layouts: SiteLayouts, stale_hosts: StaleHosts) -> None:
    """Store the layouts of these hosts where they differ from the stored ones. Runs in the caller's transaction."""
    stored_layouts = {page_id: layout for host, page_id, layout in db.execute(_LAYOUT_OF_PAGES) if host in stale_hosts}
    changed_pages = {
        page_id: layouts.layout_by_page.get(page_id)
        for page_id in sorted(stored_layouts.keys() | layouts.layout_by_page.keys())
        if layouts.layout_by_page.get(page_id) != stored_layouts.get(page_id)
    }
    stored_rows = {row[0]: row for row in db.execute(_STORED_LAYOUTS).fetchall() if row[1] in stale_hosts}
    db.conn.executemany(_UPSERT_LAYOUT, [row for row in layouts.rows if stored_rows.get(row[0]) != row])
    update = "UPDATE pages SET layout_id = ?2 WHERE id = ?1"
    db.conn.executemany(update, list(changed_pages.items()))
    stale_layouts = stored_rows.keys() - {row[0] for row in layouts.rows}
    db.conn.executemany("DELETE FROM layouts WHERE id = ?", [(layout,) for layout in sorted(stale_layouts)])


def _group_pages(db: Database, host: str, frequent_blocks: Collection[int]) -> list[tuple[bytes, list[LayoutPage]]]:
    """The host's pages by layout, each with the signature that names it: the lowest of the group."""
    rows = db.execute(_PAGES_OF_HOST, [host]).fetchall()
    groups = group_signatures({row[-1] for row in rows})
    name_by_signature = {signature: group[0] for group in groups for signature in group}
    quotations = find_quotations(db, host, frequent_blocks) if len(groups) > 1 else {}
    pages_by_name: dict[bytes, list[LayoutPage]] = {group[0]: [] for group in groups}
    for *columns, signature in rows:
        pages_by_name[name_by_signature[signature]].append(_layout_page(columns, quotations))
    return list(pages_by_name.items())


def _layout_page(columns: list[object], quotations: Mapping[int, Quotation]) -> LayoutPage:
    page_id, own_type, words, digest, has_date = columns
    quotation = quotations.get(int(str(page_id)), Quotation(frozenset(), False))
    return LayoutPage(
        page_id=int(str(page_id)),
        page_type=PageType(str(own_type)),
        words=int(str(words)),
        text_digest=str(digest),
        has_date=bool(has_date),
        quoted_pages=quotation.page_ids,
        is_patchwork=quotation.is_whole,
    )


def _layout_row(host: str, signature: bytes, pages: list[LayoutPage], verdict: LayoutVerdict) -> LayoutRow:
    article_count = sum(page.is_article and page.page_id not in verdict.taken_out for page in pages)
    layout_id = content_id(host, signature.hex())
    return (layout_id, host, signature, len(pages), article_count, verdict.kind, verdict.evidence)
