"""Training the page type model: the table is the sum of the trees, and comes out the same again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from broadsheet.cleaners.judge.page_type import PAGE_KINDS, estimate_kind, parse_table
from broadsheet.cleaners.training import page_type_model
from broadsheet.cleaners.training.page_type_model import (
    PageTypeExample,
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
def test_the_table_tells_kinds_apart_and_is_the_same_again() -> None:
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    page_examples = examples()
    table = train_table(page_examples)
    assert train_table(page_examples) == table
    probabilities = page_type_probabilities(table, page_examples)
    assert [PAGE_KINDS[n] for n in probabilities.argmax(axis=1)] == [example.kind for example in page_examples]
    assert score_probabilities(page_examples, probabilities) == {"pages": 240, "kind": 1.0, "article_or_not": 1.0}
    opinion_of_page = estimate_kind(page_examples[3].signs, parse_table(table))
    assert np.allclose(list(opinion_of_page.chances.values()), probabilities[3])


def test_pages_of_a_host_are_in_one_fold() -> None:
    hosts = {host_of({"id": "1", "url": url}) for url in ("https://a.b.example/x", "http://b.example/y?z=1")}
    assert hosts == {"b.example"}
    assert host_of({"id": "7", "url": ""}) == "7"


def test_a_page_without_blocks_has_no_signs() -> None:
    assert read_features("http://a.example/", b"<html></html>") is None
    features = read_features("http://a.example/", SHELF.encode())
    assert features is not None
    assert features.signs["prices"] > 2


@pytest.mark.slow
def test_training_reads_a_corpus_and_writes_a_table(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    for corpus, kinds in (("wcxb", ("article", "product")), ("news", (None,)), ("segments", (None,))):
        (tmp_path / corpus / "html").mkdir(parents=True)
        rows = [
            {"id": f"{kind}{n}", "url": f"http://{corpus}{n}.example/x", "page_type": kind}
            for n in range(60) for kind in kinds
        ]  # fmt: skip
        with gzip.open(tmp_path / corpus / "truth.jsonl.gz", "wt") as lines:
            lines.write("".join(json.dumps(row) + "\n" for row in rows))
        for row in rows:
            body = SHELF if row["page_type"] == "product" else STORY
            (tmp_path / corpus / "html" / f"{row['id']}.html.gz").write_bytes(gzip.compress(body.encode()))
    page_type_model.main(["--corpus", str(tmp_path), "--out", str(tmp_path)])
    weights = json.loads((tmp_path / "page_weights.json").read_text())
    assert weights["cross_validated"]["article_or_not"] > 0.9
    assert set(weights["corpus"]) == {"wcxb", "news", "segments"}
    base, table = parse_table(weights)
    assert len(base) == len(PAGE_KINDS)
    assert table
