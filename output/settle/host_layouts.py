"""The layouts of each host: pages grouped by signature, each group judged, with excerpts as evidence.

Everything starts from the pages' own verdicts (`settle_kept`), so the outcome depends on the archive's content, and
neither on the order in which it came nor on how often it was settled. Only differences are written.

A page of excerpts is one whose kept text is the openings, or the titles, of other articles. An automatic excerpt is an
opening cut short, so a block counts as one if its words begin the text of another page. Texts of many pages are no
evidence and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import groupby, islice
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import group_signatures
from broadsheet.cleaners.document import PageType, PageVerdict
from broadsheet.cleaners.page.url_shapes import UrlShape, is_section, shape_of
from broadsheet.cleaners.site.page_kinds import LayoutPage, LayoutVerdict, judge_layouts
from broadsheet.cleaners.site.quotations import BlockText, OpeningIndex, PageBlocks, Quotation, quotation_of
from broadsheet.cleaners.words import words_of

from ..archive.page_rows import LAYOUT_EVIDENCE
from ..archive.shelf import ShelvingReason
from ..archive.stored_values import content_id, stored_texts
from ..write.corrections import told_kinds
from .page_table import IS_FREQUENT

_CACHED_TEXTS = 256
_FIRST_BLOCKS = 3

# What is kept many times is left out.
_KEPT_BLOCKS = f"""SELECT k.page_id, t.text FROM urls u CROSS JOIN temp.settle_kept k ON k.page_id = u.id
        LEFT JOIN _common_texts c ON c.block_id = k.block_id CROSS JOIN _block_texts t ON t.id = k.block_id
    WHERE u.host = ? AND coalesce(c.asked, 0) & {IS_FREQUENT} = 0 ORDER BY k.page_id, k.position"""
_TITLES = """SELECT p.id, p.title FROM pages p JOIN urls u ON u.id = p.id
    WHERE u.host = ? AND p.own_type IN ('article', 'teaser')"""


def find_quotations(db: Database, host: str) -> dict[int, Quotation]:
    """Find the host's article pages that are mostly put together of others, by page id; needs `settle_kept`, and
    `common_texts` up to date.
    """
    index = OpeningIndex({page_id: " ".join(words_of(title or "")) for page_id, title in db.execute(_TITLES, [host])})
    for page_id, blocks in _read_blocks(db, host):
        index.add(page_id, list(islice(blocks, _FIRST_BLOCKS)))

    @lru_cache(maxsize=_CACHED_TEXTS)
    def blocks_of(page_id: int) -> PageBlocks:
        rows = db.execute(_KEPT_BLOCKS.replace("u.host = ?", "u.id = ?"), [page_id])
        return [block for _, text in rows if (block := BlockText(text)).first_words]

    quotations = (
        (page_id, quotation_of(page_id, list(blocks), index, blocks_of)) for page_id, blocks in _read_blocks(db, host)
    )
    return {page_id: quotation for page_id, quotation in quotations if quotation}


def _read_blocks(db: Database, host: str) -> Iterator[tuple[int, Iterator[BlockText]]]:
    """Read the blocks of each of the host's pages in order, made one by one; to be read before the next page."""
    rows = db.execute(_KEPT_BLOCKS, [host])
    for page_id, page_rows in groupby(rows, key=lambda row: int(row[0])):
        yield page_id, (block for _, text in page_rows if (block := BlockText(text)).first_words)


_PAGES_OF_HOST = """SELECT p.id, p.own_type, p.word_count, p.text_digest,
        coalesce(a.published_raw, x.published_raw) IS NOT NULL, u.url, s.signature
    FROM urls u CROSS JOIN _page_signatures s ON s.page_id = u.id JOIN pages p ON p.id = s.page_id
        LEFT JOIN articles a ON a.page_id = p.id LEFT JOIN _shelved x ON x.page_id = p.id
    WHERE u.host = ? AND s.signature <> x'' ORDER BY p.id"""
_COLUMNS = "id, host, signature, pages, articles, kind, evidence"
_STORED_LAYOUTS = f"SELECT {_COLUMNS} FROM _layouts WHERE host = ?"
_TAKEN_OUT = f"""SELECT p.id, p.page_type, p.evidence FROM _shelved x JOIN pages p ON p.id = x.page_id
    WHERE x.why = '{ShelvingReason.LAYOUT}' AND x.page_id = ?"""
