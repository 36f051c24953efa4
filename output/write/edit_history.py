"""Edits of articles as a reader sees them: the list of edits, and the revisions with their blocks.

Edits are listed in the order in which they were found, for a reader who asks what is new since a time. A reading
connection is enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import COMPARED_KINDS, TEXTLESS_KINDS
from broadsheet.cleaners.compare.edits import CapturedBlock

from ..archive.article_filter import find_known_url
from ..archive.revisions import RevisionChange, RevisionMark, block_containers
from ..archive.stored_values import BLOCK_KINDS, LARGEST_INTEGER, content_id, decoding, stored_texts
from .person_verdicts import find_article

NEW: Final = "new"
EDIT_KINDS = (*COMPARED_KINDS, *TEXTLESS_KINDS)
"""What is an edit; `new` articles and texts of another `cleaner` are listed where a person asks for them."""
ALL_KINDS = (*EDIT_KINDS, RevisionMark.CLEANER, NEW)

_FROM_CHANGES = """FROM changes c LEFT JOIN revisions r ON r.article_id = c.article_id AND r.number = c.revision
        LEFT JOIN articles a ON a.id = c.article_id LEFT JOIN _shelved s ON s.id = c.article_id
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
) -> Iterator[ListedEdit]:
    """Yield the edits after a number of `changes` and from a time on (UTC ISO 8601) that are one of these kinds, in
    order.

    They are read a thousand rows at a time, and no transaction stays open in between.
    """
    bounds = {"seq": min(after_seq, LARGEST_INTEGER), "since": since}
    while rows := db.execute(_IN_ORDER, bounds).fetchall():
        bounds["seq"] = rows[-1][0]
        edits = (_make_edit(*row) for row in rows)
        yield from (edit for edit in edits if not {edit.kind, *edit.kinds}.isdisjoint(kinds))


def latest_edits(
    db: Database, *, before_seq: int, kinds: Collection[str] = EDIT_KINDS, limit: int = 50
) -> list[ListedEdit]:
    """Return the latest edits of these kinds before a number of `changes`, the latest first, at most `limit`."""
    bounds = {"seq": 0, "since": "", "before": before_seq, "with_new": NEW in kinds}
    edits = (_make_edit(*row) for row in db.execute(_LATEST_FIRST, bounds))
    return list(islice((edit for edit in edits if not {edit.kind, *edit.kinds}.isdisjoint(kinds)), limit))


def _make_edit(seq: int, at: str, kind: Any, kinds_json: str, *values: Any) -> ListedEdit:
    revision, article_id = values[:2]
    kinds: tuple[Any, ...] = stored_texts(kinds_json, "revisions", "kinds", f"{article_id}/{revision}")
    return ListedEdit(seq, at, kind, kinds or (kind,), *values)


_ENOUGH_ARTICLES = 2  # other articles that have a block, from which it belongs to the site: no more are counted
_REVISION_BLOCKS = """SELECT b.block_id, b.kind, b.kept, b.box, b.linked, b.elsewhere, t.text
    FROM _revision_blocks b JOIN _block_texts t ON t.id = b.block_id
    WHERE b.article_id = ? AND b.number = ? ORDER BY b.position"""
_PAGE_BLOCKS = """SELECT b.block_id, b.kind, b.kept, t.text FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? ORDER BY b.position"""
_LAYOUT = "SELECT layout FROM _page_layout WHERE page_id = ?"
_COUNT_ELSEWHERE = f"""SELECT count(*) FROM (SELECT DISTINCT p.article_id
    FROM _page_blocks b CROSS JOIN pages p ON p.id = b.page_id CROSS JOIN urls u ON u.id = b.page_id
    WHERE b.block_id = ? AND u.host = ? AND p.article_id IS NOT NULL AND p.article_id <> ? LIMIT {_ENOUGH_ARTICLES})"""
_REVISIONS = """SELECT number, seen_at, title, change, kinds, added, removed, rewritten, note, capture_id
    FROM revisions WHERE article_id = ? ORDER BY number"""
_CHANGE_COLUMN = 3

_REVISED_ARTICLE = """SELECT id, url, page_id FROM articles WHERE id = ?1
    UNION ALL SELECT id, url, page_id FROM _shelved WHERE id = ?1"""

_NumberedBlock = tuple[int, CapturedBlock]  # id of the text, and the block


@dataclass(frozen=True, slots=True)
class Revision:
    """A row of `revisions`; `change` is the main one of `kinds`."""

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


