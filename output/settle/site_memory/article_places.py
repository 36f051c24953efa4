"""What a page left out by itself though it stands where nearly all pages of the host keep text: in articles' bodies.

Everything starts from the pages' own verdicts, as in `repeats.py`, so neither order nor repetition matters. Longer
texts tell where articles stand; what comes back may be a few words. What a phrase rule, the title, a copy or furniture
above it explains stays out, and so does a text that several pages have: that may be a promo, or another's title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from sqlite_utils import Database

from cleaners.compare.site_memory import BODY, body_places
from cleaners.document import Verdict
from output.settle.site_memory.page_table import Left, left_blocks, left_keys
from output.settle.site_memory.seen_twice import Several

PLACE_WORDS = 8  # of a text that tells whether articles stand at a place
LEAST_WORDS = 2  # of a text that comes back
_EVIDENCE = """INSERT INTO settle_evidence (block_id, host, pages, of_pages, first_seen) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (block_id, host) DO UPDATE SET pages = excluded.pages, of_pages = excluded.of_pages"""

# The keys in question on the pages of one host.
_TABLE = (
    "DROP TABLE IF EXISTS temp.settle_left",
    """CREATE TEMP TABLE settle_left (key INTEGER NOT NULL, page_id INTEGER NOT NULL, PRIMARY KEY (key, page_id))
        WITHOUT ROWID""",
)
_ELSEWHERE = """SELECT EXISTS (SELECT 1 FROM settle_left WHERE key = ?1 AND page_id <> ?2)
    OR EXISTS (SELECT 1 FROM settle_seen WHERE key = ?1)"""


class Bodies:
    """What the pages of a host keep and leave, by place: numbers of pages. Places have numbers too."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.keeping: Counter[str] = Counter()
        self.leaving: Counter[str] = Counter()
        self.since: dict[str, str] = {}

    def number(self, place: str) -> int:
        """The number of the place of a text that was left out."""
        return self.numbers.setdefault(place, len(self.numbers))

    def count(self, first_seen: str, kept: set[str], left: set[str]) -> None:
        """Note at which places a page keeps text, and at which it leaves some and keeps none."""
        self.keeping.update(kept)
        self.leaving.update(left - kept)
        for place in kept:
            self.since[place] = min(self.since.get(place, first_seen), first_seen)

    def places(self) -> dict[int, tuple[str, int, int]]:
        """By number, the places where the host's articles stand: on how many pages kept, on how many there at all."""
        found = body_places(self.keeping, self.leaving)
        return {self.numbers[place]: (place, *counts) for place, counts in found.items() if place in self.numbers}


def brought_back(
    db: Database, host: str, found: Bodies, several: Several, unjudged: Collection[int]
) -> dict[int, dict[int, Verdict]]:
    """By page and position, what the site's evidence brings back; the evidence goes into `settle_evidence`."""
    places = found.places()
    wanted: dict[int, dict[int, Verdict]] = {}
    if not places:
        return wanted
    for page, (position, block_id, _, number) in _alone(db, several, places):
        if page not in unjudged:
            place, *counts = places[number]
            wanted.setdefault(page, {})[position] = BODY
            db.execute(_EVIDENCE, [block_id, host, *counts, found.since[place]])
    return wanted


def _alone(db: Database, several: Several, places: Collection[int]) -> Iterator[tuple[int, Left]]:
    """What pages left out where articles stand, of which no other says the same, with the pages."""
    doubtful = {row[2] for _, left in left_blocks(db) for row in left if row[3] in places and row[2] in several}
    if doubtful:
        for statement in _TABLE:
            db.execute(statement)
        rows = ((key, page) for page, keys in left_keys(db) for key in sorted(keys & doubtful))
        db.conn.executemany("INSERT INTO settle_left (key, page_id) VALUES (?, ?)", rows)
    for page, left in left_blocks(db):
        for row in left:
            if row[3] in places and not (row[2] in doubtful and _is_elsewhere(db, row[2], page)):
                yield page, row


def _is_elsewhere(db: Database, key: int, page: int) -> bool:
    return bool(db.execute(_ELSEWHERE, [key, page]).fetchone()[0])
