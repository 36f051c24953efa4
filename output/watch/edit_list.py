"""The edits of an archive in the order in which they were found, for a reader who asks what is new since a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import COMPARED_KINDS, TEXTLESS_KINDS
from broadsheet.output.db.ids import LARGEST_INTEGER
from broadsheet.output.db.stored_values import stored_texts
from broadsheet.output.store.revisions import RevisionChange, RevisionMark

NEW: Final = "new"
EDIT_KINDS = (*COMPARED_KINDS, *TEXTLESS_KINDS)
"""What is an edit; `new` articles and texts of another `cleaner` are listed where a person asks for them."""
ALL_KINDS = (*EDIT_KINDS, RevisionMark.CLEANER, NEW)

_FROM_CHANGES = """FROM changes c LEFT JOIN revisions r ON r.article_id = c.article_id AND r.number = c.revision
        LEFT JOIN articles a ON a.id = c.article_id LEFT JOIN shelved s ON s.id = c.article_id
    WHERE c.seq > :seq AND c.at >= :since AND (c.kind <> '' OR c.change = 'added')
        AND coalesce(a.url, s.url) IS NOT NULL"""
_EDITS = f"""SELECT c.seq, c.at, CASE c.change WHEN 'added' THEN '{NEW}' ELSE c.kind END, coalesce(r.kinds, '[]'),
        coalesce(c.revision, 1), c.article_id, coalesce(a.url, s.url), coalesce(r.title, a.title, s.title),
        coalesce((SELECT o.title FROM revisions o WHERE o.article_id = c.article_id AND o.number = c.revision - 1), ''),
        coalesce(r.added, 0), coalesce(r.removed, 0), coalesce(r.rewritten, 0), coalesce(r.note, '')
    {_FROM_CHANGES}"""
_IN_ORDER = f"{_EDITS} ORDER BY c.seq"
_LATEST_FIRST = f"{_EDITS} AND c.seq < :before AND (c.change <> 'added' OR :with_new) ORDER BY c.seq DESC"


@dataclass(frozen=True, slots=True)
class ListedEdit:
    """An edit: its place in `changes`, when it was found, what it is, and what it did to which article.

    `revision` is the one that it made; `title_before` that of the one before.
    """

    seq: int
    at: str
    kind: RevisionChange | Literal["new"]
    kinds: tuple[RevisionChange | Literal["new"], ...]
    revision: int
    article_id: int
    url: str
    title: str
    title_before: str
    added: int
    removed: int
    rewritten: int
    note: str


def list_edits(
    db: Database, *, after_seq: int = 0, since: str = "", kinds: Collection[str] = EDIT_KINDS
) -> list[ListedEdit]:
    """The edits after a number of `changes` and from a time on (UTC ISO 8601) that are one of these kinds, in order."""
    rows = db.execute(_IN_ORDER, {"seq": min(after_seq, LARGEST_INTEGER), "since": since}).fetchall()
    edits = (_make_edit(*row) for row in rows)
    return [edit for edit in edits if not {edit.kind, *edit.kinds}.isdisjoint(kinds)]


def latest_edits(
    db: Database, *, before_seq: int, kinds: Collection[str] = EDIT_KINDS, limit: int = 50
) -> list[ListedEdit]:
    """The latest edits of these kinds before a number of `changes`, the latest first, at most `limit`."""
    bounds = {"seq": 0, "since": "", "before": before_seq, "with_new": NEW in kinds}
    edits = (_make_edit(*row) for row in db.execute(_LATEST_FIRST, bounds))
    return list(islice((edit for edit in edits if not {edit.kind, *edit.kinds}.isdisjoint(kinds)), limit))


def _make_edit(seq: int, at: str, kind: Any, kinds_json: str, *values: Any) -> ListedEdit:
    revision, article_id = values[:2]
    kinds: tuple[Any, ...] = stored_texts(kinds_json, "revisions", "kinds", f"{article_id}/{revision}")
    return ListedEdit(seq, at, kind, kinds or (kind,), *values)
