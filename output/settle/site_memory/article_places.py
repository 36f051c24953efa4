"""What a page left out although it stands where nearly all pages of the host keep text: in articles' bodies.

Everything starts from the pages' own verdicts, as in `repeats.py`, so neither order nor repetition matters. Longer
texts show where articles stand, and so do texts of any length where pages leave out hardly anything; what comes back
may be a few words, or an address. What is explained by a phrase rule, the title, a copy or boilerplate above it stays
out, and so does a text that several pages have: it may be a promo, or the title of another article. A place is a path
in the markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from broadsheet.cleaners.compare.site_memory import BODY_VERDICT, find_body_paths
from broadsheet.cleaners.document import Verdict
from broadsheet.output.settle.site_memory.page_table import (
    KEY_COLUMN,
    PATH_COLUMN,
    LeftOutRow,
    read_left_out,
    read_left_out_keys,
    stored_elsewhere,
)
from broadsheet.output.settle.site_memory.seen_twice import SeenTwice

if TYPE_CHECKING:
    from sqlite_utils import Database

MIN_LONG_WORDS = 8  # of a text that tells by itself where articles stand
MIN_RESTORED_WORDS = 2  # of a text that comes back, unless it is an address
_INSERT_EVIDENCE = """INSERT INTO settle_evidence (block_id, host, pages, of_pages, first_seen) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (block_id, host) DO UPDATE SET pages = excluded.pages, of_pages = excluded.of_pages"""

# On which pages of one host stand the keys that may be on more than one.
_CREATE_DOUBTFUL_KEYS = (
    "DROP TABLE IF EXISTS temp.settle_left",
    """CREATE TEMP TABLE settle_left (key INTEGER NOT NULL, page_id INTEGER NOT NULL, PRIMARY KEY (key, page_id))
        WITHOUT ROWID""",
)
_HAS_KEY_ELSEWHERE = """SELECT EXISTS (SELECT 1 FROM settle_left WHERE key = ?1 AND page_id <> ?2)
    OR EXISTS (SELECT 1 FROM settle_seen WHERE key = ?1)"""


class PlaceCounts:
    """On how many pages of a host text is kept and left out, by path in the markup: longer texts, and all texts. A path
    at which text was left out has a number too."""

    def __init__(self) -> None:
        self.path_numbers: dict[str, int] = {}
        self.kept_counts: Counter[str] = Counter()
        self.left_out_counts: Counter[str] = Counter()
        self.all_kept_counts: Counter[str] = Counter()
        self.all_left_out_counts: Counter[str] = Counter()
        self.first_kept_at: dict[str, str] = {}

    def path_number(self, path: str) -> int:
        """The number of a path at which text was left out; a new one if it has none."""
        return self.path_numbers.setdefault(path, len(self.path_numbers))

    def count_page(self, first_seen: str, kept_paths: set[str], left_out_paths: set[str]) -> None:
        """Count a page's longer texts: the paths at which it keeps some, and those at which it leaves some out and
        keeps none."""
        self.kept_counts.update(kept_paths)
        self.left_out_counts.update(left_out_paths - kept_paths)
        self._note_kept(first_seen, kept_paths)

    def count_all_texts(self, first_seen: str, kept_paths: set[str], paths: set[str]) -> None:
        """Count a page's texts of any length: the paths at which it keeps some, and all its paths."""
        self.all_kept_counts.update(kept_paths)
        self.all_left_out_counts.update(paths - kept_paths)
        self._note_kept(first_seen, kept_paths)

    def article_places(self) -> dict[int, tuple[str, int, int]]:
        """By number, the paths where the host's articles stand: (path, pages that keep text there, pages with text
        there)."""
        body_paths = find_body_paths(self.all_kept_counts, self.all_left_out_counts)
        body_paths |= find_body_paths(self.kept_counts, self.left_out_counts)
        numbers = self.path_numbers
        return {numbers[path]: (path, *counts) for path, counts in body_paths.items() if path in numbers}

    def _note_kept(self, first_seen: str, kept_paths: set[str]) -> None:
        for path in kept_paths:
            self.first_kept_at[path] = min(self.first_kept_at.get(path, first_seen), first_seen)


def find_restored_blocks(
    db: Database, host: str, place_counts: PlaceCounts, repeated_keys: SeenTwice, unjudged_pages: Collection[int]
) -> dict[int, dict[int, Verdict]]:
    """The verdicts, by page id and position, on blocks that the site's evidence brings back; the evidence is written
    into `settle_evidence`."""
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
    """What pages left out where articles stand and no other page says; with the page ids."""
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
            if path_number in path_numbers and not (key in doubtful_keys and _is_elsewhere(db, key, page_id)):
                yield page_id, row


def _is_elsewhere(db: Database, key: int, page_id: int) -> bool:
    """Whether another page has the key, left out or not."""
    return bool(db.execute(_HAS_KEY_ELSEWHERE, [key, page_id]).fetchone()[0])
