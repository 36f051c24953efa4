"""The figures in the documents that benchmarks made are those of their results."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.bench import reliability, throughput
from tests.bench.documents import figures
from tests.bench.load.page import page_of
from tests.bench.whole_sites import with_last_table

DEFINITIONS = figures.load_definitions()
BLOCKS = figures.rendered_blocks(DEFINITIONS)


@pytest.mark.parametrize("document", figures.documents(), ids=lambda file: file.name)
def test_a_document_agrees_with_the_results(document):
    text = document.read_text("utf-8")
    assert text == figures.filled(text, BLOCKS), "python -m tests.bench.documents.figures fills it"


def test_each_block_has_one_place():
    names = [name for file in figures.documents() for name in figures.place_names(file.read_text("utf-8"))]
    assert Counter(names) == dict.fromkeys(DEFINITIONS, 1)


def test_the_page_on_performance_agrees_with_its_results():
    result = json.loads((throughput.ROOT / "tests/bench/results/throughput.json").read_text("utf-8"))
    assert throughput.PAGE.read_text("utf-8") == with_last_table(page_of(result)), (
        "python -m tests.bench.documents.figures fills it"
    )


def test_the_table_on_reliability_agrees_with_its_results():
    results = json.loads(reliability.RESULTS.read_text("utf-8"))
    assert f"{reliability.BEGIN}\n{reliability.table(results)}\n{reliability.END}" in reliability.DOCUMENT.read_text()


def test_a_place_is_filled_and_the_rest_stays():
    text = "before\n<!-- figures: a -->\nold\n<!-- end -->\nafter <!-- figures: b -->\n<!-- end -->\n"
    assert figures.filled(text, {"a": "new", "b": "B"}) == (
        "before\n<!-- figures: a -->\nnew\n<!-- end -->\nafter <!-- figures: b -->\nB\n<!-- end -->\n"
    )
    with pytest.raises(KeyError):
        figures.filled(text, {"a": "new"})


def test_figures_are_written_as_the_documents_do():
    definition = {"head": "{x/a/0:.1%}, {x/b:,}, {x/c}", "rows": ["d e"], "row": "ROW {x/ROW:.2f}"}
    results = {"x": {"a": [0.8425], "b": 1234, "c": "2026-11-26", "d e": 1}}
    assert figures._rendered(definition, results) == "84.2 %, 1,234, 2026-11-26\nd e 1.00"
    with pytest.raises(KeyError):
        figures._rendered({"text": "{x/none}"}, results)
