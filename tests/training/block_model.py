"""Training of the judge of a page on the annotated pages, scored on sites not trained on.

    python -m tests.training.block_model --cv       cross-validation by host: nothing is written
    python -m tests.training.block_model            train on everything, write *.npz and judge.json
    options: --corpus FOLDER            the annotated pages (../shared/corpus)
             --date YYYY-MM-DD          today, which judge.json then says

First the weights of words are learned (`word_weights.py`), then the first look, which sees sums over words, then the
second look and the network (`network_model.py`). The second look learns from a first look that saw no page of the
host. `corpora.py` names the corpora and their weights; some pages of each whole site are among them, if the corpus has
them. The same pages, versions and settings give the same files. Beside them, `judge.json` holds hashes and weights of
the corpora, the versions, and the cross-validated scores, which are counted as the corpora's own scorer counts them.
Needs the extra: pip install '.[train]'.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from broadsheet.cleaners.document import Column
from broadsheet.cleaners.judge.block_features import hear_extractor, judged_chances, judgement, with_chances
from broadsheet.cleaners.judge.block_verdicts import JudgedBlocks, judge_blocks
from broadsheet.cleaners.judge.certainty import FAIR_F1, Certainty, certainty, expected_verdict_f1
from broadsheet.cleaners.judge.hashed_words import BLOCK_WORDS_FILE
from broadsheet.cleaners.judge.page_network import NETWORK_FILE, block_graph
from broadsheet.cleaners.judge.tree_models import (
    EARLY_STOP_TREES,
    FIRST_LOOK_MODEL,
    MOST_LEAVES,
    SECOND_LOOK_MODEL,
    Trees,
)
from tests.training.annotated_pages import BlockExample, read_block_examples
from tests.training.corpora import FOLDS, MIXTURE, SITES, TrainingCorpus, fold_of, training_options
from tests.training.labels import fold_whitespace, word_f1, words_of
from tests.training.network_model import train_network, write_network
from tests.training.tree_dumps import save_trees, trees_from_dump
from tests.training.word_weights import HostFolds, with_word_sums, write_word_weights


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


FACTS_FILE = "judge.json"
_ROUNDS = 200
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
_TREE_SETTINGS = {"learning_rate": 0.07, "seed": 3}


def train_trees(examples: Sequence[BlockExample]) -> Trees:
    """Train trees on the blocks of the examples that have a label."""
    rows, names = np.concatenate([example.measured.rows for example in examples]), examples[0].measured.names
    is_easy = rows[:, names.index("words")] < np.log1p(_PLAIN_WORDS)
    labels, weights, is_used = _training_blocks(examples, is_easy)
    return fit_trees(list(names), rows[is_used], labels[is_used], weights[is_used], _ROUNDS, **_TREE_SETTINGS)


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


Odds = dict[frozenset[int], dict[int, Column]]
"""By folds left out, by the number of each of their examples: the log-odds of its blocks."""


def learn_first_odds(examples: Sequence[BlockExample]) -> Odds:
    """Return the first look's log-odds on the examples of each fold and of each two, by trees that saw none of them."""
    return {
        frozenset(folds): first_odds(examples, folds)
        for folds in [{fold, other} for fold in range(FOLDS) for other in range(fold + 1)]
    }


def first_odds(examples: Sequence[BlockExample], folds: Collection[int]) -> dict[int, Column]:
    """Return the first look's log-odds on the examples of these folds, by trees that saw none of them."""
    trees = train_trees([example for example in examples if fold_of(example.host) not in folds])
    numbers = [n for n, example in enumerate(examples) if fold_of(example.host) in folds]
    return {n: trees.log_odds(examples[n].measured.rows, EARLY_STOP_TREES) for n in numbers}


def looked_at_again(examples: Sequence[BlockExample], odds: Odds, tested: int | None = None) -> list[BlockExample]:
    """Add to each example the features of chances by trees that saw neither its fold nor the tested one."""
    again = []
    for n, example in enumerate(examples):
        fold = fold_of(example.host)
        unseen = odds[frozenset({fold} if tested is None else {fold, tested})]
        again.append(replace(example, measured=with_chances(example.measured, unseen[n])))
    return again


