"""Making an article's text anew from the ledger, after verdicts on its blocks have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlite_utils import Database

from cleaners.document import Block, Verdict
from cleaners.verdicts.assemble import assemble
from output.db.ids import text_digest
from output.db.text import count_words, storable
from output.store.articles import note_change
from output.store.ledger import read_ledger
from output.store.multipage import further_blocks, has_further_pages, head_of
from output.store.page_rows import PreparedPage
from output.store.revisions import correct

_KEPT = Verdict(True, "", "")


@dataclass(frozen=True, slots=True)
class Assembled:
    """The kept blocks of a page, and of those that go on with its article: text, markdown, length in words.

    `kept` counts those of the page itself.
    """

    text: str
    markdown: str
    words: int
    kept: int


def assembled(db: Database, page_id: int, otherwise: Mapping[int, bool] | None = None) -> Assembled:
    """What a page's ledger gives, with the pages that go on; `otherwise` says which positions are kept instead."""
    blocks = _kept_blocks(db, page_id, otherwise or {})
    return _assembled([*blocks, *further_blocks(db, page_id, blocks)], len(blocks))


def _kept_blocks(db: Database, page_id: int, otherwise: Mapping[int, bool]) -> list[Block]:
    return [block for block, _ in read_ledger(db, page_id, otherwise.get)]


def _assembled(blocks: list[Block], kept: int) -> Assembled:
    text, markdown = assemble(blocks, [_KEPT] * len(blocks))
    text = storable(text)
    return Assembled(text, storable(markdown), count_words(text), kept)


def count_page(db: Database, page_id: int, found: Assembled) -> None:
    """Bring the counts in a page's row in line with its ledger; its digest and words stay those of its own text."""
    db.execute(
        "UPDATE pages SET kept = ?1, removed = blocks - ?1 WHERE id = ?2",
        [found.kept, page_id],
    )


def rebuild_page(db: Database, page_id: int, at: str) -> None:
    """Make a page's counts and its article's text anew, and the text of the article that it is a part of; a text
    that differs is a change at `at`.

    The current revision is corrected in place: it is the same capture, judged otherwise. Runs in the caller's
    transaction.
    """
    found = assembled(db, page_id)
    count_page(db, page_id, found)
    for table in ("articles", "shelved"):
        query = f"SELECT id, text, markdown FROM {table} WHERE page_id = ?"
        for number, text, markdown in db.execute(query, [page_id]).fetchall():
            if (text, markdown) != (found.text, found.markdown):
                _replace(db, table, number, found)
            if text != found.text:
                _note(db, table, number, found, at)
    if (head := head_of(db, page_id)) != page_id:
        rebuild_page(db, head, at)


def _replace(db: Database, table: str, number: int, found: Assembled) -> None:
    update = f"UPDATE {table} SET text = ?, markdown = ?, word_count = ? WHERE id = ?"
    db.execute(update, [found.text, found.markdown, found.words, number])


def _note(db: Database, table: str, number: int, found: Assembled, at: str) -> None:
    correct(db, number, None, text_digest(found.text))
    if table == "articles":
        note_change(db, number, at, "changed")


def joined(db: Database, page_id: int, rows: PreparedPage) -> PreparedPage:
    """A page whose ledger was just stored, with the text of the pages that go on with its article."""
    if not has_further_pages(db, page_id):
        return rows
    found = assembled(db, page_id)
    digest = text_digest(found.text)
    return replace(rows, text=found.text, markdown=found.markdown, words=found.words, digest=digest)
