"""Edits of articles as a reader sees them: the list of edits, the revisions with their blocks, two side by side.

Edits are listed in the order in which they were found, for a reader who asks what is new since a time. A reading
connection is enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import COMPARED_KINDS, TEXTLESS_KINDS
from broadsheet.cleaners.compare.edits import ArticleVersion, BlockChange, CapturedBlock, align_versions
from broadsheet.cleaners.compare.text_comparison import WordChanges, diff_words

from ..archive.article_filter import find_known_url
from ..archive.revisions import RevisionChange, RevisionMark, ledger_blocks, replaced_blocks
from ..archive.stored_values import LARGEST_INTEGER, content_id, decoding, stored_texts
from ..write.person_verdicts import find_article

NEW: Final = "new"
EDIT_KINDS = (*COMPARED_KINDS, *TEXTLESS_KINDS)
"""Kinds that count as edits. `new` articles and `cleaner` changes are listed only on request."""
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
_ROWS_PER_READ = 1_000
_IN_ORDER = f"{_EDITS} ORDER BY c.seq LIMIT {_ROWS_PER_READ}"
_LATEST_FIRST = f"{_EDITS} AND c.seq < :before AND (c.change <> 'added' OR :with_new) ORDER BY c.seq DESC"


class ListedEdit(NamedTuple):
    """An edit: its number in `changes`, when it was found, its kinds, and what it did to which article.

    `revision` is the revision that it made, `title_before` the title of the one before.
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
) -> Iterator[ListedEdit]:
    """Yield the edits of these kinds after a number of `changes` and from a time on (UTC ISO 8601), in order.

    Reads a thousand rows at a time, and keeps no transaction open in between.
    """
    bounds = {"seq": min(after_seq, LARGEST_INTEGER), "since": since}
    while rows := db.execute(_IN_ORDER, bounds).fetchall():
        bounds["seq"] = rows[-1][0]
        edits = (_make_edit(*row) for row in rows)
        yield from (edit for edit in edits if not {edit.kind, *edit.kinds}.isdisjoint(kinds))


def latest_edits(
    db: Database, *, before_seq: int, kinds: Collection[str] = EDIT_KINDS, limit: int = 50
) -> list[ListedEdit]:
    """Return up to `limit` edits of these kinds before a number of `changes`, the latest first."""
    bounds = {"seq": 0, "since": "", "before": before_seq, "with_new": NEW in kinds}
    edits = (_make_edit(*row) for row in db.execute(_LATEST_FIRST, bounds))
    return list(islice((edit for edit in edits if not {edit.kind, *edit.kinds}.isdisjoint(kinds)), limit))


def _make_edit(seq: int, at: str, kind: Any, kinds_json: str, *values: Any) -> ListedEdit:
    revision, article_id = values[:2]
    kinds: tuple[Any, ...] = stored_texts(kinds_json, "revisions", "kinds", f"{article_id}/{revision}")
    return ListedEdit(seq, at, kind, kinds or (kind,), *values)


@dataclass(frozen=True, slots=True)
class ListedChange:
    """A row of the table `changes`: what happened to an article, by its place in the list.

    `change` is `added`, `changed` or `removed`. `kind` and `revision` describe the edit; both are None if the article
    came or went, or if its text changed without an edit. `at` is in UTC. `url` is None if neither `articles` nor
    `shelved` has the article.
    """

    seq: int
    at: datetime
    article_id: int
    change: str
    kind: str | None
    revision: int | None
    url: str | None


_CHANGES = f"""SELECT c.seq, c.at, c.article_id, c.change, nullif(c.kind, ''), c.revision, coalesce(a.url, s.url)
    FROM changes c LEFT JOIN articles a ON a.id = c.article_id LEFT JOIN shelved s ON s.id = c.article_id
    WHERE c.seq > :seq AND c.at >= :since ORDER BY c.seq LIMIT {_ROWS_PER_READ}"""


def list_changes(db: Database, *, after_seq: int = 0, since: str = "") -> Iterator[ListedChange]:
    """Yield all rows of `changes` after a number and from a time on (UTC ISO 8601), in order, read as edits are."""
    bounds = {"seq": min(after_seq, LARGEST_INTEGER), "since": since}
    while rows := db.execute(_CHANGES, bounds).fetchall():
        bounds["seq"] = rows[-1][0]
        for seq, at, *values in rows:
            yield ListedChange(seq, _moment("changes", "at", seq, at), *values)


@dataclass(frozen=True, slots=True)
class TextVersion:
    """A row of the view `versions`: a text that an article had, and the capture that brought it.

    `number` and `change` are those of its revision. `seen_at` and `day` are in UTC. `text` is None if it was not kept.
    """

    article_id: int
    number: int
    day: date
    title: str
    text: str | None = field(repr=False)
    text_digest: str | None
    change: str
    seen_at: datetime
    capture_id: int | None
    url: str | None


