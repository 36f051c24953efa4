"""Looking at each article page of a host once: what its blocks say, how long they are, where they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlite_utils import Database

from cleaners.site_memory import container, length, names_author
from cleaners.templates import templates
from output.bodies import LEAST_WORDS, PLACE_WORDS, Bodies
from output.ids import BLOCK_BITS, content_id
from output.looked import (
    BESIDE,
    KEPT,
    KIND,
    LEFT,
    SHARED,
    Asked,
    Facts,
    Left,
    Looked,
    Packed,
    asked_blocks,
    forget_looks,
    note_look,
    read_facts,
)
from output.migrations import BLOCK_KINDS
from output.several import Several

_HEADING = BLOCK_KINDS.index("heading")
_EXACT = {BLOCK_KINDS.index("table"), BLOCK_KINDS.index("code")}  # their numbers are what they say


def look(db: Database, pages: Iterable[int], uncounted: Collection[int], several: Several, bodies: Bodies) -> list[str]:
    """Look at the pages of a host; returns the containers that what was seen names by number.

    `several` meets the keys of each page twice: those of what counts for what is repeated, and of what was left out.
    """
    forget_looks(db)
    boxes: dict[str, int] = defaultdict(lambda: len(boxes))
    for page in pages:
        facts = read_facts(db, page)
        found = _looked_at(facts, asked_blocks(db, page), boxes, bodies)
        note_look(db, Looked(page, page not in uncounted, found.seen, found.left, found.shared))
        several.meet({row[2] for row in found.seen})
        several.meet({*found.shared, *[row[2] for row in found.left]})
        if page not in uncounted:
            bodies.count(facts, found.keeping, found.leaving)
    return list(boxes)


def text_key(text: str, made: str, block_id: int, kind: int) -> int:
    """What a block says, as a number: the same for texts that differ only in what varies from page to page.

    `made` is the text's template.
    """
    return block_id if kind in _EXACT or made == text else content_id(made, bits=BLOCK_BITS)


@dataclass(slots=True)
class _Found:
    """A page's blocks, and the places at which it keeps and leaves out longer texts."""

    seen: list[Packed] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    shared: list[int] = field(default_factory=list)
    keeping: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)


def _looked_at(facts: Facts, rows: Sequence[Asked], boxes: dict[str, int], bodies: Bodies) -> _Found:
    """A text that is short, left out and another page's too tells nothing."""
    found, places, authors = _Found(), facts.places, facts.authors
    made = templates([row[3] for row in rows], facts.title, authors)
    for (position, block_id, asked, text), template in zip(rows, made, strict=True):
        place, words = places[position], length(text)
        key = block_id if template is text else text_key(text, template, block_id, asked // KIND)
        if asked & (KEPT | BESIDE):
            about = (
                words,
                asked // KIND == _HEADING,
                bool(authors) and names_author(text, authors),
                bool(asked & KEPT),
            )
            found.seen.append((position, block_id, key, boxes[container(place)], *about))
        if words >= PLACE_WORDS and asked & (KEPT | LEFT):
            (found.keeping if asked & KEPT else found.leaving).add(place)
        if asked & LEFT and words >= (PLACE_WORDS if asked & SHARED else LEAST_WORDS):
            if asked & SHARED:
                found.shared.append(key)
            else:
                found.left.append((position, block_id, key, bodies.number(place)))
    return found
