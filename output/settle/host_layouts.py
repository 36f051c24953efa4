"""The layouts of each host: pages grouped by signature, each group judged, with excerpts as evidence.

Everything starts from the pages' own verdicts (`settle_kept`), so the outcome depends on the archive's content, and
neither on the order in which it came nor on how often it was settled. Only differences are written.

A page of excerpts is one whose kept text is the openings, or the titles, of other articles. An automatic excerpt is an
opening cut short, so a block counts as one if its words begin the text of another page. Texts of many pages are no
evidence and are left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.page_layouts import group_signatures
from broadsheet.cleaners.document import PageType, PageVerdict
from broadsheet.cleaners.page.url_shapes import UrlShape, folder_of, is_section, shape_of
from broadsheet.cleaners.site.page_kinds import LayoutPage, LayoutVerdict, weigh_kinds
from broadsheet.cleaners.site.quotations import (
    NO_QUOTATION,
    BlockText,
    OpeningIndex,
    PageBlocks,
    Quotation,
    cards_of,
    is_of_menu,
    quotation_of,
)
from broadsheet.cleaners.site.site_judge import OwnPage, SiteEvidence, judge_page
from broadsheet.cleaners.words import words_of

from ..archive.ledger import block_id
from ..archive.page_rows import LAYOUT_EVIDENCE
from ..archive.shelf import ShelvingReason
from ..archive.stored_text import SQL_ARTICLE_TYPES
from ..archive.stored_values import content_id, stored_texts
from ..write.corrections import told_kinds
from .own_reading import read_own_blocks
from .page_table import IS_FREQUENT

_CACHED_TEXTS = 256
_FIRST_BLOCKS = 3

# What is kept many times is left out.
_KEPT_BLOCKS = f"""SELECT k.page_id, t.text FROM urls u CROSS JOIN temp.settle_kept k ON k.page_id = u.id
        LEFT JOIN _common_texts c ON c.block_id = k.block_id CROSS JOIN _block_texts t ON t.id = k.block_id
    WHERE u.host = ? AND coalesce(c.asked, 0) & {IS_FREQUENT} = 0 ORDER BY k.page_id, k.position"""
_TITLES = f"""SELECT p.id, p.title FROM pages p JOIN urls u ON u.id = p.id
    WHERE u.host = ? AND p.own_type IN {SQL_ARTICLE_TYPES}"""


# Three quarters of the host's articles are shorter: what has half of that has less text than they do.
_LONGER_ARTICLES = f"""SELECT p.word_count FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ?1 AND p.own_type IN {SQL_ARTICLE_TYPES} ORDER BY p.word_count LIMIT 1 OFFSET (
        SELECT 3 * count(*) / 4 FROM urls v CROSS JOIN pages q ON q.id = v.id
        WHERE v.host = ?1 AND q.own_type IN {SQL_ARTICLE_TYPES})"""
# The pages of a host that have titles of others, given as JSON by page, as blocks: short ones, or with many of these.
_PAGES_WITH_TITLES = f"""SELECT b.page_id FROM json_each(?3) j
        CROSS JOIN _page_blocks b ON b.block_id = j.value AND b.page_id <> CAST(j.key AS INTEGER)
        CROSS JOIN pages s ON s.id = b.page_id CROSS JOIN urls v ON v.id = s.id
    WHERE v.host = ?1 AND s.own_type IN {SQL_ARTICLE_TYPES}
    GROUP BY b.page_id HAVING 2 * s.word_count <= ?2 OR 60 * count(DISTINCT b.block_id) >= s.word_count"""
_SAMPLED_PAGES = f"""SELECT p.id FROM urls u CROSS JOIN pages p ON p.id = u.id
    WHERE u.host = ? AND p.own_type IN {SQL_ARTICLE_TYPES} ORDER BY p.text_digest, u.url LIMIT 40"""
_LINK_TARGET = re.compile(r"\]\((https?://[^\s()]+)\)")
_MENU_SHARE, _MIN_SAMPLE = 0.6, 8  # of the sampled pages that link to a page in a menu, and at least so many


def find_quotations(db: Database, host: str) -> dict[int, Quotation]:
    """Find the host's article pages that are mostly put together of others, by page id; needs `settle_kept`, and
    `common_texts` up to date.
    """
    titles = dict(db.execute(_TITLES, [host]).fetchall())
    index = OpeningIndex({page_id: " ".join(words_of(title or "")) for page_id, title in titles.items()})
    for page_id, blocks in _read_blocks(db, host):
        index.add(page_id, list(islice(blocks, _FIRST_BLOCKS)))

    @lru_cache(maxsize=_CACHED_TEXTS)
    def blocks_of(page_id: int) -> PageBlocks:
        rows = db.execute(_KEPT_BLOCKS.replace("u.host = ?", "u.id = ?"), [page_id])
        return [block for _, text in rows if (block := BlockText(text)).first_words]

    quotations = (
        (page_id, quotation_of(page_id, list(blocks), index, blocks_of)) for page_id, blocks in _read_blocks(db, host)
    )
    cards = _find_cards(db, host, titles, index.titles)
    return cards | {page: quotation for page, quotation in quotations if quotation}


def _find_cards(
    db: Database, host: str, titles: Mapping[int, str], title_words: Mapping[int, str]
) -> dict[int, Quotation]:
    """Find the pages that are put together of cards, among those that have other pages' titles as blocks, and not much
    more text.
    """
    (longer,) = db.execute(_LONGER_ARTICLES, [host]).fetchone() or (0,)
    title_ids = json.dumps({page_id: block_id(title) for page_id, title in titles.items() if title})
    suspects = [page_id for (page_id,) in db.execute(_PAGES_WITH_TITLES, [host, longer, title_ids]).fetchall()]
    page_by_title = {words: page_id for page_id, words in sorted(title_words.items(), reverse=True)}
    cards = ((page, cards_of(read_own_blocks(db, page), title_words[page], page_by_title)) for page in suspects)
    return {page: quotation for page, quotation in cards if quotation.page_ids}


def _read_menu(db: Database, host: str) -> frozenset[str]:
    """Return the URLs to which most articles of a host link in a menu, by some of these."""
    counts: Counter[str] = Counter()
    sample = db.execute(_SAMPLED_PAGES, [host]).fetchall()
    for (page_id,) in sample:
        menus = (block.markdown for block, verdict in read_own_blocks(db, page_id) if is_of_menu(block, verdict))
        counts.update({url for markdown in menus for url in _LINK_TARGET.findall(markdown)})
    least = max(_MENU_SHARE * len(sample), _MIN_SAMPLE)
    return frozenset(url for url, count in counts.items() if count >= least)


def _read_blocks(db: Database, host: str) -> Iterator[tuple[int, Iterator[BlockText]]]:
    """Read the blocks of each of the host's pages in order, made one by one; to be read before the next page."""
    rows = db.execute(_KEPT_BLOCKS, [host])
    for page_id, page_rows in groupby(rows, key=lambda row: int(row[0])):
        yield page_id, (block for _, text in page_rows if (block := BlockText(text)).first_words)


