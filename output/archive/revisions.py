"""The revisions of articles: their rows, and the blocks of those that a later one has replaced.

A new capture whose text or title differs is noted as pending. When the crawl settles,
`broadsheet.output.write.edit_decisions` decides with the same evidence for both captures whether the publication
changed the article, or only something around it or a verdict. Only an edit becomes a revision, with the next number.
All of it runs in the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from sqlite_utils import Database

from broadsheet.cleaners.compare.edit_kinds import TEXTLESS_KINDS, EditKind
from broadsheet.cleaners.compare.edits import CapturedBlock, may_report_edit
from broadsheet.cleaners.compare.text_comparison import container_path

from .ledger import read_layout
from .page_rows import Sighting
from .stored_text import sql_words, storable_text
from .stored_values import BLOCK_KINDS, content_id, decoding, json_value, stored_object


class RevisionMark(StrEnum):
    """The mark of a revision that is not an edit, in `revisions.change`."""

    FIRST = "first"
    CLEANER = "cleaner"  # another cleaner made the text, so that nobody can say what the publication changed


RevisionChange: TypeAlias = EditKind | RevisionMark
"""What a revision is; of an edit its most important kind."""

_CONTAINER_BITS = 31
_TEXTLESS = sql_words(TEXTLESS_KINDS)
_LATEST_TEXT = f"SELECT max(number) FROM revisions WHERE article_id = ? AND change NOT IN {_TEXTLESS}"
_NEXT_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM revisions WHERE article_id = ?"
_INSERT = """INSERT INTO revisions (article_id, number, seen_at, capture_id, title, text_digest, change, kinds,
        added, removed, rewritten, note)
    VALUES (:article_id, :number, :seen_at, :capture_id, :title, :text_digest, :change, :kinds,
        :added, :removed, :rewritten, :note)"""
_NOTE_PENDING = """INSERT INTO _pending_revisions (
        article_id, seen_at, capture_id, title, text_digest, before) VALUES (?, ?, ?, ?, ?, ?)"""
_CORRECTED = "SET title = coalesce(?1, title), text_digest = coalesce(?2, text_digest) WHERE article_id = ?3"
_BLOCKS = """SELECT b.position, b.block_id, b.kind, b.kept, b.reason_id, length(t.text)
    FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id WHERE b.page_id = ? ORDER BY b.position"""
_PUT_BLOCK = """INSERT INTO _revision_blocks (
        article_id, number, position, block_id, kind, kept, reason_id, box, linked, elsewhere)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
        coalesce((SELECT max(pages) - 1 FROM _block_evidence WHERE block_id = ?4 AND at_place = 0), 0))"""
_LAYOUT = "SELECT layout FROM _page_layout WHERE page_id = ?"
_REVISION_BLOCKS = """SELECT b.block_id, b.kind, b.kept, b.box, b.linked, b.elsewhere, t.text
    FROM _revision_blocks b JOIN _block_texts t ON t.id = b.block_id
    WHERE b.article_id = ? AND b.number = ? ORDER BY b.position"""
_PAGE_BLOCKS = """SELECT b.block_id, b.kind, b.kept, t.text FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
    WHERE b.page_id = ? ORDER BY b.position"""
_METADATA = """SELECT a.title, a.published_stated, a.metadata_sources,
        a.cleaner_version || ' ' || coalesce(p.cleaner_id, '')
    FROM (SELECT title, published_stated, metadata_sources, cleaner_version, page_id
            FROM articles WHERE id = ?1
        UNION ALL SELECT title, published_stated, metadata_sources, cleaner_version, page_id
            FROM shelved WHERE id = ?1) a
    JOIN pages p ON p.id = a.page_id"""

_LINK_SHARE = 0.9  # share of link text in a block's characters, from which the block counts as a link
NumberedBlock = tuple[int, CapturedBlock]  # id of the text, and the block
_BlockRow = tuple[int, int, int, int, int, int]  # position, text id, kind, kept, reason id, length of the text


@dataclass(frozen=True, slots=True)
class VersionMetadata:
    """Title and date that an article's page states, their sources, and the cleaner that read it: version and id."""

    title: str = ""
    title_source: str = ""
    published: str = ""
    published_source: str = ""
    cleaner: str = ""

    def to_json(self) -> str:
        """Return the values as a JSON list, in the order of the fields."""
        return json.dumps([getattr(self, name) for name in self.__slots__], ensure_ascii=False)

    @classmethod
    def from_json(cls, json_text: str) -> VersionMetadata:
        """Return the metadata that `to_json` wrote."""
        return cls(*json_value(json_text))


