"""Rulings applied: previews of their effect, and storing or undoing one with that effect.

A person's rulings replace every other verdict (`broadsheet.output.write.verdicts`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.atomic_writes import write_transaction
from .assembled_text import assemble_page
from .person_verdicts import Ruling, drop_ruling, store_ruling, stored_ruling
from .verdicts import OF_BLOCK, OF_BLOCK_ON_PAGES, OF_RULING, RulingStep, apply_rulings, find_steps


def commonest_reason(db: Database, steps: Iterable[RulingStep]) -> tuple[str, str]:
    """Return the (reason, rule) that most of the blocks would have without a ruling; empty strings without blocks."""
    counts = Counter(step.own_verdict[1] for step in steps)
    if not counts:
        return "", ""
    reason_id = min(counts, key=lambda reason: (-counts[reason], reason))
    reason, rule = db.execute("SELECT reason, rule FROM _reasons WHERE id = ?", [reason_id]).fetchone()
    return str(reason), str(rule)


MOST_PAGES = 1000
"""Pages that a sample of a ruling's effect looks at."""

_PAGES = "SELECT DISTINCT page_id FROM _page_blocks WHERE block_id = :block"
_PAGES_OF_HOST = """SELECT DISTINCT b.page_id FROM _page_blocks b CROSS JOIN urls u ON u.id = b.page_id
    WHERE b.block_id = :block AND u.host = :host"""
_PAGES_OF_ARTICLE = """SELECT DISTINCT b.page_id FROM (SELECT id FROM pages WHERE article_id = :article
        UNION SELECT page_id FROM articles WHERE id = :article
        UNION SELECT page_id FROM shelved WHERE id = :article) p
    CROSS JOIN _page_blocks b ON b.page_id = p.id WHERE b.block_id = :block"""


class TextChange(NamedTuple):
    """A change of an article's length in words by a ruling. A shelved article is a copy and not in `articles`."""

    url: str
    title: str
    words_before: int
    words_after: int
    is_shelved: bool


class RulingEffect(NamedTuple):
    """The effect of a ruling.

    `takes_back`: removing the opposite ruling was enough. `page_count` is of the
    pages that have the block in the ruling's scope; `reason` and `rule` are those of the verdict that it overrules most
    often.
    """

    takes_back: bool
    page_count: int
    text_changes: tuple[TextChange, ...]
    reason: str
    rule: str


class RulingSample(NamedTuple):
    """The effect of a ruling on the pages that were looked at.

    It counts the pages that have the block in the ruling's scope, and those of them whose text changes. It also says
    whether there are more pages than were looked at, and has examples.
    """

    pages: int
    changed_pages: int
    is_more: bool
    examples: tuple[TextChange, ...]


def preview_ruling(db: Database, ruling: Ruling, *, undo: bool = False) -> RulingEffect:
    """Preview a ruling, or with `undo` the removal of the one in its scope; change nothing.

    A read-only connection is enough. Asking for the opposite of a stored ruling removes that ruling if this alone gives
    what is asked.
    """
    steps_without = _prospective_steps(db, ruling, is_in_force=False)
    steps_now = find_steps(db, OF_RULING, {"ruling": ruling.id})
    held = {(step.page_id, step.position) for step in steps_now if step.ruling_id == ruling.id}
    held_steps = [step for step in steps_without if (step.page_id, step.position) in held]
    if undo or _is_answered_without(db, ruling, held_steps):
        page_count = len({step.page_id for step in held_steps})
        return RulingEffect(True, page_count, _text_changes(db, steps_without), *commonest_reason(db, held_steps))
    steps_with = _prospective_steps(db, ruling, is_in_force=True)
    covered_steps = [step for step in steps_with if step.ruling_id == ruling.id]
    query, scope = _scope_query(ruling)
    return RulingEffect(
        False,
        int(db.execute(f"SELECT count(*) FROM ({query})", scope).fetchone()[0]),
        _text_changes(db, steps_with),
        *commonest_reason(db, covered_steps or steps_with),
    )


def sample_effect(db: Database, ruling: Ruling, *, undo: bool = False, examples: int = 3) -> RulingSample:
    """Compute the effect of a ruling, or of removing it, on the first thousand pages in its scope, with some examples.

    The time is bounded: a block on every page of a large archive takes as long as one on a thousand.
    """
    # One more page than is looked at tells whether there are more.
    query, scope = _scope_query(ruling)
    page_ids = [page_id for (page_id,) in db.execute(f"{query} LIMIT {MOST_PAGES + 1}", scope)]
    steps = _prospective_steps(db, ruling, is_in_force=not undo, page_ids=page_ids[:MOST_PAGES])
    changed_pages = list(dict.fromkeys(step.page_id for step in steps if step.changes_text))
    changes = _text_changes(db, [step for step in steps if step.page_id in changed_pages[:examples]])
    return RulingSample(len(page_ids[:MOST_PAGES]), len(changed_pages), len(page_ids) > MOST_PAGES, changes[:examples])


def _scope_query(ruling: Ruling) -> tuple[str, dict[str, object]]:
    """Return the query for the pages that have a ruling's block in its scope, with its parameters."""
    query = _PAGES_OF_ARTICLE if ruling.article_id is not None else _PAGES_OF_HOST if ruling.host else _PAGES
    return query, {"block": ruling.block_id, "article": ruling.article_id, "host": ruling.host}


def carry_out_ruling(db: Database, ruling: Ruling, *, undo: bool = False, applies: bool = True) -> RulingEffect:
    """Store or undo a ruling, and apply the change, in one transaction.

    Where it is not applied, as while a crawl owns the archive, whoever settles next does so.
    """
    with write_transaction(db):
        effect = preview_ruling(db, ruling, undo=undo)
        if effect.takes_back:
            drop_ruling(db, ruling)
        else:
            store_ruling(db, replace(ruling, reason=effect.reason, rule=effect.rule))
        if applies:
            apply_rulings(db, ruling.ruled_at)
    return effect


def _prospective_steps(
    db: Database, ruling: Ruling, *, is_in_force: bool, page_ids: list[int] | None = None
) -> list[RulingStep]:
    """Return the steps on the ruling's block if it replaced the one in its scope, or (not in force) if neither were
    stored.

    With `page_ids` only those on these pages.
    """
    scope = {"id": ruling.id, "block": ruling.block_id, "article": ruling.article_id, "host": ruling.host}
    parameters = {**scope, "kept": int(ruling.is_kept), "stands": is_in_force}
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
            kept_by_page[step.page_id][step.position] = bool(step.target_verdict[0])
    changes = [
        change
        for page_id, kept_by_position in kept_by_page.items()
        for change in _page_text_changes(db, page_id, kept_by_position)
    ]
    return tuple(sorted(changes, key=lambda text_change: (text_change.is_shelved, text_change.url)))


def _page_text_changes(db: Database, page_id: int, kept_by_position: Mapping[int, bool]) -> list[TextChange]:
    """Return the changes of a page's article, shelved or not, if blocks at these positions were kept or removed."""
    query = """SELECT url, title, word_count, 0 FROM articles WHERE page_id = ?1
        UNION ALL SELECT url, title, word_count, 1 FROM shelved WHERE page_id = ?1"""
    words_after = assemble_page(db, page_id, kept_by_position).word_count
    return [
        TextChange(url, title, words_before, words_after, bool(is_shelved))
        for url, title, words_before, is_shelved in db.execute(query, [page_id]).fetchall()
    ]
