"""What a page left out by itself though it stands where nearly all pages of the host keep text: in articles' bodies.

Everything starts from the pages' own verdicts, as in `repeats.py`, so neither order nor repetition matters. Longer
texts tell where articles stand; what comes back may be a few words. What a phrase rule, the title, a copy or furniture
above it explains stays out, and so does a text that several pages have: that may be a promo, or another's title.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.record import Verdict
from cleaners.site_memory import BODY, body_places, length, template
from output.ids import BLOCK_BITS, content_id
from output.migrations import BLOCK_KINDS

_EXACT = {BLOCK_KINDS.index("table"), BLOCK_KINDS.index("code")}  # their numbers are what they say
_PLACE_WORDS = 8  # of a text that tells whether articles stand at a place
_LEAST_WORDS = 2  # of a text that comes back
_NOWHERE = -1  # the place of a text that may not come back

_PAGE = """SELECT l.layout, coalesce(a.title, s.title, ''), coalesce(a.authors, s.authors, '[]'),
        coalesce(a.first_seen, s.first_seen, '')
    FROM page_layout l LEFT JOIN articles a ON a.page_id = l.page_id LEFT JOIN shelved s ON s.page_id = l.page_id
    WHERE l.page_id = ?"""

_KEPT = """SELECT k.position, t.text FROM settle_kept k JOIN block_texts t ON t.id = k.block_id WHERE k.page_id = ?"""

# What no rule on the words, the metadata, a copy or furniture above it explains; and whether another page has it.
_LEFT = """SELECT b.position, b.block_id, b.kind, t.text,
        EXISTS (SELECT 1 FROM page_blocks o WHERE o.block_id = b.block_id AND o.page_id <> b.page_id)
    FROM page_blocks b
        LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position
        JOIN reasons r ON r.id = coalesce(o.reason_id, v.reason_id, b.reason_id)
        JOIN block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND coalesce(o.kept, v.kept, b.kept) = 0 AND r.rule <> 'context/duplicate'
        AND r.rule NOT GLOB 'model/beside-*'
        AND (r.rule GLOB 'model/*' OR r.rule GLOB 'extractor/*' OR r.rule GLOB 'first-look/*' OR r.rule GLOB 'context/*'
            OR r.rule GLOB 'layout/*')"""

_EVIDENCE = """INSERT INTO settle_evidence VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (block_id, host) DO UPDATE SET pages = excluded.pages, of_pages = excluded.of_pages"""


# The blocks in question of one host, by what they say; on a table, since there are as many as a site has furniture.
_TABLE = (
    "DROP TABLE IF EXISTS temp.settle_left",
    """CREATE TEMP TABLE settle_left (page_id INTEGER NOT NULL, position INTEGER NOT NULL, block_id INTEGER NOT NULL,
        key INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (page_id, position)) WITHOUT ROWID""",
    "CREATE INDEX temp.settle_left_key ON settle_left (key, page_id)",
)
_ALONE = """SELECT l.page_id, l.position, l.block_id, l.place FROM settle_left l
    WHERE l.place IN (SELECT value FROM json_each(?))
        AND NOT EXISTS (SELECT 1 FROM settle_left o WHERE o.key = l.key AND o.page_id <> l.page_id)
        AND NOT EXISTS (SELECT 1 FROM settle_seen s WHERE s.key = l.key)
    ORDER BY l.page_id, l.position"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked up once of a page: the place of each block, by position, and what its article states."""

    page_id: int
    places: tuple[str, ...]
    title: str
    authors: tuple[str, ...]
    first_seen: str


def read_facts(db: Database, page_id: int) -> Facts:
    """The facts of a page that has a ledger."""
    layout, title, authors, first_seen = db.execute(_PAGE, [page_id]).fetchone()
    places = tuple(step[0] for step in json.loads(zlib.decompress(layout)))
    return Facts(page_id, places, title, tuple(json.loads(authors)), first_seen)


class Bodies:
    """What the pages of a host keep and leave, by place: numbers of pages. Places have numbers too."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.numbers: dict[str, int] = {}
        self.keeping: Counter[str] = Counter()
        self.leaving: Counter[str] = Counter()
        self.since: dict[str, str] = {}
        for statement in _TABLE:
            db.execute(statement)

    def look(self, facts: Facts, *, counted: bool) -> None:
        """Note what a page leaves; where it is `counted`, also at which places it keeps text, and at which none."""
        left = list(_left(self._db, facts))
        rows = [
            (facts.page_id, at, block, key, _NOWHERE if shared else self._number(facts.places[at]))
            for at, block, key, _, shared in left
        ]
        self._db.conn.executemany("INSERT INTO settle_left VALUES (?, ?, ?, ?, ?)", rows)
        if counted:
            kept = _kept(self._db, facts)
            self.keeping.update(kept)
            self.leaving.update({facts.places[at] for at, _, _, words, _ in left if words >= _PLACE_WORDS} - kept)
            for place in kept:
                self.since[place] = min(self.since.get(place, facts.first_seen), facts.first_seen)

    def _number(self, place: str) -> int:
        return self.numbers.setdefault(place, len(self.numbers))


def text_key(text: str, block_id: int, kind: int, title: str, authors: Sequence[str]) -> int:
    """What a block says, as a number: the same for texts that differ only in what varies from page to page."""
    if kind in _EXACT:
        return block_id
    made = template(text, title, authors)
    return block_id if made == text else content_id(made, bits=BLOCK_BITS)


def brought_back(db: Database, host: str, found: Bodies, unjudged: Collection[int]) -> dict[int, dict[int, Verdict]]:
    """By page and position, what the site's evidence brings back; the evidence goes into `settle_evidence`."""
    places = body_places(found.keeping, found.leaving)
    named = {found.numbers[place]: place for place in places if place in found.numbers}
    wanted: dict[int, dict[int, Verdict]] = {}
    for page, position, block_id, number in db.execute(_ALONE, [json.dumps(list(named))]).fetchall():
        if page not in unjudged:
            wanted.setdefault(page, {})[position] = BODY
            db.execute(_EVIDENCE, [block_id, host, *places[named[number]], found.since[named[number]]])
    return wanted


def _kept(db: Database, facts: Facts) -> set[str]:
    rows = db.execute(_KEPT, [facts.page_id]).fetchall()
    return {facts.places[at] for at, text in rows if length(text) >= _PLACE_WORDS}


def _left(db: Database, facts: Facts) -> Iterator[tuple[int, int, int, int, bool]]:
    """The blocks that a page left out by itself: position, number, text as a key, words, whether another page has it.

    A short text that another page has tells nothing.
    """
    for at, block, kind, text, shared in db.execute(_LEFT, [facts.page_id]).fetchall():
        words = length(text)
        if words >= (_PLACE_WORDS if shared else _LEAST_WORDS):
            yield at, block, text_key(text, block, kind, facts.title, facts.authors), words, bool(shared)
