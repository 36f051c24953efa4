"""A page's blocks as numbers: what the learned voices see of them, at first sight and after all others were heard.

One row a block and one column a name. Text is counted over all blocks at once, and what depends on a block's place in
the markup is worked out once a place, so that a page costs a few milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cleaners.document import Column, Kind, Reading, Verdict
from cleaners.learned import characters as chars
from cleaners.learned.column_math import signed_log
from cleaners.learned.context_features import surroundings
from cleaners.learned.page_columns import Heard, View, heard, read_view
from cleaners.learned.selection_features import chosen_around
from cleaners.metadata.title_line import title_line

Columns = dict[str, Column]

_NO_LINE = -9  # stands for the distance to a line that the page does not have
_SHORT_WORDS = 80  # a longer block is not compared with title and description
_COPIES = 9
_TOLD_KINDS = (Kind.PARAGRAPH, Kind.HEADING, Kind.LIST_ITEM, Kind.QUOTE, Kind.CODE, Kind.CAPTION)
_KINDS = {kind: n for n, kind in enumerate(_TOLD_KINDS)}
_WORD = re.compile(r"\w+")


def first_features(view: View) -> tuple[list[str], Column]:
    """What is seen at first sight, before anybody was heard: the features' names, and a row of them for each block."""
    return _table(_seen(view))


def block_features(reading: Reading, verdicts: Sequence[Verdict]) -> tuple[list[str], Column]:
    """The features' names, and a row of them for each block. The page must have a block.

    `verdicts` are those of the named voices.
    """
    view = read_view(reading.blocks, reading.metadata)
    told = heard(view, reading.selected, verdicts)
    return _table(_seen(view) | {"selected": told.selected} | _votes(told) | chosen_around(told))


def _table(columns: Columns) -> tuple[list[str], Column]:
    rows = np.empty((len(next(iter(columns.values()))), len(columns)), np.float32, order="F")
    for n, column in enumerate(columns.values()):
        rows[:, n] = column
    return list(columns), rows


def _seen(view: View) -> Columns:
    found: Columns = {}
    for group in (_text, _kind, surroundings, _likeness, _title, _page):
        found |= group(view)
    return found


def _text(view: View) -> Columns:
    text, words = view.text, view.words
    return {
        "words": view.log_words,
        "chars": np.log1p(text.total),
        "links": view.links,
        "digits": text.share(chars.DIGIT),
        "capitals": text.share(chars.UPPER),
        "marks": text.share(chars.MARK, chars.OTHER),
        "ends": text.classes[:, chars.END],
        "ends_a_word": text.classes[:, chars.END] / words,
        "pauses_a_word": text.classes[:, chars.PAUSE] / words,
        "word_chars": text.classes[:, chars.DIGIT : chars.IDEOGRAPH + 1].sum(axis=1) / words,
        "ends_sentence": text.last == chars.END,
        "begins_capital": text.first == chars.UPPER,
        "begins_digit": text.first == chars.DIGIT,
    }


def _kind(view: View) -> Columns:
    kinds = np.array([_KINDS.get(block.kind, -1) for block in view.blocks])
    return {f"kind_{kind}": kinds == n for kind, n in _KINDS.items()} | {
        "level": np.array([block.level for block in view.blocks]),
        **view.markup.columns,
    }


def _votes(page: Heard) -> Columns:
    """The votes of the named voices, the extractor's apart."""
    known = {id(verdict): verdict for verdict in page.verdicts}
    number = {key: n for n, key in enumerate(known)}
    which = np.array([number[id(verdict)] for verdict in page.verdicts])
    told = [
        {(vote.voter, vote.keep, vote.rule.endswith("/section")) for vote in verdict.votes}
        for verdict in known.values()
    ]
    wanted = {
        "metadata": ("metadata", False, False),
        "rule": ("rule", False, False),
        "section": ("rule", False, True),
        "layout": ("layout", False, False),
        "context": ("context", False, False),
        "rescue": ("context", True, False),
    }
    found = {f"vote_{name}": np.array([key in votes for votes in told])[which] for name, key in wanted.items()}
    return found | {"judged": page.judged}


def _likeness(view: View) -> Columns:
    """Words in common with title and description, as shares of theirs and of the block's; copies of the block."""
    texts = [block.text for block in view.blocks]
    seen: dict[str, int] = {}
    before = []
    for text in texts:
        before.append(count := seen.get(text, 0))
        seen[text] = count + 1
    copies = [seen[text] for text in texts]
    found = {"copies": np.minimum(copies, _COPIES), "copies_before": np.minimum(before, _COPIES)}
    title, description = (
        frozenset(_WORD.findall(text.lower())) for text in (view.metadata.title, view.metadata.description)
    )
    stated = title | description
    common: list[tuple[int, int, int, int]] = []  # place, words of the title, of the description, and all
    for n in np.flatnonzero(view.words < _SHORT_WORDS).tolist() if stated else ():
        words = texts[n].lower().split()
        if not stated.isdisjoint(words):
            own = set(words)
            common.append((n, len(title & own), len(description & own), len(own)))
    places, of_title, of_description, sizes = np.array(common, np.int64).reshape(-1, 4).T
    for name, words_of, stated_by in (("title", of_title, title), ("description", of_description, description)):
        shares = np.zeros((2, len(texts)))
        shares[:, places] = words_of / max(len(stated_by), 1), words_of / sizes
        found |= {f"{name}_told": shares[0], f"{name}_share": shares[1]}
    return found


def _title(view: View) -> Columns:
    """How far a block is from the line that says the title, and from the first heading of the first level."""
    line = title_line(view.blocks, view.metadata)
    none = np.full(len(view.blocks), _NO_LINE)
    first = next((b.position for b in view.blocks if b.kind is Kind.HEADING and b.level == 1), None)
    return {
        "from_title": none if line is None else signed_log(view.places - line),
        "from_h1": none if first is None else signed_log(view.places - first),
    }


def _page(view: View) -> Columns:
    words = view.words
    facts = {
        "page_blocks": np.log1p(len(words)),
        "page_words": np.log1p(words.sum()),
        "page_links": (words * view.links).sum() / words.sum(),
        "page_prose": np.log1p((words * view.prose).sum()),
    }
    return {name: np.full(len(words), fact) for name, fact in facts.items()}
