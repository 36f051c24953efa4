"""The scan of a host's article pages: what blocks say, where they stand, what articles' places lost.

Each page is scanned once, for the texts, lengths and places of its blocks. Everything starts from the pages' own
verdicts, as in `site_repeats.py`, so neither order nor repetition matters.

`SeenTwice` approximates the set of numbers added more than once, by a table of fixed size. A number that it does not
contain was added at most once. One that it contains may have been added once, if another number shares its slot: where
the exact answer matters, the few that it contains are looked up in a table.

A restored block is one that a page left out, at a place where nearly all pages of the host keep text. A place is a path
in the markup. Longer texts show where articles stand, and so do texts of any length where pages leave out hardly
anything; what comes back may be a few words, or an address. What is explained by a phrase rule, the title, a copy or
boilerplate above it stays out. So does a text that several pages have, unless most of them keep it: it may be a promo,
or the title of another article. A slot is a place at which nearly all pages keep nothing.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from broadsheet.cleaners.compare.text_comparison import container_path, edge_template, names_author, page_templates
from broadsheet.cleaners.document import Verdict
from broadsheet.cleaners.site.repeated_blocks import BODY_VERDICT, find_body_paths, is_site_slot
from broadsheet.cleaners.words import rough_word_count

from ..archive.ledger import read_layout
from ..archive.stored_values import BLOCK_KINDS, content_id, decoding
from .page_table import (
    CANDIDATE_KEYS,
    CANDIDATE_PATHS,
    HEADING_KIND,
    IS_KEPT,
    IS_KEPT_ELSEWHERE,
    IS_LEFT_OUT,
    IS_SHARED,
    KEY_COLUMN,
    KIND_FACTOR,
    LEFT_OUT_KEYS,
    LEFT_OUT_PATHS,
    PATH_COLUMN,
    CandidateRow,
    LeftOutRow,
    PageFacts,
    StoredScan,
    clear_scans,
    flatten_rows,
    read_left_out,
    read_left_out_keys,
    read_page_facts,
    store_scan,
    stored_elsewhere,
)
from .settle_steps import ParallelMap

if TYPE_CHECKING:
    from sqlite_utils import Database


_MIN_BITS, _MAX_BITS = 12, 23  # at most 8 MB: enough to tell half of ten million numbers apart


class SeenTwice:
    """A set of the numbers that were added at least twice, with false positives.

    Numbers must be evenly spread, as digests are; about `expected_numbers` of them are expected.
    """

    def __init__(self, expected_numbers: int) -> None:
        bits = min(max(expected_numbers.bit_length() + 1, _MIN_BITS), _MAX_BITS)
        self._mask = (1 << bits) - 1
        self._counts = bytearray(1 << bits)

    def add(self, numbers: Iterable[int]) -> None:
        """Add each of the numbers once."""
        counts, mask = self._counts, self._mask
        for number in numbers:
            slot = number & mask
            if counts[slot] < 2:
                counts[slot] += 1

    def __contains__(self, number: int) -> bool:
        return self._counts[number & self._mask] > 1


MIN_LONG_WORDS = 8  # of a text that tells by itself where articles stand
MIN_RESTORED_WORDS = 2  # of a text that comes back, unless it is an address
KEPT_FACTOR = 2  # as many pages keep a text that comes back as leave it out, times this
SURE_CHANCE = 230  # of 255, from which on a page's models are sure of a block
_INSERT_EVIDENCE = """INSERT INTO settle_place_evidence (block_id, host, pages, of_pages, first_seen)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (block_id, host) DO UPDATE SET pages = excluded.pages, of_pages = excluded.of_pages"""

# On which pages of one host stand the keys that may be on more than one.
_CREATE_DOUBTFUL_KEYS = (
    "DROP TABLE IF EXISTS temp.settle_left",
    """CREATE TEMP TABLE settle_left (key INTEGER NOT NULL, page_id INTEGER NOT NULL, PRIMARY KEY (key, page_id))
        WITHOUT ROWID""",
)
# The pages that keep a key, and those that leave it out.
_COUNT_KEY = """SELECT (SELECT count(DISTINCT page_id) FROM settle_seen WHERE key = ?1 AND kept AND counted),
    (SELECT count(*) FROM settle_left WHERE key = ?1)"""


class PlaceCounts:
    """The number of a host's pages that keep or leave out text, by path in the markup: of longer texts, and of all
    texts. `containers` has the container of each path, by its number.
    """

    def __init__(self) -> None:
        self.path_numbers: dict[str, int] = {}
        self.containers: list[str] = []
        self.kept_counts: Counter[str] = Counter()
        self.left_out_counts: Counter[str] = Counter()
        self.all_kept_counts: Counter[str] = Counter()
        self.all_left_out_counts: Counter[str] = Counter()
        self.first_kept_at: dict[str, str] = {}

    def path_number(self, path: str) -> int:
        """Return the number of a path; a new one if it has none."""
        if (number := self.path_numbers.setdefault(path, len(self.path_numbers))) == len(self.containers):
            self.containers.append(container_path(path))
        return number

    def count_page(self, first_seen: str, kept_paths: set[str], left_out_paths: set[str]) -> None:
        """Count a page's longer texts: the paths at which it keeps some, and those at which it leaves some out and
        keeps none.
        """
        self.kept_counts.update(kept_paths)
        self.left_out_counts.update(left_out_paths - kept_paths)
        self._note_kept(first_seen, kept_paths)

    def count_all_texts(self, first_seen: str, kept_paths: set[str], paths: set[str]) -> None:
        """Count a page's texts of any length: the paths at which it keeps some, and all its paths."""
        self.all_kept_counts.update(kept_paths)
        self.all_left_out_counts.update(paths - kept_paths)
        self._note_kept(first_seen, kept_paths)

    def article_places(self) -> dict[int, tuple[str, int, int]]:
        """Return by number the paths where the host's articles stand: (path, pages that keep text there, pages with
        text there).
        """
        body_paths = find_body_paths(self.all_kept_counts, self.all_left_out_counts)
        body_paths |= find_body_paths(self.kept_counts, self.left_out_counts)
        numbers = self.path_numbers
        return {numbers[path]: (path, *counts) for path, counts in body_paths.items() if path in numbers}

    def slots(self) -> frozenset[int]:
        """Return the numbers of the paths at which nearly all pages with text keep none."""
        left_out, numbers = self.all_left_out_counts, self.path_numbers
        kept_counts = self.all_kept_counts.items()
        return frozenset(numbers[path] for path, kept in kept_counts if is_site_slot(kept + left_out[path], kept))

    def _note_kept(self, first_seen: str, kept_paths: set[str]) -> None:
        for path in kept_paths:
            self.first_kept_at[path] = min(self.first_kept_at.get(path, first_seen), first_seen)


