"""Deciding what pending revisions are, and noting articles that were withdrawn or came back.

Both captures are compared with their verdicts as they stand when the crawl settles. What is decided stays decided:
evidence that comes later makes no revision and takes none away. All of it runs in the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.compare.edits import Edit, Stood, Version, compare
from cleaners.compare.folding import squeezed
from output.store.articles import note_change
from output.store.revisions import (
    BARE,
    CLEANER,
    RETURNED,
    WITHDRAWN,
    Seen,
    Stated,
    correct,
    drop_blocks,
    note_bare,
    stated,
)
from output.watch.history import both

Again = Callable[[int | None], Sequence[Stood] | None]
"""Cleans a capture again with the present cleaner, by its number; None where its raw response is not at hand."""

_NOTE_CHARS = 500
_WAITING = f"""SELECT r.article_id, r.number, r.note, r.capture_id, r.text_digest, coalesce(a.page_id, s.page_id),
        coalesce(a.host, s.host), a.id IS NOT NULL,
        (SELECT max(number) FROM revisions o WHERE o.article_id = r.article_id AND o.number < r.number
            AND o.change NOT IN {BARE})
    FROM revisions r INDEXED BY revisions_pending LEFT JOIN articles a ON a.id = r.article_id
        LEFT JOIN shelved s ON s.id = r.article_id
    WHERE r.change = 'pending' AND (:only IS NULL OR r.article_id = :only) ORDER BY r.article_id"""

_DECIDED = """UPDATE revisions SET change = ?, kinds = ?, added = ?, removed = ?, rewritten = ?, note = ?
    WHERE article_id = ? AND number = ?"""

# What came in place of an article: an answer that it is gone, a page without it, or a redirect to a start page or list.
_GONE = """SELECT a.id, a.page_id, a.title, u.reason, u.fetched_at, a.capture_id
    FROM urls u JOIN articles a ON a.page_id = u.id
    WHERE u.state = 'failed' AND u.kind = 'page' AND u.reason IN ('http_404', 'http_410')
    UNION ALL
    SELECT a.id, a.page_id, a.title, u.reason, u.fetched_at, a.capture_id
    FROM urls u JOIN articles a ON a.page_id = u.id
    WHERE u.state = 'done' AND u.kind = 'page' AND u.reason IN ('empty', 'wall', 'soft_404', 'teaser')
        AND u.held_at < u.fetched_at
    UNION ALL
    SELECT a.id, a.page_id, a.title, 'redirect', u.fetched_at, a.capture_id
    FROM urls u JOIN articles a ON a.page_id = u.id JOIN urls t ON t.url = u.location LEFT JOIN pages p ON p.id = t.id
    WHERE u.state = 'done' AND u.kind = 'page' AND u.reason = 'redirect' AND u.held_at < u.fetched_at
        AND (t.found_via = 'seed' OR p.page_type = 'list' OR t.reason IN ('http_404', 'http_410')
            OR t.url = substr(t.url, 1, instr(t.url, '://') + 2) || t.host || '/')"""

_BACK = """SELECT a.id, a.page_id, a.title, '', u.fetched_at, a.capture_id
    FROM revisions r JOIN articles a ON a.id = r.article_id JOIN urls u ON u.id = a.page_id
    WHERE r.change = 'withdrawn' AND u.state = 'done' AND u.held_at = u.fetched_at"""

_ABSENT = f"""SELECT change = '{WITHDRAWN}' FROM revisions WHERE article_id = ? AND change IN {BARE}
    ORDER BY number DESC LIMIT 1"""
_DIGEST = "SELECT text_digest FROM revisions WHERE article_id = ? ORDER BY number DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class _Waiting:
    article_id: int
    number: int
    stated: str
    capture_id: int | None
    digest: str
    page_id: int | None
    host: str
    shown: int
    before: int | None

    def seen(self, at: str) -> Seen:
        return Seen(self.article_id, self.page_id or 0, self.capture_id, at, self.digest)


def decide(db: Database, at: str, only: int | None = None, again: Again | None = None) -> int:
    """Decide about what is pending, of one article or of all; the number of edits found. `at` is when, UTC."""
    waiting = [_Waiting(*row) for row in db.execute(_WAITING, {"only": only}).fetchall()]
    return sum(_decide(db, each, at, again) for each in waiting)


def note_absences(db: Database, at: str) -> int:
    """Note which articles their publication took away since, and which it put back; return how many."""
    gone = [row for row in db.execute(_GONE).fetchall() if not _is_absent(db, row[0])]
    back = [row for row in db.execute(_BACK).fetchall() if _is_absent(db, row[0])]
    _note(db, gone, WITHDRAWN, at)
    _note(db, {row[0]: row for row in back}.values(), RETURNED, at)
    return len(gone) + len(back)


def _is_absent(db: Database, article_id: int) -> bool:
    row = db.execute(_ABSENT, [article_id]).fetchone()
    return bool(row and row[0])


def _note(db: Database, rows: Iterable[tuple[int, int, str, str, str, int | None]], change: str, at: str) -> None:
    for article_id, page_id, title, reason, seen_at, capture_id in rows:
        (digest,) = db.execute(_DIGEST, [article_id]).fetchone() or ("",)
        seen = Seen(article_id, page_id, capture_id, seen_at, digest)
        note_change(db, article_id, at, "changed", change, note_bare(db, seen, title, change, reason))


def _decide(db: Database, waiting: _Waiting, at: str, again: Again | None) -> bool:
    if waiting.page_id is None or waiting.before is None:
        db.execute("DELETE FROM revisions WHERE article_id = ? AND number = ?", [waiting.article_id, waiting.number])
        return False
    kinds, edit = _judged(db, waiting, again)
    if not kinds:
        _withdraw(db, waiting)
        return False
    note = edit.note[:_NOTE_CHARS]
    counts = (edit.added, edit.removed, edit.rewritten)
    db.execute(_DECIDED, [kinds[0], json.dumps(kinds), *counts, note, waiting.article_id, waiting.number])
    if waiting.shown:
        note_change(db, waiting.article_id, at, "changed", kinds[0], waiting.number)
    return True


def _judged(db: Database, waiting: _Waiting, again: Again | None) -> tuple[tuple[str, ...], Edit]:
    """The kinds of an edit, and what it did. Where two cleaners made the texts and none can be made again, nobody
    can say what the publication did."""
    said, now = Stated.unpacked(waiting.stated), stated(db, waiting.article_id)
    old, new = both(db, waiting.article_id, waiting.before or 0, waiting.page_id or 0, waiting.host)
    if said.cleaner != now.cleaner:
        made = again(_capture_of(db, waiting)) if again else None
        if made is None:
            same = _text(old) == _text(new) and said.title == now.title
            return (() if same else (CLEANER,)), Edit()
        old = tuple(made)
    edit = compare(_version(old, said), _version(new, now))
    return edit.kinds, edit


def _capture_of(db: Database, waiting: _Waiting) -> int | None:
    query = "SELECT capture_id FROM revisions WHERE article_id = ? AND number = ?"
    row = db.execute(query, [waiting.article_id, waiting.before]).fetchone()
    return row[0] if row else None


def _text(blocks: Sequence[Stood]) -> str:
    return "".join(squeezed(block.text) for block in blocks if block.kept)


def _version(blocks: Sequence[Stood], said: Stated) -> Version:
    return Version(tuple(blocks), said.title, said.title_source, said.published, said.published_source)


def _withdraw(db: Database, waiting: _Waiting) -> None:
    """It was no edit: the revision before holds on, with the text as it is judged now."""
    db.execute("DELETE FROM revisions WHERE article_id = ? AND number = ?", [waiting.article_id, waiting.number])
    drop_blocks(db, waiting.article_id, waiting.before or 0)
    correct(db, waiting.article_id, stated(db, waiting.article_id).title, waiting.digest)
