"""Examples for a ruling: where its block stands, and which other blocks have similar words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import Block, Verdict
from broadsheet.cleaners.words import words_of

from ..archive.ledger import read_ledger
from ..settle.copies_and_parts import word_overlap
from ..write.person_verdicts import Ruling
from ..write.verdicts import OF_RULING, find_steps

MIN_OVERLAP = 0.2  # share of the longer text's words that two similar blocks have in common, at least
_MAX_CHARS = 600  # characters of an example
_MAX_TEXTS = 500  # texts that are compared
_SEARCH_WORDS = 3  # number of the longest words of a text with which similar texts are searched

_URL = "SELECT url FROM urls WHERE id = ?"
_IS_KEPT = "EXISTS (SELECT 1 FROM _page_blocks b WHERE b.block_id = t.id AND b.kept = ?)"
_TEXTS_LIKE = f"""SELECT t.text FROM _block_texts t WHERE t.text LIKE ? ESCAPE '\\' AND length(t.text) <= {_MAX_CHARS}
        AND {_IS_KEPT} ORDER BY t.id LIMIT {_MAX_TEXTS}"""
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


class RulingExample(NamedTuple):
    """A block that a ruling decides: the page's URL, the block, and the verdicts on neighbouring blocks."""

    url: str
    block: Block
    surrounding_verdicts: tuple[Verdict, ...]


def find_ruling_example(db: Database, ruling: Ruling) -> RulingExample | None:
    """Find the first block that a ruling decides, by URL; None if none of its pages is stored."""
    steps = [step for step in find_steps(db, OF_RULING, {"ruling": ruling.id}) if step.ruling_id == ruling.id]
    places = [(db.execute(_URL, [step.page_id]).fetchone()[0], step.position, step.page_id) for step in steps]
    if not places:
        return None
    url, position, page_id = min(places)
    ledger = list(read_ledger(db, page_id))
    index = next(index for index, (block, _) in enumerate(ledger) if block.position == position)
    neighbours = (*reversed(ledger[max(0, index - 2) : index]), *ledger[index + 1 : index + 3])
    return RulingExample(url, ledger[index][0], tuple(verdict for _, verdict in neighbours))


def find_same_but_for_numbers(db: Database, text: str, *, is_kept: bool) -> list[str]:
    """Find kept or removed block texts that differ from a text only in their numbers."""
    if not _NUMBER.search(text):
        return []
    rows = db.execute(_TEXTS_LIKE, [_NUMBER.sub("%", _escape_like(text)), is_kept]).fetchall()
    return [similar_text for (similar_text,) in rows if similar_text != text]


def find_similar_blocks(db: Database, text: str) -> list[str]:
    """Find texts of kept blocks that share words with a text, the most similar first."""
    words = sorted(dict.fromkeys(words_of(text)), key=lambda word: (-len(word), word))[:_SEARCH_WORDS]
    candidates = {
        candidate
        for word in words
        for (candidate,) in db.execute(_TEXTS_LIKE, [f"%{_escape_like(word)}%", True]).fetchall()
    }
    return _similar_texts(text, candidates - {text})


def _similar_texts(text: str, candidates: Iterable[str]) -> list[str]:
    overlaps = {candidate: word_overlap(text, candidate) for candidate in candidates}
    similar_texts = [candidate for candidate, overlap in overlaps.items() if overlap >= MIN_OVERLAP]
    return sorted(similar_texts, key=lambda candidate: (-overlaps[candidate], candidate))


def _escape_like(text: str) -> str:
    """Escape the text as a LIKE pattern that matches it literally."""
    return re.sub(r"[%_\\]", r"\\\g<0>", text)
