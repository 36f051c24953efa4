"""Scores of verdicts against annotated pages, as the corpora's own scorer counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.training.annotated_pages import BlockExample
from broadsheet.cleaners.training.labels import fold_whitespace, word_f1, words_of


def score_examples(examples: Sequence[BlockExample], kept_masks: Sequence[Column]) -> dict[str, dict[str, float]]:
    """Return by corpus the mean word F1 of pages, or F1 of snippets, and the share of boilerplate snippets kept.

    `kept_masks` holds for each example which of its blocks are kept, 0 or 1.
    """
    scores: dict[str, dict[str, float]] = {}
    for corpus in sorted({example.corpus for example in examples}):
        pairs = [
            (example, kept_mask)
            for example, kept_mask in zip(examples, kept_masks, strict=True)
            if example.corpus == corpus
        ]
        texts = [(example, _kept_text(example, kept_mask)) for example, kept_mask in pairs]
        corpus_scores = _snippet_scores(texts) if corpus == "segments" else _word_scores(texts)
        scores[corpus] = {"pages": len(pairs)} | corpus_scores
    return scores


def _kept_text(example: BlockExample, kept_mask: Column) -> str:
    return "\n".join(example.blocks[int(n)].text for n in np.flatnonzero(kept_mask))


def _word_scores(texts: list[tuple[BlockExample, str]]) -> dict[str, float]:
    f1 = float(np.mean([word_f1(Counter(words_of(text)), example.article_words) for example, text in texts]))
    kept_snippets = [
        snippet.lower() in text.lower() for example, text in texts for snippet in example.boilerplate_snippets
    ]
    return {"f1": round(f1, 4)} | (
        {"boilerplate_kept": round(float(np.mean(kept_snippets)), 4)} if kept_snippets else {}
    )


def _snippet_scores(texts: list[tuple[BlockExample, str]]) -> dict[str, float]:
    folded_texts = [(example, fold_whitespace(text)) for example, text in texts]
    article_hits = [
        fold_whitespace(snippet) in text for example, text in folded_texts for snippet in example.article_snippets
    ]
    boilerplate_hits = [
        fold_whitespace(snippet) in text for example, text in folded_texts for snippet in example.boilerplate_snippets
    ]
    hit_count, false_hit_count = sum(article_hits), sum(boilerplate_hits)
    f1 = 2 * hit_count / max(2 * hit_count + false_hit_count + len(article_hits) - hit_count, 1)
    return {"f1": round(f1, 4), "boilerplate_kept": round(false_hit_count / max(len(boilerplate_hits), 1), 4)}
