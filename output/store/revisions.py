"""The revisions of articles: their rows, and the blocks of those that another one has replaced.

A new capture whose text or title differs makes a revision that is `pending`: whether the publication changed the
article, or only something around it or a verdict, is decided when the crawl settles, under the same evidence for both
captures (`output.watch.decide_edits`). All of it runs in the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from cleaners.compare.edits import may_matter
from cleaners.compare.site_memory import container
from output.db.ids import content_id
from output.db.text import storable
from output.store.ledger import read_layout

PENDING, FIRST, WITHDRAWN, RETURNED, CLEANER = "pending", "first", "withdrawn", "returned", "cleaner"
BARE = (WITHDRAWN, RETURNED)
"""Revisions without a text of their own: that of the one before still holds."""

_BOX_BITS = 31
_BARE = str(BARE)
_LATEST_TEXT = f"SELECT max(number) FROM revisions WHERE article_id = ? AND change NOT IN {_BARE}"
_NEXT = "SELECT coalesce(max(number), 0) + 1 FROM revisions WHERE article_id = ?"
_INSERT = """INSERT INTO revisions (article_id, number, seen_at, capture_id, title, text_digest, change, kinds, note)
    VALUES (:article_id, :number, :seen_at, :capture_id, :title, :text_digest, :change, :kinds, :note)"""
_BLOCKS = """SELECT b.position, b.block_id, b.kind, b.kept, b.reason_id, length(t.text)
    FROM page_blocks b JOIN block_texts t ON t.id = b.block_id WHERE b.page_id = ? ORDER BY b.position"""
_PUT = """INSERT INTO revision_blocks (
        article_id, number, position, block_id, kind, kept, reason_id, box, linked, elsewhere)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,
        coalesce((SELECT max(pages) - 1 FROM block_evidence WHERE block_id = ?), 0))"""
_LAYOUT = "SELECT layout FROM page_layout WHERE page_id = ?"
_STATED = """SELECT a.title, a.published, a.metadata_sources, a.cleaner_version || ' ' || coalesce(p.cleaner_id, '')
    FROM (SELECT title, published, metadata_sources, cleaner_version, page_id FROM articles WHERE id = ?1 UNION ALL
        SELECT title, published, metadata_sources, cleaner_version, page_id FROM shelved WHERE id = ?1) a
    JOIN pages p ON p.id = a.page_id"""

_LINKED = 0.9  # share of a text's characters that are link text, from which the text is a link
_Row = tuple[int, int, int, int, int, int]  # position, number of the text, kind, kept, reason, length of the text


@dataclass(frozen=True, slots=True)
class Stated:
    """What the page of an article states of it and where, and the cleaner that read it: its version and number."""

    title: str = ""
    title_source: str = ""
    published: str = ""
    published_source: str = ""
    cleaner: str = ""

    def packed(self) -> str:
        """As JSON."""
        return json.dumps([getattr(self, name) for name in self.__slots__], ensure_ascii=False)

    @classmethod
    def unpacked(cls, text: str) -> Stated:
        """Back from JSON."""
        return cls(*json.loads(text))


@dataclass(frozen=True, slots=True)
class Standing:
    """What an archive holds of an article before another capture takes its place: its page's ledger and statements."""

    blocks: tuple[_Row, ...]
    layout: bytes
    stated: Stated

    @property
    def kept(self) -> tuple[int, ...]:
        """The texts that are kept, in order."""
        return tuple(row[1] for row in self.blocks if row[3])


@dataclass(frozen=True, slots=True)
class Seen:
    """A capture of an article that was just stored: when, and the digest of the text that came of it."""

    article_id: int
    page_id: int
    capture_id: int | None
    at: str
    digest: str


def standing(db: Database, article_id: int, page_id: int) -> Standing:
    """The article as it stands now."""
    layout = db.execute(_LAYOUT, [page_id]).fetchone()
    return Standing(
        tuple(db.execute(_BLOCKS, [page_id]).fetchall()), layout[0] if layout else b"", stated(db, article_id)
    )


