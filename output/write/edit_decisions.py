"""Decisions on pending revisions: the kind of each edit, and articles withdrawn or returned.

Both captures are compared with the verdicts that they have when the crawl settles. A decision is final: evidence that
comes later makes no revision and takes none away. All of it runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS, EditKind
from broadsheet.cleaners.compare.edits import ArticleVersion, CapturedBlock, Edit, compare_versions
from broadsheet.cleaners.compare.text_comparison import comparison_key

from ..archive.article_storage import ArticleChange, note_change
from ..archive.page_rows import Sighting
from ..archive.revisions import (
    RevisionChange,
    RevisionMark,
    RevisionValues,
    VersionMetadata,
    correct_revision,
    drop_pending,
    drop_revision_blocks,
    ledger_blocks,
    note_revision,
    read_stated_metadata,
    replaced_blocks,
)
from ..archive.shelf import ShelvingReason
from ..archive.stored_text import sql_words
from ..archive.stored_values import decoding
from ..archive.url_words import OutcomeReason

Recleaner = Callable[[int | None], Sequence[CapturedBlock] | None]
"""Cleans a capture again with the present cleaner, by its id; gives None where its raw response is not stored."""

_NOTE_CHARS = 500
_PENDING_REVISIONS = f"""SELECT r.article_id, r.before, r.title, r.text_digest,
        coalesce(a.page_id, s.page_id), coalesce(a.url, s.url), coalesce(a.host, s.host), r.capture_id, r.seen_at,
        a.id IS NOT NULL, (SELECT max(number) FROM revisions o
            WHERE o.article_id = r.article_id AND o.change NOT IN {sql_words(TEXTLESS_KINDS)})
    FROM _pending_revisions r LEFT JOIN articles a ON a.id = r.article_id LEFT JOIN shelved s ON s.id = r.article_id
    {{}} ORDER BY r.article_id"""

# Articles whose URL now gives something else: a response that it is gone, a page without the article, or a redirect to
# a start page or list.
_WITHDRAWN_ARTICLES = """SELECT a.page_id, a.url, a.host, a.capture_id, u.fetched_at, a.title, u.reason
    FROM urls u JOIN articles a ON a.page_id = u.id
    WHERE u.state = 'failed' AND u.kind = 'page' AND u.reason IN ('http_404', 'http_410')
    UNION ALL
    SELECT a.page_id, a.url, a.host, a.capture_id, u.fetched_at, a.title, u.reason
    FROM urls u JOIN articles a ON a.page_id = u.id
    WHERE u.state = 'done' AND u.kind = 'page' AND u.reason IN ('empty', 'wall', 'soft_404', 'teaser')
        AND u.held_at < u.fetched_at
    UNION ALL
    SELECT a.page_id, a.url, a.host, a.capture_id, u.fetched_at, a.title, 'redirect'
    FROM urls u JOIN articles a ON a.page_id = u.id JOIN urls t ON t.url = u.location LEFT JOIN pages p ON p.id = t.id
    WHERE u.state = 'done' AND u.kind = 'page' AND u.reason = 'redirect' AND u.held_at < u.fetched_at
        AND (t.found_via = 'seed' OR p.page_type = 'list' OR t.reason IN ('http_404', 'http_410')
            OR t.url = substr(t.url, 1, instr(t.url, '://') + 2) || t.host || '/')"""

_RETURNED_ARTICLES = f"""SELECT a.page_id, a.url, a.host, a.capture_id, u.fetched_at, a.title, ''
    FROM revisions r JOIN articles a ON a.id = r.article_id JOIN urls u ON u.id = a.page_id
    WHERE r.change = '{EditKind.WITHDRAWN}' AND u.state = 'done' AND u.held_at = u.fetched_at"""

_TAKEN_OUT = f"""SELECT page_id, url, host, capture_id, last_seen, title, '{OutcomeReason.WITHDRAWN}'
    FROM shelved WHERE why = '{ShelvingReason.WITHDRAWN}'"""

_IS_WITHDRAWN = f"""SELECT change = '{EditKind.WITHDRAWN}' FROM revisions
    WHERE article_id = ? AND change IN {sql_words(TEXTLESS_KINDS)} ORDER BY number DESC LIMIT 1"""
_LATEST_DIGEST = "SELECT text_digest FROM revisions WHERE article_id = ? ORDER BY number DESC LIMIT 1"


class _PendingRevision(NamedTuple):
    """A row of `_pending_revisions`.

    `metadata_json` is what the page stated before, `digest` that of the new text, `in_articles` whether the article is
    not shelved, `previous_number` that of the last revision with text.
    """

    article_id: int
    metadata_json: str
    title: str
    digest: str
    page_id: int | None
    url: str
    host: str
    capture_id: int | None
    seen_at: str
    in_articles: int
    previous_number: int | None


class _Absence(NamedTuple):
    """An article that was withdrawn, or came back: where and when, its title, what its URL gives instead."""

    sighting: Sighting
    title: str
    reason: str


def decide_pending(
    db: Database, decided_at: str, only_article_id: int | None = None, reclean: Recleaner | None = None
) -> int:
    """Decide the pending revisions of one article, or of all; returns the number of edits. `decided_at` is UTC."""
    which = f"WHERE r.article_id = {only_article_id:d}" if only_article_id is not None else ""
    revisions = [_PendingRevision(*row) for row in db.execute(_PENDING_REVISIONS.format(which)).fetchall()]
    return sum(_decide_revision(db, revision, decided_at, reclean) for revision in revisions)


def note_absences(db: Database, noted_at: str) -> int:
    """Note the articles that their publication or a person withdrew since, and those that came back; return how many of
    both.
    """
    withdrawals = _absences(db, _WITHDRAWN_ARTICLES) + _absences(db, _TAKEN_OUT)
    returns = {absence.sighting.article_id: absence for absence in _absences(db, _RETURNED_ARTICLES)}
    withdrawals = [absence for absence in withdrawals if not _is_absent(db, absence.sighting.article_id)]
    returned_ids = [article_id for article_id in returns if _is_absent(db, article_id)]
    _note_absence_changes(db, withdrawals, EditKind.WITHDRAWN, noted_at)
    _note_absence_changes(db, [returns[article_id] for article_id in returned_ids], EditKind.RETURNED, noted_at)
    return len(withdrawals) + len(returned_ids)


def _absences(db: Database, query: str) -> list[_Absence]:
    return [_Absence(Sighting(*row[:5]), *row[5:]) for row in db.execute(query).fetchall()]


def _is_absent(db: Database, article_id: int) -> bool:
    """Return whether an article's last revision says that it was withdrawn."""
    row = db.execute(_IS_WITHDRAWN, [article_id]).fetchone()
    return bool(row and row[0])