@dataclass(frozen=True, slots=True)
class ArticleState:
    """The state of an article at a time: the blocks and layout of its page, and the stated metadata."""

    blocks: tuple[_BlockRow, ...]
    layout: bytes
    metadata: VersionMetadata

    @property
    def kept_texts(self) -> tuple[int, ...]:
        """Return the ids of the texts that are kept, in order."""
        return tuple(row[1] for row in self.blocks if row[3])


class RevisionValues(NamedTuple):
    """The values of a revision besides place and time: the article's title, the digest of its text, and its change."""

    title: str
    text_digest: str
    change: RevisionChange
    kinds: Sequence[RevisionChange] = ()
    note: str = ""
    added: int = 0
    removed: int = 0
    rewritten: int = 0


def read_article_state(db: Database, article_id: int, page_id: int) -> ArticleState:
    """Read the article as the archive holds it now."""
    layout = db.execute(_LAYOUT, [page_id]).fetchone()
    return ArticleState(
        tuple(db.execute(_BLOCKS, [page_id]).fetchall()),
        layout[0] if layout else b"",
        read_stated_metadata(db, article_id),
    )


def read_stated_metadata(db: Database, article_id: int) -> VersionMetadata:
    """Read the metadata in the row of the article, shelved or not."""
    title, published, sources, cleaner = db.execute(_METADATA, [article_id]).fetchone()
    source_names = stored_object(sources, "articles", "metadata_sources", article_id)
    return VersionMetadata(
        title, str(source_names.get("title", "")), published or "", str(source_names.get("published", "")), cleaner
    )


def note_revision(db: Database, sighting: Sighting, values: RevisionValues) -> int:
    """Add a revision with the next number of its article, and return the number."""
    number = int(db.execute(_NEXT_NUMBER, [sighting.article_id]).fetchone()[0])
    db.execute(
        _INSERT,
        {
            "article_id": sighting.article_id,
            "number": number,
            "seen_at": sighting.seen_at,
            "capture_id": sighting.capture_id,
            "title": values.title,
            "text_digest": values.text_digest,
            "change": str(values.change),
            "kinds": json.dumps(list(values.kinds)),
            "added": values.added,
            "removed": values.removed,
            "rewritten": values.rewritten,
            "note": storable_text(values.note),
        },
    )
    return number


def note_new_capture(db: Database, sighting: Sighting, digest: str, state_before: ArticleState) -> None:
    """Note a capture after `state_before` as pending, if it may be an edit; else correct the last revision.

    `digest` is that of the article's text as it is stored now.
    """
    article_number = sighting.article_id
    state_now = read_article_state(db, article_number, sighting.page_id)
    title = state_now.metadata.title
    if not _may_be_edit(db, state_before, state_now):
        correct_revision(db, article_number, title, digest)
        return
    row = db.execute(_LATEST_TEXT, [article_number]).fetchone()
    if row[0] is None:
        return
    put_revision_blocks(db, article_number, int(row[0]), state_before)
    before = state_before.metadata.to_json()
    db.execute(_NOTE_PENDING, [article_number, sighting.seen_at, sighting.capture_id, title, digest, before])


