"""Training the page type model: the table is the sum of the trees, and comes out the same again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners.judge.hashed_words import HashedWords
from broadsheet.cleaners.judge.page_type import PAGE_KINDS, estimate_kind, parse_table
from tests.training import page_type_model
from tests.training.conftest import write_corpora
from tests.training.corpora import fold_of
from tests.training.page_type_model import (
    PageTypeExample,
    PageTypeModel,
    host_of,
    page_type_probabilities,
    read_features,
    score_probabilities,
    train_table,
)

STORY = "<h1>The mill</h1>" + "<p>The council met on Monday and spoke for three hours about the old mill.</p>" * 6
SHELF = '<div class="price">$4.00</div><p>Add to cart</p>' * 8


def examples() -> list[PageTypeExample]:
    page_examples = []
    for n in range(240):
        kind = PAGE_KINDS[n % len(PAGE_KINDS)]
        signs = {sign: float(sign == kind) for sign in PAGE_KINDS} | {"noise": float(n % 7)}
        page_examples.append(PageTypeExample("wcxb", str(n), f"host{n}.example", kind, signs))
    return page_examples


@pytest.mark.slow
def test_the_table_tells_kinds_apart_and_is_the_same_again():
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    page_examples = examples()
    table = train_table(page_examples)
    assert train_table(page_examples) == table
    probabilities = page_type_probabilities(table, page_examples)
    assert [PAGE_KINDS[n] for n in probabilities.argmax(axis=1)] == [example.kind for example in page_examples]
    assert score_probabilities(page_examples, probabilities) == {"pages": 240, "kind": 1.0, "article_or_not": 1.0}
    opinion_of_page = estimate_kind(page_examples[3].signs, parse_table(table))
    assert np.allclose(list(opinion_of_page.chances.values()), probabilities[3])


def test_pages_of_a_host_are_in_one_fold():
    hosts = {host_of({"id": "1", "url": url}) for url in ("https://a.b.example/x", "http://b.example/y?z=1")}
    assert hosts == {"b.example"}
    assert host_of({"id": "7", "url": ""}) == "7"


def test_a_page_without_blocks_has_no_signs():
    assert read_features("http://a.example/", b"<html></html>") is None
    features = read_features("http://a.example/", SHELF.encode())
    assert features is not None
    assert features.signs["prices"] > 2


@pytest.mark.slow
def test_training_reads_a_corpus_and_writes_a_table(tmp_path):
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    kinds = {"wcxb": ("article", "product"), "news": (None,), "segments": (None,)}
    rows = {
        corpus: [
            {"id": f"{kind}{n}", "url": f"http://{corpus}{n}.example/x", "page_type": kind}
            | ({"html": SHELF} if kind == "product" else {})
            for n in range(60)
            for kind in of_corpus
        ]
        for corpus, of_corpus in kinds.items()
    }
    write_corpora(tmp_path, rows, STORY)
    page_type_model.main(["--corpus", str(tmp_path), "--out", str(tmp_path)])
    weights = json.loads((tmp_path / "page_weights.json").read_text())
    assert weights["cross_validated"]["article_or_not"] > 0.9
    assert set(weights["corpus"]) == kinds.keys()
    base, table = parse_table(weights)
    assert len(base) == len(PAGE_KINDS)
    assert table


def stump(feature: int, threshold: float, below: float, above: float) -> dict[str, Any]:
    children = {"left_child": {"leaf_value": below}, "right_child": {"leaf_value": above}}
    return {"tree_structure": {"split_feature": feature, "threshold": threshold, **children}}


def leaf(**values: float) -> dict[str, Any]:
    return {"tree_structure": values}


def test_trees_of_one_condition_add_up_to_a_table():
    trees = [
        stump(1, 2.0, -1.0, 1.0), leaf(leaf_value=0.5), leaf(), stump(0, 1.0, 0.25, -0.25), leaf(), leaf(),
        stump(1, 3.0, 4.0, 8.0), leaf(leaf_value=0.25), leaf(), leaf(), leaf(), stump(1, 2.0, 2.0, 6.0),
    ]  # fmt: skip
    table = page_type_model._build_table(["a", "b", "c"], trees)
    assert table["base"].tolist() == [0, 0.75, 0, 0, 0, 0]
    assert {name: steps.limits for name, steps in table["signs"].items()} == {"a": (1.0,), "b": (2.0, 3.0)}
    assert table["signs"]["a"].points.tolist() == [[0, 0, 0, 0.25, 0, 0], [0, 0, 0, -0.25, 0, 0]]
    assert table["signs"]["b"].points[:, [0, 5]].tolist() == [[3, 2], [5, 6], [9, 6]]
    centred = page_type_model._centre_table(table, np.array([[1.0, 2.0, 9.0], [2.0, 4.0, 9.0]]), ["a", "b", "c"])
    assert centred["base"] == [6.0, 0.75, 0.0, 0.0, 0.0, 4.0]
    assert [row[0] for row in centred["signs"]["b"]["points"]] == [-3.0, -1.0, 3.0]
    assert [row[3] for row in centred["signs"]["a"]["points"]] == [0.25, -0.25]
    assert centred["signs"]["b"]["limits"] == [2.0, 3.0]


TABLE = {
    "base": [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
    "signs": {"a": {"limits": [1.0], "points": [[2.0, 0, 0, 0, 0, 0], [0, 0, 0, 3.0, 0, 0]]}},
}


def example(number: int, kind: str, a: float, corpus: str = "wcxb", host: str = "") -> PageTypeExample:
    return PageTypeExample(corpus, str(number), host or f"host{number}.example", kind, {"a": a})


def test_probabilities_and_scores_of_a_table():
    kinds = [("article", 1.0, "wcxb"), ("list", 2.0, "wcxb"), ("product", 2.0, "wcxb"), ("list", 1.0, "news")]
    pages = [example(n, *values) for n, values in enumerate(kinds)]
    probabilities = page_type_probabilities(TABLE, pages)
    assert probabilities[:2].round(4).tolist() == [
        [0.5238, 0.1927, 0.0709, 0.0709, 0.0709, 0.0709], [0.0373, 0.1014, 0.0373, 0.7494, 0.0373, 0.0373],
    ]  # fmt: skip
    assert probabilities.sum(axis=1).tolist() == pytest.approx([1] * 4)
    assert probabilities.argmax(axis=1).tolist() == [0, 3, 3, 0]
    assert score_probabilities(pages, probabilities) == {"pages": 3, "kind": 0.6667, "article_or_not": 1.0}


def test_each_page_is_judged_by_a_model_that_saw_no_page_of_its_host(monkeypatch):
    pages = [example(n, "article", 1.0, host=f"h{n % 20}.example") for n in range(40)]
    seen: list[set[str]] = []

    def train(examples: Sequence[PageTypeExample]) -> PageTypeModel:
        seen.append({page.host for page in examples})
        base = [float(len(examples)), 0.0, 0.0, 0.0, 0.0, 0.0]
        return PageTypeModel({"base": base, "signs": {}}, {})

    monkeypatch.setattr(page_type_model, "train_model", train)
    probabilities = page_type_model.out_of_fold(pages)
    hosts = {page.host for page in pages}
    assert seen == [{host for host in hosts if fold_of(host) != fold} for fold in range(5)]
    for page, row in zip(pages, probabilities, strict=True):
        trained_on = sum(fold_of(other.host) != fold_of(page.host) for other in pages)
        assert row[0] == pytest.approx(np.exp(trained_on) / (np.exp(trained_on) + 5))


def test_words_are_weighed_without_the_pages_of_the_host(monkeypatch):
    words = {"words_text": HashedWords(np.array([3]), np.array([0.5]))}
    pages = [replace(example(n, "article", 1.0, host=f"h{n % 7}.example"), words=words) for n in range(14)]

    def train(examples: Sequence[PageTypeExample]) -> dict[str, np.ndarray]:
        return {"words_text": np.full(4, float(len({page.host for page in examples})))}

    monkeypatch.setattr(page_type_model, "train_words", train)
    folds = {page.host: fold_of(f"words of {page.host}") for page in pages}
    for page, weighed in zip(pages, page_type_model.weigh_words_apart(pages), strict=True):
        others = sum(fold != folds[page.host] for fold in folds.values())
        assert weighed.signs == {"a": 1.0, "words_text": others / 2}
        assert weighed.name == page.name


def test_the_pages_of_the_corpora_have_kinds(tmp_path):
    rows = {
        "wcxb": [
            {"id": "2", "url": "https://w.b.example/", "page_type": "listing"},
            {"id": "1", "url": None, "page_type": "forum"},
        ],
        "news": [{"id": "n", "url": "https://n.example/"}],
        "segments": [
            {"id": "s", "url": "https://s.example/", "page_type": None},
            {"id": "t", "url": "", "html": "<p></p>"},
        ],
    }
    write_corpora(tmp_path, rows, STORY)
    pages = list(page_type_model.read_page_type_examples(tmp_path))
    assert [(page.corpus, page.name, page.host, page.kind) for page in pages] == [
        ("wcxb", "1", "1", "forum"), ("wcxb", "2", "b.example", "list"), ("news", "n", "n.example", "article"),
        ("segments", "s", "s.example", "article"),
    ]  # fmt: skip
    assert all(page.signs["headings"] == 0 and page.words for page in pages)


def test_a_table_is_written_a_sign_a_line(tmp_path):
    page_type_model.write_table(
        {"base": [0.5], "signs": {"a": {"limits": [1]}, "b": {"limits": [2]}}}, tmp_path, {"date": "x"}
    )
    assert (tmp_path / "page_weights.json").read_text() == (
        '{\n "kinds": [\n  "article",\n  "list",\n  "forum",\n  "product",\n  "document",\n  "service"\n ],\n'
        ' "date": "x",\n "base": [\n  0.5\n ],\n "signs": {\n  "a": {"limits": [1]},\n  "b": {"limits": [2]}\n }\n}\n'
    )
    assert json.loads((tmp_path / "page_weights.json").read_text())["signs"]["b"] == {"limits": [2]}
