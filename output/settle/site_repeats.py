"""Texts that a host's pages repeat, and the verdicts on blocks that follow from them.

Pages with one text count once, and pages that only repeat others are not counted at all. Everything starts from the
pages' own verdicts, so the result depends on the archive's content, and neither on the order in which it came nor on
how often it was settled. Neither the site's memory nor a ruling changes a count.

Table `common_texts` holds the texts that several pages have, and whether pages keep them, as of the last settling. They
are looked up again where a page changed. A change of a text's flags matters to every page that has it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from broadsheet.cleaners.document import Verdict
from broadsheet.cleaners.site.repeated_blocks import (
    KeyedBlock,
    SiteMemory,
    are_most_pages,
    build_site_memory,
    is_consensus,
    is_near_end,
    min_repeat_pages,
)
from broadsheet.cleaners.site.site_judge import OwnPage, SiteEvidence, judge_page

from ..archive.stored_text import SQL_ARTICLE_TYPES
from .page_table import (
    IS_FREQUENT,
    IS_HEADING,
    IS_KEPT,
    IS_KEPT_ELSEWHERE,
    IS_SHARED,
    IS_SURE,
    LEAVES,
    LEAVES_WITH_OTHERS,
    MAX_KEPT,
    MAY_REPEAT,
    NAMES_AUTHOR,
    PAGE_TABLES,
    BoolArray,
    HostScans,
    Int64Array,
    ScannedBlocks,
    ScannedPages,
    create_page_tables,
    drop_scans,
    list_article_pages,
)
from .settle_steps import ParallelMap, serial_map
from .site_scan import SeenTwice, find_restored_blocks, scan_host
from .unsettled import PageRoles

if TYPE_CHECKING:
    from sqlite_utils import Database


COMMON_TEXT_TABLES = ("settle_overridden", "settle_touched", "settle_common")

# The blocks that each page keeps by its own verdicts, whatever the site's memory or a person made of them since.
CREATE_KEPT_VIEW = f"""CREATE TEMP VIEW settle_kept (page_id, position, block_id) AS
    SELECT b.page_id, b.position, b.block_id FROM _page_blocks b
    WHERE coalesce(
            (SELECT o.kept FROM _own_verdicts o WHERE o.page_id = b.page_id AND o.position = b.position), b.kept) = 1
        AND (SELECT own_type FROM pages p WHERE p.id = b.page_id) IN {SQL_ARTICLE_TYPES}"""

# The texts of blocks whose own verdict is not the one in `page_blocks`. What the site's memory changed has evidence;
# only a page that was just stored may carry such a verdict without.
_CREATE_OVERRIDDEN = "CREATE TEMP TABLE settle_overridden (block_id INTEGER PRIMARY KEY)"
_INSERT_CORRECTED = """INSERT OR IGNORE INTO settle_overridden (block_id)
    SELECT block_id FROM corrections WHERE block_id IS NOT NULL"""
_INSERT_OVERRIDDEN = """INSERT OR IGNORE INTO settle_overridden (block_id)
    SELECT b.block_id FROM _own_verdicts o
        CROSS JOIN _page_blocks b ON b.page_id = o.page_id AND b.position = o.position"""
_INSERT_UNSETTLED_OVERRIDDEN = """INSERT OR IGNORE INTO settle_overridden (block_id)
    SELECT b.block_id FROM _unsettled s CROSS JOIN _own_verdicts o ON o.page_id = s.page_id
        CROSS JOIN _page_blocks b ON b.page_id = o.page_id AND b.position = o.position"""

# `kept` is how many pages keep a text, no more than need to be counted.
_CREATE_TOUCHED = """CREATE TEMP TABLE settle_touched (
    block_id INTEGER PRIMARY KEY, kept INTEGER NOT NULL DEFAULT 0)"""
_INSERT_ALL = (
    "INSERT INTO settle_touched (block_id) SELECT block_id FROM _page_blocks GROUP BY block_id HAVING count(*) > 1"
)
_INSERT_CHANGED = (
    """INSERT OR IGNORE INTO settle_touched (block_id)
        SELECT b.block_id FROM _unsettled s CROSS JOIN _page_blocks b ON b.page_id = s.page_id""",
    "INSERT OR IGNORE INTO settle_touched (block_id) SELECT block_id FROM _unsettled_texts",
)
_COUNT_KEPT = f"""UPDATE settle_touched SET kept = CASE
    WHEN EXISTS (SELECT 1 FROM settle_overridden o WHERE o.block_id = settle_touched.block_id)
        OR EXISTS (SELECT 1 FROM _block_evidence e WHERE e.block_id = settle_touched.block_id)
    THEN (SELECT count(*) FROM (
        SELECT 1 FROM temp.settle_kept k WHERE k.block_id = settle_touched.block_id LIMIT {MAX_KEPT + 1}))
    ELSE (SELECT count(*) FROM (
        SELECT 1 FROM _page_blocks b WHERE b.block_id = settle_touched.block_id AND b.kept = 1
        LIMIT {MAX_KEPT + 1})) END"""
_CREATE_COMMON = "CREATE TEMP TABLE settle_common (block_id INTEGER PRIMARY KEY, asked INTEGER NOT NULL)"
_INSERT_COMMON = f"""INSERT INTO settle_common (block_id, asked)
    SELECT t.block_id, {IS_SHARED} * EXISTS (
            SELECT 1 FROM _page_blocks b WHERE b.block_id = t.block_id AND b.page_id <> (
                SELECT f.page_id FROM _page_blocks f WHERE f.block_id = t.block_id LIMIT 1))
        + {IS_KEPT_ELSEWHERE} * (t.kept > 0) + {IS_FREQUENT} * (t.kept > {MAX_KEPT})
    FROM settle_touched t
    WHERE EXISTS (SELECT 1 FROM _page_blocks b WHERE b.block_id = t.block_id LIMIT 1 OFFSET 1)"""

_HOSTS_OF_CHANGED_TEXTS = """SELECT DISTINCT u.host FROM (
        SELECT t.block_id FROM settle_touched t LEFT JOIN settle_common n ON n.block_id = t.block_id
            LEFT JOIN _common_texts c ON c.block_id = t.block_id WHERE n.asked IS NOT c.asked) d
    CROSS JOIN _page_blocks b ON b.block_id = d.block_id CROSS JOIN urls u ON u.id = b.page_id"""
# Scans hold what other pages do with the page's texts; whether they are frequent is asked elsewhere.
_DELETE_SCANS = f"""DELETE FROM _scans WHERE page_id IN (SELECT b.page_id FROM (
        SELECT t.block_id FROM settle_touched t LEFT JOIN settle_common n ON n.block_id = t.block_id
            LEFT JOIN _common_texts c ON c.block_id = t.block_id
        WHERE coalesce(n.asked, 0) & ~{IS_FREQUENT} <> coalesce(c.asked, 0) & ~{IS_FREQUENT}) d
    CROSS JOIN _page_blocks b ON b.block_id = d.block_id)"""
_DELETE_UNCOMMON = """DELETE FROM _common_texts WHERE block_id IN (SELECT block_id FROM settle_touched)
    AND block_id NOT IN (SELECT block_id FROM settle_common)"""
_DELETE_ALL_UNCOMMON = "DELETE FROM _common_texts WHERE block_id NOT IN (SELECT block_id FROM settle_common)"
_UPSERT_COMMON = """INSERT INTO _common_texts (block_id, asked)
    SELECT n.block_id, n.asked FROM settle_common n LEFT JOIN _common_texts c ON c.block_id = n.block_id
        WHERE c.asked IS NOT n.asked
    ON CONFLICT (block_id) DO UPDATE SET asked = excluded.asked"""


def find_common_texts(db: Database, *, in_whole_archive: bool) -> frozenset[str]:
    """Bring `common_texts` up to date, and forget the scans of pages with a text whose flags changed; returns the hosts
    of all these pages.

    Only texts of pages in `unsettled`, and those in `unsettled_texts`, are looked at, or all `in_whole_archive`. The
    temporary tables, which need the view `settle_kept`, stay until settling ends.
    """
    for statement in (_CREATE_OVERRIDDEN, _CREATE_TOUCHED, _CREATE_COMMON):
        db.execute(statement)
    db.execute(_INSERT_CORRECTED)
    if in_whole_archive:
        db.execute(_INSERT_OVERRIDDEN)
        db.execute(_INSERT_ALL)
    else:
        for statement in (_INSERT_UNSETTLED_OVERRIDDEN, *_INSERT_CHANGED):
            db.execute(statement)
    db.execute(_COUNT_KEPT)
    db.execute(_INSERT_COMMON)
    hosts = frozenset[str]()
    if not in_whole_archive:
        hosts = frozenset(host for (host,) in db.execute(_HOSTS_OF_CHANGED_TEXTS))
    db.execute("DELETE FROM _scans" if in_whole_archive else _DELETE_SCANS)
    db.execute(_DELETE_ALL_UNCOMMON if in_whole_archive else _DELETE_UNCOMMON)
    db.execute(_UPSERT_COMMON)
    return hosts


_HOST_TABLES = ("settle_seen", "settle_left", "settle_evidence")
_TEMPORARY_TABLES = (*_HOST_TABLES, *COMMON_TEXT_TABLES, *PAGE_TABLES)
BLOCKS_PER_PAGE = 128  # about; it sets the size of a table

# A removed block counts only where the same text is kept in the same part of another page.
_DELETE_UNMATCHED = """DELETE FROM settle_seen WHERE NOT kept AND NOT EXISTS (SELECT 1 FROM settle_seen k
    WHERE k.key = settle_seen.key AND k.counted = 1 AND k.kept AND k.container = settle_seen.container)"""

_KEPT_ELSEWHERE = "SELECT DISTINCT key, container FROM settle_seen WHERE NOT kept"

_PAGE_COUNTS = """SELECT key, count(DISTINCT page_id) AS pages FROM settle_seen WHERE counted
    GROUP BY key HAVING pages >= ?"""

# By each text that several pages have: the pages, and those of them that keep it.
_CONSENSUS_COUNTS = """SELECT block_id, count(*), total(keeps) FROM (
        SELECT block_id, max(kept) AS keeps FROM settle_seen WHERE counted GROUP BY block_id, page_id)
    GROUP BY block_id HAVING count(*) > 1"""
_INSERT_CONSENSUS_EVIDENCE = """INSERT INTO settle_evidence (block_id, host, at_place, pages, of_pages, first_seen)
    SELECT n.block_id, :host, 0, count(DISTINCT n.page_id), :pages, min(a.first_seen)
    FROM settle_seen n CROSS JOIN _scans a ON a.page_id = n.page_id
    WHERE n.counted AND n.block_id = :text GROUP BY n.block_id"""
_INSERT_EVIDENCE = """INSERT OR IGNORE INTO settle_evidence (block_id, host, at_place, pages, of_pages, first_seen)
    SELECT s.block_id, :host, 0, max(k.pages), :pages, min(k.since) FROM settle_seen s JOIN (
        SELECT n.key AS key, count(DISTINCT n.page_id) AS pages, min(a.first_seen) AS since
        FROM settle_seen n CROSS JOIN _scans a ON a.page_id = n.page_id
        WHERE n.counted GROUP BY n.key HAVING count(DISTINCT n.page_id) > 1) k ON k.key = s.key
    GROUP BY s.block_id"""

# Every text that settling overrules has evidence. One on a single page is overruled for its place.
_INSERT_OVERRULED_EVIDENCE = """INSERT OR IGNORE INTO settle_evidence (
        block_id, host, at_place, pages, of_pages, first_seen)
    SELECT ?1, ?2, 0, json_array_length(?3), ?4, min(coalesce(a.first_seen, s.first_seen, '')) FROM json_each(?3) p
        LEFT JOIN articles a ON a.page_id = p.value LEFT JOIN shelved s ON s.page_id = p.value
    WHERE NOT EXISTS (SELECT 1 FROM settle_evidence e WHERE e.block_id = ?1 AND e.host = ?2 AND e.at_place = 1)
    HAVING count(*)"""

_INSERT_CANDIDATE = """INSERT INTO settle_seen (page_id, position, block_id, key, container, kept, counted)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""