def correct_revision(db: Database, article_id: int, title: str | None = None, digest: str | None = None) -> None:
    """Correct the pending revision in place, or the current one, after the same capture got another text or title."""
    values = [title, digest, article_id]
    if not db.execute(f"UPDATE _pending_revisions {_CORRECTED}", values).rowcount:
        db.execute(
            f"""UPDATE revisions {_CORRECTED} AND number >= (SELECT max(number) FROM revisions
                WHERE article_id = ?3 AND change NOT IN {_TEXTLESS})""",
            values,
        )


def drop_pending(db: Database, article_id: int) -> None:
    """Delete the pending revision of an article, if there is one."""
    db.execute("DELETE FROM _pending_revisions WHERE article_id = ?", [article_id])


def put_revision_blocks(db: Database, article_id: int, number: int, state: ArticleState) -> None:
    """Store the blocks of a revision that a later one replaces, with the number of other pages that had each."""
    with decoding("_page_layout", "layout", f"of article {article_id}"):
        containers = block_containers(state.layout, [row[5] for row in state.blocks])
    rows = [(article_id, number, *row[:5], *container) for row, container in zip(state.blocks, containers, strict=True)]
    drop_revision_blocks(db, article_id, number)
    db.conn.executemany(_PUT_BLOCK, rows)


def drop_revision_blocks(db: Database, article_id: int, number: int) -> None:
    """Delete the stored blocks of a revision that is the current one again."""
    db.execute("DELETE FROM _revision_blocks WHERE article_id = ? AND number = ?", [article_id, number])


def block_containers(layout: bytes, lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Return for each block the id of its container in the page, and 1 if (nearly) all of its text is a link, else 0.

    `lengths` are the numbers of characters of the blocks.
    """
    paths = [(row[0], row[2]) for row in read_layout(layout)] if layout else [("", 0)] * len(lengths)
    return [
        (content_id(container_path(path), bits=_CONTAINER_BITS), int(link_chars >= _LINK_SHARE * length > 0))
        for (path, link_chars), length in zip(paths, lengths, strict=True)
    ]


def replaced_blocks(db: Database, article_id: int, number: int) -> list[NumberedBlock]:
    """Return the stored blocks of a replaced revision, each with the id of its text."""
    rows = db.execute(_REVISION_BLOCKS, [article_id, number]).fetchall()
    with decoding("_revision_blocks", "kind", f"{article_id}/{number}"):
        return [
            (block_id, CapturedBlock(text, BLOCK_KINDS[kind], bool(is_kept), container, bool(is_link), article_count))
            for block_id, kind, is_kept, container, is_link, article_count, text in rows
        ]


def ledger_blocks(db: Database, page_id: int) -> list[NumberedBlock]:
    """Return the blocks of a page's ledger, each with the id of its text."""
    rows = db.execute(_PAGE_BLOCKS, [page_id]).fetchall()
    layout = db.execute(_LAYOUT, [page_id]).fetchone()
    with decoding("_page_layout", "layout", page_id):
        containers = block_containers(layout[0] if layout else b"", [len(text) for _, _, _, text in rows])
    with decoding("_page_blocks", "kind", page_id):
        return [
            (block_id, CapturedBlock(text, BLOCK_KINDS[kind], bool(is_kept), container, bool(is_link)))
            for (block_id, kind, is_kept, text), (container, is_link) in zip(rows, containers, strict=True)
        ]


def _may_be_edit(db: Database, state_before: ArticleState, state_now: ArticleState) -> bool:
    """Return whether kept texts, title or date differ, or a new block may be a note about an edit."""
    metadata_before, metadata_now = state_before.metadata, state_now.metadata
    if state_before.kept_texts != state_now.kept_texts or (metadata_before.title, metadata_before.published) != (
        metadata_now.title,
        metadata_now.published,
    ):
        return True
    known_ids = {row[1] for row in state_before.blocks}
    new_ids = [row[1] for row in state_now.blocks if row[1] not in known_ids]
    texts = (db.execute("SELECT text FROM _block_texts WHERE id = ?", [block_id]).fetchone()[0] for block_id in new_ids)
    return any(may_report_edit(text) for text in texts)
