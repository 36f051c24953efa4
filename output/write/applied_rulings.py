"""Rulings applied: the steps that bring the ledger in line, now and whenever a page is judged again.

A person's rulings replace every other verdict. The ledger holds the verdict in force; `overruled` keeps beside it the
verdict that a ruling replaced. Of several rulings on a block the one for its article is in force, else the one for its
host, else the one for everywhere. Applying compares the ledger with the stored rulings. Doing it twice changes nothing,
and it may be done after anything that wrote verdicts.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from broadsheet.cleaners.document import KeepReason, RemovalReason

from ..archive.atomic_writes import write_transaction
from ..archive.page_rows import PageRows
from .assembled_text import (
    assemble_page,
    rebuild_page,
    update_expected_f1,
    with_assembled_text,
)
from .person_verdicts import PERSON, Ruling, drop_ruling, store_ruling, stored_ruling

_PERSON_REASONS = {True: str(KeepReason.RESTORED), False: str(RemovalReason.REMOVED_BY_PERSON)}

_IN_ARTICLE = """r.article_id = p.article_id
        OR EXISTS (SELECT 1 FROM articles a WHERE a.id = r.article_id AND a.page_id = b.page_id)
        OR EXISTS (SELECT 1 FROM _shelved s WHERE s.id = r.article_id AND s.page_id = b.page_id)"""

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
    FROM (SELECT page_id, position FROM wanted UNION SELECT page_id, position FROM _overruled) x
        CROSS JOIN _page_blocks b ON b.page_id = x.page_id AND b.position = x.position
        JOIN _reasons n ON n.id = b.reason_id
        LEFT JOIN wanted w ON w.page_id = x.page_id AND w.position = x.position
        LEFT JOIN _overruled o ON o.page_id = x.page_id AND o.position = x.position
    WHERE {{among}}"""

OF_ALL = _STEPS.format(source="rulings r CROSS JOIN _page_blocks b ON b.block_id = r.block_id", among="true")
OF_PAGE = _STEPS.format(
    source="_page_blocks b CROSS JOIN rulings r ON r.block_id = b.block_id", among="b.page_id = :page"
)
_PROSPECT = """(SELECT id, block_id, article_id, host, kept, at FROM rulings WHERE id <> :id
        UNION ALL SELECT :id, :block, :article, :host, :kept, '~' WHERE :stands)"""
OF_BLOCK = _STEPS.format(
    source=f"_page_blocks b JOIN {_PROSPECT} r ON r.block_id = b.block_id", among="b.block_id = :block"
)
OF_BLOCK_ON_PAGES = _STEPS.format(
    source=f"_page_blocks b JOIN {_PROSPECT} r ON r.block_id = b.block_id",
    among="b.block_id = :block AND b.page_id IN (SELECT value FROM json_each(:pages))",
)

_PUT_OVERRULED = """INSERT INTO _overruled (page_id, position, ruling_id, kept, reason_id) VALUES (?, ?, ?, ?, ?)
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
        """Return whether ledger and `overruled` already are as they should be."""
        return self.current_verdict == self.target_verdict and self.overruled_row == (
            None if self.ruling_id is None else (self.ruling_id, self.own_verdict)
        )

    @property
    def changes_text(self) -> bool:
        """Return whether the block enters or leaves the text."""
        return self.current_verdict[0] != self.target_verdict[0]

    def is_held_by(self, ruling_id: int) -> bool:
        """Return whether this ruling is in force so far."""
        return self.overruled_row is not None and self.overruled_row[0] == ruling_id


def find_steps(db: Database, query: str, parameters: Mapping[str, object]) -> list[RulingStep]:
    """Find the steps by one of the queries OF_ALL, OF_PAGE and OF_BLOCK. A read-only connection is enough."""
    person_verdicts = _person_verdicts(db)
    return [_step_from_row(row, person_verdicts) for row in db.execute(query, dict(parameters)).fetchall()]


def take_steps(db: Database, query: str, parameters: Mapping[str, object]) -> list[RulingStep]:
    """Write the target verdicts into the ledger, and what they replace into `overruled`; return the steps taken.

    Runs in the caller's transaction.
    """
    pairs = [(reason, PERSON) for reason in _PERSON_REASONS.values()]
    db.conn.executemany("INSERT OR IGNORE INTO _reasons (reason, rule) VALUES (?, ?)", pairs)
    steps = [step for step in find_steps(db, query, parameters) if not step.is_idle]
    db.conn.executemany(
        "UPDATE _page_blocks SET kept = ?, reason_id = ? WHERE page_id = ? AND position = ?",
        [(*step.target_verdict, step.page_id, step.position) for step in steps],
    )
    _write_overruled(db, steps)
    return steps


def commonest_reason(db: Database, steps: Iterable[RulingStep]) -> tuple[str, str]:
    """Return the (reason, rule) that most of the blocks would have without a ruling; empty strings for no block."""
    counts = Counter(step.own_verdict[1] for step in steps)
    if not counts:
        return "", ""
    reason_id = min(counts, key=lambda reason: (-counts[reason], reason))
    reason, rule = db.execute("SELECT reason, rule FROM _reasons WHERE id = ?", [reason_id]).fetchone()
    return str(reason), str(rule)


def _write_overruled(db: Database, steps: Sequence[RulingStep]) -> None:
    """Store the replaced verdict of each block with a ruling, and delete that of each block without."""
    db.conn.executemany(
        "DELETE FROM _overruled WHERE page_id = ? AND position = ?",
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
    """Return the step for a row of the query `_STEPS`."""
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
    """Return the verdicts of a person, kept and removed; with a negative id where the archive does not have the reason
    yet.
    """
    query = "SELECT id FROM _reasons WHERE reason = ? AND rule = ?"
    rows = {is_kept: db.execute(query, [reason, PERSON]).fetchone() for is_kept, reason in _PERSON_REASONS.items()}
    return {is_kept: (is_kept, row[0] if row else -1 - is_kept) for is_kept, row in rows.items()}


MOST_PAGES = 1000
"""Pages that a sample of a ruling's effect looks at."""

