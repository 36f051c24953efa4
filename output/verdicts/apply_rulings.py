"""What a person's rulings do: they win over every other verdict, now and whenever a page is judged again.

Applying them compares the ledger with the rulings that stand (`output.verdicts.ruling_steps`). Doing it twice changes
nothing, and it may be done after anything that wrote verdicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlite_utils import Database

from output.db.ids import text_digest
from output.db.transaction import writing
from output.store.page_rows import PreparedPage
from output.verdicts.rebuild import assembled, count_page, rebuild_page
from output.verdicts.ruling_steps import OF_ALL, OF_BLOCK, OF_PAGE, Step, commonest, steps, take
from output.verdicts.rulings import Ruling, drop_ruling, store_ruling, stored_ruling


@dataclass(frozen=True, slots=True)
class TextChange:
    """What a ruling changes in an article: its words before and after. A shelved one is a copy, shown nowhere."""

    url: str
    title: str
    before: int
    after: int
    shelved: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What a ruling comes to. `taken_back`: it only undoes the ruling that stood, since that gives what was asked.

    `pages` are those that carry the block in the ruling's scope; `reason` and `rule` are of the verdict that it
    overrules most often.
    """

    taken_back: bool
    pages: int
    changes: tuple[TextChange, ...]
    reason: str
    rule: str


def preview(db: Database, ruling: Ruling, *, undo: bool = False) -> Effect:
    """What a ruling, or with `undo` taking back the one in its scope, would do. A reading connection is enough.

    Asking for the opposite of a ruling takes that ruling back if this alone gives what is asked.
    """
    without = _prospect(db, ruling, stands=False)
    held = [step for step in without if step.held_by(ruling.id)]
    if undo or _is_answered(db, ruling, held):
        return Effect(True, _pages(held), _changes(db, without), *commonest(db, held))
    found = _prospect(db, ruling, stands=True)
    covered = [step for step in found if step.ruling == ruling.id]
    return Effect(False, _pages(covered), _changes(db, found), *commonest(db, covered))


def carry_out(db: Database, ruling: Ruling, *, undo: bool = False) -> Effect:
    """Store a ruling or take one back, and apply it at once, in one transaction."""
    with writing(db):
        effect = preview(db, ruling, undo=undo)
        if effect.taken_back:
            drop_ruling(db, ruling)
        else:
            store_ruling(db, replace(ruling, reason=effect.reason, rule=effect.rule))
        apply_rulings(db, ruling.at)
    return effect


def apply_rulings(db: Database, at: str) -> int:
    """Bring verdicts and texts in line with the rulings that stand; return how many pages had other verdicts.

    Call it after anything that wrote verdicts into the ledger, in the same transaction. `at` is the time that
    `changes` gets. It costs two small reads where nobody has ruled.
    """
    if not _any_rulings(db):
        return 0
    pages = sorted({step.page_id for step in take(db, OF_ALL, {})})
    for page_id in pages:
        rebuild_page(db, page_id, at)
    return len(pages)


def under_rulings(db: Database, page_id: int, rows: PreparedPage) -> PreparedPage:
    """A page whose own verdicts were just stored, with its rulings applied to its row, its ledger and its text."""
    if not _any_rulings(db):
        return rows
    if not any(step.turns for step in take(db, OF_PAGE, {"page": page_id})):
        return rows
    found = assembled(db, page_id)
    count_page(db, page_id, found)
    digest = text_digest(found.text)
    return replace(rows, text=found.text, markdown=found.markdown, words=found.words, digest=digest, kept=found.kept)


def _any_rulings(db: Database) -> bool:
    return any(db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in ("rulings", "overruled"))


def _prospect(db: Database, ruling: Ruling, *, stands: bool) -> list[Step]:
    """The steps on this block if the ruling stood, in place of the one in its scope, or if neither did."""
    scope = {"id": ruling.id, "block": ruling.block_id, "article": ruling.article_id, "host": ruling.host}
    return steps(db, OF_BLOCK, {**scope, "kept": ruling.kept, "stands": stands})


def _is_answered(db: Database, ruling: Ruling, held: list[Step]) -> bool:
    """Whether taking back the opposite ruling, which holds for these blocks, gives what is asked."""
    standing = stored_ruling(db, ruling)
    opposite = standing is not None and standing.kept != ruling.kept
    return opposite and bool(held) and all(step.then[0] == ruling.kept for step in held)


def _pages(found: Iterable[Step]) -> int:
    return len({step.page_id for step in found})


def _changes(db: Database, found: Iterable[Step]) -> tuple[TextChange, ...]:
    """The articles whose text would change, by URL, the shelved ones last."""
    otherwise: dict[int, dict[int, bool]] = defaultdict(dict)
    for step in found:
        if step.turns:
            otherwise[step.page_id][step.position] = step.then[0]
    changes = [each for page_id, kept in otherwise.items() for each in _change(db, page_id, kept)]
    return tuple(sorted(changes, key=lambda change: (change.shelved, change.url)))


def _change(db: Database, page_id: int, otherwise: Mapping[int, bool]) -> list[TextChange]:
    query = """SELECT url, title, word_count, 0 FROM articles WHERE page_id = ?1
        UNION ALL SELECT url, title, word_count, 1 FROM shelved WHERE page_id = ?1"""
    after = assembled(db, page_id, otherwise).words
    return [
        TextChange(url, title, before, after, bool(shelved))
        for url, title, before, shelved in db.execute(query, [page_id]).fetchall()
    ]