_VERSIONS = """SELECT article_id, number, seen_at, title, text, nullif(text_digest, ''), change, capture_id, url
    FROM versions WHERE article_id = ? ORDER BY number"""


def versions_of(db: Database, article_id: int) -> tuple[TextVersion, ...]:
    """Return all texts that an article had, the earliest first."""
    return tuple(_make_version(*row) for row in db.execute(_VERSIONS, [article_id]).fetchall())


def _make_version(
    article_id: int, number: int, seen_at: Any, title: str, text: Any, digest: Any, change: str, *rest: Any
) -> TextVersion:
    seen = _moment("revisions", "seen_at", f"{article_id}/{number}", seen_at)
    return TextVersion(article_id, number, seen.date(), title, text, digest, change, seen, *rest)


def _moment(table: str, column: str, row: object, value: str) -> datetime:
    with decoding(table, column, row):
        return datetime.fromisoformat(value).astimezone(UTC)


_REVISIONS = """SELECT number, seen_at, title, change, kinds, added, removed, rewritten, note, capture_id
    FROM revisions WHERE article_id = ? ORDER BY number"""

_REVISED_ARTICLE = """SELECT id, url, page_id FROM articles WHERE id = ?1
    UNION ALL SELECT id, url, page_id FROM shelved WHERE id = ?1"""


@dataclass(frozen=True, slots=True)
class Revision:
    """A row of `revisions`; `change` is the most important of `kinds`."""

    number: int
    seen_at: str
    title: str
    change: RevisionChange
    kinds: tuple[RevisionChange, ...]
    added: int
    removed: int
    rewritten: int
    note: str
    capture_id: int | None

    @property
    def is_textless(self) -> bool:
        """Return whether the revision has no text of its own: the article was withdrawn or returned."""
        return self.change in TEXTLESS_KINDS


class RevisedArticle(NamedTuple):
    """An article with revisions, shelved or not: its id, its URL, and the page with its current text."""

    id: int
    url: str
    page_id: int


def find_revised_article(db: Database, url_or_id: str) -> RevisedArticle | None:
    """Find an article by its id or any of its URLs; an article at exactly that URL wins."""
    url = find_known_url(db, url_or_id)
    for article_id in (content_id(url) if url else None, find_article(db, url_or_id)):
        if article_id is not None and (row := db.execute(_REVISED_ARTICLE, [article_id]).fetchone()):
            return RevisedArticle(*row)
    return None


def revisions_of(db: Database, article_id: int) -> tuple[Revision, ...]:
    """Return the revisions of an article, the earliest first."""
    return tuple(_make_revision(article_id, *row) for row in db.execute(_REVISIONS, [article_id]).fetchall())


def blocks_of_revision(db: Database, article_id: int, page_id: int, number: int) -> tuple[CapturedBlock, ...] | None:
    """Return a revision's blocks; None if it is older than the storage of blocks.

    A revision without text has the blocks of the one before. The latest revision has the page's ledger.
    """
    text_numbers = [revision.number for revision in revisions_of(db, article_id) if not revision.is_textless]
    text_number = max((candidate for candidate in text_numbers if candidate <= number), default=None)
    if text_number is None:
        return None
    if stored_blocks := replaced_blocks(db, article_id, text_number):
        return tuple(block for _, block in stored_blocks)
    return tuple(block for _, block in ledger_blocks(db, page_id)) if text_number == text_numbers[-1] else None


def _make_revision(article_id: int, *columns: Any) -> Revision:
    number, seen_at, title, change, kinds_json, *values = columns
    kinds: tuple[Any, ...] = stored_texts(kinds_json, "revisions", "kinds", f"{article_id}/{number}")
    return Revision(number, seen_at, title, change, kinds, *values)


class TextNotKeptError(Exception):
    """A revision whose text was not kept; the message is one line."""


class Comparison(NamedTuple):
    """An article's revisions `first` and `last`: the title's words, and the blocks in the order of the new text."""

    article: RevisedArticle
    first: Revision
    last: Revision
    title: WordChanges
    rows: tuple[BlockChange, ...]


def compare_revisions(db: Database, article: RevisedArticle, first: Revision, last: Revision) -> Comparison:
    """Compare two of an article's revisions.

    Raises TextNotKeptError if the text of one of them was not kept.
    """
    old_blocks, new_blocks = (
        blocks_of_revision(db, article.id, article.page_id, revision.number) for revision in (first, last)
    )
    if old_blocks is None or new_blocks is None:
        number = (first if old_blocks is None else last).number
        message = f"the text of revision {number} of {article.url} was not kept by the version that saw it"
        raise TextNotKeptError(message)
    rows = align_versions(ArticleVersion(old_blocks), ArticleVersion(new_blocks))
    return Comparison(article, first, last, diff_words(first.title, last.title), rows)