_TAKEN_OUT_OF_HOST = f"""SELECT x.page_id FROM urls u CROSS JOIN _shelved x ON x.page_id = u.id
    WHERE u.host = ? AND x.why = '{ShelvingReason.LAYOUT}'"""
_UPSERT_LAYOUT = f"""INSERT INTO _layouts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
    SET pages = excluded.pages, articles = excluded.articles, kind = excluded.kind, evidence = excluded.evidence"""
_LAYOUT_OF_PAGES = """SELECT p.id, p.layout_id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.layout_id IS NOT NULL"""

LayoutRow = tuple[int, str, bytes, int, int, str, str]
"""A row of `layouts`, in the order of its columns."""


class HostLayouts(NamedTuple):
    """The layouts of a host as rows, the layout of each of its pages, and those that are no articles by their layouts:
    what each is, and which were so when the archive was last settled.
    """

    host: str
    rows: tuple[LayoutRow, ...]
    layout_by_page: Mapping[int, int]
    taken_out: Mapping[int, PageVerdict]
    formerly_taken_out: frozenset[int]


def find_layouts(db: Database, hosts: Iterable[str]) -> Iterator[HostLayouts]:
    """Group and judge the pages of each of these hosts. Needs the temporary tables of settling."""
    told = told_kinds(db)
    for host in hosts:
        rows: list[LayoutRow] = []
        layout_by_page: dict[int, int] = {}
        taken_out: dict[int, PageVerdict] = {}
        groups = _group_pages(db, host)
        for (signature, pages), verdict in zip(groups, judge_layouts([pages for _, pages in groups]), strict=True):
            taken = {page: kind for page, kind in verdict.taken_out.items() if page not in told}
            verdict = replace(verdict, taken_out=taken)
            row = _layout_row(host, signature, pages, verdict)
            rows.append(row)
            layout_by_page |= {page.page_id: row[0] for page in pages}
            taken_out |= verdict.taken_out
        formerly_taken_out = frozenset(page_id for (page_id,) in db.execute(_TAKEN_OUT_OF_HOST, [host]))
        yield HostLayouts(host, tuple(sorted(rows)), layout_by_page, taken_out, formerly_taken_out)


def stored_layout_verdict(db: Database, page_id: int) -> PageVerdict | None:
    """Return the stored verdict on a page that is no article by its layout; None for any other page."""
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
    db.conn.executemany("DELETE FROM _layouts WHERE id = ?", [(layout,) for layout in sorted(stale_layouts)])


def _group_pages(db: Database, host: str) -> list[tuple[bytes, list[LayoutPage]]]:
    """Group the host's pages by layout, each with the signature that names it: the lowest of the group."""
    rows = db.execute(_PAGES_OF_HOST, [host]).fetchall()
    groups = group_signatures({row[-1] for row in rows})
    name_by_signature = {signature: group[0] for group in groups for signature in group}
    quotations = find_quotations(db, host) if len(groups) > 1 else {}
    pages_by_name: dict[bytes, list[LayoutPage]] = {group[0]: [] for group in groups}
    for *columns, signature in rows:
        pages_by_name[name_by_signature[signature]].append(_layout_page(columns, quotations))
    return list(pages_by_name.items())


def _layout_page(columns: list[object], quotations: Mapping[int, Quotation]) -> LayoutPage:
    page_id, own_type, words, digest, has_date, url = columns
    quotation = quotations.get(int(str(page_id)), Quotation(frozenset(), False))
    return LayoutPage(
        page_id=int(str(page_id)),
        page_type=PageType(str(own_type)),
        words=int(str(words)),
        text_digest=str(digest),
        has_date=bool(has_date),
        quoted_pages=quotation.page_ids,
        is_patchwork=quotation.is_whole,
        has_list_address=shape_of(str(url)) in (UrlShape.LIST, UrlShape.DEEP_LIST) and not is_section(str(url)),
    )


def _layout_row(host: str, signature: bytes, pages: list[LayoutPage], verdict: LayoutVerdict) -> LayoutRow:
    article_count = sum(page.is_article and page.page_id not in verdict.taken_out for page in pages)
    layout_id = content_id(host, signature.hex())
    return (layout_id, host, signature, len(pages), article_count, verdict.kind, verdict.evidence)