def stated(db: Database, article_id: int) -> Stated:
    """What the article's page states of it."""
    title, published, sources, cleaner = db.execute(_STATED, [article_id]).fetchone()
    said = json.loads(sources)
    return Stated(title, str(said.get("title", "")), published or "", str(said.get("published", "")), cleaner)


def note_first(db: Database, seen: Seen, title: str) -> None:
    """The first sight of an article, or the first since it was taken out."""
    _insert(db, seen, title, FIRST)


def note_capture(db: Database, seen: Seen, before: Standing) -> None:
    """Another capture took the place of `before`: a pending revision, if it may be an edit."""
    now = standing(db, seen.article_id, seen.page_id)
    if not _may_be_edit(db, before, now):
        correct(db, seen.article_id, now.stated.title, seen.digest)
        return
    row = db.execute(_LATEST_TEXT, [seen.article_id]).fetchone()
    if row[0] is None:
        return
    put_blocks(db, seen.article_id, int(row[0]), before)
    _insert(db, seen, now.stated.title, PENDING, note=before.stated.packed())


def note_bare(db: Database, seen: Seen, title: str, change: str, note: str = "") -> int:
    """An article was withdrawn, or returned; return the revision's number."""
    return _insert(db, seen, title, change, (change,), note)


def correct(db: Database, article_id: int, title: str | None, digest: str) -> None:
    """The current text of an article is judged otherwise: its revision is corrected in place. None: title as it is."""
    db.execute(
        f"""UPDATE revisions SET title = coalesce(?1, title), text_digest = ?2
            WHERE article_id = ?3 AND number >= (SELECT max(number) FROM revisions
                WHERE article_id = ?3 AND change NOT IN {_BARE})""",
        [title, digest, article_id],
    )


def is_pending(db: Database, article_id: int) -> bool:
    """Whether a revision of the article waits to be decided."""
    query = "SELECT 1 FROM revisions WHERE article_id = ? AND change = 'pending'"
    return db.execute(query, [article_id]).fetchone() is not None


def put_blocks(db: Database, article_id: int, number: int, held: Standing) -> None:
    """Store the blocks of a revision that another one replaces, with what the site's memory knows of them."""
    places = places_of(held.layout, [row[5] for row in held.blocks])
    rows = [(article_id, number, *row[:5], *place, row[1]) for row, place in zip(held.blocks, places, strict=True)]
    drop_blocks(db, article_id, number)
    db.conn.executemany(_PUT, rows)


def drop_blocks(db: Database, article_id: int, number: int) -> None:
    """Forget the blocks of a revision that holds again."""
    db.execute("DELETE FROM revision_blocks WHERE article_id = ? AND number = ?", [article_id, number])


def places_of(layout: bytes, lengths: Sequence[int]) -> list[tuple[int, int]]:
    """For each block, of so many characters, the number of the part of the page that it stands in, and whether all
    of it is a link."""
    places = [(row[0], row[2]) for row in read_layout(layout)] if layout else [("", 0)] * len(lengths)
    return [
        (content_id(container(path), bits=_BOX_BITS), int(linked >= _LINKED * length > 0))
        for (path, linked), length in zip(places, lengths, strict=True)
    ]


def _may_be_edit(db: Database, before: Standing, now: Standing) -> bool:
    was, then = before.stated, now.stated
    if before.kept != now.kept or (was.title, was.published) != (then.title, then.published):
        return True
    known = {row[1] for row in before.blocks}
    fresh = [row[1] for row in now.blocks if row[1] not in known]
    texts = (db.execute("SELECT text FROM block_texts WHERE id = ?", [number]).fetchone()[0] for number in fresh)
    return any(may_matter(text) for text in texts)


def _insert(db: Database, seen: Seen, title: str, change: str, kinds: Sequence[str] = (), note: str = "") -> int:
    number = int(db.execute(_NEXT, [seen.article_id]).fetchone()[0])
    db.execute(
        _INSERT,
        {
            "article_id": seen.article_id,
            "number": number,
            "seen_at": seen.at,
            "capture_id": seen.capture_id,
            "title": title,
            "text_digest": seen.digest,
            "change": change,
            "kinds": json.dumps(list(kinds)),
            "note": storable(note),
        },
    )
    return number
