"""The verdicts that rulings replace: how far the ledger is from the rulings that stand, and the steps between.

The ledger holds the verdict in force; `overruled` keeps beside it the verdict that a ruling replaced. Of several
rulings on a block the one for its article holds, then the one for its host, then the one for everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from output.verdicts.rulings import PERSON, REMOVED, RESTORED

_REASONS = {True: RESTORED, False: REMOVED}

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

_PUT_OVERRULED = """INSERT INTO overruled (page_id, position, ruling_id, kept, reason_id) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (page_id, position) DO UPDATE
    SET ruling_id = excluded.ruling_id, kept = excluded.kept, reason_id = excluded.reason_id"""

_Mark = tuple[bool, int]  # kept, and the number of the reason


@dataclass(frozen=True, slots=True)
class Step:
    """A block's way from the verdict in force to the one that should be; each is (kept, number of the reason).

    `own` is the verdict without any ruling. `ruling` is the ruling that should hold, None where none does. `noted` is
    what `overruled` says: the ruling that holds so far, and the verdict that it replaced.
    """

    page_id: int
    position: int
    now: _Mark
    then: _Mark
    own: _Mark
    ruling: int | None
    noted: tuple[int, _Mark] | None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be done."""
        return self.now == self.then and self.noted == (None if self.ruling is None else (self.ruling, self.own))

    @property
    def turns(self) -> bool:
        """Whether the block enters or leaves the text."""
        return self.now[0] != self.then[0]

    def held_by(self, ruling: int) -> bool:
        """Whether this ruling holds so far."""
        return self.noted is not None and self.noted[0] == ruling


def steps(db: Database, query: str, given: Mapping[str, object]) -> list[Step]:
    """The steps that one of the queries above finds. A reading connection is enough."""
    marks = _person_marks(db)
    return [_step(row, marks) for row in db.execute(query, dict(given)).fetchall()]


def take(db: Database, query: str, given: Mapping[str, object]) -> list[Step]:
    """Set the verdicts, and note or forget what they replaced. Runs in the caller's transaction.

    Return the steps that were taken.
    """
    pairs = [(reason, PERSON) for reason in _REASONS.values()]
    db.conn.executemany("INSERT OR IGNORE INTO reasons (reason, rule) VALUES (?, ?)", pairs)
    found = [step for step in steps(db, query, given) if not step.is_idle]
    db.conn.executemany(
        "UPDATE page_blocks SET kept = ?, reason_id = ? WHERE page_id = ? AND position = ?",
        [(*step.then, step.page_id, step.position) for step in found],
    )
    _note(db, found)
    return found


def commonest(db: Database, found: Iterable[Step]) -> tuple[str, str]:
    """(reason, rule) that most of the blocks would have without a ruling; empty for no block."""
    counted = Counter(step.own[1] for step in found)
    if not counted:
        return "", ""
    number = min(counted, key=lambda reason: (-counted[reason], reason))
    reason, rule = db.execute("SELECT reason, rule FROM reasons WHERE id = ?", [number]).fetchone()
    return str(reason), str(rule)


def _note(db: Database, found: Sequence[Step]) -> None:
    db.conn.executemany(
        "DELETE FROM overruled WHERE page_id = ? AND position = ?",
        [(step.page_id, step.position) for step in found if step.ruling is None],
    )
    db.conn.executemany(
        _PUT_OVERRULED,
        [(step.page_id, step.position, step.ruling, *step.own) for step in found if step.ruling is not None],
    )


def _step(row: tuple[int, ...], marks: Mapping[bool, _Mark]) -> Step:
    page_id, position, kept, reason, by_person, ruling, wanted, noted, own_kept, own_reason = row
    now = (bool(kept), reason)
    own = (bool(own_kept), own_reason) if by_person and noted is not None else now
    then = own if ruling is None else marks[bool(wanted)]
    before = None if noted is None else (noted, (bool(own_kept), own_reason))
    return Step(page_id, position, now, then, own, ruling, before)


def _person_marks(db: Database) -> dict[bool, _Mark]:
    """The verdicts of a person; a number below zero where the archive has not given the reason one yet."""
    query = "SELECT id FROM reasons WHERE reason = ? AND rule = ?"
    found = {kept: db.execute(query, [reason, PERSON]).fetchone() for kept, reason in _REASONS.items()}
    return {kept: (kept, row[0] if row else -1 - kept) for kept, row in found.items()}
