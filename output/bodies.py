"""What a page left out by itself though it stands where nearly all pages of the host keep text: in the articles' body.

Everything starts from the pages' own verdicts, as in `repeats.py`, so neither order nor repetition matters. What a
phrase rule, the title or a copy explains stays out, and so does a text that several pages have: that may be a promo.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlite_utils import Database

from cleaners.record import Verdict
from cleaners.site_memory import BODY, body_places, length, template
from output.ids import BLOCK_BITS, content_id
from output.migrations import BLOCK_KINDS

_EXACT = {BLOCK_KINDS.index("table"), BLOCK_KINDS.index("code")}  # their numbers are what they say
_LEAST_WORDS = 8

_PAGE = """SELECT l.layout, coalesce(a.title, s.title, ''), coalesce(a.authors, s.authors, '[]'),
        coalesce(a.first_seen, s.first_seen, '')
    FROM page_layout l LEFT JOIN articles a ON a.page_id = l.page_id LEFT JOIN shelved s ON s.page_id = l.page_id
    WHERE l.page_id = ?"""

_KEPT = """SELECT k.position, t.text FROM settle_kept k JOIN block_texts t ON t.id = k.block_id WHERE k.page_id = ?"""

# What no rule on the words, the metadata or an earlier copy explains.
_LEFT = """SELECT b.position, b.block_id, b.kind, t.text FROM page_blocks b
        LEFT JOIN own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
        LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position
        JOIN reasons r ON r.id = coalesce(o.reason_id, v.reason_id, b.reason_id)
        JOIN block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? AND coalesce(o.kept, v.kept, b.kept) = 0 AND r.rule <> 'context/duplicate'
        AND (r.rule GLOB 'model/*' OR r.rule GLOB 'extractor/*' OR r.rule GLOB 'context/*' OR r.rule GLOB 'layout/*')"""

_EVIDENCE = """INSERT INTO settle_evidence VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (block_id, host) DO UPDATE SET pages = excluded.pages, of_pages = excluded.of_pages"""


@dataclass(frozen=True, slots=True)
class _Left:
    """A block that its page left out by itself: what it says, as a key, and where it stands."""

    page_id: int
    position: int
    block_id: int
    key: int
    place: str


@dataclass(slots=True)
class _Host:
    """What the pages of a host keep and leave, by place: numbers of pages."""

    left: list[_Left] = field(default_factory=list)
    keeping: Counter[str] = field(default_factory=Counter)
    leaving: Counter[str] = field(default_factory=Counter)
    since: dict[str, str] = field(default_factory=dict)

    def count(self, kept: Collection[str], left: Collection[str], first_seen: str) -> None:
        """Count a page by the places where it keeps text, and those where it keeps none of it."""
        self.keeping.update(kept)
        self.leaving.update(set(left) - set(kept))
        for place in kept:
            self.since[place] = min(self.since.get(place, first_seen), first_seen)


def text_key(text: str, block_id: int, kind: int, title: str, authors: Sequence[str]) -> int:
    """What a block says, as a number: the same for texts that differ only in what varies from page to page."""
    if kind in _EXACT:
        return block_id
    made = template(text, title, authors)
    return block_id if made == text else content_id(made, bits=BLOCK_BITS)


def brought_back(
    db: Database, host: str, pages: Iterable[int], counted: Collection[int], judged: Collection[int]
) -> dict[int, dict[int, Verdict]]:
    """By page and position, what the site's evidence brings back; the evidence goes into `settle_evidence`."""
    found = _look(db, pages, counted)
    places = body_places(found.keeping, found.leaving)
    often = Counter(key for key, _ in {(each.key, each.page_id) for each in found.left})
    often.update(key for (key,) in db.execute("SELECT DISTINCT key FROM settle_seen"))
    wanted: dict[int, dict[int, Verdict]] = {}
    for each in found.left:
        if each.place in places and often[each.key] == 1 and each.page_id in judged:
            wanted.setdefault(each.page_id, {})[each.position] = BODY
            db.execute(_EVIDENCE, [each.block_id, host, *places[each.place], found.since[each.place]])
    return wanted


def _look(db: Database, pages: Iterable[int], counted: Collection[int]) -> _Host:
    found = _Host()
    for page in pages:
        layout, title, said, first_seen = db.execute(_PAGE, [page]).fetchone()
        places = [step[0] for step in json.loads(zlib.decompress(layout))]
        left = list(_left(db, page, places, title, json.loads(said)))
        found.left += left
        if page in counted:
            found.count(_kept(db, page, places), {each.place for each in left}, first_seen)
    return found


def _kept(db: Database, page: int, places: Sequence[str]) -> set[str]:
    return {places[at] for at, text in db.execute(_KEPT, [page]).fetchall() if length(text) >= _LEAST_WORDS}


def _left(db: Database, page: int, places: Sequence[str], title: str, authors: list[str]) -> Iterable[_Left]:
    for at, block, kind, text in db.execute(_LEFT, [page]).fetchall():
        if length(text) >= _LEAST_WORDS:
            yield _Left(page, at, block, text_key(text, block, kind, title, authors), places[at])
