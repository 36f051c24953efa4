"""The verdict on each block of a page: the page's own, overridden by the site's, then by a person's.

The ledger holds the verdict in force. Table `_own_verdicts` has a row for each block on which another verdict than the
page's own is in force: the own one, and that of the site's memory, if it has one. A person's correction counts for its
article before one for its host, and that before one for everywhere. All three are computed again from what is stored.
Doing it twice changes nothing, and it may follow anything that wrote verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from broadsheet.cleaners.document import KeepReason, RemovalReason, Verdict

from ..archive.ledger import intern_reasons
from .assembled_text import rebuild_page
from .corrections import PERSON
from .removed_counts import drop_counts

ReasonedVerdict = tuple[int, int]
"""Whether a block is kept (1 or 0), and the number of the reason."""

_PERSON_REASONS = {1: str(KeepReason.RESTORED), 0: str(RemovalReason.REMOVED_BY_PERSON)}

_IN_ARTICLE = """r.article_id = p.article_id
        OR EXISTS (SELECT 1 FROM articles a WHERE a.id = r.article_id AND a.page_id = b.page_id)
        OR EXISTS (SELECT 1 FROM shelved s WHERE s.id = r.article_id AND s.page_id = b.page_id)"""
_HOLDS = f"""r.undone_at IS NULL AND (r.host IS NULL OR r.host = u.host)
    AND (r.article_id IS NULL OR {_IN_ARTICLE})"""
_CORRECTIONS = "SELECT id, block_id, article_id, host, value = 'kept' AS kept, at, undone_at FROM corrections"
# Every block that somebody ever corrected: its verdict, the one below the corrections, and the correction that counts.
_STEPS = f"""SELECT x.page_id, x.position, x.block_id, x.kept, x.reason_id, n.rule = '{PERSON}',
        CASE WHEN x.holds THEN x.ruling_id END, x.keeps,
        coalesce(o.site_kept, o.kept), coalesce(o.site_reason_id, o.reason_id)
    FROM (SELECT b.page_id, b.position, b.block_id, b.kept, b.reason_id, r.id AS ruling_id, r.kept AS keeps,
            {_HOLDS} AS holds, row_number() OVER (PARTITION BY b.page_id, b.position
                ORDER BY NOT ({_HOLDS}), r.article_id IS NULL, r.host IS NULL, r.at DESC, r.id) AS place
        FROM {{source}} JOIN pages p ON p.id = b.page_id JOIN urls u ON u.id = b.page_id WHERE {{among}}) x
        JOIN _reasons n ON n.id = x.reason_id
        LEFT JOIN _own_verdicts o ON o.page_id = x.page_id AND o.position = x.position
    WHERE x.place = 1 ORDER BY x.page_id, x.position"""

_BY_BLOCK = f"({_CORRECTIONS} WHERE block_id IS NOT NULL) r CROSS JOIN _page_blocks b ON b.block_id = r.block_id"
OF_ALL = _STEPS.format(source=_BY_BLOCK, among="true")
OF_RULING = _STEPS.format(source=_BY_BLOCK, among="b.block_id IN (SELECT block_id FROM corrections WHERE id = :ruling)")
OF_PAGE = _STEPS.format(
    source=f"_page_blocks b CROSS JOIN ({_CORRECTIONS}) r ON r.block_id = b.block_id", among="b.page_id = :page"
)
_PROSPECT = f"""({_CORRECTIONS} WHERE block_id = :block AND id <> :id UNION ALL
    SELECT :id, :block, :article, :host, :kept, '~', CASE WHEN :stands THEN NULL ELSE '' END)"""
OF_BLOCK = _STEPS.format(
    source=f"_page_blocks b JOIN {_PROSPECT} r ON r.block_id = b.block_id", among="b.block_id = :block"
)
OF_BLOCK_ON_PAGES = _STEPS.format(
    source=f"_page_blocks b JOIN {_PROSPECT} r ON r.block_id = b.block_id",
    among="b.block_id = :block AND b.page_id IN (SELECT value FROM json_each(:pages))",
)

_LEDGER = """SELECT b.position, b.block_id, b.kept, b.reason_id, o.kept, o.reason_id, o.site_kept, o.site_reason_id
    FROM _page_blocks b LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
    WHERE b.page_id = ? ORDER BY b.position"""
_OWN_VERDICTS = """SELECT position, kept, reason_id, site_kept, site_reason_id FROM _own_verdicts
    WHERE page_id = ? ORDER BY position"""
_PUT_OWN_VERDICT = """INSERT INTO _own_verdicts (page_id, position, kept, reason_id, site_kept, site_reason_id)
    VALUES (?, ?, ?, ?, ?, ?)"""
_SET_VERDICT = "UPDATE _page_blocks SET kept = ?, reason_id = ? WHERE page_id = ? AND position = ?"
_PAGES = """SELECT u.id FROM urls u WHERE u.host = ? AND EXISTS (
    SELECT 1 FROM _own_verdicts o WHERE o.page_id = u.id AND o.site_kept IS NOT NULL)"""
_SITE_VERDICTS = """SELECT o.position, r.reason, r.rule FROM _own_verdicts o JOIN _reasons r ON r.id = o.site_reason_id
    WHERE o.page_id = ?"""
_CARRIED = """SELECT b.block_id, o.kept, o.reason_id, o.site_kept, o.site_reason_id FROM _own_verdicts o
    CROSS JOIN _page_blocks b ON b.page_id = o.page_id AND b.position = o.position
    WHERE o.page_id = ? AND o.site_kept IS NOT NULL"""

CarriedVerdicts = Mapping[tuple[int, int, int], ReasonedVerdict]
"""The site's verdict by the text of a block and the own verdict that it replaced."""


