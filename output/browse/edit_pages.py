"""The stream of edits, the latest first, and what one of them changed, word by word."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edits import BlockChange
from broadsheet.cleaners.compare.text_comparison import WordChanges

from ..archive.article_storage import latest_seq
from ..read.edit_history import (
    ALL_KINDS,
    EDIT_KINDS,
    ListedEdit,
    RevisedArticle,
    Revision,
    TextNotKeptError,
    compare_revisions,
    find_revised_article,
    latest_edits,
    revisions_of,
)
from .strict_requests import Arguments, NotHereError

PAGE_SIZE = 50
LAYOUTS = ("inline", "beside")


class ChangesView(NamedTuple):
    """A page of the stream: the kind that is chosen (empty for all edits), and where the next page begins (0: none)."""

    kind: str
    edits: tuple[ListedEdit, ...]
    following: int


class DiffView(NamedTuple):
    """Two revisions of an article; `runs` are blocks in a row that are all the same, or all changed."""

    article: RevisedArticle
    first: Revision
    last: Revision
    title: WordChanges
    layout: str
    runs: tuple[tuple[BlockChange, ...], ...]
    revisions: tuple[Revision, ...]


def list_changes(db: Database, arguments: Arguments) -> ChangesView:
    """List the page of the stream that the arguments `kind` and `before` name."""
    kind = arguments.choice("kind", ALL_KINDS)
    before_seq = arguments.number("before", latest_seq(db) + 1)
    edits = latest_edits(db, before_seq=before_seq, kinds=(kind,) if kind else EDIT_KINDS, limit=PAGE_SIZE)
    return ChangesView(kind, tuple(edits), edits[-1].seq if len(edits) == PAGE_SIZE else 0)


def compare(db: Database, arguments: Arguments) -> DiffView:
    """Compare the revisions `from` and `to` of an article; by default the last one that has a text, and the one before
    it.

    Raises NotHereError, in one line, if there is nothing to compare.
    """
    article = find_revised_article(db, str(arguments.number("id")))
    if article is None:
        raise NotHereError("the archive has no article of that number")
    revisions = revisions_of(db, article.id)
    with_text = [revision for revision in revisions if not revision.is_textless]
    last_number = arguments.number("to", with_text[-1].number if with_text else 0)
    earlier = [revision for revision in with_text if revision.number < last_number]
    first_number = arguments.number("from", earlier[-1].number if earlier else 0)
    by_number = {revision.number: revision for revision in revisions}
    if first_number not in by_number or last_number not in by_number:
        raise NotHereError("the article has only one text, or no such revision: nothing to compare")
    first, last = by_number[first_number], by_number[last_number]
    try:
        comparison = compare_revisions(db, article, first, last)
    except TextNotKeptError as error:
        raise NotHereError(str(error)) from error
    runs = tuple(tuple(rows) for _, rows in groupby(comparison.rows, key=lambda row: row.kind == "same"))
    return DiffView(*comparison[:4], arguments.choice("layout", LAYOUTS, "inline"), runs, revisions)