@dataclass(frozen=True, slots=True)
class RevisedArticle:
    """An article with revisions, shelved or not: its id, its URL, and the page with its current text."""

    id: int
    url: str
    page_id: int


def find_revised_article(db: Database, url_or_id: str) -> RevisedArticle | None:
    """Find the article that a person names by its id or any of its URLs; one at that very URL goes first."""
    url = find_known_url(db, url_or_id)
    for article_id in (content_id(url) if url else None, find_article(db, url_or_id)):
        if article_id is not None and (row := db.execute(_REVISED_ARTICLE, [article_id]).fetchone()):
            return RevisedArticle(*row)
    return None


def revisions_of(db: Database, article_id: int) -> tuple[Revision, ...]:
    """Return the decided revisions of an article, the first one first."""
    rows = db.execute(_REVISIONS, [article_id]).fetchall()
    return tuple(_make_revision(article_id, *row) for row in rows if row[_CHANGE_COLUMN] != RevisionMark.PENDING)


def blocks_of_revision(db: Database, article_id: int, page_id: int, number: int) -> tuple[CapturedBlock, ...] | None:
    """Return the blocks of a revision; None for one from before their blocks were stored.

    A revision without a text of its own has that of the one before. The latest has its page's ledger.
    """
    text_numbers = [revision.number for revision in revisions_of(db, article_id) if not revision.is_textless]
    text_number = max((candidate for candidate in text_numbers if candidate <= number), default=None)
    if text_number is None:
        return None
    if stored_blocks := _revision_blocks(db, article_id, text_number):
        return tuple(block for _, block in stored_blocks)
    return tuple(block for _, block in _page_blocks(db, page_id)) if text_number == text_numbers[-1] else None


def old_and_new_blocks(
    db: Database, article_id: int, number: int, page_id: int, host: str
) -> tuple[tuple[CapturedBlock, ...], tuple[CapturedBlock, ...]]:
    """Return the blocks of a replaced revision and those of the page now.

    A block that only one side has comes with the number of the site's other articles that have it.
    """
    old_blocks, new_blocks = _revision_blocks(db, article_id, number), _page_blocks(db, page_id)
    shared_ids = {block_id for block_id, _ in old_blocks} & {block_id for block_id, _ in new_blocks}

    def with_counts(blocks: Sequence[_NumberedBlock]) -> tuple[CapturedBlock, ...]:
        return tuple(
            block
            if block_id in shared_ids
            else replace(
                block,
                other_article_count=block.other_article_count or _count_elsewhere(db, block_id, host, article_id),
            )
            for block_id, block in blocks
        )

    return with_counts(old_blocks), with_counts(new_blocks)


def _make_revision(article_id: int, *columns: Any) -> Revision:
    number, seen_at, title, change, kinds_json, *values = columns
    kinds: tuple[Any, ...] = stored_texts(kinds_json, "revisions", "kinds", f"{article_id}/{number}")
    return Revision(number, seen_at, title, change, kinds, *values)


def _revision_blocks(db: Database, article_id: int, number: int) -> list[_NumberedBlock]:
    """Return the stored blocks of a replaced revision."""
    rows = db.execute(_REVISION_BLOCKS, [article_id, number]).fetchall()
    with decoding("_revision_blocks", "kind", f"{article_id}/{number}"):
        return [
            (block_id, CapturedBlock(text, BLOCK_KINDS[kind], bool(is_kept), container, bool(is_link), article_count))
            for block_id, kind, is_kept, container, is_link, article_count, text in rows
        ]


def _page_blocks(db: Database, page_id: int) -> list[_NumberedBlock]:
    """Return the blocks of a page's ledger."""
    rows = db.execute(_PAGE_BLOCKS, [page_id]).fetchall()
    layout = db.execute(_LAYOUT, [page_id]).fetchone()
    with decoding("_page_layout", "layout", page_id):
        containers = block_containers(layout[0] if layout else b"", [len(text) for _, _, _, text in rows])
    with decoding("_page_blocks", "kind", page_id):
        return [
            (block_id, CapturedBlock(text, BLOCK_KINDS[kind], bool(is_kept), container, bool(is_link)))
            for (block_id, kind, is_kept, text), (container, is_link) in zip(rows, containers, strict=True)
        ]


def _count_elsewhere(db: Database, block_id: int, host: str, article_id: int) -> int:
    return int(db.execute(_COUNT_ELSEWHERE, [block_id, host, article_id]).fetchone()[0])