_DELETE_STALE_EVIDENCE = """DELETE FROM _block_evidence WHERE host = ? AND NOT EXISTS (SELECT 1 FROM settle_evidence e
    WHERE e.block_id = _block_evidence.block_id AND e.at_place = _block_evidence.at_place)"""
_UPSERT_EVIDENCE = """INSERT INTO _block_evidence (block_id, host, at_place, pages, of_pages, first_seen)
    SELECT e.block_id, e.host, e.at_place, e.pages, e.of_pages, e.first_seen FROM settle_evidence e
        LEFT JOIN _block_evidence b ON b.block_id = e.block_id AND b.host = e.host AND b.at_place = e.at_place
        WHERE (e.pages, e.of_pages, e.first_seen) IS NOT (b.pages, b.of_pages, b.first_seen)
    ON CONFLICT (block_id, host, at_place) DO UPDATE
    SET pages = excluded.pages, of_pages = excluded.of_pages, first_seen = excluded.first_seen"""


def create_kept_view(db: Database) -> None:
    """Make the view of the blocks that pages keep by their own verdicts, and the temporary tables of the site's memory;
    `drop_site_tables` drops them.
    """
    db.execute(CREATE_KEPT_VIEW)
    create_page_tables(db)
    _create_host_tables(db)


def kept_text(db: Database, page_id: int) -> str:
    """Return the text of a page by its own verdicts; needs `create_kept_view`."""
    query = """SELECT t.text FROM temp.settle_kept k JOIN _block_texts t ON t.id = k.block_id
        WHERE k.page_id = ? ORDER BY k.position"""
    return "\n".join(text for (text,) in db.execute(query, [page_id]))