@dataclass(frozen=True, slots=True)
class RulingStep:
    """The change of a block from the current verdict to the target by what people ruled; verdicts are (kept, id of the
    reason).

    `own_verdict` is the one without any ruling. `ruling_id` is the ruling to be in force, None for none.
    """

    page_id: int
    position: int
    block_id: int
    current_verdict: ReasonedVerdict
    target_verdict: ReasonedVerdict
    own_verdict: ReasonedVerdict
    ruling_id: int | None

    @property
    def is_idle(self) -> bool:
        """Return whether the ledger is up to date."""
        return self.current_verdict == self.target_verdict

    @property
    def changes_text(self) -> bool:
        """Return whether the block enters or leaves the text."""
        return self.current_verdict[0] != self.target_verdict[0]


def find_steps(db: Database, query: str, parameters: Mapping[str, object]) -> list[RulingStep]:
    """Find the steps by one of the queries OF_ALL, OF_PAGE, OF_RULING, OF_BLOCK; a read-only connection is enough.

    Blocks on which no correction holds, and which are as they should be, are left out.
    """
    rows = db.execute(query, dict(parameters)).fetchall()
    person_verdicts = _person_verdicts(db) if rows else {}
    steps = [_step_from_row(row, person_verdicts) for row in rows]
    return [step for step in steps if step.ruling_id is not None or not step.is_idle]


def _step_from_row(row: Sequence[Any], person_verdicts: Mapping[int, ReasonedVerdict]) -> RulingStep:
    """Return the step for a row of the query `_STEPS`."""
    page_id, position, block_id, kept, reason_id, is_by_person, ruling_id, ruling_keeps, *below = row
    current_verdict = (kept, reason_id)
    own_verdict = (below[0], below[1]) if is_by_person and below[0] is not None else current_verdict
    target_verdict = own_verdict if ruling_id is None else person_verdicts[ruling_keeps]
    return RulingStep(page_id, position, block_id, current_verdict, target_verdict, own_verdict, ruling_id)


def _person_verdicts(db: Database) -> dict[int, ReasonedVerdict]:
    """Return the verdicts of a person, kept and removed; with a negative id where the archive does not have the reason
    yet.
    """
    query = "SELECT id FROM _reasons WHERE reason = ? AND rule = ?"
    rows = {kept: db.execute(query, [reason, PERSON]).fetchone() for kept, reason in _PERSON_REASONS.items()}
    return {kept: (kept, row[0] if row else -1 - kept) for kept, row in rows.items()}


