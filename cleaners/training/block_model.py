"""Training of the first look and the block model on the annotated pages, scored on sites not trained on.

    python -m broadsheet.cleaners.training.block_model --cv       cross-validation by host: nothing is written
    python -m broadsheet.cleaners.training.block_model            train on everything, write *.npz and model.json
    options: --corpus FOLDER            the annotated pages (../shared/corpus)
             --date YYYY-MM-DD          today, which model.json then says

Both models see sums over words, whose weights are learned first (`word_weights.py`). `corpora.py` names the corpora and
their weights; some pages of each whole site are among them, if the corpus has them. The same pages, versions and
settings give the same files. Beside them, `model.json` holds hashes and weights of the corpora, the versions, and the
cross-validated scores, which are counted as the corpora's own scorer counts them. Needs the extra: pip install
'.[train]'.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..document import Column
from ..judge.block_features import FirstLook, first_look_f1
from ..judge.block_verdicts import rule_verdicts
from ..judge.characters import count_characters
from ..judge.hashed_words import BLOCK_WORDS_FILE
from ..judge.tree_models import (
    BLOCK_MODEL,
    EARLY_STOP_TREES,
    FIRST_LOOK_MODEL,
    MOST_LEAVES,
    Trees,
    trees_from_dump,
)
from ..judge.weighed_verdicts import FIRST_LOOK_SURE_THRESHOLD, weigh
from .annotated_pages import BlockExample, FeatureNames, read_block_examples
from .corpora import FOLDS, MIXTURE, SITES, TrainingCorpus, fold_of, training_options
from .labels import fold_whitespace, word_f1, words_of
from .word_weights import HostFolds, with_word_sums, write_word_weights


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


_ROUNDS, _FIRST_LOOK_ROUNDS = 300, 200
_THINNING = 4  # of the blocks that are plainly boilerplate, one in so many is trained on
_PLAIN_WORDS = 8
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": MOST_LEAVES - 1,
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
_BLOCK_MODEL_SETTINGS = {
    "learning_rate": 0.05,
    "seed": 1,
}  # one of three seeds, which also passes on the pages of our own tests
_FIRST_LOOK_SETTINGS = {"learning_rate": 0.07, "seed": 3}

Trainer = Callable[[FeatureNames, Sequence[BlockExample]], Trees]
ExamplesOfFold = Callable[[int], Sequence[BlockExample]]
"""The examples with the features that they have while a fold is tested."""


def train_block_model(names: FeatureNames, examples: Sequence[BlockExample]) -> Trees:
    """Train the block model on the blocks of the examples that have a label."""
    rows, columns = np.concatenate([example.block_model_rows for example in examples]), names.block_model
    is_easy = (rows[:, columns.index("selected")] == 0) & (rows[:, columns.index("judged")] == 0)
    is_easy &= rows[:, columns.index("words")] < np.log1p(_PLAIN_WORDS)
    labels, weights, is_used = _training_blocks(examples, is_easy)
    return fit_trees(list(columns), rows[is_used], labels[is_used], weights[is_used], _ROUNDS, **_BLOCK_MODEL_SETTINGS)


def train_first_look(names: FeatureNames, examples: Sequence[BlockExample]) -> Trees:
    """Train the first look on the same examples."""
    rows, columns = np.concatenate([example.first_look_rows for example in examples]), names.first_look
    is_easy = rows[:, columns.index("words")] < np.log1p(_PLAIN_WORDS)
    labels, weights, is_used = _training_blocks(examples, is_easy)
    return fit_trees(
        list(columns), rows[is_used], labels[is_used], weights[is_used], _FIRST_LOOK_ROUNDS, **_FIRST_LOOK_SETTINGS
    )


def _training_blocks(examples: Sequence[BlockExample], is_easy: Column) -> tuple[Column, Column, Column]:
    """Return labels, weights and a mask of the blocks to train on, over all examples.

    Of the `easy` blocks that are boilerplate, one in `_THINNING` is trained on, and weighs for all of them.
    """
    labels = np.concatenate([example.labels for example in examples])
    weights = np.concatenate([example.weights for example in examples])
    is_thinned = is_easy & (labels == 0)
    is_used = (weights > 0) & (~is_thinned | (np.arange(len(labels)) % _THINNING == 0))
    return labels, np.where(is_thinned, weights * _THINNING, weights), is_used


def fit_trees(names: list[str], rows: Column, labels: Column, weights: Column, rounds: int, **overrides: Any) -> Trees:
    """Fit trees to rows of features and their labels, 0 or 1; `overrides` replace some of `SETTINGS`."""
    return trees_from_dump(names, dump_of_model(SETTINGS | overrides, rows, labels, weights, rounds))


def dump_of_model(
    settings: dict[str, Any], rows: Column, labels: Column, weights: Column, rounds: int
) -> dict[str, Any]:
    """Train a model of LightGBM, and return its `dump_model()`."""
    try:
        import lightgbm
    except ImportError:
        sys.exit("training needs the extra: pip install '.[train]'")
    model = lightgbm.train(settings, lightgbm.Dataset(rows, labels, weight=weights), rounds)
    dump: dict[str, Any] = model.dump_model()
    return dump


def out_of_fold(names: FeatureNames, examples_of_fold: ExamplesOfFold, trainer: Trainer) -> list[Column]:
    """Return for each example the probabilities of its blocks, by a model trained without any page of its host."""
    probabilities: dict[int, Column] = {}
    for fold in range(FOLDS):
        examples = examples_of_fold(fold)
        trees = trainer(names, [example for example in examples if fold_of(example.host) != fold])
        for n, example in enumerate(examples):
            if fold_of(example.host) == fold:
                rows = example.first_look_rows if trainer is train_first_look else example.block_model_rows
                probabilities[n] = trees.predict(rows, EARLY_STOP_TREES)
    return [probabilities[n] for n in range(len(probabilities))]


def cross_validate(
    names: FeatureNames, examples: Sequence[BlockExample], host_folds: HostFolds
) -> dict[str, dict[str, float]]:
    """Score the verdicts, by corpus, each page judged by models trained without any page of its host.

    `sure` is the share of the pages of which the first look was sure.
    """

    def examples_of_fold(fold: int) -> Sequence[BlockExample]:
        return with_word_sums(names, examples, host_folds.sum_words(fold))

    first_look_probabilities = out_of_fold(names, examples_of_fold, train_first_look)
    block_model_probabilities = out_of_fold(names, examples_of_fold, train_block_model)
    kept_masks, sure_pages = [], []
    probabilities = zip(first_look_probabilities, block_model_probabilities, strict=True)
    for example, (by_first_look, by_block_model) in zip(examples, probabilities, strict=True):
        kept_mask, is_sure = _kept_blocks(example, by_first_look, by_block_model)
        kept_masks.append(np.array(kept_mask))
        sure_pages.append(is_sure)
    scores = score_examples(examples, kept_masks)
    for corpus in scores:
        pairs = zip(sure_pages, examples, strict=True)
        sure_of_corpus = [is_sure for is_sure, example in pairs if example.corpus == corpus]
        scores[corpus]["sure"] = round(float(np.mean(sure_of_corpus)), 3)
    return scores


def _kept_blocks(
    example: BlockExample, first_look_probabilities: Column, block_model_probabilities: Column
) -> tuple[list[bool], bool]:
    """Return which blocks of a page these probabilities keep, and whether the first look was sure of the page."""
    words = count_characters([block.text for block in example.blocks]).words
    first_look = FirstLook(first_look_probabilities, first_look_f1(words, first_look_probabilities))
    if first_look.is_sure:
        selected = first_look.selected_positions
        reading = replace(example.reading, selected=selected, look=first_look, asked_extractor=False)
        verdicts = weigh(
            example.blocks,
            rule_verdicts(reading),
            first_look_probabilities,
            sure_threshold=FIRST_LOOK_SURE_THRESHOLD,
        )
    else:
        verdicts = weigh(example.blocks, example.rule_verdicts, block_model_probabilities)
    return [verdict.kept for verdict in verdicts], first_look.is_sure


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    options = training_options(__doc__, "judge/models", arguments)
    names, examples = read_block_examples(options.corpus)
    host_folds = HostFolds(examples)
    scores = cross_validate(names, examples, host_folds)
    for corpus, values in scores.items():
        print(corpus, " ".join(f"{name}={value}" for name, value in values.items()))
    if not options.cv:
        write_word_weights(host_folds.learn_weights(), options.out / BLOCK_WORDS_FILE)
        examples = with_word_sums(names, examples, host_folds.sum_words())
        write_model(train_block_model(names, examples), options.out, BLOCK_MODEL)
        write_model(train_first_look(names, examples), options.out, FIRST_LOOK_MODEL)
        facts = {"date": options.date} | _facts_of_both(options.corpus, names) | {"cross_validated": scores}
        write_facts(facts, options.out, BLOCK_MODEL)


def _facts_of_both(folder: Path, names: FeatureNames) -> dict[str, Any]:
    """Return the training facts of the block model, and under `first` those of the first look that differ."""
    first_look = {"features": len(names.first_look), "rounds": _FIRST_LOOK_ROUNDS}
    facts = training_facts(folder, names.block_model, _ROUNDS)
    return facts | {
        "versions": facts["versions"] | {"scipy": version("scipy")},
        "settings": SETTINGS | _BLOCK_MODEL_SETTINGS,
        "first": first_look | {"settings": SETTINGS | _FIRST_LOOK_SETTINGS},
    }


def training_facts(
    folder: Path, names: Sequence[str], rounds: int, corpora: Sequence[TrainingCorpus] = MIXTURE
) -> dict[str, Any]:
    """Record what a model was trained on, and how: hashes and weights of the corpora, versions, settings."""
    return {
        "corpus": {corpus.name: corpus_digest(folder, corpus.name) for corpus in corpora},
        "weights": {corpus.name: corpus.weight for corpus in corpora},
        "versions": {name: version(name) for name in ("lightgbm", "trafilatura")},
        "features": len(names),
        "rounds": rounds,
        "settings": SETTINGS,
    }


def corpus_digest(folder: Path, corpus: str) -> str:
    """Compute the SHA-256, in hex, of a corpus's annotations; of the whole sites, of all that there is."""
    files = sorted((folder / SITES).glob("*.tar.xz")) if corpus == SITES else [folder / corpus / "truth.jsonl.gz"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def write_model(trees: Trees, folder: Path, file: str) -> None:
    """Write a model to a file of the folder."""
    with (folder / file).open("wb") as stream:
        trees.save(stream)


def write_facts(facts: dict[str, Any], folder: Path, file: str) -> None:
    """Write the training facts and scores of the model `file` beside it, as JSON."""
    (folder / file).with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
