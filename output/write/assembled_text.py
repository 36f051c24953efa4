"""An article's text assembled from the ledger again, after verdicts on its blocks have changed.

It covers articles on several pages, with the blocks that the further pages add, and the expected F1 of a page's
verdicts as they stand.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.document import Block, KeepReason, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.cleaners.judge.certainty import certain_chance, expected_verdict_f1
from broadsheet.cleaners.words import rough_word_count

from ..archive.article_storage import ArticleChange, note_change
from ..archive.ledger import read_kept_blocks, read_ledger
from ..archive.page_rows import PageRows
from ..archive.revisions import correct_revision
from ..archive.shelf import SqlValue, update_article
from ..archive.stored_text import count_words, storable_text
from ..archive.stored_values import decoding, text_digest
from ..archive.text_links import put_links, text_links

_KEPT = Verdict(True, KeepReason.SELECTED, "")


class AssembledText(NamedTuple):
    """The text of a page's kept blocks and of those of its article's further pages, with its length in words.

    `kept_count` is of the blocks of the page itself.
    """

    text: str
    markdown: str
    word_count: int
    kept_count: int


def assemble_page(db: Database, page_id: int, kept_instead: Mapping[int, bool] | None = None) -> AssembledText:
    """Assemble the text that a page's ledger gives; `kept_instead` overrides by position whether a block is kept."""
    blocks = _kept_blocks(db, page_id, kept_instead or {})
    return _assemble_blocks([*blocks, *further_blocks(db, page_id, blocks)], len(blocks))


def _kept_blocks(db: Database, page_id: int, kept_instead: Mapping[int, bool]) -> list[Block]:
    if not kept_instead:
        return list(read_kept_blocks(db, page_id))
    return [block for block, _ in read_ledger(db, page_id, kept_instead.get)]


def _assemble_blocks(blocks: list[Block], kept_count: int) -> AssembledText:
    text, markdown = assemble(blocks, [_KEPT] * len(blocks))
    text = storable_text(text)
    return AssembledText(text, storable_text(markdown), count_words(text), kept_count)


def update_counts(db: Database, page_id: int, assembled: AssembledText) -> None:
    """Set counts and `certainty` in a page's row; digest and word count stay those of the page's own text."""
    db.execute(
        "UPDATE pages SET kept = ?1, removed = blocks - ?1 WHERE id = ?2",
        [assembled.kept_count, page_id],
    )
    update_certainty(db, page_id)


def rebuild_page(db: Database, page_id: int, changed_at: str) -> None:
    """Assemble again the text of a page's article, and of the article that the page continues.

    A text that differs is noted in `changes` at `changed_at`. The current revision is corrected in place: it is the
    same capture with other verdicts. Runs in the caller's transaction.
    """
    assembled = assemble_page(db, page_id)
    update_counts(db, page_id, assembled)
    for table in ("articles", "shelved"):
        query = f"SELECT id, text, markdown, url FROM {table} WHERE page_id = ?"
        for article_number, text, markdown, url in db.execute(query, [page_id]).fetchall():
            if (text, markdown) != (assembled.text, assembled.markdown):
                values: dict[str, SqlValue] = {
                    "text": assembled.text,
                    "markdown": assembled.markdown,
                    "word_count": assembled.word_count,
                }
                update_article(db, table, article_number, values)
                put_links(db, page_id, text_links(assembled.markdown, url))
            if text != assembled.text:
                correct_revision(db, article_number, None, text_digest(assembled.text))
                if table == "articles":
                    note_change(db, article_number, changed_at, ArticleChange.CHANGED)
    if (head_id := head_page(db, page_id)) != page_id:
        rebuild_page(db, head_id, changed_at)


def with_assembled_text(db: Database, page_id: int, rows: PageRows) -> PageRows:
    """Return the rows of a page with the text of its stored ledger; store its counts too."""
    assembled = assemble_page(db, page_id)
    update_counts(db, page_id, assembled)
    return replace(
        rows,
        text=assembled.text,
        markdown=assembled.markdown,
        words=assembled.word_count,
        digest=text_digest(assembled.text),
        kept=assembled.kept_count,
    )


_FEW_WORDS = 4  # words; a shorter line may be repeated on a later page and belong to its text
_HEAD = "SELECT head_id FROM _page_parts WHERE page_id = ?"
_STORED_PARTS = """SELECT page_id, head_id, place FROM _page_parts
    WHERE ?1 IS NULL OR page_id IN (SELECT value FROM json_each(?1))"""
_PARTS = "SELECT page_id FROM _page_parts WHERE head_id = ? AND place > 0 ORDER BY place"


