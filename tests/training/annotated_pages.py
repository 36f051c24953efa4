"""Annotated pages as examples to train on: features, labels and weights of their blocks."""

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

from broadsheet.cleaners.clean import survey_page
from broadsheet.cleaners.document import Block, BlockKind, Column, Page
from broadsheet.cleaners.judge.block_features import MeasuredPage, Reading, measure_page
from broadsheet.cleaners.judge.extractor import selected_blocks
from broadsheet.cleaners.page.parsed_page import decode, parse
from tests.training.corpora import MIXTURE, SITES, TrainingCorpus, site_pages
from tests.training.labels import covered_shares, snippet_labels, words_of

_HALF = 0.5
_LEAST_TEXT_WORDS = 80  # the blocks of a shorter text do not weigh more
_MOST_WEIGHT, _PAGE_WEIGHT, _BLOCK_WEIGHT = 0.3, 20, 0.03
_CUT_WORDS, _CUT_SHARE = (
    150,
    0.25,
)  # unannotated words in a row, with the path of annotated ones: the annotation was cut short
_LEAST_LABELLED_SIBLINGS = 3
_SNIPPET_WEIGHT, _SNIPPET_WORD_WEIGHT, _SNIPPET_WORDS = 0.2, 0.02, 60


@dataclass(frozen=True, slots=True)
class BlockExample:
    """Annotated page with the extractor's selection, its features, and its annotation.

    `measured` are the features that need only the page. `labels` are 1 for a block of the article, else 0; a
    block of weight 0 is not trained on. `article_words` is empty where only snippets are annotated.
    """

    corpus: str
    host: str
    reading: Reading
    measured: MeasuredPage
    labels: Column
    weights: Column
    article_words: Counter[str]
    article_snippets: tuple[str, ...]
    boilerplate_snippets: tuple[str, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Return the page's blocks."""
        return self.reading.blocks


def read_block_examples(corpus: Path) -> list[BlockExample]:
    """Return an example for each page with a block, of all corpora, in a fixed order."""
    examples: list[BlockExample] = []
    for part in MIXTURE:
        for row, html in site_pages(corpus / SITES) if part.name == SITES else annotated_pages(corpus / part.name):
            if (reading := read_annotated_page(row["url"] or "", html)) is not None:
                examples.append(_block_example(part, row, reading))
    return examples


def annotated_pages(folder: Path, *, articles_only: bool = True) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield the pages of a corpus, in a fixed order: the row of each in `truth.jsonl.gz`, and its bytes."""
    with gzip.open(folder / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = list(map(json.loads, lines))
    for row in sorted(rows, key=lambda row: str(row["id"])):
        if not articles_only or row.get("page_type", "article") == "article":
            yield row, gzip.decompress((folder / "html" / f"{row['id']}.html.gz").read_bytes())


def read_annotated_page(url: str, html: bytes) -> Reading | None:
    """Read a page, with the blocks that trafilatura selects; None where it has no block."""
    tree = parse(decode(html, "").text)
    reading = survey_page(Page(url, html), tree) if tree is not None else None
    if tree is None or reading is None or not reading.blocks:
        return None
    return replace(reading, extracted=selected_blocks(reading.blocks, tree, url))


def _block_example(corpus: TrainingCorpus, row: dict[str, Any], reading: Reading) -> BlockExample:
    measured = measure_page(reading.blocks, reading.metadata)
    article_snippets, boilerplate_snippets = snippets_of(row)
    words = annotated_words(row)
    block_words = [words_of(block.text) for block in reading.blocks]
    sizes = np.array([len(words) for words in block_words])
    if words:
        shares = covered_shares(block_words, words)
        weights = block_weights(shares, sizes, len(words))
    else:
        shares = snippet_labels(reading.blocks, article_snippets, boilerplate_snippets)
        weights = snippet_weights(shares, sizes)
    labels = (np.nan_to_num(shares) >= _HALF).astype(int)
    weights[_unlabelled_code(reading.blocks, labels)] = 0
    if words:
        weights[_cut_off_blocks(reading.blocks, labels, sizes, len(words))] = 0
    return BlockExample(
        corpus.name,
        site_name(corpus.name, row),
        reading,
        measured,
        labels,
        weights * corpus.weight,
        Counter(words),
        article_snippets,
        boilerplate_snippets,
    )


def snippets_of(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the annotated snippets of a page: those of the article, and those of boilerplate."""
    return tuple(row.get("must_contain") or ()), tuple(row.get("must_not_contain") or ())


def annotated_words(row: dict[str, Any]) -> list[str]:
    """Return the words of the annotated text, with a standfirst that has a field of its own in front."""
    lead = row.get("summary") or ""
    lead_words = words_of(lead if isinstance(lead, str) else "\n".join(lead))
    words = words_of(row.get("text") or "")
    return words if words[: len(lead_words)] == lead_words else lead_words + words


def site_name(corpus: str, row: dict[str, Any]) -> str:
    """Name the page's site: pages of one site are either trained on or tested on, never both."""
    host = urlsplit(row["url"] or "").hostname or ""
    if corpus == "segments" and "::" in row["url"]:
        host = row["url"].partition("::")[2].partition(".html")[0].partition("-")[0]
    return ".".join(host.split(".")[-2:]) or str(row["id"])


def block_weights(shares: Column, sizes: Column, text_words: int) -> Column:
    """Weigh each block: by how much its words move the page's F1, and the less, the nearer to half covered.

    `shares` are those of `covered_shares`, `sizes` the words of each block, `text_words` those of the annotated text.
    """
    parts = np.minimum((sizes + 1) / max(text_words, _LEAST_TEXT_WORDS), _MOST_WEIGHT)
    weights: Column = parts * _PAGE_WEIGHT * np.abs(2 * shares - 1) + _BLOCK_WEIGHT
    return weights


def _unlabelled_code(blocks: Sequence[Block], labels: Column) -> list[int]:
    """Find code between two blocks of the article: annotators leave it out, though it belongs to the text."""
    article_positions = np.flatnonzero(labels)
    span = range(article_positions[0], article_positions[-1]) if len(article_positions) else range(0)
    return [n for n in span if blocks[n].kind is BlockKind.CODE and not labels[n]]


def _cut_off_blocks(blocks: Sequence[Block], labels: Column, sizes: Column, text_words: int) -> list[int]:
    """Find long unlabelled runs of blocks with the path of labelled ones: there the annotation is cut short."""
    positions_by_path: dict[str, list[int]] = {}
    for block in blocks:
        positions_by_path.setdefault(block.path, []).append(block.position)
    least_words = max(_CUT_WORDS, _CUT_SHARE * text_words)
    cut_off_positions: list[int] = []
    for positions in positions_by_path.values():
        if labels[positions].sum() >= _LEAST_LABELLED_SIBLINGS:
            runs = (list(run) for label, run in groupby(positions, key=lambda n: labels[n]) if not label)
            cut_off_positions += [n for run in runs if sizes[run].sum() > least_words for n in run]
    return cut_off_positions


def snippet_weights(labels: Column, sizes: Column) -> Column:
    """Weigh each block of a page with annotated snippets: by its length if it holds one, else 0."""
    weights = _SNIPPET_WEIGHT + _SNIPPET_WORD_WEIGHT * np.minimum(sizes, _SNIPPET_WORDS) ** 0.8
    return np.where(np.isnan(labels), 0, weights)
