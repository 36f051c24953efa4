"""Learning what speaks for a kind of page: the table is the trees' sum, and comes out the same again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from cleaners.page_type.page_weights import KINDS, opinion, read_steps
from cleaners.training import page_type_model
from cleaners.training.page_type_model import Example, chances, host_of, scores, signs_of, train

STORY = "<h1>The mill</h1>" + "<p>The council met on Monday and spoke for three hours about the old mill.</p>" * 6
SHELF = '<div class="price">$4.00</div><p>Add to cart</p>' * 8


def examples() -> list[Example]:
    found = []
    for n in range(240):
        kind = KINDS[n % len(KINDS)]
        signs = {each: float(each == kind) for each in KINDS} | {"noise": float(n % 7)}
        found.append(Example("wcxb", str(n), f"host{n}.example", kind, signs))
    return found


@pytest.mark.slow
def test_the_table_tells_kinds_apart_and_is_the_same_again() -> None:
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    made = examples()
    table = train(made)
    assert train(made) == table
    found = chances(table, made)
    assert [KINDS[n] for n in found.argmax(axis=1)] == [each.kind for each in made]
    assert scores(made, found) == {"pages": 240, "kind": 1.0, "article_or_not": 1.0}
    one = opinion(made[3].signs, read_steps(table))
    assert np.allclose(list(one.chances.values()), found[3])


def test_pages_of_a_host_are_in_one_fold() -> None:
    hosts = {host_of({"id": "1", "url": url}) for url in ("https://a.b.example/x", "http://b.example/y?z=1")}
    assert hosts == {"b.example"}
    assert host_of({"id": "7", "url": ""}) == "7"


def test_a_page_without_blocks_has_no_signs() -> None:
    assert signs_of("http://a.example/", b"<html></html>") == {}
    assert signs_of("http://a.example/", SHELF.encode())["prices"] > 2


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
    held = json.loads((tmp_path / "page_weights.json").read_text())
    assert held["cross_validated"]["article_or_not"] > 0.9
    assert set(held["corpus"]) == {"wcxb", "news", "segments"}
    base, table = read_steps(held)
    assert len(base) == len(KINDS)
    assert table
