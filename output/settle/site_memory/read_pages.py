"""Scanning each article page of a host once: what its blocks say, how long they are, where they stand."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleaners.compare.site_memory import container_path, names_author
from cleaners.compare.templates import page_templates
from cleaners.words import rough_word_count
from output.db.ids import BLOCK_BITS, content_id
from output.db.stored_values import BLOCK_KINDS, decoding
from output.settle.parallel_map import ParallelMap
from output.settle.site_memory.article_places import MIN_PLACE_WORDS, MIN_RESTORED_WORDS, PlaceCounts
from output.settle.site_memory.page_table import (
    CANDIDATE_CONTAINERS,
    CANDIDATE_KEYS,
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
from output.settle.site_memory.seen_twice import SeenTwice
from output.store.ledger import read_block_paths

if TYPE_CHECKING:
    from sqlite_utils import Database

_PAGES_PER_JOB = 16
_HEADING_KIND = BLOCK_KINDS.index("heading")
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
    container_numbers: dict[str, int] = {}
    jobs = (
        [read_page_facts(db, page_id) for page_id in page_ids[start : start + _PAGES_PER_JOB]]
        for start in range(0, len(page_ids), _PAGES_PER_JOB)
    )
    for batch in parallel_map(scan_pages, jobs):
        numbers = [container_numbers.setdefault(path, len(container_numbers)) for path in batch.containers]
        for scan in batch.pages:
            is_evidence = scan.page_id not in uncounted_pages
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
                kept_paths, left_out_paths = (
                    {batch.paths[number] for number in path_numbers}
                    for path_numbers in (scan.kept_paths, scan.left_out_paths)
                )
                place_counts.count_page(scan.first_seen, kept_paths, left_out_paths)
    return list(container_numbers)


@dataclass(frozen=True, slots=True)
class PageScan:
    """What scanning a page gives: rows as in `StoredScan`, and the paths at which the page keeps longer texts and at
    which it leaves some out. Containers and paths are numbers in its `ScanBatch`."""

    page_id: int
    first_seen: str
    candidates: array[int]
    left_out: array[int]
    shared_keys: array[int]
    kept_paths: frozenset[int]
    left_out_paths: frozenset[int]


@dataclass(frozen=True, slots=True)
class ScanBatch:
    """Some pages that were scanned, and their containers and paths by number."""

    pages: list[PageScan]
    containers: list[str]
    paths: list[str]


def scan_pages(pages: Sequence[PageFacts]) -> ScanBatch:
    """Scan some pages. Pure."""
    container_numbers: dict[str, int] = defaultdict(lambda: len(container_numbers))
    path_numbers: dict[str, int] = defaultdict(lambda: len(path_numbers))
    scans = [_scan_page(page, container_numbers, path_numbers) for page in pages]
    return ScanBatch(scans, list(container_numbers), list(path_numbers))


def text_key(text: str, template: str, block_id: int, kind: int) -> int:
    """What a block says, as a number: the same for texts that differ only in what varies from page to page.

    `template` is the text without what varies.
    """
    return block_id if kind in _EXACT_KINDS or template == text else content_id(template, bits=BLOCK_BITS)


def _is_needed(flags: int, words: int) -> bool:
    """Whether a block is evidence or may be restored; one that is short, left out and another page's too is neither."""
    return bool(flags & (IS_KEPT | IS_KEPT_ELSEWHERE)) or _is_restorable(flags, words)


def _is_restorable(flags: int, words: int) -> bool:
    """Whether a page left a block out that the site's evidence may bring back."""
    return bool(flags & IS_LEFT_OUT) and words >= (MIN_PLACE_WORDS if flags & IS_SHARED else MIN_RESTORED_WORDS)


def _scan_page(facts: PageFacts, container_numbers: dict[str, int], path_numbers: dict[str, int]) -> PageScan:
    """Scan a page; new containers and paths get numbers in the two dictionaries, which number what they lack."""
    candidates: list[CandidateRow] = []
    left_out: list[LeftOutRow] = []
    shared_keys: list[int] = []
    kept_paths: set[int] = set()
    left_out_paths: set[int] = set()
    with decoding("page_layout", "layout", facts.page_id):
        paths, authors = read_block_paths(facts.layout), facts.authors
    needed_blocks = [
        (position, block_id, flags, text, words)
        for position, block_id, flags, text in facts.flagged_blocks
        if _is_needed(flags, words := rough_word_count(text))
    ]
    templates = page_templates([text for _, _, _, text, _ in needed_blocks], facts.title, authors)
    for (position, block_id, flags, text, words), template in zip(needed_blocks, templates, strict=True):
        path, kind = paths[position], flags // KIND_FACTOR
        key = block_id if template is text else text_key(text, template, block_id, kind)
        if flags & (IS_KEPT | IS_KEPT_ELSEWHERE):
            is_heading, is_kept = kind == _HEADING_KIND, bool(flags & IS_KEPT)
            is_author_named = bool(authors) and names_author(text, authors)
            container = container_numbers[container_path(path)]
            candidates.append((position, block_id, key, container, words, is_heading, is_author_named, is_kept))
        if words >= MIN_PLACE_WORDS and flags & (IS_KEPT | IS_LEFT_OUT):
            (kept_paths if flags & IS_KEPT else left_out_paths).add(path_numbers[path])
        if _is_restorable(flags, words):
            if flags & IS_SHARED:
                shared_keys.append(key)
            else:
                left_out.append((position, block_id, key, path_numbers[path]))
    arrays = (flatten_rows(candidates), flatten_rows(left_out), array("q", shared_keys))
    return PageScan(facts.page_id, facts.first_seen, *arrays, frozenset(kept_paths), frozenset(left_out_paths))
