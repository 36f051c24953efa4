"""Rulings and reviews made while a crawl owns the archive: a journal beside the file, applied once by the next owner.

A line is a ruling or a review as JSON, written to the disk before it counts as made. The owner applies the lines in one
transaction that also notes their ids in `meta`, and deletes the journal after. Whoever is killed in between leaves a
journal of which the ids are known: nothing is applied twice, and nothing is lost.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ..archive.archive_lock import hold_lock
from ..archive.atomic_writes import sync_folder, write_transaction
from ..archive.stored_values import STORE_FACT, json_object, json_texts
from .applied_rulings import carry_out_ruling
from .person_verdicts import Review, Ruling, block_text, can_be_stored, drop_review, store_review

JOURNAL_ENDING = ".rulings"
_APPLIED = "applied_rulings"
_PATIENCE = 20.0  # seconds that a ruling waits for another process that reads or writes the journal


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A line of the journal: its id, the ruling, and whether it takes the ruling in its scope back."""

    id: str
    ruling: Ruling
    is_undo: bool

    def apply(self, db: Database) -> None:
        """Rule; a block that the archive no longer has is passed over."""
        if block_text(db, self.ruling.block_id) is not None:
            carry_out_ruling(db, self.ruling, undo=self.is_undo)


@dataclass(frozen=True, slots=True)
class WaitingReview:
    """A line of the journal that is a review: its id, the review, and whether it takes an earlier one back."""

    id: str
    review: Review
    is_undo: bool

    def apply(self, db: Database) -> None:
        """Store the review, or take it back; one of a page that the archive no longer has is passed over."""
        if self.is_undo:
            drop_review(db, self.review)
        elif can_be_stored(db, self.review):
            store_review(db, self.review)


def journal_path(database: Path) -> Path:
    """Return the journal beside an archive."""
    return Path(f"{database}{JOURNAL_ENDING}")


def append_ruling(database: Path, ruling: Ruling, *, undo: bool = False) -> None:
    """Write a ruling to the journal; it is on the disk when this returns.

    Raises InUse if others keep the journal too long.
    """
    _append_line(database, {
        "undo": undo, "block_id": ruling.block_id, "kept": ruling.is_kept, "article_id": ruling.article_id,
        "host": ruling.host, "at": ruling.ruled_at, "note": ruling.note,
    })  # fmt: skip


def append_review(database: Path, review: Review, *, undo: bool = False) -> None:
    """Write a review to the journal, as `append_ruling` writes a ruling."""
    _append_line(database, {
        "review": review.url, "undo": undo, "host": review.host, "block_id": review.block_id, "kept": review.is_kept,
        "reason": review.reason, "rule": review.rule, "right": review.is_right, "at": review.judged_at,
        "cleaner": review.cleaner_version,
    })  # fmt: skip


def _append_line(database: Path, fields: Mapping[str, object]) -> None:
    """Write a line under an id of its own."""
    path, line = journal_path(database), {"id": secrets.token_hex(8), **fields}
    with hold_lock(path, _PATIENCE):
        is_new = not path.exists()
        with path.open("a+b") as stream:
            _cut_torn_line(stream)
            stream.write(json.dumps(line).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        if is_new:
            sync_folder(path.parent)


def waiting_rulings(database: Path) -> tuple[JournalEntry, ...]:
    """Return the rulings that wait for the archive's next owner, as far as they are written whole."""
    return tuple(entry for entry in read_journal(database) if isinstance(entry, JournalEntry))


def waiting_reviews(database: Path) -> tuple[WaitingReview, ...]:
    """Return the reviews that wait for the archive's next owner."""
    return tuple(entry for entry in read_journal(database) if isinstance(entry, WaitingReview))


def read_journal(database: Path) -> tuple[JournalEntry | WaitingReview, ...]:
    """Read all that waits for the archive's next owner, in the order in which it was made."""
    try:
        lines = journal_path(database).read_bytes().split(b"\n")[:-1]
    except OSError:
        return ()
    return tuple(entry for line in lines if (entry := _read_entry(line)))


def apply_journal(db: Database, database: Path) -> int:
    """Apply the journal's lines in the order in which they were made, and delete it; return how many there were.

    For the owner of the archive. What is about a block or page that the archive no longer has is passed over. A lock
    file that a killed process left without a journal goes too.
    """
    path = journal_path(database)
    if not (path.exists() or Path(f"{path}.lock").exists()):
        return 0
    with hold_lock(path, _PATIENCE):
        if not path.exists():
            return 0
        entries = read_journal(database)
        with _durable_commits(db), write_transaction(db):
            known = _applied_ids(db)
            for entry in entries:
                if entry.id not in known:
                    entry.apply(db)
            db.execute(STORE_FACT, [_APPLIED, json.dumps([entry.id for entry in entries])])
        _put_away(path, len(entries))
    return len(entries)


def _put_away(path: Path, entry_count: int) -> None:
    """Delete the journal; one with lines that could not be read is kept under another name, for a person."""
    if path.read_bytes().count(b"\n") > entry_count:
        path.replace(f"{path}.unread")
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _read_entry(line: bytes) -> JournalEntry | WaitingReview | None:
    """Read the entry of a line; None if it is not one."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        fields = json_object(line.decode())
        entry_id, is_undo = str(fields["id"]), bool(fields["undo"])
        if "review" in fields:
            return WaitingReview(entry_id, _read_review(fields), is_undo)
        return JournalEntry(entry_id, _read_ruling(fields), is_undo)
    return None


def _read_ruling(fields: Mapping[str, Any]) -> Ruling:
    article_id = fields["article_id"]
    scope = (None if article_id is None else int(article_id), fields["host"])
    return Ruling(int(fields["block_id"]), bool(fields["kept"]), *scope, str(fields["at"]), str(fields["note"]))


def _read_review(fields: Mapping[str, Any]) -> Review:
    block_id = None if fields["block_id"] is None else int(fields["block_id"])
    is_right = None if fields["right"] is None else bool(fields["right"])
    verdict = (bool(fields["kept"]), str(fields["reason"]), str(fields["rule"]), is_right)
    url, host = str(fields["review"]), str(fields["host"])
    return Review(url, host, block_id, *verdict, str(fields["at"]), str(fields["cleaner"]))


def _applied_ids(db: Database) -> frozenset[str]:
    """Return the ids of the journal that was applied last, which may not have been deleted."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", [_APPLIED]).fetchone()
    with suppress(ValueError, TypeError):
        return frozenset(json_texts(row[0])) if row else frozenset()
    return frozenset()


def _cut_torn_line(stream: Any) -> None:
    """Cut off a line that was not written to its end, by one who was killed: nobody was told that it was made."""
    stream.seek(0)
    written = stream.read()
    stream.truncate(written.rfind(b"\n") + 1)
    stream.seek(0, os.SEEK_END)


@contextmanager
def _durable_commits(db: Database) -> Iterator[None]:
    """Make commits wait for the disk while the context is open: what they hold is about to be deleted elsewhere."""
    (level,) = db.execute("PRAGMA synchronous").fetchone()
    if not db.conn.in_transaction:
        db.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        if not db.conn.in_transaction:
            db.execute(f"PRAGMA synchronous = {level}")