def drop_site_tables(db: Database) -> None:
    """Drop the view and these tables, if they exist."""
    db.execute("DROP VIEW IF EXISTS temp.settle_kept")
    for table in _TEMPORARY_TABLES:
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")


def rejudge_pages(
    db: Database, host: str, roles: PageRoles, parallel_map: ParallelMap = serial_map
) -> Iterator[tuple[int, Mapping[int, Verdict]]]:
    """Judge the article pages of a host again with the evidence of all of them, and store the evidence.

    Yields page ids with the verdicts, by position, that differ from the page's own. Pages without any are left out.
    Runs in the caller's transaction, after `create_kept_view`, with `common_texts` up to date; pages are scanned by
    `parallel_map`.
    """
    db.execute("DELETE FROM settle_evidence")
    page_ids = list_article_pages(db, host)
    page_count = sum(page_id not in roles.uncounted for page_id in page_ids)
    if page_count > 1:
        repeated_keys = SeenTwice(BLOCKS_PER_PAGE * len(page_ids))
        scans = HostScans(db, host)
        place_counts = scan_host(scans, page_ids, roles.uncounted, repeated_keys, parallel_map)
        _fill_candidates(scans, repeated_keys, roles.uncounted)
        agreed_texts = _read_consensus(db)
        evidence = {"host": host, "pages": page_count}
        db.conn.executemany(_INSERT_CONSENSUS_EVIDENCE, [{**evidence, "text": text} for text in sorted(agreed_texts)])
        db.execute(_DELETE_UNMATCHED)
        db.execute(_INSERT_EVIDENCE, evidence)
        restored_blocks = find_restored_blocks(scans, place_counts, repeated_keys, roles.unjudged)
        memory, kept_elsewhere = _build_memory(scans, page_count, roles.uncounted, agreed_texts)
        memory = replace(memory, slots=place_counts.slots())
        site, pages_by_text = SiteEvidence(blocks=memory), defaultdict[int, list[int]](list)
        for page_id, blocks in _pages_to_judge(scans, memory, restored_blocks.keys(), roles.unjudged):
            rows = _evident_blocks(blocks, kept_elsewhere, memory.closing_texts)
            own = OwnPage(blocks=rows, returning=restored_blocks.get(page_id, {}))
            if verdicts := judge_page(own, site).blocks:
                for block in rows:
                    if block.position in verdicts:
                        pages_by_text[block.text_id].append(page_id)
                yield page_id, verdicts
        overruled = ((text, host, json.dumps(pages), page_count) for text, pages in pages_by_text.items())
        db.conn.executemany(_INSERT_OVERRULED_EVIDENCE, overruled)
    else:
        drop_scans(db, host)
    db.execute(_DELETE_STALE_EVIDENCE, [host])
    db.execute(_UPSERT_EVIDENCE)


