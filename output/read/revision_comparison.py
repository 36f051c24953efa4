"""Two revisions of an article side by side: the titles word by word, and the article's blocks before and after."""

from __future__ import annotations

from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.edits import ArticleVersion, BlockChange, align_versions
from broadsheet.cleaners.compare.text_comparison import WordChanges, diff_words

from ..write.edit_history import RevisedArticle, Revision, blocks_of_revision


class TextNotKeptError(Exception):
    """A revision of which the text was not kept; the message is one line."""


class Comparison(NamedTuple):
    """An article's revisions `first` and `last`: the title's words, and the blocks in the order of the new text."""

    article: RevisedArticle
    first: Revision
    last: Revision
    title: WordChanges
    rows: tuple[BlockChange, ...]


def compare_revisions(db: Database, article: RevisedArticle, first: Revision, last: Revision) -> Comparison:
    """Compare two of an article's revisions.

    Raises TextNotKeptError if the text of one of them was not kept.
    """
    old_blocks, new_blocks = (
        blocks_of_revision(db, article.id, article.page_id, revision.number) for revision in (first, last)
    )
    if old_blocks is None or new_blocks is None:
        number = (first if old_blocks is None else last).number
        message = f"the text of revision {number} of {article.url} was not kept by the version that saw it"
        raise TextNotKeptError(message)
    rows = align_versions(ArticleVersion(old_blocks), ArticleVersion(new_blocks))
    return Comparison(article, first, last, diff_words(first.title, last.title), rows)
