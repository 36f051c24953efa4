"""Train the learned voice of the text mode from dumps of the annotated pages, and say how good it is on other sites.

    python -m cleaners.training.line_model --cv       cross-validation by host: nothing is written
    python -m cleaners.training.line_model            train on everything and write lines.npz and lines.json
    options: --corpus FOLDER                  the annotated pages (../shared/corpus)

The same pages, versions and settings give the same file. Needs the extra: pip install '.[train]'.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from cleaners.document import Column, Verdict
from cleaners.learned.model import LINES, Trees
from cleaners.text_mode.weigh_lines import weigh_lines
from cleaners.training.block_model import FOLDS, facts_of, fitted, fold_of, missing_corpus, tell, write
from cleaners.training.labels import squeezed, word_f1, words_of
from cleaners.training.text_dumps import KINDS, Dump, read_dumps

_ROUNDS = 150

Figures = dict[str, dict[str, dict[str, float]]]


def train(dumps: Sequence[Dump]) -> Trees:
    """Train on all lines of the dumps whose label is known."""
    rows, labels, weights = (np.concatenate([getattr(each, name) for each in dumps]) for name in _COLUMNS)
    used = weights > 0
    return fitted(dumps[0].names, rows[used], labels[used], weights[used], _ROUNDS)


_COLUMNS = ("rows", "labels", "weights")


def out_of_fold(dumps: Sequence[Dump]) -> list[Column]:
    """For each dump the chances of its lines, from a model that saw no page of its host."""
    found: dict[int, Column] = {}
    for fold in range(FOLDS):
        trees = train([each for each in dumps if fold_of(each.host) != fold])
        found |= {n: trees.chances(each.rows) for n, each in enumerate(dumps) if fold_of(each.host) == fold}
    return [found[n] for n in range(len(dumps))]


def figures(dumps: Sequence[Dump], verdicts: Sequence[Sequence[Verdict]]) -> Figures:
    """By kind of text and corpus: word F1, or F1 of the snippets, and the share of furniture snippets kept.

    Of annotated texts and verse the word F1 against the text itself, its title apart.
    """
    texts = [
        "\n".join(b.text for b, verdict in zip(each.text.blocks, said, strict=True) if verdict.kept)
        for each, said in zip(dumps, verdicts, strict=True)
    ]
    found: Figures = {}
    for kind in KINDS:
        for corpus in sorted({each.corpus for each in dumps}):
            pairs = [p for p in zip(dumps, texts, strict=True) if (p[0].kind, p[0].corpus) == (kind, corpus)]
            if pairs:
                found.setdefault(kind, {})[corpus] = {"texts": len(pairs)} | _scored(kind, corpus, pairs)
    return found


def _scored(kind: str, corpus: str, pairs: list[tuple[Dump, str]]) -> dict[str, float]:
    if kind in ("clean", "verse"):
        return {"f1": round(float(np.mean([word_f1(_bag(text), _own(dump)) for dump, text in pairs])), 4)}
    if corpus != "segments":
        f1 = round(float(np.mean([word_f1(_bag(text), dump.truth) for dump, text in pairs])), 4)
        held = [snippet.lower() in text.lower() for dump, text in pairs for snippet in dump.outside]
        return {"f1": f1} | ({"boilerplate_kept": round(float(np.mean(held)), 4)} if held else {})
    inside, outside = (list(_held(pairs, which)) for which in ("inside", "outside"))
    f1 = 2 * sum(inside) / max(sum(inside) + sum(outside) + len(inside), 1)
    return {"f1": round(f1, 4), "boilerplate_kept": round(sum(outside) / max(len(outside), 1), 4)}


def _bag(text: str) -> Counter[str]:
    return Counter(words_of(text))


def _own(dump: Dump) -> Counter[str]:
    return _bag("\n".join(block.text for block in dump.text.blocks[1:]))


def _held(pairs: list[tuple[Dump, str]], which: str) -> Iterator[bool]:
    for dump, text in pairs:
        flat = squeezed(text)
        yield from (squeezed(snippet) in flat for snippet in getattr(dump, which))


def compared(dumps: Sequence[Dump], chances: Sequence[Column]) -> dict[str, Figures]:
    """The figures of the texts as they are, by the rules alone, and by rules and learned voice together."""
    sides: dict[str, Callable[[Dump, Column], Sequence[Verdict]]] = {
        "as it is": lambda dump, _: [Verdict(True, "", "")] * len(dump.named),
        "rules alone": lambda dump, _: dump.named,
        "cleaned": lambda dump, chance: weigh_lines(dump.text, dump.named, chance),
    }
    return {
        name: figures(dumps, [side(*each) for each in zip(dumps, chances, strict=True)]) for name, side in sides.items()
    }


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    package = Path(__file__).parents[1]
    parser.add_argument("--cv", action="store_true", help="only cross-validate; write nothing")
    parser.add_argument("--corpus", type=Path, default=package.parent.parent / "shared" / "corpus")
    parser.add_argument("--out", type=Path, default=package / "learned")
    given = parser.parse_args(arguments)
    if problem := missing_corpus(given.corpus):
        sys.exit(problem)
    dumps = list(read_dumps(given.corpus))
    found = compared(dumps, out_of_fold(dumps))
    for side, kinds in found.items():
        for kind, values in kinds.items():
            print(f"{side:12} {kind:6} {values}")
    if not given.cv:
        facts = facts_of(given.corpus, dumps[0].names, _ROUNDS) | {"cross_validated": found}
        facts["versions"] |= {"html-text": version("html-text")}
        write(train(dumps), given.out, LINES)
        tell(facts, given.out, LINES)


if __name__ == "__main__":
    main()
