"""The stream of edits, the latest first, and what one of them changed, word by word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from sqlite_utils import Database

from broadsheet.cleaners.compare.text_comparison import ADDED_SIGN, REMOVED_SIGN, diff_words

from ..archive.article_storage import latest_seq
from ..read.revision_comparison import (
    Comparison,
    TextNotKeptError,
    WordChanges,
    change_kind,
    compare_revisions,
)
from ..write.edit_history import (
    ALL_KINDS,
    EDIT_KINDS,
    ListedEdit,
    Revision,
    find_revised_article,
    latest_edits,
    revisions_of,
)
from .strict_requests import Arguments, NotHereError

PAGE_SIZE = 50
LAYOUTS = ("inline", "beside")


@dataclass(frozen=True, slots=True)
class EditLine:
    """An edit and what it changed in a few words."""

    edit: ListedEdit
    summary: str


@dataclass(frozen=True, slots=True)
class ChangesView:
    """A page of the stream: the kind that is chosen (empty for all edits), and where the next page begins (0: none)."""

    kind: str
    kinds: tuple[str, ...]
    edits: tuple[EditLine, ...]
    following: int


@dataclass(frozen=True, slots=True)
class DiffRow:
    """A block before and after: `kind` is `added`, `removed` or `rewritten`; its words in order, with their signs."""

    kind: str
    words: WordChanges

    @property
    def old_words(self) -> WordChanges:
        """Return the words of the old text."""
        return tuple(change for change in self.words if change[0] != ADDED_SIGN)

    @property
    def new_words(self) -> WordChanges:
        """Return the words of the new text."""
        return tuple(change for change in self.words if change[0] != REMOVED_SIGN)


@dataclass(frozen=True, slots=True)
class DiffPart:
    """Blocks in a row: either changed ones, or unchanged ones as they stand."""

    rows: tuple[DiffRow, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiffView:
    """Two revisions of an article side by side. What changed outside of the article is left out."""

    article_id: int
    url: str
    title: WordChanges
    first: Revision
    last: Revision
    layout: str
    parts: tuple[DiffPart, ...]
    revisions: tuple[Revision, ...]


def list_changes(db: Database, arguments: Arguments, summarise: Callable[[ListedEdit], str]) -> ChangesView:
    """List the page of the stream that the arguments `kind` and `before` name."""
    kind = arguments.choice("kind", ALL_KINDS)
    before_seq = arguments.number("before", latest_seq(db) + 1)
    edits = latest_edits(db, before_seq=before_seq, kinds=(kind,) if kind else EDIT_KINDS, limit=PAGE_SIZE)
    lines = tuple(EditLine(edit, summarise(edit)) for edit in edits)
    return ChangesView(kind, tuple(map(str, ALL_KINDS)), lines, edits[-1].seq if len(edits) == PAGE_SIZE else 0)


def compare(db: Database, arguments: Arguments) -> DiffView:
    """Compare the revisions `from` and `to` of an article; by default the last one that has a text, and the one before
    it.

    Raises NotHereError, in one line, if there is nothing to compare.
    """
    article = find_revised_article(db, str(arguments.number("id")))
    if article is None:
        raise NotHereError("the archive has no article of that number")
    revisions = revisions_of(db, article.id)
    first, last = _choose(revisions, arguments)
    try:
        comparison = compare_revisions(db, article, first, last)
    except TextNotKeptError as error:
        raise NotHereError(str(error)) from error
    return _view(comparison, arguments.choice("layout", LAYOUTS, "inline"), revisions)


def _choose(revisions: tuple[Revision, ...], arguments: Arguments) -> tuple[Revision, Revision]:
    """Choose the earlier and the later of the two requested revisions."""
    with_text = [revision for revision in revisions if not revision.is_textless]
    last_number = arguments.number("to", with_text[-1].number if with_text else 0)
    earlier = [revision for revision in with_text if revision.number < last_number]
    first_number = arguments.number("from", earlier[-1].number if earlier else 0)
    by_number = {revision.number: revision for revision in revisions}
    if first_number not in by_number or last_number not in by_number:
        raise NotHereError("the article has one text only, or no such revision: nothing to compare")
    return by_number[first_number], by_number[last_number]


def _view(comparison: Comparison, layout: str, revisions: tuple[Revision, ...]) -> DiffView:
    parts = []
    for is_same, rows in groupby(comparison.rows, key=lambda row: row.before == row.after):
        if is_same:
            parts.append(DiffPart((), tuple(row.after for row in rows)))
        else:
            changed_rows = (DiffRow(change_kind(row), diff_words(row.before, row.after)) for row in rows)
            parts.append(DiffPart(tuple(changed_rows), ()))
    article = comparison.article
    return DiffView(
        article.id, article.url, comparison.title, comparison.first, comparison.last, layout, tuple(parts), revisions
    )
