"""Scanning each article page of a host once: what its blocks say, how long they are, where they stand."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broadsheet.cleaners.compare.site_memory import container_path, names_author
from broadsheet.cleaners.compare.templates import page_templates
from broadsheet.cleaners.words import rough_word_count
from broadsheet.output.db.ids import BLOCK_BITS, content_id
from broadsheet.output.db.stored_values import BLOCK_KINDS, decoding
from broadsheet.output.settle.parallel_map import ParallelMap
from broadsheet.output.settle.site_memory.article_places import MIN_LONG_WORDS, MIN_RESTORED_WORDS, PlaceCounts
from broadsheet.output.settle.site_memory.page_table import (
    CANDIDATE_CONTAINERS,
    CANDIDATE_KEYS,
    HEADING_KIND,
    IS_KEPT,
    IS_KEPT_ELSEWHERE,
    IS_LEFT_OUT,
    IS_SHARED,
    KIND_FACTOR,
    LEFT_OUT_KEYS,
    LEFT_OUT_PATHS,
    CandidateRow,
    LeftOutRow,
    PageFacts,
    StoredScan,
    clear_scans,
    flatten_rows,
    read_page_facts,
    store_scan,
)
from broadsheet.output.settle.site_memory.place_blocks import (
    PlacedPage,
    PlaceNumbers,
    clear_placed,
    place_page,
    renumber,
    store_placed_page,
)
from broadsheet.output.settle.site_memory.seen_twice import SeenTwice
from broadsheet.output.store.ledger import read_layout

if TYPE_CHECKING:
    from sqlite_utils import Database

_PAGES_PER_JOB = 16
_ADDRESS_STARTS = ("http://", "https://")
_EXACT_KINDS = {
    BLOCK_KINDS.index("table"),
    BLOCK_KINDS.index("code"),
}  # in these, digits are part of what the text says


def scan_host(
    db: Database,
    page_ids: Sequence[int],
    uncounted_pages: Collection[int],
    repeated_keys: SeenTwice,
    place_counts: PlaceCounts,
    parallel_map: ParallelMap,
) -> list[str]:
    """Scan the pages of a host and store the scans; returns the containers, which the stored rows name by number.

    The keys of each page are added to `repeated_keys` in two sets: those that the site may repeat, and those that the
    page left out. Pages that are not among `uncounted_pages` enter `place_counts`.
    """
    clear_scans(db)
    clear_placed(db)
    host_places = PlaceNumbers()
    container_numbers: dict[str, int] = {}
    jobs = (
        [read_page_facts(db, page_id) for page_id in page_ids[start : start + _PAGES_PER_JOB]]
        for start in range(0, len(page_ids), _PAGES_PER_JOB)
    )
    for batch in parallel_map(scan_pages, jobs):
        numbers = [container_numbers.setdefault(path, len(container_numbers)) for path in batch.containers]
        renumbering = host_places.renumbering(batch.places)
        for scan in batch.pages:
            is_evidence = scan.page_id not in uncounted_pages
            if scan.placed_page:
                placed_page = renumber(scan.placed_page, renumbering)
                store_placed_page(db, scan.page_id, placed_page, is_evidence=is_evidence)
            scan.candidates[CANDIDATE_CONTAINERS] = array(
                "q", map(numbers.__getitem__, scan.candidates[CANDIDATE_CONTAINERS])
            )
            scan.left_out[LEFT_OUT_PATHS] = array(
                "q", [place_counts.path_number(batch.paths[number]) for number in scan.left_out[LEFT_OUT_PATHS]]
            )
            store_scan(db, StoredScan(scan.page_id, is_evidence, scan.candidates, scan.left_out, scan.shared_keys))
            repeated_keys.add(set(scan.candidates[CANDIDATE_KEYS]))
            repeated_keys.add({*scan.shared_keys, *scan.left_out[LEFT_OUT_KEYS]})
            if is_evidence:
                kept_paths, left_out_paths, all_kept_paths, all_paths = (
                    {batch.paths[number] for number in path_numbers}
                    for path_numbers in (scan.kept_paths, scan.left_out_paths, scan.all_kept_paths, scan.all_paths)
                )
                place_counts.count_page(scan.first_seen, kept_paths, left_out_paths)
                place_counts.count_all_texts(scan.first_seen, all_kept_paths, all_paths)
    return list(container_numbers)


@dataclass(frozen=True, slots=True)
class PageScan:
    """What scanning a page gives: rows as in `StoredScan`, the paths at which the page keeps longer texts and at which
    it leaves some out, those at which it keeps any text, and all. Containers and paths are numbers in its batch.
    `placed_page` are its judged blocks, if it has a layout and their probabilities are known."""

    page_id: int
    first_seen: str
    candidates: array[int]
    left_out: array[int]
    shared_keys: array[int]
    kept_paths: frozenset[int]
    left_out_paths: frozenset[int]
    all_kept_paths: frozenset[int]
    all_paths: frozenset[int]
    placed_page: PlacedPage | None


@dataclass(frozen=True, slots=True)
class ScanBatch:
    """Some pages that were scanned, and their containers, paths and places by number."""

    pages: list[PageScan]
    containers: list[str]
    paths: list[str]
    places: PlaceNumbers


def scan_pages(pages: Sequence[PageFacts]) -> ScanBatch:
    """Scan some pages. Pure."""
    container_numbers: dict[str, int] = defaultdict(lambda: len(container_numbers))
    path_numbers: dict[str, int] = defaultdict(lambda: len(path_numbers))
    place_numbers = PlaceNumbers()
    scans = [_scan_page(page, container_numbers, path_numbers, place_numbers) for page in pages]
    return ScanBatch(scans, list(container_numbers), list(path_numbers), place_numbers)


def text_key(text: str, template: str, block_id: int, kind: int) -> int:
    """What a block says, as a number: the same for texts that differ only in what varies from page to page.

    `template` is the text without what varies.
    """
    return block_id if kind in _EXACT_KINDS or template == text else content_id(template, bits=BLOCK_BITS)


def _is_needed(flags: int, text: str, words: int) -> bool:
    """Whether a block is evidence or may be restored; one that is short, left out and another page's too is neither."""
    return bool(flags & (IS_KEPT | IS_KEPT_ELSEWHERE)) or _is_restorable(flags, text, words)


