"""The steps by which the ledger comes in line with the stored rulings: blocks and their verdicts before and after.

The ledger holds the verdict in force; `overruled` keeps beside it the verdict that a ruling replaced. Of several
rulings on a block the one for its article is in force, else the one for its host, else the one for everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from broadsheet.cleaners.document import KeepReason, RemovalReason
from broadsheet.output.verdicts.rulings import PERSON

_PERSON_REASONS = {True: str(KeepReason.RESTORED), False: str(RemovalReason.REMOVED_BY_PERSON)}

_IN_ARTICLE = """r.article_id = p.article_id
        OR EXISTS (SELECT 1 FROM articles a WHERE a.id = r.article_id AND a.page_id = b.page_id)
        OR EXISTS (SELECT 1 FROM shelved s WHERE s.id = r.article_id AND s.page_id = b.page_id)"""

# Every block that a ruling covers or has covered: its verdict, the ruling that should hold, and what that replaced.
_STEPS = f"""WITH wanted AS (SELECT page_id, position, ruling_id, kept FROM (
        SELECT b.page_id AS page_id, b.position AS position, r.id AS ruling_id, r.kept AS kept, row_number() OVER (
            PARTITION BY b.page_id, b.position
            ORDER BY r.article_id IS NULL, r.host IS NULL, r.at DESC, r.id) AS place
        FROM {{source}} JOIN pages p ON p.id = b.page_id JOIN urls u ON u.id = b.page_id
        WHERE {{among}} AND (r.host IS NULL OR r.host = u.host) AND (r.article_id IS NULL OR {_IN_ARTICLE}))
        WHERE place = 1)
    SELECT b.page_id, b.position, b.kept, b.reason_id, n.rule = '{PERSON}', w.ruling_id, w.kept,
        o.ruling_id, o.kept, o.reason_id
    FROM (SELECT page_id, position FROM wanted UNION SELECT page_id, position FROM overruled) x
        CROSS JOIN page_blocks b ON b.page_id = x.page_id AND b.position = x.position
        JOIN reasons n ON n.id = b.reason_id
        LEFT JOIN wanted w ON w.page_id = x.page_id AND w.position = x.position
        LEFT JOIN overruled o ON o.page_id = x.page_id AND o.position = x.position
    WHERE {{among}}"""

OF_ALL = _STEPS.format(source="rulings r CROSS JOIN page_blocks b ON b.block_id = r.block_id", among="true")
OF_PAGE = _STEPS.format(
    source="page_blocks b CROSS JOIN rulings r ON r.block_id = b.block_id", among="b.page_id = :page"
)
_PROSPECT = """(SELECT id, block_id, article_id, host, kept, at FROM rulings WHERE id <> :id
        UNION ALL SELECT :id, :block, :article, :host, :kept, '~' WHERE :stands)"""
OF_BLOCK = _STEPS.format(
    source=f"page_blocks b JOIN {_PROSPECT} r ON r.block_id = b.block_id", among="b.block_id = :block"
)
OF_BLOCK_ON_PAGES = _STEPS.format(
    source=f"page_blocks b JOIN {_PROSPECT} r ON r.block_id = b.block_id",
    among="b.block_id = :block AND b.page_id IN (SELECT value FROM json_each(:pages))",
)

_PUT_OVERRULED = """INSERT INTO overruled (page_id, position, ruling_id, kept, reason_id) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (page_id, position) DO UPDATE
    SET ruling_id = excluded.ruling_id, kept = excluded.kept, reason_id = excluded.reason_id"""

_ReasonedVerdict = tuple[bool, int]  # kept, and the number of the reason


@dataclass(frozen=True, slots=True)
class RulingStep:
    """The change of a block from the current verdict to the target; verdicts are (kept, id of the reason).

    `own_verdict` is the one without any ruling. `ruling_id` is the ruling to be in force, None for none.
    `overruled_row` is the block's row in `overruled`: the ruling in force so far, and the verdict that it replaced.
    """

    page_id: int
    position: int
    current_verdict: _ReasonedVerdict
    target_verdict: _ReasonedVerdict
    own_verdict: _ReasonedVerdict
    ruling_id: int | None
    overruled_row: tuple[int, _ReasonedVerdict] | None

    @property
    def is_idle(self) -> bool:
        """Whether ledger and `overruled` already are as they should be."""
        return self.current_verdict == self.target_verdict and self.overruled_row == (
            None if self.ruling_id is None else (self.ruling_id, self.own_verdict)
        )

    @property
    def changes_text(self) -> bool:
        """Whether the block enters or leaves the text."""
        return self.current_verdict[0] != self.target_verdict[0]

    def is_held_by(self, ruling_id: int) -> bool:
        """Whether this ruling is in force so far."""
        return self.overruled_row is not None and self.overruled_row[0] == ruling_id


def find_steps(db: Database, query: str, parameters: Mapping[str, object]) -> list[RulingStep]:
    """The steps that OF_ALL, OF_PAGE or OF_BLOCK finds. A read-only connection is enough."""
    person_verdicts = _person_verdicts(db)
    return [_step_from_row(row, person_verdicts) for row in db.execute(query, dict(parameters)).fetchall()]


def take_steps(db: Database, query: str, parameters: Mapping[str, object]) -> list[RulingStep]:
    """Write the target verdicts into the ledger, and what they replace into `overruled`; return the steps taken.

    Runs in the caller's transaction.
    """
    pairs = [(reason, PERSON) for reason in _PERSON_REASONS.values()]
    db.conn.executemany("INSERT OR IGNORE INTO reasons (reason, rule) VALUES (?, ?)", pairs)
    steps = [step for step in find_steps(db, query, parameters) if not step.is_idle]
    db.conn.executemany(
        "UPDATE page_blocks SET kept = ?, reason_id = ? WHERE page_id = ? AND position = ?",
        [(*step.target_verdict, step.page_id, step.position) for step in steps],
    )
    _write_overruled(db, steps)
    return steps


def commonest_reason(db: Database, steps: Iterable[RulingStep]) -> tuple[str, str]:
    """The (reason, rule) that most of the blocks would have without a ruling; empty strings for no block."""
    counts = Counter(step.own_verdict[1] for step in steps)
    if not counts:
        return "", ""
    reason_id = min(counts, key=lambda reason: (-counts[reason], reason))
    reason, rule = db.execute("SELECT reason, rule FROM reasons WHERE id = ?", [reason_id]).fetchone()
    return str(reason), str(rule)


def _write_overruled(db: Database, steps: Sequence[RulingStep]) -> None:
    """Store the replaced verdict of each block with a ruling, and delete that of each block without."""
    db.conn.executemany(
        "DELETE FROM overruled WHERE page_id = ? AND position = ?",
        [(step.page_id, step.position) for step in steps if step.ruling_id is None],
    )
    db.conn.executemany(
        _PUT_OVERRULED,
        [
            (step.page_id, step.position, step.ruling_id, *step.own_verdict)
            for step in steps
            if step.ruling_id is not None
        ],
    )


def _step_from_row(row: tuple[int, ...], person_verdicts: Mapping[bool, _ReasonedVerdict]) -> RulingStep:
    """The step for a row of the query `_STEPS`."""
    (
        page_id,
        position,
        is_kept,
        reason_id,
        is_by_person,
        ruling_id,
        ruling_keeps,
        overruled_by,
        own_is_kept,
        own_reason_id,
    ) = row
    current_verdict = (bool(is_kept), reason_id)
    own_verdict = (bool(own_is_kept), own_reason_id) if is_by_person and overruled_by is not None else current_verdict
    target_verdict = own_verdict if ruling_id is None else person_verdicts[bool(ruling_keeps)]
    overruled_row = None if overruled_by is None else (overruled_by, (bool(own_is_kept), own_reason_id))
    return RulingStep(page_id, position, current_verdict, target_verdict, own_verdict, ruling_id, overruled_row)


def _person_verdicts(db: Database) -> dict[bool, _ReasonedVerdict]:
    """The verdicts of a person, kept and removed; with a negative id where the archive does not have the reason yet."""
    query = "SELECT id FROM reasons WHERE reason = ? AND rule = ?"
    rows = {is_kept: db.execute(query, [reason, PERSON]).fetchone() for is_kept, reason in _PERSON_REASONS.items()}
    return {is_kept: (is_kept, row[0] if row else -1 - is_kept) for is_kept, row in rows.items()}
