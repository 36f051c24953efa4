"""Looking at each article page of a host once: what its blocks say, how long they are, where they stand."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.compare.site_memory import container, length, names_author
from cleaners.compare.templates import templates
from output.db.ids import BLOCK_BITS, content_id
from output.db.migrations import BLOCK_KINDS
from output.settle.parallel_map import Share
from output.settle.site_memory.article_places import LEAST_WORDS, PLACE_WORDS, Bodies
from output.settle.site_memory.page_table import (
    BESIDE,
    KEPT,
    KIND,
    LEFT,
    SHARED,
    Facts,
    Left,
    Looked,
    Packed,
    forget_looks,
    note_look,
    numbers_of,
    read_facts,
)
from output.settle.site_memory.seen_twice import Several
from output.store.ledger import read_paths

_AT_ONCE = 16  # pages of a job
_HEADING = BLOCK_KINDS.index("heading")
_EXACT = {BLOCK_KINDS.index("table"), BLOCK_KINDS.index("code")}  # their numbers are what they say


def look(
    db: Database, pages: Sequence[int], uncounted: Collection[int], several: Several, bodies: Bodies, share: Share
) -> list[str]:
    """Look at the pages of a host; returns the containers that what was seen names by number.

    `several` meets the keys of each page twice: those of what counts for what is repeated, and of what was left out.
    """
    forget_looks(db)
    boxes: dict[str, int] = {}
    asked = ([read_facts(db, page) for page in pages[at : at + _AT_ONCE]] for at in range(0, len(pages), _AT_ONCE))
    for glance in share(look_at, asked):
        numbers = [boxes.setdefault(name, len(boxes)) for name in glance.boxes]
        for found in glance.pages:
            counted = found.page_id not in uncounted
            found.seen[3::8] = array("q", map(numbers.__getitem__, found.seen[3::8]))
            found.left[3::4] = array("q", [bodies.number(glance.places[place]) for place in found.left[3::4]])
            note_look(db, Looked(found.page_id, counted, found.seen, found.left, found.shared))
            several.meet(set(found.seen[2::8]))
            several.meet({*found.shared, *found.left[2::4]})
            if counted:
                keeping, leaving = ({glance.places[place] for place in at} for at in (found.keeping, found.leaving))
                bodies.count(found.first_seen, keeping, leaving)
    return list(boxes)


@dataclass(frozen=True, slots=True)
class Found:
    """What one look at a page gives: rows as in `Looked`, whose containers and places are numbers in its `Glance`, and
    the places at which the page keeps longer texts and leaves some out."""

    page_id: int
    first_seen: str
    seen: array[int]
    left: array[int]
    shared: array[int]
    keeping: frozenset[int]
    leaving: frozenset[int]


@dataclass(frozen=True, slots=True)
class Glance:
    """Some pages that were looked at, and the names of their containers and places by number."""

    pages: list[Found]
    boxes: list[str]
    places: list[str]


def look_at(pages: Sequence[Facts]) -> Glance:
    """Look at some pages. Pure."""
    boxes: dict[str, int] = defaultdict(lambda: len(boxes))
    places: dict[str, int] = defaultdict(lambda: len(places))
    found = [_looked_at(page, boxes, places) for page in pages]
    return Glance(found, list(boxes), list(places))


def text_key(text: str, made: str, block_id: int, kind: int) -> int:
    """What a block says, as a number: the same for texts that differ only in what varies from page to page.

    `made` is the text's template.
    """
    return block_id if kind in _EXACT or made == text else content_id(made, bits=BLOCK_BITS)


def _tells(asked: int, words: int) -> bool:
    """Whether a block tells anything: one that is short, left out and another page's too does not."""
    return bool(asked & (KEPT | BESIDE)) or _was_left(asked, words)


def _was_left(asked: int, words: int) -> bool:
    """Whether a page left a block out that may be asked for again."""
    return bool(asked & LEFT) and words >= (PLACE_WORDS if asked & SHARED else LEAST_WORDS)


def _looked_at(facts: Facts, boxes: dict[str, int], places: dict[str, int]) -> Found:
    seen: list[Packed] = []
    left: list[Left] = []
    shared: list[int] = []
    keeping: set[int] = set()
    leaving: set[int] = set()
    paths, authors = read_paths(facts.layout), facts.authors
    telling = [(row, words) for row in facts.blocks if _tells(row[2], words := length(row[3]))]
    made = templates([row[3] for row, _ in telling], facts.title, authors)
    for ((position, block_id, asked, text), words), template in zip(telling, made, strict=True):
        path = paths[position]
        key = block_id if template is text else text_key(text, template, block_id, asked // KIND)
        if asked & (KEPT | BESIDE):
            about = (
                words,
                asked // KIND == _HEADING,
                bool(authors) and names_author(text, authors),
                bool(asked & KEPT),
            )
            seen.append((position, block_id, key, boxes[container(path)], *about))
        if words >= PLACE_WORDS and asked & (KEPT | LEFT):
            (keeping if asked & KEPT else leaving).add(places[path])
        if _was_left(asked, words):
            if asked & SHARED:
                shared.append(key)
            else:
                left.append((position, block_id, key, places[path]))
    rows = (numbers_of(seen), numbers_of(left), array("q", shared))
    return Found(facts.page_id, facts.first_seen, *rows, frozenset(keeping), frozenset(leaving))