def _create_host_tables(db: Database) -> None:
    """Create `settle_seen`, for the blocks of one host at a time whose texts seem to be on several pages."""
    db.execute(
        """CREATE TEMP TABLE settle_seen (page_id INTEGER NOT NULL, position INTEGER NOT NULL,
            block_id INTEGER NOT NULL, key INTEGER NOT NULL, container INTEGER NOT NULL, kept INTEGER NOT NULL,
            counted INTEGER NOT NULL, PRIMARY KEY (page_id, position)) WITHOUT ROWID"""
    )
    db.execute("CREATE INDEX temp.settle_seen_key ON settle_seen (key, counted, kept, container)")
    db.execute(
        """CREATE TEMP TABLE settle_evidence (block_id INTEGER NOT NULL, host TEXT NOT NULL, at_place INTEGER NOT NULL,
            pages INTEGER NOT NULL, of_pages INTEGER NOT NULL, first_seen TEXT NOT NULL,
            PRIMARY KEY (block_id, host, at_place)) WITHOUT ROWID"""
    )


def _fill_candidates(scans: HostScans, repeated_keys: SeenTwice, uncounted_pages: Collection[int]) -> None:
    """Fill `settle_seen` with the blocks whose keys seem to be on several of the scanned pages."""
    scans.db.execute("DELETE FROM settle_seen")
    for pages in scans:
        counted = ~pages.among(uncounted_pages)
        wanted = pages.blocks["flags"] & MAY_REPEAT > 0
        wanted[wanted] = repeated_keys.contains(pages.blocks["key"][wanted])
        rows = [
            (pages.page_ids[owner], position, text, key, container, bool(flags & IS_KEPT), bool(counted[owner]))
            for owner, (text, key, _, container, position, _, flags) in zip(
                pages.owners[wanted].tolist(), pages.blocks[wanted].tolist(), strict=True
            )
        ]
        scans.db.conn.executemany(_INSERT_CANDIDATE, rows)