def find_restored_blocks(
    db: Database, host: str, place_counts: PlaceCounts, repeated_keys: SeenTwice, unjudged_pages: Collection[int]
) -> dict[int, dict[int, Verdict]]:
    """Find the verdicts, by page id and position, on blocks that the site's evidence brings back; the evidence is
    written into `settle_evidence`.
    """
    places = place_counts.article_places()
    verdicts_by_page: dict[int, dict[int, Verdict]] = {}
    if not places:
        return verdicts_by_page
    unshared_blocks = [pair for pair in _unshared_blocks(db, repeated_keys, places) if pair[0] not in unjudged_pages]
    unasked_positions = {page_id: stored_elsewhere(db, page_id) for page_id, _ in unshared_blocks}
    for page_id, (position, block_id, _, path_number) in unshared_blocks:
        if position not in unasked_positions[page_id]:
            path, *page_counts = places[path_number]
            verdicts_by_page.setdefault(page_id, {})[position] = BODY_VERDICT
            db.execute(_INSERT_EVIDENCE, [block_id, host, *page_counts, place_counts.first_kept_at[path]])
    return verdicts_by_page


def _unshared_blocks(
    db: Database, repeated_keys: SeenTwice, path_numbers: Collection[int]
) -> Iterator[tuple[int, LeftOutRow]]:
    """Yield, with their page ids, the blocks that pages left out among article text, and that most pages keep or no
    other page has.
    """
    doubtful_keys = {
        row[KEY_COLUMN]
        for _, rows in read_left_out(db)
        for row in rows
        if row[PATH_COLUMN] in path_numbers and row[KEY_COLUMN] in repeated_keys
    }
    if doubtful_keys:
        for statement in _CREATE_DOUBTFUL_KEYS:
            db.execute(statement)
        pairs = ((key, page_id) for page_id, keys in read_left_out_keys(db) for key in sorted(keys & doubtful_keys))
        db.conn.executemany("INSERT INTO settle_left (key, page_id) VALUES (?, ?)", pairs)
    for page_id, rows in read_left_out(db):
        for row in rows:
            key, path_number = row[KEY_COLUMN], row[PATH_COLUMN]
            if path_number in path_numbers and (key not in doubtful_keys or _is_mostly_kept(db, key)):
                yield page_id, row


def _is_mostly_kept(db: Database, key: int) -> bool:
    """Return whether most pages that have the key keep it, or only one has it."""
    kept_count, left_count = db.execute(_COUNT_KEY, [key]).fetchone()
    return bool(kept_count >= KEPT_FACTOR * left_count or (kept_count == 0 and left_count == 1))


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
) -> None:
    """Scan the pages of a host and store the scans.

    The keys of each page are added to `repeated_keys` in two sets: those that the site may repeat, and those that the
    page left out. Pages that are not among `uncounted_pages` enter `place_counts`.
    """
    clear_scans(db)
    jobs = (
        [read_page_facts(db, page_id) for page_id in page_ids[start : start + _PAGES_PER_JOB]]
        for start in range(0, len(page_ids), _PAGES_PER_JOB)
    )
    for batch in parallel_map(scan_pages, jobs):
        numbers = [place_counts.path_number(path) for path in batch.paths]
        for scan in batch.pages:
            is_evidence = scan.page_id not in uncounted_pages
            for rows, paths in ((scan.candidates, CANDIDATE_PATHS), (scan.left_out, LEFT_OUT_PATHS)):
                rows[paths] = array("q", map(numbers.__getitem__, rows[paths]))
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