def raise_verdicts(
    db: Database,
    page_id: int,
    site_verdicts: Mapping[int, Verdict] | None = None,
    carried: CarriedVerdicts | None = None,
) -> bool:
    """Update a page's ledger: its own verdicts, overridden by the site's, then by a person's.

    The site's are these by position, or those that are carried over, else the stored ones. Returns whether any
    verdict changed. Runs in the caller's transaction.
    """
    rulings: dict[int, ReasonedVerdict] = {}
    if has_block_corrections(db):
        intern_reasons(db, [(reason, PERSON) for reason in _PERSON_REASONS.values()])
        steps = find_steps(db, OF_PAGE, {"page": page_id})
        rulings = {step.position: step.target_verdict for step in steps if step.ruling_id is not None}
    if site_verdicts is None and carried is not None and not (carried or rulings):
        return False  # a ledger that was just written
    given = None if site_verdicts is None else _reasoned(db, site_verdicts)
    own_rows: list[tuple[int | None, ...]] = []
    updates: list[tuple[int, int, int, int]] = []
    for position, block_id, kept, reason_id, *over in db.execute(_LEDGER, [page_id]).fetchall():
        own: ReasonedVerdict = (kept, reason_id) if over[0] is None else (over[0], over[1])
        if given is not None:
            below = given.get(position)
        elif carried is not None:
            below = carried.get((block_id, own[0], own[1]))
        else:
            below = None if over[2] is None else (over[2], over[3])
        final = rulings.get(position) or below or own
        if position in rulings or below:
            own_rows.append((position, *own, *(below or (None, None))))
        if final != (kept, reason_id):
            updates.append((*final, page_id, position))
    if updates:
        db.conn.executemany(_SET_VERDICT, updates)
        drop_counts(db, page_id)
    if own_rows != db.execute(_OWN_VERDICTS, [page_id]).fetchall():
        db.execute("DELETE FROM _own_verdicts WHERE page_id = ?", [page_id])
        db.conn.executemany(_PUT_OWN_VERDICT, [(page_id, *row) for row in own_rows])
    return bool(updates)


def waiting_blocks(db: Database, page_id: int | None = None) -> set[int]:
    """Return the ids of block texts, on one page or all, with corrections that are not applied yet."""
    query = (OF_ALL, {}) if page_id is None else (OF_PAGE, {"page": page_id})
    return {step.block_id for step in find_steps(db, *query) if not step.is_idle}


def has_block_corrections(db: Database) -> bool:
    """Return whether a block was ever corrected."""
    return db.execute("SELECT 1 FROM corrections WHERE block_id IS NOT NULL LIMIT 1").fetchone() is not None


def _reasoned(db: Database, verdicts: Mapping[int, Verdict]) -> dict[int, ReasonedVerdict]:
    reason_ids = intern_reasons(db, [(str(verdict.reason), verdict.rule) for verdict in verdicts.values()])
    pairs = zip(verdicts.items(), reason_ids, strict=True)
    return {position: (int(verdict.kept), reason_id) for (position, verdict), reason_id in pairs}


def read_carried_verdicts(db: Database, page_id: int) -> CarriedVerdicts:
    """Read a page's site verdicts, to be carried over while the page is stored again."""
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in db.execute(_CARRIED, [page_id])}


def pages_with_site_verdicts(db: Database, host: str) -> set[int]:
    """Return the ids of a host's pages that have site verdicts."""
    return {page_id for (page_id,) in db.execute(_PAGES, [host])}


def site_verdict_reasons(db: Database, page_id: int) -> dict[int, tuple[str, str]]:
    """Reason and rule of a page's site verdicts, by position."""
    return {position: (reason, rule) for position, reason, rule in db.execute(_SITE_VERDICTS, [page_id])}


def replace_site_verdicts(db: Database, pages: Mapping[int, Mapping[int, Verdict]], changed_at: str) -> None:
    """Replace the site verdicts of the pages, given by page and position, and rebuild their articles' texts.

    A text that differs is noted in `changes` at `changed_at`. Runs in the caller's transaction. All verdicts are
    written first, since each write to another table makes the full-text index write a segment of what it has collected.
    """
    for page_id, verdicts in pages.items():
        raise_verdicts(db, page_id, verdicts)
    for page_id in pages:
        rebuild_page(db, page_id, changed_at)


def apply_rulings(db: Database, changed_at: str) -> int:
    """Bring verdicts and texts in line with the stored rulings; return how many pages changed.

    Call it after corrections were stored, in the same transaction. `changed_at` is the time for rows of `changes`.
    """
    if not has_block_corrections(db):
        return 0
    page_ids = sorted({step.page_id for step in find_steps(db, OF_ALL, {}) if not step.is_idle})
    for page_id in page_ids:
        raise_verdicts(db, page_id)
        rebuild_page(db, page_id, changed_at)
    return len(page_ids)
