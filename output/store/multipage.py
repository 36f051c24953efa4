"""The pages of an article that a site shows in several: where they are kept, and the text that they make together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.document import Block
from output.db.text import count_words
from output.store.ledger import read_ledger

_FEW_WORDS = 4  # a shorter line may come again on a later page and mean something there
_HEAD = "SELECT head_id FROM page_parts WHERE page_id = ?"
_PARTS = "SELECT page_id FROM page_parts WHERE head_id = ? AND place > 0 ORDER BY place"


def put_parts(db: Database, found: Mapping[int, Part]) -> tuple[int, ...]:
    """Make these the parts; the pages that head an article now or did before. Runs in the caller's transaction."""
    held = {row[0]: Part(*row[1:]) for row in db.execute("SELECT page_id, head_id, place FROM page_parts").fetchall()}
    if held != dict(found):
        db.execute("DELETE FROM page_parts")
        rows = [(page, part.head, part.place) for page, part in found.items()]
        db.conn.executemany("INSERT INTO page_parts (page_id, head_id, place) VALUES (?, ?, ?)", rows)
    return tuple(sorted({part.head for part in (*held.values(), *found.values())}))


def head_of(db: Database, page_id: int) -> int:
    """The page that heads the article of which this one is a part; the page itself where it is none."""
    row = db.execute(_HEAD, [page_id]).fetchone()
    return int(row[0]) if row else page_id


def has_further_pages(db: Database, page_id: int) -> bool:
    """Whether a page heads an article that goes on on others."""
    return db.execute(_PARTS, [page_id]).fetchone() is not None


def further_blocks(db: Database, page_id: int, first: Iterable[Block]) -> list[Block]:
    """The kept blocks of the pages after the one that heads an article, without those that an earlier page has.

    Title and standfirst come again at the beginning of each page, notes at its end.
    """
    known = {block.text for block in first}
    blocks: list[Block] = []
    for (part,) in db.execute(_PARTS, [page_id]).fetchall():
        kept = [block for block, _ in read_ledger(db, part, lambda _, kept: kept)]
        new = list(_new(kept, known))
        known |= {block.text for block in new}
        blocks += new
    return blocks


def _new(blocks: Iterable[Block], known: set[str]) -> Iterable[Block]:
    begun = False
    for block in blocks:
        again = block.text in known and (not begun or count_words(block.text) >= _FEW_WORDS)
        begun = begun or not again
        if not again:
            yield block


@dataclass(frozen=True, slots=True)
class Part:
    """A page's place in an article: which page heads it, and which in order it is; -1: the head holds its text."""

    head: int
    place: int