class PageScan(NamedTuple):
    """The scan of a page: its rows as in `StoredScan`, and its paths by what stands at them.

    The paths are those at which the page keeps longer texts, at which it leaves some out, at which it keeps any text,
    and all. Paths are numbers in its batch.
    """

    page_id: int
    first_seen: str
    candidates: array[int]
    left_out: array[int]
    shared_keys: array[int]
    kept_paths: frozenset[int]
    left_out_paths: frozenset[int]
    all_kept_paths: frozenset[int]
    all_paths: frozenset[int]


class ScanBatch(NamedTuple):
    """Some pages that were scanned, and their paths by number."""

    pages: list[PageScan]
    paths: list[str]


def scan_pages(pages: Sequence[PageFacts]) -> ScanBatch:
    """Scan some pages. Pure."""
    path_numbers: dict[str, int] = defaultdict(lambda: len(path_numbers))
    return ScanBatch([_scan_page(page, path_numbers) for page in pages], list(path_numbers))


def text_key(text: str, template: str, block_id: int, kind: int) -> int:
    """Hash a block's text into a number that ignores what varies from page to page.

    `template` is the text without what varies.
    """
    return block_id if kind in _EXACT_KINDS or template == text else content_id(template)


def _is_needed(flags: int, text: str, words: int) -> bool:
    """Return whether a block is evidence or may be restored; a short one that is left out and on another page is
    neither.
    """
    return bool(flags & (IS_KEPT | IS_KEPT_ELSEWHERE)) or _is_restorable(flags, text, words)


def _is_restorable(flags: int, text: str, words: int) -> bool:
    """Return whether the site's evidence may bring a left-out block back: a few words, or an address alone."""
    if not flags & IS_LEFT_OUT:
        return False
    if flags & IS_SHARED:
        return words >= MIN_LONG_WORDS
    return words >= MIN_RESTORED_WORDS or text.startswith(_ADDRESS_STARTS)


def _scan_page(facts: PageFacts, path_numbers: dict[str, int]) -> PageScan:
    """Scan a page; new paths get numbers in the dictionary, which numbers what it lacks."""
    candidates: list[CandidateRow] = []
    left_out: list[LeftOutRow] = []
    shared_keys: list[int] = []
    kept_paths: set[int] = set()
    left_out_paths: set[int] = set()
    all_kept_paths: set[int] = set()
    with decoding("_page_layout", "layout", facts.page_id):
        layout_rows, authors = read_layout(facts.layout), facts.authors
        paths = [row[0] for row in layout_rows]
        chances = bytes(len(paths)) if facts.chances is None else facts.chances
        sure_flags = [chances[position] >= SURE_CHANCE for position in range(len(paths))]
        counted_blocks = [(*block, rough_word_count(block[3])) for block in facts.flagged_blocks]
    needed_blocks = [
        (position, block_id, flags, text, words)
        for position, block_id, flags, text, words in counted_blocks
        if _is_needed(flags, text, words)
    ]
    templates = page_templates([text for _, _, _, text, _ in needed_blocks], facts.title, authors)
    kept_indices = [index for index, (_, _, flags, _, _) in enumerate(needed_blocks) if flags & IS_KEPT]
    for number, index in enumerate(kept_indices):
        if templates[index] is needed_blocks[index][3]:
            templates[index] = edge_template(templates[index], number, len(kept_indices))
    for (position, block_id, flags, text, words), template in zip(needed_blocks, templates, strict=True):
        path, kind = paths[position], flags // KIND_FACTOR
        key = block_id if template is text else text_key(text, template, block_id, kind)
        if flags & (IS_KEPT | IS_KEPT_ELSEWHERE):
            is_heading, is_kept = kind == HEADING_KIND, bool(flags & IS_KEPT)
            is_author_named = bool(authors) and names_author(text, authors)
            is_sure = sure_flags[position]
            row = (position, block_id, key, path_numbers[path], words, is_heading, is_author_named, is_kept, is_sure)
            candidates.append(row)
        if flags & IS_KEPT:
            all_kept_paths.add(path_numbers[path])
        if words >= MIN_LONG_WORDS and flags & (IS_KEPT | IS_LEFT_OUT):
            (kept_paths if flags & IS_KEPT else left_out_paths).add(path_numbers[path])
        if _is_restorable(flags, text, words):
            if flags & IS_SHARED and not flags & IS_KEPT_ELSEWHERE:
                shared_keys.append(key)
            else:
                left_out.append((position, block_id, key, path_numbers[path]))
    arrays = (flatten_rows(candidates), flatten_rows(left_out), array("q", shared_keys))
    all_paths = {path_numbers[path] for path in dict.fromkeys(paths)}
    long_text_paths = (frozenset(kept_paths), frozenset(left_out_paths))
    all_text_paths = (frozenset(all_kept_paths), frozenset(all_paths))
    return PageScan(facts.page_id, facts.first_seen, *arrays, *long_text_paths, *all_text_paths)
