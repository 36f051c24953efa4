"""The votes on each block of a page, which no archive stores: the page is judged again from its raw response.

Judging runs elsewhere, bounded in time and memory (`PageJudge` is handed in): a page that kills a parser never kills
the room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.browse.arguments import NotHereError
from broadsheet.output.raw.capture import RecordLocation

_PLACE = """SELECT a.title, u.url, coalesce(nullif(c.final_url, ''), c.url), c.fetched_at, c.warc_file, c.warc_offset,
        c.warc_length, o.warc_file, o.warc_offset, o.warc_length
    FROM (SELECT id, title, page_id FROM articles WHERE id = ?1
        UNION ALL SELECT id, title, page_id FROM shelved WHERE id = ?1) a
        JOIN pages p ON p.id = a.page_id JOIN urls u ON u.id = p.id JOIN captures c ON c.id = p.capture_id
        LEFT JOIN captures o ON o.id = c.refers_to
    WHERE c.warc_file IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class BlockVote:
    """A vote on a block: who voted, to keep it or not, by which rule, for which reason."""

    voter: str
    keep: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class VotedBlock:
    """A block with the verdict of the page alone, and the votes behind it."""

    position: int
    text: str
    is_kept: bool
    reason: str
    rule: str
    votes: tuple[BlockVote, ...]


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """Where the raw response of an article's page is, and what is known of it. Paths are below `folder`."""

    article_id: int
    title: str
    url: str
    final_url: str
    fetched_at: str
    record: RecordLocation
    body: RecordLocation | None
    folder: Path


PageJudge = Callable[[StoredResponse], Awaitable[tuple[VotedBlock, ...]]]
"""Judges a stored page again. NotHereError, in one line, if its record or its page cannot be read."""


@dataclass(frozen=True, slots=True)
class VotesView:
    """The votes on an article's page."""

    article_id: int
    title: str
    url: str
    blocks: tuple[VotedBlock, ...]


def find_response(db: Database, article_id: int, folder: Path) -> StoredResponse:
    """The raw response behind an article's text. NotHereError if none was kept."""
    row = db.execute(_PLACE, [article_id]).fetchone()
    if row is None:
        raise NotHereError("no raw response of this article was kept, from which it could be judged again")
    title, url, final_url, fetched_at, *places = row
    body = None if places[3] is None else RecordLocation(*places[3:])
    return StoredResponse(article_id, title, url, final_url, fetched_at, RecordLocation(*places[:3]), body, folder)