def _is_restorable(flags: int, text: str, words: int) -> bool:
    """Whether a page left a block out that the site's evidence may bring back: a few words, or an address alone."""
    if not flags & IS_LEFT_OUT:
        return False
    if flags & IS_SHARED:
        return words >= MIN_LONG_WORDS
    return words >= MIN_RESTORED_WORDS or text.startswith(_ADDRESS_STARTS)


def _scan_page(
    facts: PageFacts, container_numbers: dict[str, int], path_numbers: dict[str, int], place_numbers: PlaceNumbers
) -> PageScan:
    """Scan a page; new containers and paths get numbers in the two dictionaries, which number what they lack, and
    places in `place_numbers`."""
    candidates: list[CandidateRow] = []
    left_out: list[LeftOutRow] = []
    shared_keys: list[int] = []
    kept_paths: set[int] = set()
    left_out_paths: set[int] = set()
    all_kept_paths: set[int] = set()
    with decoding("page_layout", "layout", facts.page_id):
        layout_rows, authors = read_layout(facts.layout), facts.authors
        paths = [row[0] for row in layout_rows]
        counted_blocks = [(*block, rough_word_count(block[3])) for block in facts.flagged_blocks]
        placed_page = place_page(facts, layout_rows, counted_blocks, place_numbers)
    needed_blocks = [
        (position, block_id, flags, text, words)
        for position, block_id, flags, text, words in counted_blocks
        if _is_needed(flags, text, words)
    ]
    templates = page_templates([text for _, _, _, text, _ in needed_blocks], facts.title, authors)
    for (position, block_id, flags, text, words), template in zip(needed_blocks, templates, strict=True):
        path, kind = paths[position], flags // KIND_FACTOR
        key = block_id if template is text else text_key(text, template, block_id, kind)
        if flags & (IS_KEPT | IS_KEPT_ELSEWHERE):
            is_heading, is_kept = kind == HEADING_KIND, bool(flags & IS_KEPT)
            is_author_named = bool(authors) and names_author(text, authors)
            container = container_numbers[container_path(path)]
            candidates.append((position, block_id, key, container, words, is_heading, is_author_named, is_kept))
        if flags & IS_KEPT:
            all_kept_paths.add(path_numbers[path])
        if words >= MIN_LONG_WORDS and flags & (IS_KEPT | IS_LEFT_OUT):
            (kept_paths if flags & IS_KEPT else left_out_paths).add(path_numbers[path])
        if _is_restorable(flags, text, words):
            if flags & IS_SHARED:
                shared_keys.append(key)
            else:
                left_out.append((position, block_id, key, path_numbers[path]))
    arrays = (flatten_rows(candidates), flatten_rows(left_out), array("q", shared_keys))
    all_paths = {path_numbers[path] for path in dict.fromkeys(paths)}
    long_text_paths = (frozenset(kept_paths), frozenset(left_out_paths))
    all_text_paths = (frozenset(all_kept_paths), frozenset(all_paths))
    return PageScan(facts.page_id, facts.first_seen, *arrays, *long_text_paths, *all_text_paths, placed_page)
