"""Applying a person's rulings: they replace every other verdict, now and whenever a page is judged again.

Applying compares the ledger with the stored rulings (`output.verdicts.ruling_steps`). Doing it twice changes nothing,
and it may be done after anything that wrote verdicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlite_utils import Database

from output.db.ids import text_digest
from output.db.transaction import write_transaction
from output.store.page_rows import PageRows
from output.verdicts.rebuild import assemble_page, rebuild_page, update_counts
from output.verdicts.ruling_steps import OF_ALL, OF_BLOCK, OF_PAGE, RulingStep, commonest_reason, find_steps, take_steps
from output.verdicts.rulings import Ruling, drop_ruling, store_ruling, stored_ruling


@dataclass(frozen=True, slots=True)
class TextChange:
    """How a ruling changes an article's length in words. A shelved article is a copy and not in `articles`."""

    url: str
    title: str
    words_before: int
    words_after: int
    is_shelved: bool


@dataclass(frozen=True, slots=True)
class RulingEffect:
    """What a ruling does. `takes_back`: it only removes the opposite ruling, since that alone gives what was asked.

    `page_count` is of the pages that have the block in the ruling's scope; `reason` and `rule` are those of the verdict
    that it overrules most often.
    """

    takes_back: bool
    page_count: int
    text_changes: tuple[TextChange, ...]
    reason: str
    rule: str


def preview_ruling(db: Database, ruling: Ruling, *, undo: bool = False) -> RulingEffect:
    """What a ruling, or with `undo` removing the one in its scope, would do. A read-only connection is enough.

    Asking for the opposite of a stored ruling removes that ruling if this alone gives what is asked.
    """
    steps_without = _prospective_steps(db, ruling, is_in_force=False)
    held_steps = [step for step in steps_without if step.is_held_by(ruling.id)]
    if undo or _is_answered_without(db, ruling, held_steps):
        return RulingEffect(
            True, _page_count(held_steps), _text_changes(db, steps_without), *commonest_reason(db, held_steps)
        )
    steps_with = _prospective_steps(db, ruling, is_in_force=True)
    covered_steps = [step for step in steps_with if step.ruling_id == ruling.id]
    return RulingEffect(
        False, _page_count(covered_steps), _text_changes(db, steps_with), *commonest_reason(db, covered_steps)
    )


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
    if not any(step.changes_text for step in take_steps(db, OF_PAGE, {"page": page_id})):
        return rows
    assembled = assemble_page(db, page_id)
    update_counts(db, page_id, assembled)
    digest = text_digest(assembled.text)
    return replace(
        rows,
        text=assembled.text,
        markdown=assembled.markdown,
        words=assembled.word_count,
        digest=digest,
        kept=assembled.kept_count,
    )


def _has_rulings(db: Database) -> bool:
    """Whether there is a ruling, or a verdict that one has overruled."""
    return any(db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in ("rulings", "overruled"))


def _prospective_steps(db: Database, ruling: Ruling, *, is_in_force: bool) -> list[RulingStep]:
    """The steps on the ruling's block if it replaced the one in its scope, or (not in force) if neither were stored."""
    scope = {"id": ruling.id, "block": ruling.block_id, "article": ruling.article_id, "host": ruling.host}
    return find_steps(db, OF_BLOCK, {**scope, "kept": ruling.is_kept, "stands": is_in_force})


def _is_answered_without(db: Database, ruling: Ruling, held_steps: list[RulingStep]) -> bool:
    """Whether removing the opposite ruling, which holds for the blocks of `held_steps`, alone gives what is asked."""
    stored = stored_ruling(db, ruling)
    is_opposite = stored is not None and stored.is_kept != ruling.is_kept
    return is_opposite and bool(held_steps) and all(step.target_verdict[0] == ruling.is_kept for step in held_steps)


def _page_count(steps: Iterable[RulingStep]) -> int:
    return len({step.page_id for step in steps})


def _text_changes(db: Database, steps: Iterable[RulingStep]) -> tuple[TextChange, ...]:
    """The articles whose text would change, by URL, the shelved ones last."""
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
    """The changes of a page's article, shelved or not, if blocks at these positions were kept or removed."""
    query = """SELECT url, title, word_count, 0 FROM articles WHERE page_id = ?1
        UNION ALL SELECT url, title, word_count, 1 FROM shelved WHERE page_id = ?1"""
    words_after = assemble_page(db, page_id, kept_by_position).word_count
    return [
        TextChange(url, title, words_before, words_after, bool(is_shelved))
        for url, title, words_before, is_shelved in db.execute(query, [page_id]).fetchall()
    ]
