"""The layouts of each host: pages grouped by their signatures, each group judged, and what is stored of it.

Everything starts from the pages' own verdicts, so the outcome depends on the archive's content, and neither on the
order in which it came nor on how often it was settled. It writes only what differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.compare.layout_groups import group_signatures
from broadsheet.cleaners.compare.layout_rules import LayoutPage, LayoutVerdict, judge_layouts
from broadsheet.cleaners.document import PageType, PageVerdict
from broadsheet.output.db.ids import content_id
from broadsheet.output.db.stored_values import stored_texts
from broadsheet.output.settle.layouts.excerpts import Quotation, find_quotations
from broadsheet.output.store.page_rows import LAYOUT_EVIDENCE
from broadsheet.output.store.shelf import ShelvingReason

_PAGES_OF_HOST = """SELECT p.id, p.own_type, p.word_count, p.text_digest,
        coalesce(a.published_raw, x.published_raw) IS NOT NULL, s.signature
    FROM urls u CROSS JOIN page_signatures s ON s.page_id = u.id JOIN pages p ON p.id = s.page_id
        LEFT JOIN articles a ON a.page_id = p.id LEFT JOIN shelved x ON x.page_id = p.id
    WHERE u.host = ? AND s.signature <> x'' ORDER BY p.id"""
_COLUMNS = "id, host, signature, pages, articles, kind, evidence"
_STORED_LAYOUTS = f"SELECT {_COLUMNS} FROM layouts WHERE host = ?"
_TAKEN_OUT = f"""SELECT p.id, p.page_type, p.evidence FROM shelved x JOIN pages p ON p.id = x.page_id
    WHERE x.why = '{ShelvingReason.LAYOUT}' AND x.page_id = ?"""
_TAKEN_OUT_OF_HOST = f"""SELECT x.page_id FROM urls u CROSS JOIN shelved x ON x.page_id = u.id
    WHERE u.host = ? AND x.why = '{ShelvingReason.LAYOUT}'"""
_UPSERT_LAYOUT = f"""INSERT INTO layouts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
    SET pages = excluded.pages, articles = excluded.articles, kind = excluded.kind, evidence = excluded.evidence"""
_LAYOUT_OF_PAGES = """SELECT p.id, p.layout_id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.layout_id IS NOT NULL"""

LayoutRow = tuple[int, str, bytes, int, int, str, str]
"""A row of `layouts`, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class HostLayouts:
    """The layouts of a host as rows, the layout of each of its pages, and those that are no articles by their layouts:
    what each is, and which were so when the archive was last settled."""

    host: str
    rows: tuple[LayoutRow, ...]
    layout_by_page: Mapping[int, int]
    taken_out: Mapping[int, PageVerdict]
    formerly_taken_out: frozenset[int]


def find_layouts(db: Database, hosts: Iterable[str]) -> Iterator[HostLayouts]:
    """Group and judge the pages of each of these hosts. Needs the temporary tables of settling."""
    for host in hosts:
        rows: list[LayoutRow] = []
        layout_by_page: dict[int, int] = {}
        taken_out: dict[int, PageVerdict] = {}
        groups = _group_pages(db, host)
        for (signature, pages), verdict in zip(groups, judge_layouts([pages for _, pages in groups]), strict=True):
            row = _layout_row(host, signature, pages, verdict)
            rows.append(row)
            layout_by_page |= {page.page_id: row[0] for page in pages}
            taken_out |= verdict.taken_out
        formerly_taken_out = frozenset(page_id for (page_id,) in db.execute(_TAKEN_OUT_OF_HOST, [host]))
        yield HostLayouts(host, tuple(sorted(rows)), layout_by_page, taken_out, formerly_taken_out)


def stored_layout_verdict(db: Database, page_id: int) -> PageVerdict | None:
    """What a page is that is no article by its layout, as the archive has it; None if it is not one of those."""
    if not (row := db.execute(_TAKEN_OUT, [page_id]).fetchone()):
        return None
    return PageVerdict(PageType(row[1]), _layout_facts(row[2], page_id))


def _layout_facts(evidence: str, page_id: int) -> tuple[str, ...]:
    facts = stored_texts(evidence, "pages", "evidence", page_id)
    return tuple(fact.removeprefix(LAYOUT_EVIDENCE) for fact in facts if fact.startswith(LAYOUT_EVIDENCE))


def store_layouts(db: Database, layouts: HostLayouts) -> None:
    """Store the layouts of a host where they differ from the stored ones. Runs in the caller's transaction."""
    stored_layouts = dict(db.execute(_LAYOUT_OF_PAGES, [layouts.host]).fetchall())
    changed_pages = [
        (page_id, layouts.layout_by_page.get(page_id))
        for page_id in sorted(stored_layouts.keys() | layouts.layout_by_page.keys())
        if layouts.layout_by_page.get(page_id) != stored_layouts.get(page_id)
    ]
    stored_rows = {row[0]: row for row in db.execute(_STORED_LAYOUTS, [layouts.host]).fetchall()}
    db.conn.executemany(_UPSERT_LAYOUT, [row for row in layouts.rows if stored_rows.get(row[0]) != row])
    db.conn.executemany("UPDATE pages SET layout_id = ?2 WHERE id = ?1", changed_pages)
    stale_layouts = stored_rows.keys() - {row[0] for row in layouts.rows}
    db.conn.executemany("DELETE FROM layouts WHERE id = ?", [(layout,) for layout in sorted(stale_layouts)])


def _group_pages(db: Database, host: str) -> list[tuple[bytes, list[LayoutPage]]]:
    """The host's pages by layout, each with the signature that names it: the lowest of the group."""
    rows = db.execute(_PAGES_OF_HOST, [host]).fetchall()
    groups = group_signatures({row[-1] for row in rows})
    name_by_signature = {signature: group[0] for group in groups for signature in group}
    quotations = find_quotations(db, host) if len(groups) > 1 else {}
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
