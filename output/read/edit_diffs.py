"""Words that an edit changed in an article, for feeds and messages, and the links to both versions."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from sqlite_utils import Database

from broadsheet.cleaners.compare.text_comparison import ADDED_SIGN, REMOVED_SIGN, SAME_SIGN, WordChanges

from .edit_history import TextNotKeptError, compare_revisions, find_revised_article, revisions_of

_MAX_BLOCKS = 5  # of one edit
_SHOWN_CHARS = 60  # of words that stay, on each side of a change
_MARKS = {REMOVED_SIGN: ("[-", "-]"), ADDED_SIGN: ("{+", "+}")}
_ELEMENTS = {REMOVED_SIGN: "del", ADDED_SIGN: "ins"}


class EditDiff(NamedTuple):
    """An edit word by word: the numbers of the revisions before and after, the captures that they were read from, the
    words of a title that changed, and those of the changed blocks in order. `others` counts blocks left out.
    """

    article_id: int
    first: int
    last: int
    first_capture: int | None
    last_capture: int | None
    title: WordChanges
    blocks: tuple[WordChanges, ...]
    others: int


def read_edit_diff(db: Database, article_id: int, revision: int) -> EditDiff | None:
    """Read what the edit that made a revision changed; None for one without a text, or whose texts were not kept."""
    article = find_revised_article(db, str(article_id))
    revisions = [kept for kept in revisions_of(db, article_id) if not kept.is_textless]
    last = next((kept for kept in revisions if kept.number == revision), None)
    earlier = [kept for kept in revisions if kept.number < revision]
    if article is None or last is None or not earlier:
        return None
    try:
        comparison = compare_revisions(db, article, earlier[-1], last)
    except TextNotKeptError:
        return None
    blocks = [row.words for row in comparison.rows if row.kind != "same"]
    return EditDiff(
        article.id, earlier[-1].number, last.number, earlier[-1].capture_id, last.capture_id,
        comparison.title if earlier[-1].title != last.title else (), tuple(blocks[:_MAX_BLOCKS]),
        max(0, len(blocks) - _MAX_BLOCKS),
    )  # fmt: skip


def version_links(diff: EditDiff, room: str) -> list[tuple[str, str]]:
    """Return the pages of a reading room, whose address of the archive is `room`, that show an edit: both versions
    beside each other, then each as it was received.
    """
    base = room if room.endswith("/") else f"{room}/"
    compared = f"{base}article/{diff.article_id}/diff?from={diff.first}&to={diff.last}"
    captures = (("before", diff.first_capture), ("after", diff.last_capture))
    return [("both versions", compared), *((name, f"{base}capture/{number}") for name, number in captures if number)]


def marked_blocks(diff: EditDiff) -> Iterator[str]:
    """Yield each changed block as one line, [-so-] {+thus+}; unchanged text far from a change is cut."""
    for words in filter(None, (diff.title, *diff.blocks)):
        yield " ".join("".join(_marked(sign, text) for sign, text in _cut(words)).split())
    if diff.others:
        yield f"… and {diff.others:,} more"


def _marked(sign: str, text: str) -> str:
    if sign == SAME_SIGN:
        return text
    begin, end = _MARKS[sign]
    return f"{begin}{text.rstrip()}{end}{text[len(text.rstrip()) :] or ' '}"


def diff_html(diff: EditDiff) -> str:
    """Return the changed title and blocks as HTML, a paragraph each, with `del` and `ins`."""
    paragraphs = [f"<p><b>{_words_html(diff.title)}</b></p>"] if diff.title else []
    paragraphs += [f"<p>{_words_html(words)}</p>" for words in diff.blocks]
    return "".join(paragraphs) + (f"<p>… and {diff.others:,} more</p>" if diff.others else "")


def _words_html(words: WordChanges) -> str:
    return "".join(
        f"<{_ELEMENTS[sign]}>{escape(text)}</{_ELEMENTS[sign]}>" if sign in _ELEMENTS else escape(text)
        for sign, text in words
    )


def _cut(words: WordChanges) -> Iterator[tuple[str, str]]:
    """Yield the words, with long unchanged passages cut: in the middle, or at the outer end of the first and last."""
    for index, (sign, text) in enumerate(words):
        if sign != SAME_SIGN or len(text) <= 2 * _SHOWN_CHARS + 1:
            yield sign, text
            continue
        head = "" if index == 0 else text[:_SHOWN_CHARS].rpartition(" ")[0] or text[:_SHOWN_CHARS]
        tail = "" if index == len(words) - 1 else text[-_SHOWN_CHARS:].partition(" ")[2] or text[-_SHOWN_CHARS:]
        yield sign, f"{head} … {tail}"