def put_parts(db: Database, parts: Mapping[int, ArticlePart], pages: Collection[int] | None = None) -> tuple[int, ...]:
    """Replace the parts (by page id) in the caller's transaction; return the first pages of old and new ones.

    Of `pages` alone, if given.
    """
    wanted = None if pages is None else json.dumps(sorted(pages))
    stored_parts = {row[0]: ArticlePart(*row[1:]) for row in db.execute(_STORED_PARTS, [wanted]).fetchall()}
    stale_pages = [page for page, part in stored_parts.items() if parts.get(page) != part]
    db.conn.executemany("DELETE FROM _page_parts WHERE page_id = ?", [(page,) for page in stale_pages])
    rows = [(page, part.head_id, part.index) for page, part in parts.items() if stored_parts.get(page) != part]
    db.conn.executemany("INSERT INTO _page_parts (page_id, head_id, place) VALUES (?, ?, ?)", rows)
    return tuple(sorted({part.head_id for part in (*stored_parts.values(), *parts.values())}))


def head_page(db: Database, page_id: int) -> int:
    """Return the first page of the article that this page continues; the page itself if it continues none."""
    row = db.execute(_HEAD, [page_id]).fetchone()
    return int(row[0]) if row else page_id


def has_further_pages(db: Database, page_id: int) -> bool:
    """Return whether a page is the first of an article that continues on other pages."""
    return db.execute(_PARTS, [page_id]).fetchone() is not None


def further_blocks(db: Database, page_id: int, head_blocks: Iterable[Block]) -> list[Block]:
    """Return the kept blocks of an article's pages after the first one, without those that an earlier page has.

    Sites repeat title and standfirst at the beginning of each page, and notes at its end.
    """
    known_texts = {block.text for block in head_blocks}
    blocks: list[Block] = []
    for (part_id,) in db.execute(_PARTS, [page_id]).fetchall():
        new_blocks = list(_new_blocks(read_kept_blocks(db, part_id), known_texts))
        known_texts |= {block.text for block in new_blocks}
        blocks += new_blocks
    return blocks


def _new_blocks(blocks: Iterable[Block], known_texts: set[str]) -> Iterable[Block]:
    """Return the blocks of a further page without repeats; a short repeat is dropped only at the beginning."""
    has_begun = False
    for block in blocks:
        is_repeated = block.text in known_texts and (not has_begun or count_words(block.text) >= _FEW_WORDS)
        has_begun = has_begun or not is_repeated
        if not is_repeated:
            yield block


@dataclass(frozen=True, slots=True)
class ArticlePart:
    """A page's part in an article: id of the first page, and index; -1 if the first page holds its text too."""

    head_id: int
    index: int


_BLOCKS = """SELECT t.text, b.kept, o.page_id IS NOT NULL
    FROM _page_blocks b JOIN _block_texts t ON t.id = b.block_id
        LEFT JOIN _own_verdicts o ON o.page_id = b.page_id AND o.position = b.position
    WHERE b.page_id = ? ORDER BY b.position"""

_UPDATE_CHANCES = """UPDATE _page_layout SET chances = ?1, layout = layout
    WHERE page_id = ?2 AND chances IS NOT ?1"""


def put_chances(db: Database, page_id: int, chances: bytes) -> None:
    """Store how likely each block of a page is its article's. Runs in the caller's transaction.

    Settling reads them; since only another layout marks a page as unsettled, the layout is written too.
    """
    db.execute(_UPDATE_CHANCES, [chances or None, page_id])


def stored_chances(db: Database, page_id: int) -> bytes:
    """Return the chance of each block of a page, a byte a block; empty if they are not known."""
    row = db.execute("SELECT chances FROM _page_layout WHERE page_id = ? AND chances IS NOT NULL", [page_id]).fetchone()
    with decoding("_page_layout", "chances", page_id):
        return memoryview(row[0]).tobytes() if row else b""


def update_certainty(db: Database, page_id: int) -> None:
    """Set a page's expected F1 to that of the verdicts in its ledger. Runs in the caller's transaction.

    What the site's memory or a person decided counts as certain.
    """
    certainty = _stored_certainty(db, page_id)
    db.execute("UPDATE pages SET certainty = ?1 WHERE id = ?2 AND certainty IS NOT ?1", [certainty, page_id])


def _stored_certainty(db: Database, page_id: int) -> float | None:
    if not (stored := stored_chances(db, page_id)):
        return None
    blocks = db.execute(_BLOCKS, [page_id]).fetchall()
    with decoding("_page_layout", "chances", page_id):
        chances = [
            certain_chance(is_kept=bool(is_kept)) if is_decided else chance
            for chance, (_, is_kept, is_decided) in zip(stored, blocks, strict=True)
        ]
    words = [rough_word_count(text) for text, _, _ in blocks]
    return expected_verdict_f1(words, bytes(chances), [bool(is_kept) for _, is_kept, _ in blocks])
