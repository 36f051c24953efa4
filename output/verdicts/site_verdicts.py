"""Verdicts that the site's memory puts in place of a page's own, and the way back.

`own_verdicts` keeps the page's own verdict beside. A person's ruling goes above both: where one holds, the verdict
under it stands in `overruled`, and that one is changed here, not the one in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from cleaners.document import Verdict
from output.db.ids import text_digest
from output.store.ledger import intern_reasons
from output.store.page_rows import PreparedPage
from output.verdicts.rebuild import assembled, count_page, rebuild_page

_Mark = tuple[int, int]  # kept, and the number of the reason

# Every block with the verdict in force but for rulings.
_UNDER = """page_blocks b LEFT JOIN overruled v ON v.page_id = b.page_id AND v.position = b.position"""

_HELD = f"""SELECT o.position, r.reason, r.rule FROM own_verdicts o
    CROSS JOIN {_UNDER} JOIN reasons r ON r.id = coalesce(v.reason_id, b.reason_id)
    WHERE o.page_id = ? AND b.page_id = o.page_id AND b.position = o.position"""

_CARRIED = f"""SELECT b.block_id, o.kept, o.reason_id, coalesce(v.kept, b.kept), coalesce(v.reason_id, b.reason_id)
    FROM own_verdicts o CROSS JOIN {_UNDER}
    WHERE o.page_id = ? AND b.page_id = o.page_id AND b.position = o.position"""

_OWN = "SELECT kept, reason_id, page_id, position FROM own_verdicts WHERE page_id = ?"

_ASIDE = f"""INSERT INTO own_verdicts (page_id, position, kept, reason_id)
    SELECT b.page_id, b.position, coalesce(v.kept, b.kept), coalesce(v.reason_id, b.reason_id)
    FROM {_UNDER} WHERE b.page_id = ? AND b.position = ?"""

_SET = (
    "UPDATE overruled SET kept = ?1, reason_id = ?2 WHERE page_id = ?3 AND position = ?4",
    """UPDATE page_blocks SET kept = ?1, reason_id = ?2 WHERE page_id = ?3 AND position = ?4
        AND NOT EXISTS (SELECT 1 FROM overruled WHERE page_id = ?3 AND position = ?4)""",
)


@dataclass(frozen=True, slots=True)
class Carried:
    """A verdict of the site's memory on a block of a page: the text it is on, and the own verdict it replaced."""

    block_id: int
    own: _Mark
    now: _Mark


def holding_pages(db: Database) -> set[int]:
    """The pages that have verdicts that are not their own."""
    return {page for (page,) in db.execute("SELECT DISTINCT page_id FROM own_verdicts")}


def held_verdicts(db: Database, page_id: int) -> dict[int, tuple[str, str]]:
    """By position: reason and rule of a page's verdicts that are not its own."""
    return {position: (reason, rule) for position, reason, rule in db.execute(_HELD, [page_id])}


def put_verdicts(db: Database, pages: Mapping[int, Mapping[int, Verdict]], at: str) -> None:
    """Make these the pages' only verdicts that are not their own, and their articles' texts what they say.

    A text that differs is a change at `at`. Runs in the caller's transaction. All verdicts come first, since each
    write to another table makes the full-text index write what it has gathered.
    """
    for page_id, verdicts in pages.items():
        _set(db, db.execute(_OWN, [page_id]).fetchall())
        db.execute("DELETE FROM own_verdicts WHERE page_id = ?", [page_id])
        numbers = intern_reasons(db, [(each.reason, each.rule) for each in verdicts.values()])
        marks = [(int(each.kept), number) for each, number in zip(verdicts.values(), numbers, strict=True)]
        _put(db, page_id, dict(zip(verdicts, marks, strict=True)))
    for page_id in pages:
        rebuild_page(db, page_id, at)


def carried_verdicts(db: Database, page_id: int) -> tuple[Carried, ...]:
    """What the site's memory says of a page's blocks, to be taken along while the page is stored again."""
    return tuple(Carried(row[0], (row[1], row[2]), (row[3], row[4])) for row in db.execute(_CARRIED, [page_id]))


def carry_over(db: Database, page_id: int, page: PreparedPage, carried: Sequence[Carried]) -> PreparedPage:
    """The page under the same evidence as before: a text with the same own verdict gets the verdict it had.

    The page's ledger is written already. Digest and count of words are those of the text that comes out.
    """
    by_own = {(each.block_id, *each.own): each.now for each in carried}
    if not by_own:
        return page
    rows = db.execute("SELECT position, block_id, kept, reason_id FROM page_blocks WHERE page_id = ?", [page_id])
    _put(db, page_id, {row[0]: by_own[row[1:]] for row in rows.fetchall() if row[1:] in by_own})
    found = assembled(db, page_id)
    count_page(db, page_id, found)
    digest = text_digest(found.text)
    return replace(page, text=found.text, markdown=found.markdown, words=found.words, digest=digest, kept=found.kept)


def _put(db: Database, page_id: int, marks: Mapping[int, _Mark]) -> None:
    db.conn.executemany(_ASIDE, [(page_id, position) for position in marks])
    _set(db, [(*mark, page_id, position) for position, mark in marks.items()])


def _set(db: Database, rows: Sequence[tuple[int, int, int, int]]) -> None:
    for statement in _SET:
        db.conn.executemany(statement, rows)