_PAGES = "SELECT DISTINCT page_id FROM _page_blocks WHERE block_id = :block"
_PAGES_OF_HOST = """SELECT DISTINCT b.page_id FROM _page_blocks b CROSS JOIN urls u ON u.id = b.page_id
    WHERE b.block_id = :block AND u.host = :host"""
_PAGES_OF_ARTICLE = """SELECT DISTINCT b.page_id FROM (SELECT id FROM pages WHERE article_id = :article
        UNION SELECT page_id FROM articles WHERE id = :article
        UNION SELECT page_id FROM _shelved WHERE id = :article) p
    CROSS JOIN _page_blocks b ON b.page_id = p.id WHERE b.block_id = :block"""


@dataclass(frozen=True, slots=True)
class TextChange:
    """A change of an article's length in words by a ruling. A shelved article is a copy and not in `articles`."""

    url: str
    title: str
    words_before: int
    words_after: int
    is_shelved: bool


@dataclass(frozen=True, slots=True)
class RulingEffect:
    """The effect of a ruling.

    `takes_back`: it only removes the opposite ruling, since that alone gives what was asked. `page_count` is of the
    pages that have the block in the ruling's scope; `reason` and `rule` are those of the verdict that it overrules most
    often.
    """

    takes_back: bool
    page_count: int
    text_changes: tuple[TextChange, ...]
    reason: str
    rule: str


@dataclass(frozen=True, slots=True)
class RulingSample:
    """The effect of a ruling on the pages that were looked at.

    It counts the pages that have the block in the ruling's scope, and those of them whose text changes. It also says
    whether there are more pages than were looked at, and has examples.
    """

    pages: int
    changed_pages: int
    is_more: bool
    examples: tuple[TextChange, ...]


def preview_ruling(db: Database, ruling: Ruling, *, undo: bool = False) -> RulingEffect:
    """Compute the effect of a ruling, or with `undo` of removing the one in its scope, and change nothing.

    A read-only connection is enough. Asking for the opposite of a stored ruling removes that ruling if this alone gives
    what is asked.
    """
    steps_without = _prospective_steps(db, ruling, is_in_force=False)
    held_steps = [step for step in steps_without if step.is_held_by(ruling.id)]
    if undo or _is_answered_without(db, ruling, held_steps):
        page_count = len({step.page_id for step in held_steps})
        return RulingEffect(True, page_count, _text_changes(db, steps_without), *commonest_reason(db, held_steps))
    steps_with = _prospective_steps(db, ruling, is_in_force=True)
    covered_steps = [step for step in steps_with if step.ruling_id == ruling.id]
    return RulingEffect(
        False,
        _count_pages_in_scope(db, ruling),
        _text_changes(db, steps_with),
        *commonest_reason(db, covered_steps or steps_with),
    )


def sample_effect(db: Database, ruling: Ruling, *, undo: bool = False, examples: int = 3) -> RulingSample:
    """Compute the effect of a ruling, or of removing it, on the first thousand pages in its scope, with some examples.

    The time is bounded: a block on every page of a large archive takes as long as one on a thousand.
    """
    page_ids = _pages_in_scope(db, ruling)
    steps = _prospective_steps(db, ruling, is_in_force=not undo, page_ids=page_ids[:MOST_PAGES])
    changed_pages = list(dict.fromkeys(step.page_id for step in steps if step.changes_text))
    changes = _text_changes(db, [step for step in steps if step.page_id in changed_pages[:examples]])
    return RulingSample(len(page_ids[:MOST_PAGES]), len(changed_pages), len(page_ids) > MOST_PAGES, changes[:examples])


def _pages_in_scope(db: Database, ruling: Ruling) -> list[int]:
    """Return the pages on which a ruling's block stands in its scope, at most one more than are looked at."""
    query, scope = _scope_query(ruling)
    return [page_id for (page_id,) in db.execute(f"{query} LIMIT {MOST_PAGES + 1}", scope)]