def _read_consensus(db: Database) -> frozenset[int]:
    """Return the texts that most pages remove which have them, by the pages' own verdicts."""
    counts = ((text, pages, keeping) for text, pages, keeping in db.execute(_CONSENSUS_COUNTS))
    return frozenset(text for text, pages, keeping in counts if is_consensus(pages - keeping, keeping))


def _build_memory(
    scans: HostScans, page_count: int, uncounted_pages: Collection[int], agreed_texts: frozenset[int]
) -> tuple[SiteMemory, Collection[tuple[int, int]]]:
    """Build the memory of the host's repeated texts, with the (key, container) of blocks that some pages remove.

    Of a page on which no key repeats, only the containers matter in which it keeps text.
    """
    pages_by_key = dict(scans.db.execute(_PAGE_COUNTS, [min_repeat_pages(page_count)]).fetchall())
    kept_elsewhere = set(scans.db.execute(_KEPT_ELSEWHERE).fetchall())
    repeated_keys, plain_containers = sorted(pages_by_key), Counter[Hashable]()
    closed_pages = Counter[int]()

    def counted_pages() -> Iterator[list[KeyedBlock]]:
        for pages in scans:
            counts = pages.of_pages(~pages.among(uncounted_pages))
            closed_pages.update(_count_closing_texts(pages, counts))
            is_candidate = counts & (pages.blocks["flags"] & MAY_REPEAT > 0)
            repeats = is_candidate.copy()
            repeats[repeats] = np.isin(pages.blocks["key"][repeats], repeated_keys)
            has_repeats = np.zeros(len(pages.page_ids), bool)
            has_repeats[pages.owners[repeats]] = True
            is_plain = is_candidate & ~pages.of_pages(has_repeats) & (pages.blocks["flags"] & IS_KEPT > 0)
            plain_containers.update(_count_pages(pages.owners[is_plain], pages.blocks["container"][is_plain]))
            yield from (_evident_blocks(blocks, kept_elsewhere) for _, blocks in pages.having(repeats))

    memory = build_site_memory(counted_pages(), pages_by_key, page_count, agreed_texts, plain_containers)
    closing_texts = frozenset(text for text, count in closed_pages.items() if are_most_pages(count, page_count))
    return replace(memory, closing_texts=closing_texts), kept_elsewhere


