"""How good verdicts are, held against annotated pages: the corpora's own figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cleaners.document import Column
from cleaners.training.annotated_pages import Example
from cleaners.training.labels import squeezed, word_f1, words_of


def scores(examples: Sequence[Example], keeps: Sequence[Column]) -> dict[str, dict[str, float]]:
    """By corpus: mean word F1 of the pages, or F1 of the snippets; and the share of furniture snippets kept."""
    found: dict[str, dict[str, float]] = {}
    for corpus in sorted({example.corpus for example in examples}):
        pairs = [(each, keep) for each, keep in zip(examples, keeps, strict=True) if each.corpus == corpus]
        texts = [(each, _text(each, keep)) for each, keep in pairs]
        found[corpus] = {"pages": len(pairs)} | (_snippets(texts) if corpus == "segments" else _words(texts))
    return found


def _text(example: Example, keep: Column) -> str:
    return "\n".join(example.blocks[int(n)].text for n in np.flatnonzero(keep))


def _words(texts: list[tuple[Example, str]]) -> dict[str, float]:
    f1 = float(np.mean([word_f1(Counter(words_of(text)), example.truth) for example, text in texts]))
    held = [snippet.lower() in text.lower() for example, text in texts for snippet in example.outside]
    return {"f1": round(f1, 4)} | ({"boilerplate_kept": round(float(np.mean(held)), 4)} if held else {})


def _snippets(texts: list[tuple[Example, str]]) -> dict[str, float]:
    inside = [squeezed(snippet) in squeezed(text) for example, text in texts for snippet in example.inside]
    outside = [squeezed(snippet) in squeezed(text) for example, text in texts for snippet in example.outside]
    hits, wrong = sum(inside), sum(outside)
    f1 = 2 * hits / max(2 * hits + wrong + len(inside) - hits, 1)
    return {"f1": round(f1, 4), "boilerplate_kept": round(wrong / max(len(outside), 1), 4)}