def _count_pages_in_scope(db: Database, ruling: Ruling) -> int:
    """Return the same counted, all of them, whichever ruling is in force there."""
    query, scope = _scope_query(ruling)
    return int(db.execute(f"SELECT count(*) FROM ({query})", scope).fetchone()[0])


def _scope_query(ruling: Ruling) -> tuple[str, dict[str, object]]:
    """Return the query for the pages that have a ruling's block in its scope, with its parameters."""
    query = _PAGES_OF_ARTICLE if ruling.article_id is not None else _PAGES_OF_HOST if ruling.host else _PAGES
    return query, {"block": ruling.block_id, "article": ruling.article_id, "host": ruling.host}


def carry_out_ruling(db: Database, ruling: Ruling, *, undo: bool = False) -> RulingEffect:
    """Store a ruling or remove one, and apply the change, in one transaction."""
    with write_transaction(db):
        effect = preview_ruling(db, ruling, undo=undo)
        if effect.takes_back:
            drop_ruling(db, ruling)
        else:
            store_ruling(db, replace(ruling, reason=effect.reason, rule=effect.rule))
        apply_rulings(db, ruling.ruled_at)
    return effect


def apply_rulings(db: Database, changed_at: str) -> int:
    """Bring verdicts and texts in line with the stored rulings; return how many pages changed.

    Call it after anything that wrote verdicts into the ledger, in the same transaction. `changed_at` is the time for
    rows of `changes`. Without any rulings it costs two small reads.
    """
    if not _has_rulings(db):
        return 0
    page_ids = sorted({step.page_id for step in take_steps(db, OF_ALL, {})})
    for page_id in page_ids:
        rebuild_page(db, page_id, changed_at)
    return len(page_ids)


def with_rulings(db: Database, page_id: int, rows: PageRows) -> PageRows:
    """Apply the rulings to a page whose ledger was just stored; return its rows with the text that follows."""
    if not _has_rulings(db):
        return rows
    steps = take_steps(db, OF_PAGE, {"page": page_id})
    if not any(step.changes_text for step in steps):
        if steps:
            update_expected_f1(db, page_id)
        return rows
    return with_assembled_text(db, page_id, rows)


def _has_rulings(db: Database) -> bool:
    """Return whether there is a ruling, or a verdict that one has overruled."""
    return any(db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in ("rulings", "_overruled"))


def _prospective_steps(
    db: Database, ruling: Ruling, *, is_in_force: bool, page_ids: list[int] | None = None
) -> list[RulingStep]:
    """Return the steps on the ruling's block if it replaced the one in its scope, or (not in force) if neither were
    stored.

    With `page_ids` only those on these pages.
    """
    scope = {"id": ruling.id, "block": ruling.block_id, "article": ruling.article_id, "host": ruling.host}
    parameters = {**scope, "kept": ruling.is_kept, "stands": is_in_force}
    if page_ids is None:
        return find_steps(db, OF_BLOCK, parameters)
    return find_steps(db, OF_BLOCK_ON_PAGES, {**parameters, "pages": json.dumps(page_ids)})


def _is_answered_without(db: Database, ruling: Ruling, held_steps: list[RulingStep]) -> bool:
    """Return whether removing the opposite ruling, which holds for the blocks of `held_steps`, alone gives what is
    asked.
    """
    stored = stored_ruling(db, ruling)
    is_opposite = stored is not None and stored.is_kept != ruling.is_kept
    return is_opposite and bool(held_steps) and all(step.target_verdict[0] == ruling.is_kept for step in held_steps)


def _text_changes(db: Database, steps: Iterable[RulingStep]) -> tuple[TextChange, ...]:
    """Return the articles whose text would change, by URL, the shelved ones last."""
    kept_by_page: dict[int, dict[int, bool]] = defaultdict(dict)
    for step in steps:
        if step.changes_text:
            kept_by_page[step.page_id][step.position] = step.target_verdict[0]
    changes = [
        change
        for page_id, kept_by_position in kept_by_page.items()
        for change in _page_text_changes(db, page_id, kept_by_position)
    ]
    return tuple(sorted(changes, key=lambda text_change: (text_change.is_shelved, text_change.url)))


def _page_text_changes(db: Database, page_id: int, kept_by_position: Mapping[int, bool]) -> list[TextChange]:
    """Return the changes of a page's article, shelved or not, if blocks at these positions were kept or removed."""
    query = """SELECT url, title, word_count, 0 FROM articles WHERE page_id = ?1
        UNION ALL SELECT url, title, word_count, 1 FROM _shelved WHERE page_id = ?1"""
    words_after = assemble_page(db, page_id, kept_by_position).word_count
    return [
        TextChange(url, title, words_before, words_after, bool(is_shelved))
        for url, title, words_before, is_shelved in db.execute(query, [page_id]).fetchall()
    ]
