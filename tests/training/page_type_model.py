"""Training of the page type model, a table of signs, scored on hosts not trained on.

    python -m tests.training.page_type_model --cv       cross-validation by host: nothing is written
    python -m tests.training.page_type_model            train on everything, write page_weights.json
                                                                      and page_words.npz
    options: --corpus FOLDER                  the annotated pages (../shared/corpus)
             --date YYYY-MM-DD                today, which page_weights.json then says

The pages of `wcxb` have a type; those of `news` and `segments` count as articles. The table adds up a step function of
each sign, so that it can be read and a verdict explained. Three of the signs sum up the page's words by weights that
are learned first (`word_weights.py`); the table learns from sums by weights that saw no page of the host. The same
pages, versions and settings give the same files. The table also holds the hashes of the pages, the versions and the
cross-validated scores. Needs the extra: pip install '.[train]'.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from broadsheet.cleaners.clean import read_page
from broadsheet.cleaners.document import Column, Page
from broadsheet.cleaners.judge.block_verdicts import judge
from broadsheet.cleaners.judge.hashed_words import PAGE_WORDS_FILE, PageWords, PageWordWeights, word_signs
from broadsheet.cleaners.judge.page_features import PageFeatures, page_features
from broadsheet.cleaners.judge.page_type import PAGE_KINDS, TABLE_FILE, SignSteps, parse_table
from broadsheet.cleaners.page.parsed_page import decode, parse
from tests.training.annotated_pages import annotated_pages
from tests.training.block_model import SETTINGS, corpus_digest, dump_of_model
from tests.training.corpora import FOLDS, fold_of, training_options
from tests.training.word_weights import learn_word_weights, write_word_weights

_KIND_NAMES = {"collection": "list", "listing": "list", "documentation": "document"}
_CORPUS_WEIGHTS = {"wcxb": 1.0, "news": 0.7, "segments": 0.4}
_ROUNDS = 150
_DIGITS = 4
_SETTINGS: dict[str, Any] = SETTINGS | {
    "objective": "multiclass",
    "num_class": len(PAGE_KINDS),
    "num_leaves": 2,
    "learning_rate": 0.1,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.4,
}

_Condition = tuple[float, int, float, float]  # limit, number of the kind, points up to the limit and above it


@dataclass(frozen=True, slots=True)
class PageTypeExample:
    """Annotated page: its kind, the values of its signs, and the words that three of them are made of."""

    corpus: str
    name: str
    host: str
    kind: str
    signs: dict[str, float]
    words: PageWords = field(default_factory=dict)

    def with_words(self, weights: PageWordWeights) -> PageTypeExample:
        """Return the same page, its words weighed by these."""
        return replace(self, signs=self.signs | word_signs(self.words, weights))

    @property
    def fold(self) -> int:
        """Return the fold in which it is tested; all pages of a host are in one."""
        return fold_of(self.host)


def host_of(row: dict[str, Any]) -> str:
    """Return the last two labels of an annotated page's host; its id where it has no URL."""
    host = urlsplit(row["url"] or "").hostname or str(row["id"])
    return ".".join(host.split(".")[-2:])


def read_page_type_examples(corpus: Path) -> Iterator[PageTypeExample]:
    """Read an example for each annotated page with a block, in a fixed order."""
    for name in _CORPUS_WEIGHTS:
        for row, html in annotated_pages(corpus / name, articles_only=False):
            if features := read_features(row["url"] or "", html):
                kind = row.get("page_type") or "article"
                kind = _KIND_NAMES.get(kind, kind)
                yield PageTypeExample(name, str(row["id"]), host_of(row), kind, features.signs, features.words)


def read_features(url: str, html: bytes) -> PageFeatures | None:
    """Read the features of a page; None if it has no block."""
    tree = parse(decode(html, "").text)
    reading = read_page(Page(url, html), tree) if tree is not None else None
    if tree is None or reading is None or not reading.blocks:
        return None
    return page_features(reading, judge(reading))


def train_words(examples: Sequence[PageTypeExample]) -> PageWordWeights:
    """Learn the weights of the words, by name of the sign that they make."""
    is_article = np.array([example.kind == "article" for example in examples], np.float64)
    weights = np.array([_CORPUS_WEIGHTS[example.corpus] for example in examples])
    return {
        name: learn_word_weights([example.words[name] for example in examples], is_article, weights)
        for name in examples[0].words
    }


def weigh_words_apart(examples: Sequence[PageTypeExample]) -> list[PageTypeExample]:
    """Weigh the words of each example by weights that were learned without any page of its host."""
    folds = [fold_of(f"words of {example.host}") for example in examples]
    weighed = list(examples)
    for fold in sorted(set(folds)):
        weights = train_words([example for example, other in zip(examples, folds, strict=True) if other != fold])
        for number in [n for n, other in enumerate(folds) if other == fold]:
            weighed[number] = examples[number].with_words(weights)
    return weighed


@dataclass(frozen=True, slots=True)
class PageTypeModel:
    """Table of steps, in the form of `page_weights.json`, and the weights of words that three of its signs need."""

    table: dict[str, Any]
    word_weights: PageWordWeights


def train_model(examples: Sequence[PageTypeExample]) -> PageTypeModel:
    """Learn the weights of the words, then the table."""
    return PageTypeModel(train_table(weigh_words_apart(examples)), train_words(examples))


