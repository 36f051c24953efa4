"""Train the first look and the learned voice from the annotated pages, and say how good they are on sites not seen.

    python -m cleaners.training.block_model --cv       cross-validation by host: nothing is written
    python -m cleaners.training.block_model            train on everything and write learned/*.npz and model.json
    options: --corpus FOLDER            the annotated pages (../shared/corpus)
             --date YYYY-MM-DD          today, which model.json then says

Some pages of each whole site are learned from too, where the corpus has them. The same pages, versions and settings
give the same files. Beside them, `model.json` holds the hashes of the pages, the versions, and the cross-validated
scores. Needs the extra: pip install '.[train]'.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cleaners.document import Column
from cleaners.learned.characters import count_characters
from cleaners.learned.first_look import Look
from cleaners.learned.model import FILE, FIRST, GLANCE, Trees, expected_f1, flatten
from cleaners.learned.trees import LEAVES
from cleaners.training.annotated_pages import CORPORA, Example, Names, read_examples
from cleaners.training.annotated_sites import SITES
from cleaners.training.scores import scores
from cleaners.verdicts.judge import named_verdicts
from cleaners.verdicts.weigh import SURE, SURE_ALONE, weigh

_CLEANERS = Path(__file__).parents[1]
FOLDS = 5
_ROUNDS, _FIRST_ROUNDS = 300, 200
_THIN = 4  # of the blocks that are plainly furniture, one in so many is learned from
_PLAIN_WORDS = 8
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": LEAVES - 1,
    "learning_rate": 0.08,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "max_bin": 63,
    "use_missing": False,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
_CHANGED = {"learning_rate": 0.05, "seed": 1}  # of three seeds one that our own pages of tests agree with
_FIRST_CHANGED = {"learning_rate": 0.07, "seed": 3}

Trainer = Callable[[Names, Sequence[Example]], Trees]


def train(names: Names, examples: Sequence[Example]) -> Trees:
    """Train the learned voice on all blocks of the examples whose label is known."""
    rows = np.concatenate([example.full for example in examples])
    plain = (rows[:, names.full.index("selected")] == 0) & (rows[:, names.full.index("judged")] == 0)
    plain &= rows[:, names.full.index("words")] < np.log1p(_PLAIN_WORDS)
    labels, weights, used = _thinned(examples, plain)
    return fitted(list(names.full), rows[used], labels[used], weights[used], _ROUNDS, **_CHANGED)


def train_first(names: Names, examples: Sequence[Example]) -> Trees:
    """Train the first look on the same blocks."""
    rows = np.concatenate([example.first for example in examples])
    plain = rows[:, names.first.index("words")] < np.log1p(_PLAIN_WORDS)
    labels, weights, used = _thinned(examples, plain)
    return fitted(list(names.first), rows[used], labels[used], weights[used], _FIRST_ROUNDS, **_FIRST_CHANGED)


def _thinned(examples: Sequence[Example], plain: Column) -> tuple[Column, Column, Column]:
    """Labels, weights and which blocks to learn from: of the plain ones that are furniture a part, for all of them."""
    labels = np.concatenate([example.labels for example in examples])
    weights = np.concatenate([example.weights for example in examples])
    plain = plain & (labels == 0)
    used = (weights > 0) & (~plain | (np.arange(len(labels)) % _THIN == 0))
    return labels, np.where(plain, weights * _THIN, weights), used


def fitted(names: list[str], rows: Column, labels: Column, weights: Column, rounds: int, **changed: Any) -> Trees:
    """Trees fitted to rows of features and their labels, 0 or 1; `changed` are settings that differ."""
    try:
        import lightgbm
    except ImportError:
        sys.exit("training needs the extra: pip install '.[train]'")
    data = lightgbm.Dataset(rows, labels, weight=weights)
    return flatten(names, lightgbm.train(SETTINGS | changed, data, rounds).dump_model())


def out_of_fold(names: Names, examples: Sequence[Example], trainer: Trainer) -> list[Column]:
    """For each example the chances of its blocks, from a model that saw no page of its host."""
    found: dict[int, Column] = {}
    for fold in range(FOLDS):
        trees = trainer(names, [each for each in examples if fold_of(each.host) != fold])
        for n, each in enumerate(examples):
            if fold_of(each.host) == fold:
                found[n] = trees.chances(each.first if trainer is train_first else each.full, GLANCE)
    return [found[n] for n in range(len(examples))]


def fold_of(host: str) -> int:
    """The fold in which the pages of a host are tested: all of them in one."""
    return hashlib.sha256(host.encode()).digest()[0] % FOLDS


def cross_validate(names: Names, examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """The scores of the verdicts, by corpus, each page judged by models that saw no page of its host.

    `sure` is the share of the pages that the first look alone was sure of.
    """
    chances = [out_of_fold(names, examples, trainer) for trainer in (train_first, train)]
    keeps, sure = [], []
    for example, first, full in zip(examples, *chances, strict=True):
        kept, alone = _judged(example, first, full)
        keeps.append(np.array(kept))
        sure.append(alone)
    found = scores(examples, keeps)
    for corpus in found:
        its = [each for each, example in zip(sure, examples, strict=True) if example.corpus == corpus]
        found[corpus]["sure"] = round(float(np.mean(its)), 3)
    return found


def _judged(example: Example, first: Column, full: Column) -> tuple[list[bool], bool]:
    """Which blocks of a page are kept by these chances, and whether the first look was sure of it."""
    words = count_characters([block.text for block in example.blocks]).words
    look = Look(first, expected_f1(words, first))
    named, chances, sure = example.named, full, SURE
    if look.sure:
        named = named_verdicts(replace(example.reading, selected=look.selected, chances=first))
        chances, sure = first, SURE_ALONE
    return [verdict.kept for verdict in weigh(example.blocks, named, chances, sure=sure)], look.sure


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cv", action="store_true", help="only cross-validate; write nothing")
    parser.add_argument("--corpus", type=Path, default=_CLEANERS.parent.parent / "shared" / "corpus")
    parser.add_argument("--date", default="", help="today, for model.json")
    parser.add_argument("--out", type=Path, default=_CLEANERS / "learned")
    given = parser.parse_args(arguments)
    if problem := missing_corpus(given.corpus):
        sys.exit(problem)
    names, examples = read_examples(given.corpus)
    found = cross_validate(names, examples)
    for corpus, values in found.items():
        print(corpus, " ".join(f"{name}={value}" for name, value in values.items()))
    if not given.cv:
        write(train(names, examples), given.out, FILE)
        write(train_first(names, examples), given.out, FIRST)
        facts = {"date": given.date} | facts_of(given.corpus, names.full, _ROUNDS)
        facts |= {"settings": SETTINGS | _CHANGED, "cross_validated": found}
        first = {"features": len(names.first), "rounds": _FIRST_ROUNDS, "settings": SETTINGS | _FIRST_CHANGED}
        tell(facts | {"first": first}, given.out, FILE)


def missing_corpus(corpus: Path) -> str:
    """What is wrong with the folder of annotated pages, in one line; empty if it is complete."""
    missing = [name for name in CORPORA if not (corpus / name / "truth.jsonl.gz").is_file()]
    return f"no annotated pages at {corpus / missing[0]}: --corpus names the folder that holds them" if missing else ""


def facts_of(corpus: Path, names: Sequence[str], rounds: int) -> dict[str, Any]:
    """What a model was trained on, and how."""
    truths = {name: (corpus / name / "truth.jsonl.gz").read_bytes() for name in CORPORA}
    truths[SITES] = b"".join(file.read_bytes() for file in sorted((corpus / SITES).glob("*.tar.xz")))
    return {
        "corpus": {name: hashlib.sha256(content).hexdigest() for name, content in truths.items()},
        "versions": {name: version(name) for name in ("lightgbm", "trafilatura")},
        "features": len(names),
        "rounds": rounds,
        "settings": SETTINGS,
    }


def write(trees: Trees, folder: Path, file: str) -> None:
    """Write a model."""
    with (folder / file).open("wb") as stream:
        trees.save(stream)


def tell(facts: dict[str, Any], folder: Path, file: str) -> None:
    """Write what is known of a model beside it."""
    (folder / file).with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
