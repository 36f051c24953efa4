"""Site verdicts: those that the site's memory puts in place of a page's own, and how they are taken back.

Table `own_verdicts` keeps the page's own verdict. A person's ruling goes above both: where one is in force, the verdict
below it is in `overruled`, and that one is changed here, not the one in `page_blocks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.document import Verdict

from ..archive.ledger import intern_reasons
from ..archive.page_rows import PageRows
from .assembled_text import rebuild_page, with_assembled_text

_ReasonedVerdict = tuple[int, int]  # kept, and the id of the reason

# Every block with the verdict that it has without rulings.
_BLOCKS_BELOW_RULINGS = """_page_blocks b LEFT JOIN _overruled v ON v.page_id = b.page_id AND v.position = b.position"""

_PAGES = """SELECT u.id FROM urls u WHERE u.host = ? AND EXISTS (
    SELECT 1 FROM _own_verdicts o WHERE o.page_id = u.id)"""
_SITE_VERDICTS = f"""SELECT o.position, r.reason, r.rule FROM _own_verdicts o
    CROSS JOIN {_BLOCKS_BELOW_RULINGS} JOIN _reasons r ON r.id = coalesce(v.reason_id, b.reason_id)
    WHERE o.page_id = ? AND b.page_id = o.page_id AND b.position = o.position"""

_CARRIED = f"""SELECT b.block_id, o.kept, o.reason_id, coalesce(v.kept, b.kept), coalesce(v.reason_id, b.reason_id)
    FROM _own_verdicts o CROSS JOIN {_BLOCKS_BELOW_RULINGS}
    WHERE o.page_id = ? AND b.page_id = o.page_id AND b.position = o.position"""

_OWN_VERDICTS = "SELECT kept, reason_id, page_id, position FROM _own_verdicts WHERE page_id = ?"

_KEEP_OWN_VERDICT = f"""INSERT INTO _own_verdicts (page_id, position, kept, reason_id)
    SELECT b.page_id, b.position, coalesce(v.kept, b.kept), coalesce(v.reason_id, b.reason_id)
    FROM {_BLOCKS_BELOW_RULINGS} WHERE b.page_id = ? AND b.position = ?"""

_SET_VERDICT = (
    "UPDATE _overruled SET kept = ?1, reason_id = ?2 WHERE page_id = ?3 AND position = ?4",
    """UPDATE _page_blocks SET kept = ?1, reason_id = ?2 WHERE page_id = ?3 AND position = ?4
        AND NOT EXISTS (SELECT 1 FROM _overruled WHERE page_id = ?3 AND position = ?4)""",
)


@dataclass(frozen=True, slots=True)
class CarriedVerdict:
    """A site verdict on a block text of a page, with the own verdict that it replaced."""

    block_id: int
    own_verdict: _ReasonedVerdict
    site_verdict: _ReasonedVerdict


def pages_with_site_verdicts(db: Database, host: str) -> set[int]:
    """Return the ids of a host's pages that have site verdicts."""
    return {page_id for (page_id,) in db.execute(_PAGES, [host])}


def site_verdict_reasons(db: Database, page_id: int) -> dict[int, tuple[str, str]]:
    """Reason and rule of a page's site verdicts, by position."""
    return {position: (reason, rule) for position, reason, rule in db.execute(_SITE_VERDICTS, [page_id])}


def replace_site_verdicts(db: Database, pages: Mapping[int, Mapping[int, Verdict]], changed_at: str) -> None:
    """Make these, by page and position, the only site verdicts of the pages, and rebuild their articles' texts.

    A text that differs is noted in `changes` at `changed_at`. Runs in the caller's transaction. All verdicts are
    written first, since each write to another table makes the full-text index write a segment of what it has collected.
    """
    for page_id, verdicts in pages.items():
        _set_verdicts(db, db.execute(_OWN_VERDICTS, [page_id]).fetchall())
        db.execute("DELETE FROM _own_verdicts WHERE page_id = ?", [page_id])
        reason_ids = intern_reasons(db, [(str(verdict.reason), verdict.rule) for verdict in verdicts.values()])
        reasoned_verdicts = [
            (int(verdict.kept), reason_id) for verdict, reason_id in zip(verdicts.values(), reason_ids, strict=True)
        ]
        _put_site_verdicts(db, page_id, dict(zip(verdicts, reasoned_verdicts, strict=True)))
    for page_id in pages:
        rebuild_page(db, page_id, changed_at)


def read_carried_verdicts(db: Database, page_id: int) -> tuple[CarriedVerdict, ...]:
    """Read a page's site verdicts, to be carried over while the page is stored again."""
    return tuple(CarriedVerdict(row[0], (row[1], row[2]), (row[3], row[4])) for row in db.execute(_CARRIED, [page_id]))


def carry_over_verdicts(
    db: Database, page_id: int, page: PageRows, carried_verdicts: Sequence[CarriedVerdict]
) -> PageRows:
    """Give a page that was stored again its earlier site verdicts: each text with the same own verdict has its one.

    The page's new ledger is already written. Return the rows with the text that follows, its digest and word count.
    """
    site_by_own = {(verdict.block_id, *verdict.own_verdict): verdict.site_verdict for verdict in carried_verdicts}
    if not site_by_own:
        return page
    rows = db.execute("SELECT position, block_id, kept, reason_id FROM _page_blocks WHERE page_id = ?", [page_id])
    _put_site_verdicts(db, page_id, {row[0]: site_by_own[row[1:]] for row in rows.fetchall() if row[1:] in site_by_own})
    return with_assembled_text(db, page_id, page)


def _put_site_verdicts(db: Database, page_id: int, verdicts: Mapping[int, _ReasonedVerdict]) -> None:
    """Move the own verdicts at these positions into `own_verdicts`, and put site verdicts in their place."""
    db.conn.executemany(_KEEP_OWN_VERDICT, [(page_id, position) for position in verdicts])
    _set_verdicts(db, [(*verdict, page_id, position) for position, verdict in verdicts.items()])


def _set_verdicts(db: Database, rows: Sequence[tuple[int, int, int, int]]) -> None:
    """Set verdicts below the rulings; rows are (kept, reason id, page id, position)."""
    for statement in _SET_VERDICT:
        db.conn.executemany(statement, rows)