def _note_absence_changes(db: Database, absences: Iterable[_Absence], change: EditKind, noted_at: str) -> None:
    """Add a revision without text, and a change, for each."""
    for absence in absences:
        article_id = absence.sighting.article_id
        (digest,) = db.execute(_LATEST_DIGEST, [article_id]).fetchone() or ("",)
        values = RevisionValues(absence.title, digest, change, (change,), absence.reason)
        number = note_revision(db, absence.sighting, values)
        note_change(db, article_id, noted_at, ArticleChange.CHANGED, change, number)


def _decide_revision(db: Database, pending: _PendingRevision, decided_at: str, reclean: Recleaner | None) -> bool:
    """Decide one revision, and number it if it is an edit; return whether it is.

    If not, the revision before stays the latest, with the text as it is now.
    """
    if pending.page_id is None or pending.previous_number is None:
        drop_pending(db, pending.article_id)
        return False
    kinds, edit = _compare_captures(db, pending, reclean)
    drop_pending(db, pending.article_id)
    if not kinds:
        drop_revision_blocks(db, pending.article_id, pending.previous_number)
        correct_revision(db, pending.article_id, read_stated_metadata(db, pending.article_id).title, pending.digest)
        return False
    counts = (edit.added_count, edit.removed_count, edit.rewritten_count)
    values = RevisionValues(pending.title, pending.digest, kinds[0], kinds, edit.note[:_NOTE_CHARS], *counts)
    sighting = Sighting(pending.page_id, pending.url, pending.host, pending.capture_id, pending.seen_at)
    number = note_revision(db, sighting, values)
    if pending.in_articles:
        note_change(db, pending.article_id, decided_at, ArticleChange.CHANGED, kinds[0], number)
    return True