_HAS_SURE_DAY = """coalesce(json_extract(coalesce(a.metadata_sources, x.metadata_sources), '$.published'), 'script')
            NOT IN ('script', 'htmldate')"""
_PAGES_OF_HOST = f"""SELECT p.id, p.own_type, p.word_count, p.text_digest,
        coalesce(a.published_stated, x.published_stated) IS NOT NULL, {_HAS_SURE_DAY},
        iif({_HAS_SURE_DAY}, 0, (SELECT count(*) FROM temp.settle_kept k WHERE k.page_id = p.id)), u.url, s.signature
    FROM urls u CROSS JOIN _page_signatures s ON s.page_id = u.id JOIN pages p ON p.id = s.page_id
        LEFT JOIN articles a ON a.page_id = p.id LEFT JOIN shelved x ON x.page_id = p.id
    WHERE u.host = ? AND s.signature <> x'' ORDER BY p.id"""
_COLUMNS = "id, host, signature, pages, articles, kind, evidence"
_STORED_LAYOUTS = f"SELECT {_COLUMNS} FROM _layouts WHERE host = ?"
_TAKEN_OUT = f"""SELECT p.id, p.page_type, p.evidence FROM shelved x JOIN pages p ON p.id = x.page_id
    WHERE x.why = '{ShelvingReason.LAYOUT}' AND x.page_id = ?"""
_TAKEN_OUT_OF_HOST = f"""SELECT x.page_id FROM urls u CROSS JOIN shelved x ON x.page_id = u.id
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
        pages = _read_pages(db, host)
        kinds = weigh_kinds(pages)
        site = SiteEvidence(kinds=kinds)
        verdicts = ((page, judge_page(OwnPage(kind=page), site, told.get(page.page_id)).page) for page in pages)
        taken_out = {page.page_id: verdict for page, verdict in verdicts if verdict}
        groups: dict[bytes, list[LayoutPage]] = defaultdict(list)
        for page in pages:
            groups[page.layout].append(page)
        rows = [_layout_row(host, name, groups[name], kinds.layouts[name], taken_out) for name in groups]
        layout_by_page = {page.page_id: row[0] for row, name in zip(rows, groups, strict=True) for page in groups[name]}
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


def _read_pages(db: Database, host: str) -> list[LayoutPage]:
    """Read the host's pages, each with the signature that names its layout: the lowest of the group."""
    rows = db.execute(_PAGES_OF_HOST, [host]).fetchall()
    groups = group_signatures({row[-1] for row in rows})
    name_by_signature = {signature: group[0] for group in groups for signature in group}
    quotations = find_quotations(db, host) if len(groups) > 1 else {}
    menu = _read_menu(db, host) if len(rows) > _MIN_SAMPLE else frozenset()
    return [_layout_page([*columns, name_by_signature[signature]], quotations, menu) for *columns, signature in rows]


def _layout_page(columns: list[Any], quotations: Mapping[int, Quotation], menu: frozenset[str]) -> LayoutPage:
    page_id, own_type, words, digest, has_date, has_sure_day, kept_blocks, url, layout = columns
    quotation = quotations.get(int(str(page_id)), NO_QUOTATION)
    return LayoutPage(
        page_id=int(str(page_id)),
        page_type=PageType(str(own_type)),
        words=int(str(words)),
        text_digest=str(digest),
        has_date=bool(has_date),
        quoted_pages=quotation.page_ids,
        is_patchwork=quotation.is_whole,
        has_list_address=shape_of(str(url)) in (UrlShape.LIST, UrlShape.DEEP_LIST) and not is_section(str(url)),
        folder=folder_of(str(url)),
        has_sure_day=bool(has_sure_day),
        kept_blocks=int(str(kept_blocks)),
        is_in_menu=str(url) in menu,
        layout=layout,
    )


def _layout_row(
    host: str, signature: bytes, pages: list[LayoutPage], verdict: LayoutVerdict, taken_out: Collection[int]
) -> LayoutRow:
    article_count = sum(page.is_article and page.page_id not in taken_out for page in pages)
    layout_id = content_id(host, signature.hex())
    return (layout_id, host, signature, len(pages), article_count, verdict.kind, verdict.evidence)