def out_of_fold(examples: Sequence[BlockExample], odds: Odds) -> list[Column]:
    """Return for each example the judge's probabilities, by models trained without any page of its host."""
    probabilities: dict[int, Column] = {}
    for fold in range(FOLDS):
        again = looked_at_again(examples, odds, fold)
        trained_on = [n for n, example in enumerate(examples) if fold_of(example.host) != fold]
        second_look = train_trees([again[n] for n in trained_on])
        network = train_network([examples[n] for n in trained_on])
        for n in set(range(len(examples))).difference(trained_on):
            measured = examples[n].measured
            network_odds = network.log_odds(measured.names, measured.rows, block_graph([measured.page.markup]))
            probabilities[n] = judged_chances(second_look.log_odds(again[n].measured.rows), network_odds)
    return [probabilities[n] for n in range(len(probabilities))]


def judge_example(example: BlockExample, probabilities: Column) -> tuple[JudgedBlocks, bool]:
    """Return the verdicts that these probabilities lead to, and whether the extractor was heard."""
    own = judgement(example.measured.page.words, probabilities)
    reading = replace(example.reading, judgement=own, extracted=None)
    if own.is_sure:
        return judge_blocks(reading), False
    return judge_blocks(hear_extractor(reading, example.reading.extracted or frozenset())), True


def cross_validate(examples: Sequence[BlockExample], odds: Odds) -> dict[str, Any]:
    """Score the verdicts, each page judged by models trained without any page of its host: by corpus, and certainty.

    `asked` is the share of the pages on which the extractor was heard.
    """
    pairs = zip(examples, out_of_fold(examples, odds), strict=True)
    judged = [judge_example(example, probabilities) for example, probabilities in pairs]
    scores = score_examples(examples, [_kept_mask(blocks) for blocks, _ in judged])
    for corpus in scores:
        asked = [heard for (_, heard), example in zip(judged, examples, strict=True) if example.corpus == corpus]
        scores[corpus]["asked"] = round(float(np.mean(asked)), 3)
    return {"cross_validated": scores, "certainty": score_certainty(examples, [blocks for blocks, _ in judged])}


def _kept_mask(judged: JudgedBlocks) -> Column:
    return np.array([verdict.kept for verdict in judged.verdicts])


def score_certainty(examples: Sequence[BlockExample], judged: Sequence[JudgedBlocks]) -> dict[str, dict[str, float]]:
    """Return the mean expected and real word F1, of all pages with an annotated text and by their certainty."""
    pages: dict[str, list[tuple[float, float]]] = {name: [] for name in ("all", *map(str, Certainty))}
    for example, blocks in zip(examples, judged, strict=True):
        kept = _kept_mask(blocks)
        expected = expected_verdict_f1([block.words for block in example.blocks], blocks.chances, kept.tolist())
        if expected is not None and example.article_words:
            real = word_f1(Counter(words_of(_kept_text(example, kept))), example.article_words)
            for name in ("all", certainty(expected)):
                pages[name].append((expected, real))
    return {name: _certainty_means(found) for name, found in pages.items() if found}


def _certainty_means(pages: Sequence[tuple[float, float]]) -> dict[str, float]:
    expected, real = np.array(pages).T
    low = float((real < FAIR_F1).mean())
    return {"pages": len(pages)} | {
        name: round(value, 4) for name, value in (("expected", expected.mean()), ("real", real.mean()), ("low", low))
    }


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    options = training_options(__doc__, "judge/models", arguments)
    examples = read_block_examples(options.corpus)
    host_folds = HostFolds(examples)
    examples = with_word_sums(examples, host_folds.sum_words())
    odds = learn_first_odds(examples)
    scores = cross_validate(examples, odds)
    for name, values in [pair for table in scores.values() for pair in table.items()]:
        print(name, " ".join(f"{key}={value}" for key, value in values.items()))
    if not options.cv:
        write_word_weights(host_folds.learn_weights(), options.out / BLOCK_WORDS_FILE)
        write_model(train_trees(examples), options.out, FIRST_LOOK_MODEL)
        again = looked_at_again(examples, odds)
        write_model(train_trees(again), options.out, SECOND_LOOK_MODEL)
        write_network(train_network(examples), options.out / NETWORK_FILE)
        facts = {"date": options.date} | training_facts(options.corpus, again[0].measured.names, _ROUNDS)
        facts |= {"settings": SETTINGS | _TREE_SETTINGS} | scores
        facts["versions"] |= {"scipy": version("scipy"), "numpy": version("numpy")}
        write_facts(facts, options.out, FACTS_FILE)


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
        save_trees(trees, stream)


def write_facts(facts: dict[str, Any], folder: Path, file: str) -> None:
    """Write the training facts and scores of the model `file` beside it, as JSON."""
    (folder / file).with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