def _compare_captures(
    db: Database, pending: _PendingRevision, reclean: Recleaner | None
) -> tuple[tuple[RevisionChange, ...], Edit]:
    """Find the kinds of an edit by comparing both captures.

    Where two cleaners made the texts and the old capture cannot be cleaned again, nobody can say what the publication
    changed: the kind is `cleaner`.
    """
    with decoding("_pending_revisions", "before", pending.article_id):
        old_metadata = VersionMetadata.from_json(pending.metadata_json)
    new_metadata = read_stated_metadata(db, pending.article_id)
    old_blocks, new_blocks = old_and_new_blocks(
        db, pending.article_id, pending.previous_number or 0, pending.page_id or 0, pending.host
    )
    if old_metadata.cleaner != new_metadata.cleaner:
        recleaned_blocks = reclean(_previous_capture_id(db, pending)) if reclean else None
        if recleaned_blocks is None:
            same_text = _kept_text(old_blocks) == _kept_text(new_blocks)
            is_unchanged = same_text and old_metadata.title == new_metadata.title
            return (() if is_unchanged else (RevisionMark.CLEANER,)), Edit()
        old_blocks = tuple(recleaned_blocks)
    edit = compare_versions(_article_version(old_blocks, old_metadata), _article_version(new_blocks, new_metadata))
    return edit.kinds, edit


def _previous_capture_id(db: Database, pending: _PendingRevision) -> int | None:
    query = "SELECT capture_id FROM revisions WHERE article_id = ? AND number = ?"
    row = db.execute(query, [pending.article_id, pending.previous_number]).fetchone()
    return row[0] if row else None


def _kept_text(blocks: Sequence[CapturedBlock]) -> str:
    return "".join(comparison_key(block.text) for block in blocks if block.is_kept)


def _article_version(blocks: Sequence[CapturedBlock], metadata: VersionMetadata) -> ArticleVersion:
    return ArticleVersion(
        tuple(blocks), metadata.title, metadata.title_source, metadata.published, metadata.published_source
    )


_ENOUGH_ARTICLES = 2  # other articles that have a block, from which it belongs to the site: no more are counted
_COUNT_ELSEWHERE = f"""SELECT count(*) FROM (SELECT DISTINCT p.article_id
    FROM _page_blocks b CROSS JOIN pages p ON p.id = b.page_id CROSS JOIN urls u ON u.id = b.page_id
    WHERE b.block_id = ? AND u.host = ? AND p.article_id IS NOT NULL AND p.article_id <> ? LIMIT {_ENOUGH_ARTICLES})"""


def old_and_new_blocks(
    db: Database, article_id: int, number: int, page_id: int, host: str
) -> tuple[tuple[CapturedBlock, ...], tuple[CapturedBlock, ...]]:
    """Return the blocks of a replaced revision and those of the page now.

    A block that only one side has comes with the number of the site's other articles that have it.
    """
    old_blocks, new_blocks = replaced_blocks(db, article_id, number), ledger_blocks(db, page_id)
    shared_ids = {block_id for block_id, _ in old_blocks} & {block_id for block_id, _ in new_blocks}

    def counted(block_id: int, block: CapturedBlock) -> CapturedBlock:
        if block_id in shared_ids or block.other_article_count:
            return block
        return replace(block, other_article_count=_count_elsewhere(db, block_id, host, article_id))

    return tuple(counted(*pair) for pair in old_blocks), tuple(counted(*pair) for pair in new_blocks)


def _count_elsewhere(db: Database, block_id: int, host: str, article_id: int) -> int:
    return int(db.execute(_COUNT_ELSEWHERE, [block_id, host, article_id]).fetchone()[0])