def _count_closing_texts(pages: ScannedPages, is_counted: BoolArray) -> dict[int, int]:
    """Count the pages, by text that counted pages remove near the end of their text."""
    flags = pages.blocks["flags"]
    removed = np.flatnonzero((flags & (LEAVES | LEAVES_WITH_OTHERS) > 0) & is_counted)
    owners = pages.owners[removed]
    kept_words = np.concatenate(([0], np.cumsum(pages.blocks["words"].astype(np.int64) * (flags & IS_KEPT > 0))))
    at_start = kept_words[np.searchsorted(pages.owners, owners)]
    at_end = kept_words[np.searchsorted(pages.owners, owners, side="right")]
    closes = is_near_end(at_end - kept_words[removed + 1], at_end - at_start)
    return _count_pages(owners[closes], pages.blocks["text"][removed[closes]])


def _count_pages(owners: Int64Array, numbers: Int64Array) -> dict[int, int]:
    """Count the pages of each number, by blocks of which each has a page and a number."""
    names, indexes = np.unique(numbers, return_inverse=True)
    pairs = np.unique(owners * max(len(names), 1) + indexes)
    counts = np.bincount(pairs % max(len(names), 1), minlength=len(names))
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _pages_to_judge(
    scans: HostScans, memory: SiteMemory, restored: Collection[int], unjudged: Collection[int]
) -> Iterator[tuple[int, ScannedBlocks]]:
    """Yield the pages on which the site's memory may have something to say, in order, each with its scan."""
    keys, texts, slots = sorted(memory.pages_per_key), sorted(memory.agreed_texts), sorted(memory.slots)
    closing_texts = sorted(memory.closing_texts)
    for pages in scans:
        judged = pages.of_pages(~pages.among(unjudged))
        returns = pages.of_pages(pages.among(restored))
        is_candidate = pages.blocks["flags"] & MAY_REPEAT > 0
        blocks = pages.blocks[is_candidate]
        says = np.isin(blocks["key"], keys) | np.isin(blocks["text"], texts) | np.isin(blocks["path"], slots)
        is_candidate[is_candidate] = says
        is_candidate |= np.isin(pages.blocks["text"], closing_texts)
        yield from pages.having(judged & (is_candidate | returns))


def _evident_blocks(
    blocks: ScannedBlocks, kept_elsewhere: Collection[tuple[int, int]], closing_texts: Collection[int] = frozenset()
) -> list[KeyedBlock]:
    """Return the blocks of a page that are evidence: what it keeps, what other pages keep in the same container, and
    the lines that close a text.
    """
    return [
        KeyedBlock(
            position, key, container, words, bool(flags & IS_HEADING), bool(flags & NAMES_AUTHOR),
            bool(flags & IS_KEPT), text, path, bool(flags & IS_SURE),
        )
        for text, key, path, container, position, words, flags in blocks.tolist()
        if text in closing_texts
        or (flags & MAY_REPEAT and (flags & IS_KEPT or (key, container) in kept_elsewhere))
    ]  # fmt: skip


def verdict_reasons(verdicts: Mapping[int, Verdict]) -> dict[int, tuple[str, str]]:
    """Return verdicts as the archive stores them: (reason, rule) by position."""
    return {position: (verdict.reason, verdict.rule) for position, verdict in verdicts.items()}
