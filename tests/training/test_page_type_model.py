"""Training the page type model: the table is the sum of the trees, and comes out the same again."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from broadsheet.cleaners.judge.page_type import PAGE_KINDS, estimate_kind, parse_table
from tests.training import page_type_model
from tests.training.conftest import write_corpora
from tests.training.corpora import fold_of
from tests.training.page_type_model import (
    PageTypeExample,
    PageTypeModel,
    page_type_probabilities,
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


def example(number: int, kind: str, a: float, corpus: str = "wcxb", host: str = "") -> PageTypeExample:
    return PageTypeExample(corpus, str(number), host or f"host{number}.example", kind, {"a": a})


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
