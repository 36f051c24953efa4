"""Remains of a takedown: what it cannot reach, by kind and place, and a certificate of what it erased.

Looked for are files and folders beside the archive: other archives, such as backups and merged ones, and exports into
folders or SQLite files. The certificate has addresses and digests, no title and no text.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from sqlite_utils import Database

from ..archive.archive_file import COMPANION_ENDINGS, archive_path
from ..archive.page_rows import article_id
from ..raw.erasure import IS_REMOVED
from ..raw.warc_folders import stated_id, tail_files, unknown_files
from ..write.takedowns import Takedown, archive_backups
from .export_folder import listed_articles
from .export_target import is_sqlite_file
from .sqlite_file import exported_articles

BACKUPS = "backups"
"""The folder beside archives in which a desk keeps their copies, which is searched too."""

_HOLDS_ONE = """SELECT EXISTS (SELECT 1 FROM captures WHERE url IN (SELECT value FROM json_each(?1)))
    OR EXISTS (SELECT 1 FROM urls u JOIN pages p ON p.id = u.id WHERE u.url IN (SELECT value FROM json_each(?1)))"""
_ARTICLES = """SELECT a.url, a.id AS article_id, p.text_digest FROM {} a JOIN pages p ON p.id = a.page_id
    WHERE a.page_id IN (SELECT id FROM reached) ORDER BY a.url"""
_REVISIONS = """SELECT article_id, number, seen_at, text_digest FROM revisions
    WHERE article_id IN (SELECT id FROM gone) ORDER BY article_id, number"""
_CAPTURES = f"SELECT url, fetched_at, payload_digest FROM captures WHERE {IS_REMOVED} ORDER BY url, fetched_at"


class RemainsKind(StrEnum):
    """A kind of place that a takedown cannot reach."""

    IMPORTED = "imported WARC file"
    BACKUP = "backup"
    ARCHIVE = "other archive"
    EXPORT = "export"
    TORN = "interrupted write"
    UNKNOWN = "unknown file"
    COPY = "same words"
    WAITING = "waiting WARC file"

    @property
    def words(self) -> str:
        """Return the words that describe such a place, a format string for its name."""
        return _WORDS[self]


_WORDS: Mapping[RemainsKind, str] = {
    RemainsKind.IMPORTED: "stays: the response in {}",
    RemainsKind.BACKUP: "stays: what the backup {} holds; the same broadsheet forget there removes it",
    RemainsKind.ARCHIVE: "stays: what the archive {} holds; the same broadsheet forget there removes it",
    RemainsKind.EXPORT: "stays: what was exported to {}; the same export again removes it",
    RemainsKind.TORN: "stays: what {} has of an interrupted write",
    RemainsKind.UNKNOWN: "stays: what {} may hold, of which the archive knows nothing",
    RemainsKind.COPY: "stays: the same words on {}",
    RemainsKind.WAITING: "waits: {} is not there as a whole, or not this archive's; it is erased when it may be",
}


class Remainder(NamedTuple):
    """A file, folder or URL that a takedown cannot reach."""

    kind: RemainsKind
    place: str

    @property
    def line(self) -> str:
        """Return the line that a person reads."""
        return self.kind.words.format(self.place)


def find_remains(archive: str | Path, takedown: Takedown) -> list[Remainder]:
    """Find what a takedown cannot reach: files beside the archive, and others that the archive knows of."""
    file = archive_path(archive)
    return [
        *(Remainder(RemainsKind.IMPORTED, name) for name in takedown.warc_files),
        *(Remainder(RemainsKind.COPY, url) for url in takedown.copies),
        *_beside(file, takedown.urls),
        *(Remainder(RemainsKind.TORN, name) for name in tail_files(file)),
        *(Remainder(RemainsKind.UNKNOWN, name) for name in unknown_files(file)),
    ]


def _beside(file: Path, urls: Sequence[str]) -> Iterator[Remainder]:
    """Yield archives and exports beside an archive that hold one of these URLs."""
    own_id, backups = stated_id(file), archive_backups(file)
    article_numbers = {article_id(url) for url in urls}
    kept = file.parent / BACKUPS
    for path in sorted([*file.parent.iterdir(), *(kept.iterdir() if kept.is_dir() else ())]):
        articles = listed_articles(path) if path.is_dir() else exported_articles(path)
        if not article_numbers.isdisjoint(articles):
            yield Remainder(RemainsKind.EXPORT, str(path))
        elif path != file and not path.name.endswith(COMPANION_ENDINGS):
            is_backup = str(path) in backups
            holds_one = _holds_one(path, urls)
            if holds_one or (holds_one is None and is_backup):
                is_backup = is_backup or (own_id != "" and stated_id(path) == own_id)
                yield Remainder(RemainsKind.BACKUP if is_backup else RemainsKind.ARCHIVE, str(path))


def _holds_one(path: Path, urls: Sequence[str]) -> bool | None:
    """Return whether an archive of any version has a page or capture of one of the URLs; None for other files."""
    with suppress(OSError, sqlite3.Error):
        if path.is_file() and is_sqlite_file(path):
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                return bool(connection.execute(_HOLDS_ONE, [json.dumps(urls)]).fetchone()[0])
    return None


def erased_records(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Return addresses and digests of the articles, revisions and captures that the last planned takedown covers."""
    articles = [row for table in ("articles", "shelved") for row in db.query(_ARTICLES.format(table))]
    return {"articles": articles, "revisions": list(db.query(_REVISIONS)), "captures": list(db.query(_CAPTURES))}


def certificate(
    archive_name: str,
    takedown: Takedown,
    erased: Mapping[str, Any],
    remains: Iterable[Remainder],
    times: tuple[str, str],
) -> bytes:
    """Return a JSON certificate of a takedown.

    `times` are its start and its end, empty if it is not finished.
    """
    begun_at, finished_at = times
    values = {
        "archive": archive_name,
        "pattern": takedown.pattern,
        "begun_at": begun_at,
        "finished_at": finished_at or None,
        "erased": {
            "urls": takedown.urls,
            **erased,
            "pages": takedown.page_count,
            "block_texts": takedown.block_count,
        },
        "remains": [{"kind": str(one.kind), "place": one.place} for one in remains],
    }
    return json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n"