def train_table(examples: Sequence[PageTypeExample]) -> dict[str, Any]:
    """Train a table of steps, in the form of `page_weights.json`."""
    names = list(examples[0].signs)
    rows = np.array([[example.signs[name] for name in names] for example in examples], np.float64)
    labels = np.array([PAGE_KINDS.index(example.kind) for example in examples])
    weights = np.array([_CORPUS_WEIGHTS[example.corpus] for example in examples])
    dump = dump_of_model(_SETTINGS, rows, labels, weights, _ROUNDS)
    return _centre_table(_build_table(names, dump["tree_info"]), rows, names)


def _build_table(names: list[str], trees: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up trees of one condition each into a table: for every sign, its limits and the points between them."""
    base = np.zeros(len(PAGE_KINDS))
    conditions: dict[str, list[_Condition]] = {}  # by sign
    for number, tree in enumerate(trees):
        node, kind = tree["tree_structure"], number % len(PAGE_KINDS)
        if "split_feature" not in node:
            base[kind] += node.get("leaf_value", 0.0)
            continue
        points_below, points_above = (node[side]["leaf_value"] for side in ("left_child", "right_child"))
        conditions.setdefault(names[node["split_feature"]], []).append(
            (node["threshold"], kind, points_below, points_above)
        )
    return {"base": base, "signs": {name: _build_steps(conditions[name]) for name in names if name in conditions}}


def _build_steps(conditions: list[_Condition]) -> SignSteps:
    limits = sorted({limit for limit, *_ in conditions})
    points = np.zeros((len(limits) + 1, len(PAGE_KINDS)))
    for limit, kind, points_below, points_above in conditions:
        first_above = limits.index(limit) + 1
        points[:first_above, kind] += points_below
        points[first_above:, kind] += points_above
    return SignSteps(tuple(limits), points)


def _centre_table(table: dict[str, Any], rows: Column, names: list[str]) -> dict[str, Any]:
    """Move the mean points of each sign over all pages into the base, so that its points say how a page differs."""
    base, signs = table["base"], {}
    for name, steps in table["signs"].items():
        column = rows[:, names.index(name)]
        mean_points = np.mean([steps.points_for(value) for value in column], axis=0)
        base = base + mean_points
        points = [[round(float(point), _DIGITS) for point in row] for row in steps.points - mean_points]
        signs[name] = {"limits": list(steps.limits), "points": points}
    return {"base": [round(float(value), _DIGITS) for value in base], "signs": signs}


def page_type_probabilities(table: dict[str, Any], examples: Sequence[PageTypeExample]) -> Column:
    """Return the probability of each kind (column) for each example (row)."""
    base, signs = parse_table(table)
    log_odds = np.array(
        [base + sum(steps.points_for(example.signs[name]) for name, steps in signs.items()) for example in examples]
    )
    odds = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
    probabilities: Column = odds / odds.sum(axis=1, keepdims=True)
    return probabilities


def train_fold_models(examples: Sequence[PageTypeExample]) -> list[PageTypeModel]:
    """Train for each fold a model without its pages."""
    return [train_model([example for example in examples if example.fold != fold]) for fold in range(FOLDS)]


def out_of_fold(examples: Sequence[PageTypeExample]) -> Column:
    """Return the probabilities of each example, by a model trained without any page of its host."""
    probabilities = np.zeros((len(examples), len(PAGE_KINDS)))
    for fold, model in enumerate(train_fold_models(examples)):
        numbers = [n for n, example in enumerate(examples) if example.fold == fold]
        weighed = [examples[n].with_words(model.word_weights) for n in numbers]
        probabilities[numbers] = page_type_probabilities(model.table, weighed)
    return probabilities


def score_probabilities(examples: Sequence[PageTypeExample], probabilities: Column) -> dict[str, float]:
    """Score on `wcxb` how often the likeliest kind is the annotated one, and how often `article or not` is right."""
    numbers = [n for n, example in enumerate(examples) if example.corpus == "wcxb"]
    kinds = np.array([PAGE_KINDS.index(examples[n].kind) for n in numbers])
    likeliest_kinds = probabilities[numbers].argmax(axis=1)
    kind_score, article_score = (likeliest_kinds == kinds).mean(), ((likeliest_kinds == 0) == (kinds == 0)).mean()
    return {
        "pages": len(numbers),
        "kind": round(float(kind_score), 4),
        "article_or_not": round(float(article_score), 4),
    }


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    options = training_options(__doc__, "judge", arguments, tuple(_CORPUS_WEIGHTS))
    examples = list(read_page_type_examples(options.corpus))
    scores = score_probabilities(examples, out_of_fold(examples))
    print(" ".join(f"{name}={value}" for name, value in scores.items()))
    if not options.cv:
        model = train_model(examples)
        facts = {"date": options.date} | _training_facts(options.corpus, scores)
        write_table(model.table, options.out, facts)
        write_word_weights(model.word_weights, options.out / PAGE_WORDS_FILE)


def _training_facts(corpus: Path, scores: dict[str, float]) -> dict[str, Any]:
    return {
        "corpus": {name: corpus_digest(corpus, name) for name in _CORPUS_WEIGHTS},
        "versions": {"lightgbm": version("lightgbm")},
        "rounds": _ROUNDS,
        "settings": _SETTINGS,
        "cross_validated": scores,
    }


def write_table(table: dict[str, Any], folder: Path, facts: dict[str, Any]) -> None:
    """Write the table, a sign a line, with its training facts and scores."""
    signs = ",\n".join(f"  {json.dumps(name)}: {json.dumps(steps)}" for name, steps in table["signs"].items())
    head = json.dumps({"kinds": PAGE_KINDS, **facts, "base": table["base"]}, indent=1).removesuffix("\n}")
    (folder / TABLE_FILE).write_text(f'{head},\n "signs": {{\n{signs}\n }}\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
