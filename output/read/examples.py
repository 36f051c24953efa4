"""What the archive shows about a ruling: where its block stands, and which other blocks are near it in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.document import Block, Verdict
from output.db.text import words_of
from output.settle.duplicates import overlap
from output.store.ledger import read_ledger
from output.verdicts.rulings import Ruling

NEAR = 0.2  # share of the longer text's words that two blocks must have in common to be near
_LONGEST = 600  # characters of an example
_MOST = 500  # texts that are looked at
_WORDS = 3  # the longest words of a text, by which its neighbours are looked for

_STANDS = """SELECT o.page_id, o.position, u.url FROM overruled o JOIN urls u ON u.id = o.page_id
    WHERE o.ruling_id = ? ORDER BY u.url, o.position LIMIT 1"""
_KEPT = "EXISTS (SELECT 1 FROM page_blocks b WHERE b.block_id = t.id AND b.kept = ?)"
_LIKE = f"""SELECT t.text FROM block_texts t WHERE t.text LIKE ? ESCAPE '\\' AND length(t.text) <= {_LONGEST}
        AND {_KEPT} ORDER BY t.id LIMIT {_MOST}"""
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Place:
    """A block where a ruling holds: its page's URL, the block, and the verdicts on the blocks around it."""

    url: str
    block: Block
    around: tuple[Verdict, ...]


def place_of(db: Database, ruling: Ruling) -> Place | None:
    """The first place where a ruling holds, by URL; None where none of its pages is stored any more."""
    row = db.execute(_STANDS, [ruling.id]).fetchone()
    if row is None:
        return None
    page_id, position, url = row
    rows = list(read_ledger(db, page_id))
    at = next(place for place, (block, _) in enumerate(rows) if block.position == position)
    around = tuple(verdict for _, verdict in (*reversed(rows[max(0, at - 2) : at]), *rows[at + 1 : at + 3]))
    return Place(url, rows[at][0], around)


def same_but_for_numbers(db: Database, text: str, *, kept: bool) -> list[str]:
    """Other block texts that read the same with other numbers, and that some page keeps, or removes."""
    if not _NUMBER.search(text):
        return []
    found = db.execute(_LIKE, [_NUMBER.sub("%", _literal(text)), kept]).fetchall()
    return [each for (each,) in found if each != text]


def near_in_words(db: Database, text: str) -> list[str]:
    """Kept blocks that share words with a text, the nearest first."""
    words = sorted(dict.fromkeys(words_of(text)), key=lambda word: (-len(word), word))[:_WORDS]
    found = {each for word in words for (each,) in db.execute(_LIKE, [f"%{_literal(word)}%", True]).fetchall()}
    return _nearest(text, found - {text})


def _nearest(text: str, others: Iterable[str]) -> list[str]:
    shares = {other: overlap(text, other) for other in others}
    near = [other for other, share in shares.items() if share >= NEAR]
    return sorted(near, key=lambda other: (-shares[other], other))


def _literal(text: str) -> str:
    return re.sub(r"[%_\\]", r"\\\g<0>", text)
