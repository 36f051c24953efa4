"""The pages of an article that a site shows in several: where they are kept, and the text that they make together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlite_utils import Database

from cleaners.document import Block, Outlink
from output.db.text import count_words, storable
from output.settle.duplicates import Member
from output.settle.join_pages import NEXT, WHOLE, Lead, Part, parts
from output.store.ledger import read_ledger

_FEW_WORDS = 4  # a shorter line may come again on a later page and mean something there
_LEADS = "SELECT page_id, way, url, ruled FROM page_leads"
_PUT_LEAD = "INSERT OR IGNORE INTO page_leads (page_id, way, url, ruled) VALUES (?, ?, ?, ?)"
_HEAD = "SELECT head_id FROM page_parts WHERE page_id = ?"
_PARTS = "SELECT page_id FROM page_parts WHERE head_id = ? AND place > 0 ORDER BY place"
_AWAITED = """SELECT u.url FROM page_leads l JOIN urls u ON u.url = l.url
    WHERE u.state = 'queued' OR (u.state = 'skipped' AND u.reason = 'limit')"""
_WAYS = {"next": NEXT, "single_page": WHOLE}


def leads_of(outlinks: Iterable[Outlink]) -> tuple[tuple[str, str, bool], ...]:
    """(way, URL, whether a site's rule says so) of the links to an article's next page, and to it in one page."""
    return tuple(
        (_WAYS[link.via], storable(link.url), link.via == "single_page" or not link.rel)
        for link in outlinks
        if link.via in _WAYS and "prev" not in link.rel
    )


def put_leads(db: Database, page_id: int, leads: Sequence[tuple[str, str, bool]]) -> None:
    """Replace what is known of where a page leads. Runs in the caller's transaction."""
    db.execute("DELETE FROM page_leads WHERE page_id = ?", [page_id])
    db.conn.executemany(_PUT_LEAD, [(page_id, *lead) for lead in leads])


def find_parts(
    db: Database, members: Sequence[Member], winner: Mapping[int, int], text_of: Callable[[int], str]
) -> dict[int, Part]:
    """Which of the archive's article pages are parts of which article."""
    leads = [Lead(page, way, url, bool(ruled)) for page, way, url, ruled in db.execute(_LEADS)]
    if not leads:
        return {}
    return parts(members, leads, winner, {url for (url,) in db.execute(_AWAITED)}, text_of)


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
