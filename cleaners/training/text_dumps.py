"""Texts as other tools extract them, made from the annotated pages, as examples for the text mode's model.

Each page gives up to four texts: the full text of the page (html-text), what trafilatura extracts from it, the
annotated text itself, from which nothing may be removed, and part of it broken into short lines like verse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from broadsheet.cleaners.document import Column, Verdict
from broadsheet.cleaners.html.decode import decode, parse
from broadsheet.cleaners.rules.loader import load_rules
from broadsheet.cleaners.text_mode.line_features import line_features
from broadsheet.cleaners.text_mode.plaintext import judge_lines_by_rules
from broadsheet.cleaners.text_mode.text_lines import TextLines, blocks_of_text, read_lines
from broadsheet.cleaners.training.annotated_pages import (
    annotated_pages,
    annotated_words,
    block_weights,
    site_name,
    snippet_weights,
    snippets_of,
)
from broadsheet.cleaners.training.labels import covered_shares, snippet_labels, words_of
from broadsheet.cleaners.training.mixture import WHOLE_CORPORA
from broadsheet.cleaners.verdicts.extractor import extracted_text

KINDS = ("full", "half", "clean", "verse")
_KIND_WEIGHT = {"full": 1.0, "half": 1.0, "clean": 0.3, "verse": 0.3}
_VERSE_EVERY, _VERSE_CHARS = 4, 4000  # one page in so many gives verse; from so much of its text
_VERSE_WORDS = (5, 5)  # the shortest line, and by how many words lines differ
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class TextDump:
    """A text with its lines' features, labels (0 or 1) and weights; a line of weight 0 is not trained on."""

    corpus: str
    kind: str
    host: str
    text: TextLines
    rule_verdicts: tuple[Verdict, ...]
    feature_names: list[str]
    rows: Column
    labels: Column
    weights: Column
    article_words: Counter[str]
    article_snippets: tuple[str, ...]
    boilerplate_snippets: tuple[str, ...]


def read_dumps(corpus: Path, every: int = 1) -> Iterator[TextDump]:
    """The dumps of each n-th annotated page of the corpora that weigh most, in a fixed order. Needs html-text."""
    from html_text import extract_text

    for name in WHOLE_CORPORA:
        for number, (row, html) in enumerate(annotated_pages(corpus / name)):
            if number % every == 0:
                for kind, text in _page_texts(number, row, html, extract_text):
                    if (dump := _text_dump(name, kind, row, text)) is not None:
                        yield dump


def _page_texts(
    number: int, row: dict[str, Any], html: bytes, full_text: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """The kind and the text of each dump of a page; `full_text` extracts all the text of an HTML page."""
    page = decode(html).text
    tree = parse(page)
    yield "full", full_text(page)
    yield "half", extracted_text(tree, row["url"] or "", recall=True) if tree is not None else ""
    if row.get("text"):
        yield "clean", f"{row.get('title') or '-'}\n{row['text']}"
        if number % _VERSE_EVERY == 0:
            yield "verse", f"{row.get('title') or '-'}\n{_verse_lines(row['text'][:_VERSE_CHARS])}"


def _verse_lines(text: str) -> str:
    """The text in lines of a few words, as a poem or a list has them."""
    least_words, spread = _VERSE_WORDS
    lines: list[str] = []
    for paragraph in text.splitlines():
        words = paragraph.split()
        while words:
            size = least_words + (7 * len(words) + len(lines)) % spread
            lines.append(" ".join(words[:size]))
            words = words[size:]
    return "\n".join(lines)


def _text_dump(corpus: str, kind: str, row: dict[str, Any], text: str) -> TextDump | None:
    """Compute the dump of a text; None where it has no line."""
    blocks = blocks_of_text(text)
    if not blocks:
        return None
    lines = read_lines(blocks, load_rules())
    title_index, rule_verdicts = judge_lines_by_rules(lines)
    names, rows = line_features(lines, rule_verdicts, title_index)
    labels, weights = _labels_and_weights(kind, lines, row)
    return TextDump(
        corpus,
        kind,
        site_name(corpus, row),
        lines,
        rule_verdicts,
        names,
        rows,
        labels,
        weights * _KIND_WEIGHT[kind],
        Counter(annotated_words(row)),
        *snippets_of(row),
    )


def _labels_and_weights(kind: str, lines: TextLines, row: dict[str, Any]) -> tuple[Column, Column]:
    line_words = [words_of(block.text) for block in lines.blocks]
    sizes = np.array([len(words) for words in line_words])
    article_words = annotated_words(row)
    if kind in ("clean", "verse"):
        labels = np.ones(len(line_words), int)
        weights = block_weights(labels, sizes, len(article_words))
        labels[0], weights[0] = 0, 0  # the title
        return labels, weights
    if article_words:
        shares = covered_shares(line_words, article_words)
        weights = block_weights(shares, sizes, len(article_words))
    else:
        shares = snippet_labels(lines.blocks, *snippets_of(row))
        weights = snippet_weights(shares, sizes)
    return (np.nan_to_num(shares) >= _HALF).astype(int), weights
