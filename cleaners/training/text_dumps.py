"""Texts such as other tools leave them, made from the annotated pages, as examples for the text mode's learned voice.

Each page gives up to four texts: the full text of the page (html-text), what trafilatura leaves of it, the annotated
text itself, which nothing may be taken from, and some of it broken into short lines like verse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cleaners.document import Column, Verdict
from cleaners.html.decode import decode, parse
from cleaners.rules.loader import load_rules
from cleaners.text_mode.line_features import line_features
from cleaners.text_mode.plaintext import named_lines
from cleaners.text_mode.text_lines import Text, blocks_of_text, read_lines
from cleaners.training.annotated_pages import (
    CORPORA,
    annotated_pages,
    annotated_words,
    block_weights,
    host_of_page,
    snippet_weights,
)
from cleaners.training.labels import by_snippets, covered, words_of
from cleaners.verdicts.extractor import extracted_text

KINDS = ("full", "half", "clean", "verse")
_KIND_WEIGHT = {"full": 1.0, "half": 1.0, "clean": 0.3, "verse": 0.3}
_VERSE_EVERY, _VERSE_CHARS = 4, 4000
_VERSE_WORDS = (5, 5)  # the shortest line, and by how many words lines differ
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Dump:
    """A text with its lines' features, labels (0 or 1) and weights; a line of weight 0 has no label."""

    corpus: str
    kind: str
    host: str
    text: Text
    named: tuple[Verdict, ...]
    names: list[str]
    rows: Column
    labels: Column
    weights: Column
    truth: Counter[str]
    inside: tuple[str, ...]
    outside: tuple[str, ...]


def read_dumps(corpus: Path, every: int = 1) -> Iterator[Dump]:
    """The dumps of each n-th annotated page of all corpora, in a fixed order. Needs html-text."""
    from html_text import extract_text

    for name in CORPORA:
        for number, (row, html) in enumerate(annotated_pages(corpus / name)):
            if number % every == 0:
                for kind, dump in _texts(number, row, html, extract_text):
                    if (found := _dump(name, kind, row, dump)) is not None:
                        yield found


def _texts(number: int, row: dict[str, Any], html: bytes, full_text: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    page = decode(html).text
    tree = parse(page)
    yield "full", full_text(page)
    yield "half", extracted_text(tree, row["url"] or "", recall=True) if tree is not None else ""
    if row.get("text"):
        yield "clean", f"{row.get('title') or '-'}\n{row['text']}"
        if number % _VERSE_EVERY == 0:
            yield "verse", f"{row.get('title') or '-'}\n{_verse(row['text'][:_VERSE_CHARS])}"


def _verse(text: str) -> str:
    """The text in lines of a few words, as a poem or a list has them."""
    least, spread = _VERSE_WORDS
    lines: list[str] = []
    for paragraph in text.splitlines():
        words = paragraph.split()
        while words:
            size = least + (7 * len(words) + len(lines)) % spread
            lines.append(" ".join(words[:size]))
            words = words[size:]
    return "\n".join(lines)


def _dump(corpus: str, kind: str, row: dict[str, Any], dump: str) -> Dump | None:
    blocks = blocks_of_text(dump)
    if not blocks:
        return None
    text = read_lines(blocks, load_rules())
    title, named = named_lines(text)
    names, rows = line_features(text, named, title)
    inside, outside = (tuple(row.get(f"must_{key}") or ()) for key in ("contain", "not_contain"))
    truth = annotated_words(row)
    labels, weights = _labelled(kind, text, truth, inside, outside)
    host = host_of_page(corpus, row)
    weights = weights * _KIND_WEIGHT[kind]
    return Dump(corpus, kind, host, text, named, names, rows, labels, weights, Counter(truth), inside, outside)


def _labelled(
    kind: str, text: Text, truth: list[str], inside: tuple[str, ...], outside: tuple[str, ...]
) -> tuple[Column, Column]:
    own = [words_of(block.text) for block in text.blocks]
    sizes = np.array([len(words) for words in own])
    if kind in ("clean", "verse"):
        labels = np.ones(len(own), int)
        weights = block_weights(labels, sizes, len(truth))
        labels[0], weights[0] = 0, 0  # the title
        return labels, weights
    shares = covered(own, truth) if truth else by_snippets(text.blocks, inside, outside)
    labels = (np.nan_to_num(shares) >= _HALF).astype(int)
    return labels, block_weights(shares, sizes, len(truth)) if truth else snippet_weights(shares, sizes)
