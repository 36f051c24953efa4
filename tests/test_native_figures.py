"""The figures of docs/native.md are those of the benchmark's last result."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tests.bench import native


def row(name: str, figures: Mapping[str, float]) -> str:
    """The row of the document's table that a corpus has."""
    columns = ("native", "pure", "bare_extraction")
    ratios = ("pure / native", "native / bare_extraction", "pure / bare_extraction")
    cells = [f"{figures[column]:.2f}" for column in columns] + [f"{figures[ratio]:.3f}" for ratio in ratios]
    return f"| {name}, {figures['pages']:.0f} | {' | '.join(cells)} |"


def test_the_table_is_that_of_the_result() -> None:
    result = json.loads(native.RESULT.read_text("utf-8"))
    document = (native.RESULT.parents[3] / "docs/native.md").read_text("utf-8")
    table = [
        line for line in document.splitlines() if line.startswith(tuple(f"| {name}, " for name in result["corpora"]))
    ]
    assert table == [row(name, figures) for name, figures in result["corpora"].items()]
    assert f"load {result['load']} " in document
    assert f"--rounds {result['rounds']}`" in document


def test_a_summary_has_means_and_their_ratios() -> None:
    least = {"native": [0.01, 0.03, 9.0], "pure": [0.03, 0.05, 9.0], "bare_extraction": [0.05, 0.05, 9.0]}
    assert native.summary(least, range(2)) == {
        "pages": 2,
        "native": 20.0,
        "pure": 40.0,
        "bare_extraction": 50.0,
        "native / bare_extraction": 0.4,
        "pure / bare_extraction": 0.8,
        "pure / native": 2.0,
    }


def test_without_the_corpus_the_benchmark_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "SHARED", native.RESULT.parent / "none")
    with pytest.raises(SystemExit, match="no corpus in"):
        native.main([])
