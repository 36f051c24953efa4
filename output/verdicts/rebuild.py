"""Assembling an article's text from the ledger again, after verdicts on its blocks have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlite_utils import Database

from broadsheet.cleaners.document import Block, KeepReason, Verdict
from broadsheet.cleaners.verdicts.assemble import assemble
from broadsheet.output.db.ids import text_digest
from broadsheet.output.db.text import count_words, storable_text
from broadsheet.output.store.articles import ArticleChange, note_change
from broadsheet.output.store.ledger import read_kept_blocks, read_ledger
from broadsheet.output.store.multipage import further_blocks, has_further_pages, head_page
from broadsheet.output.store.page_rows import PageRows
from broadsheet.output.store.revisions import correct_revision
from broadsheet.output.verdicts.stored_certainty import update_expected_f1

_KEPT = Verdict(True, KeepReason.SELECTED, "")


@dataclass(frozen=True, slots=True)
class AssembledText:
    """The text of a page's kept blocks and of those of its article's further pages, with its length in words.

    `kept_count` is of the blocks of the page itself.
    """

    text: str
    markdown: str
    word_count: int
    kept_count: int


def assemble_page(db: Database, page_id: int, kept_instead: Mapping[int, bool] | None = None) -> AssembledText:
    """The text that a page's ledger gives; `kept_instead` overrides by position whether a block is kept."""
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
    """Set counts and `expected_f1` in a page's row; digest and word count stay those of the page's own text."""
    db.execute(
        "UPDATE pages SET kept = ?1, removed = blocks - ?1 WHERE id = ?2",
        [assembled.kept_count, page_id],
    )
    update_expected_f1(db, page_id)


def rebuild_page(db: Database, page_id: int, changed_at: str) -> None:
    """Assemble the text of a page's article again, and of the article of which it is a further page.

    A text that differs is noted in `changes` at `changed_at`. The current revision is corrected in place: it is the
    same capture with other verdicts. Runs in the caller's transaction.
    """
    assembled = assemble_page(db, page_id)
    update_counts(db, page_id, assembled)
    for table in ("articles", "shelved"):
        query = f"SELECT id, text, markdown FROM {table} WHERE page_id = ?"
        for article_number, text, markdown in db.execute(query, [page_id]).fetchall():
            if (text, markdown) != (assembled.text, assembled.markdown):
                _replace_text(db, table, article_number, assembled)
            if text != assembled.text:
                _note_new_text(db, table, article_number, assembled, changed_at)
    if (head_id := head_page(db, page_id)) != page_id:
        rebuild_page(db, head_id, changed_at)


def _replace_text(db: Database, table: str, article_number: int, assembled: AssembledText) -> None:
    update = f"UPDATE {table} SET text = ?, markdown = ?, word_count = ? WHERE id = ?"
    db.execute(update, [assembled.text, assembled.markdown, assembled.word_count, article_number])


def _note_new_text(db: Database, table: str, article_number: int, assembled: AssembledText, changed_at: str) -> None:
    correct_revision(db, article_number, None, text_digest(assembled.text))
    if table == "articles":
        note_change(db, article_number, changed_at, ArticleChange.CHANGED)


def with_further_pages(db: Database, page_id: int, rows: PageRows) -> PageRows:
    """The rows of a page whose ledger was just stored, with the text of its article's further pages added."""
    if not has_further_pages(db, page_id):
        return rows
    assembled = assemble_page(db, page_id)
    digest = text_digest(assembled.text)
    return replace(rows, text=assembled.text, markdown=assembled.markdown, words=assembled.word_count, digest=digest)
