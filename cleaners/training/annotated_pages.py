"""Annotated pages as examples to learn from: features, labels and weights of their blocks."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from cleaners.clean import survey
from cleaners.document import Block, Column, Kind, Page, Reading, Verdict
from cleaners.html.decode import decode, parse
from cleaners.learned.block_features import block_features, first_features
from cleaners.learned.page_columns import read_view
from cleaners.training.annotated_sites import SITES, site_pages
from cleaners.training.labels import by_snippets, covered, words_of
from cleaners.verdicts.extractor import selected_blocks
from cleaners.verdicts.judge import named_verdicts

CORPORA = ("news", "segments", "wcxb")
_HALF = 0.5
_LEAST_TEXT = 80  # words; a shorter text does not weigh more
_MOST_WEIGHT, _PAGE_WEIGHT, _BLOCK_WEIGHT = 0.3, 20, 0.03
_CUT_WORDS, _CUT_SHARE = 150, 0.25  # like the article's, one after the other and not annotated: the annotation is cut
_FAMILY = 3
_SNIPPET_WEIGHT, _SNIPPET_WORD_WEIGHT, _SNIPPET_WORDS = 0.2, 0.02, 60


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the features: those of the first look, and those after the named voices were heard."""

    first: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An annotated page, read, with what the extractor selects, and judged by the named voices.

    `first` and `full` are the features' rows. `labels` are 0 or 1; a block of weight 0 has none.
    """

    corpus: str
    host: str
    reading: Reading
    named: tuple[Verdict, ...]
    first: Column
    full: Column
    labels: Column
    weights: Column
    truth: Counter[str]
    inside: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The page's blocks."""
        return self.reading.blocks


def read_examples(corpus: Path) -> tuple[Names, list[Example]]:
    """The names of the features, and the examples of all corpora that have a block, in a fixed order."""
    names = Names()
    examples: list[Example] = []
    for name in (*CORPORA, SITES):
        for row, html in site_pages(corpus / SITES) if name == SITES else annotated_pages(corpus / name):
            if (reading := read_page(row["url"] or "", html)) is not None:
                names, example = _example(name, row, reading)
                examples.append(example)
    return names, examples


def annotated_pages(folder: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The article pages of a corpus: what is known of each, and its bytes."""
    with gzip.open(folder / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = list(map(json.loads, lines))
    for row in sorted(rows, key=lambda row: str(row["id"])):
        if row.get("page_type", "article") == "article":
            yield row, gzip.decompress((folder / "html" / f"{row['id']}.html.gz").read_bytes())


def read_page(url: str, html: bytes) -> Reading | None:
    """The reading of a page, with what the extractor selects; None where it has no block."""
    tree = parse(decode(html, "").text)
    reading = survey(Page(url, html), tree) if tree is not None else None
    if tree is None or reading is None or not reading.blocks:
        return None
    return replace(reading, selected=selected_blocks(reading.blocks, tree, url))


def _example(corpus: str, row: dict[str, Any], reading: Reading) -> tuple[Names, Example]:
    named = named_verdicts(reading)
    (first_names, first), (full_names, full) = (
        first_features(read_view(reading.blocks, reading.metadata)),
        block_features(reading, named),
    )
    inside, outside = (tuple(row.get(f"must_{key}") or ()) for key in ("contain", "not_contain"))
    text = annotated_words(row)
    own = [words_of(block.text) for block in reading.blocks]
    sizes = np.array([len(words) for words in own])
    shares = covered(own, text) if text else by_snippets(reading.blocks, inside, outside)
    labels = (np.nan_to_num(shares) >= _HALF).astype(int)
    weights = block_weights(shares, sizes, len(text)) if text else snippet_weights(shares, sizes)
    doubtful = _code_within(reading.blocks, labels) + (
        _cut_off(reading.blocks, labels, sizes, len(text)) if text else []
    )
    weights[doubtful] = 0
    host = host_of_page(corpus, row)
    return Names(tuple(first_names), tuple(full_names)), Example(
        corpus, host, reading, named, first, full, labels, weights, Counter(text), inside, outside
    )


def annotated_words(row: dict[str, Any]) -> list[str]:
    """The words of the annotated text, the standfirst before them where it is annotated apart."""
    lead = row.get("summary") or ""
    words, before = words_of(row.get("text") or ""), words_of(lead if isinstance(lead, str) else "\n".join(lead))
    return words if words[: len(before)] == before else before + words


def host_of_page(corpus: str, row: dict[str, Any]) -> str:
    """The site's name, so that pages of one site are learned from or tested on, never both."""
    host = urlsplit(row["url"] or "").hostname or ""
    if corpus == "segments" and "::" in row["url"]:
        host = row["url"].partition("::")[2].partition(".html")[0].partition("-")[0]
    return ".".join(host.split(".")[-2:]) or str(row["id"])


def block_weights(shares: Column, sizes: Column, text: int) -> Column:
    """A block weighs as much as its words move the page's F1; half-covered blocks weigh nothing."""
    parts = np.minimum((sizes + 1) / max(text, _LEAST_TEXT), _MOST_WEIGHT)
    found: Column = parts * _PAGE_WEIGHT * np.abs(2 * shares - 1) + _BLOCK_WEIGHT
    return found


def _code_within(blocks: Sequence[Block], labels: Column) -> list[int]:
    """Code between two blocks of the article: annotators leave it out, though it belongs to the text."""
    own = np.flatnonzero(labels)
    within = range(own[0], own[-1]) if len(own) else range(0)
    return [n for n in within if blocks[n].kind is Kind.CODE and not labels[n]]


def _cut_off(blocks: Sequence[Block], labels: Column, sizes: Column, text: int) -> list[int]:
    """Long runs of blocks at a place of the article's that are not annotated: there the annotation is cut short."""
    places: dict[str, list[int]] = {}
    for block in blocks:
        places.setdefault(block.path, []).append(block.position)
    least = max(_CUT_WORDS, _CUT_SHARE * text)
    found: list[int] = []
    for alike in places.values():
        if labels[alike].sum() >= _FAMILY:
            runs = (list(run) for own, run in groupby(alike, key=lambda n: labels[n]) if not own)
            found += [n for run in runs if sizes[run].sum() > least for n in run]
    return found


def snippet_weights(labels: Column, sizes: Column) -> Column:
    """Where only snippets are annotated, a block that holds one weighs by its length, and others nothing."""
    weights = _SNIPPET_WEIGHT + _SNIPPET_WORD_WEIGHT * np.minimum(sizes, _SNIPPET_WORDS) ** 0.8
    return np.where(np.isnan(labels), 0, weights)
