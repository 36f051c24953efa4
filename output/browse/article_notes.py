"""Notes above an article: what a reader should know before trusting its text.

An article may be withdrawn, shelved, of low certainty, edited, the free beginning of a longer one, or little more than
pictures. Each note has a sentence, and where it helps a link.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from broadsheet.cleaners.compare.edit_kinds import COMPARED_KINDS, EditKind
from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.judge.certainty import Certainty, certainty

from ..read.archive_facts import PICTURE_WORDS
from ..read.edit_history import Revision
from ..read.plain_words import count_text

_SHELVED = {
    "duplicate": "the same text stands under another URL, which names the article",
    "list": "it only repeats other articles",
    "part": "its text is in the article of another page",
    "withdrawn": "a person says that it is no article",
}


class NoteKind(StrEnum):
    """Kind of a note, the most important first."""

    WITHDRAWN = "withdrawn"
    SHELVED = "shelved"
    EMPTIED = "emptied"
    UNCERTAIN = "uncertain"
    EDITED = "edited"
    TEASER = "teaser"
    PICTURES = "pictures"


class ArticleNote(NamedTuple):
    """A note: its kind, the sentence, and a link below the article's address with its words (empty: none)."""

    kind: NoteKind
    text: str
    path: str = ""
    link: str = ""


class NotedFacts(NamedTuple):
    """Facts of an article that notes are made of. `certainty` is the expected F1; None: not known."""

    shelving_reason: str
    page_type: str
    certainty: float | None
    word_count: int
    has_pictures: bool
    is_emptied: bool
    revisions: Sequence[Revision]


def article_notes(facts: NotedFacts) -> Iterator[ArticleNote]:
    """Yield the notes of an article, the most important first."""
    latest = facts.revisions[-1] if facts.revisions else None
    if latest is not None and latest.change == EditKind.WITHDRAWN and not facts.shelving_reason:
        seen = f"Its site has withdrawn this article, as seen on {latest.seen_at[:10]}"
        yield ArticleNote(NoteKind.WITHDRAWN, f"{seen}. The archive keeps the last text.")
    if facts.shelving_reason:
        why = _SHELVED.get(facts.shelving_reason, facts.shelving_reason)
        yield ArticleNote(NoteKind.SHELVED, f"This article is shelved: {why}.")
    if facts.is_emptied:
        text = "A person took all of its text out."
        yield ArticleNote(NoteKind.EMPTIED, text, "?view=blocks", "The blocks")
    elif facts.certainty is not None and certainty(facts.certainty) is Certainty.LOW:
        text = "The text is of low certainty: something may be missing, or too much."
        yield ArticleNote(NoteKind.UNCERTAIN, text, "?view=blocks", "What was removed")
    yield from _edit_notes(facts.revisions)
    if facts.page_type == PageType.TEASER:
        yield ArticleNote(NoteKind.TEASER, "This is the free beginning of an article behind a paywall.")
    if facts.has_pictures and facts.word_count < PICTURE_WORDS and not facts.is_emptied:
        words = count_text(facts.word_count, "word")
        yield ArticleNote(NoteKind.PICTURES, f"The page has pictures with hardly a word: {words}.")


def _edit_notes(revisions: Sequence[Revision]) -> Iterator[ArticleNote]:
    """Yield a note on the edits of the publication, with the notice of the latest one."""
    edits = [revision for revision in revisions if not set(COMPARED_KINDS).isdisjoint(revision.kinds)]
    if not edits:
        return
    latest = edits[-1]
    kinds, day = ", ".join(latest.kinds), latest.seen_at[:10]
    text = f"Its publication edited this article: {count_text(len(edits), 'edit')}, the latest on {day} ({kinds})."
    notice = f" “{latest.note}”" if latest.note else ""
    yield ArticleNote(NoteKind.EDITED, text + notice, f"/diff?to={latest.number}", "What changed")
