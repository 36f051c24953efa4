"""Training the text mode's model: dumps from annotated pages, their labels, scores, and the same file twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from html_text import extract_text

from broadsheet.cleaners.document import Column, Verdict
from tests.cleaners.building import STORY
from tests.training import line_model
from tests.training.conftest import write_corpora
from tests.training.corpora import fold_of
from tests.training.line_model import TextDump, read_dumps, score_dumps

pytest.importorskip("html_text", reason="needs html-text: pip install '.[dev]'")


ROW = {
    "id": "1",
    "url": "https://a.example/",
    "title": "The mill",
    "text": "\n".join(STORY[:2]),
    "must_not_contain": ["Menu"],
}
PAGE = "<h1>The mill</h1><ul><li>Menu</li></ul>" + "".join(f"<p>{text}</p>" for text in STORY[:2]) + "<p>Share</p>"


def small_dumps(number: int = 0, **changes: Any) -> list[TextDump]:
    texts = line_model._page_texts(number, ROW | changes, PAGE.encode(), extract_text)
    made = (line_model._text_dump("wcxb", kind, ROW | changes, text) for kind, text in texts)
    return [dump for dump in made if dump is not None]


def test_the_lines_of_each_kind_of_text_have_labels_and_weights():
    dumps = small_dumps()
    lines = [(dump.kind, [block.text[:11] for block in dump.text.blocks], dump.labels.tolist()) for dump in dumps]
    assert lines == [
        ("full", ["The mill", "Menu", "Paragraph 0", "Paragraph 1", "Share"], [0, 0, 1, 1, 0]),
        ("half", ["- Menu", "Paragraph 0", "Paragraph 1", "Share"], [0, 1, 1, 0]),
        ("clean", ["The mill", "Paragraph 0", "Paragraph 1"], [0, 1, 1]),
        ("verse", ["The mill", "Paragraph 0", "the council", "Paragraph 1", "of the town"], [0, 1, 1, 1, 1]),
    ]
    assert [dump.weights.round(3).tolist() for dump in dumps] == [
        [0.78, 0.53, 4.28, 4.28, 0.53], [0.53, 4.28, 4.28, 0.53], [0, 1.284, 1.284], [0, 0.609, 0.759, 0.759, 0.609],
    ]  # fmt: skip
    assert [dump.kind for dump in small_dumps(1)] == ["full", "half", "clean"]
    assert [dump.kind for dump in small_dumps(4, text="", must_contain=[STORY[0]])] == ["full", "half"]
    [full, _] = small_dumps(4, text="", must_contain=[STORY[0]])
    assert (full.labels.tolist(), full.weights.round(3).tolist()) == ([0, 0, 1, 0, 0], [0, 0.22, 0.384, 0, 0])
    assert (full.host, full.corpus, full.article_snippets, full.boilerplate_snippets) == (
        "a.example", "wcxb", (STORY[0],), ("Menu",),
    )  # fmt: skip
    assert [dump.text.blocks[0].text for dump in small_dumps(1, title=None) if dump.kind == "clean"] == ["-"]


def test_scores_by_kind_and_corpus():
    dumps = small_dumps()
    every = [[Verdict(True, "", "")] * len(dump.rule_verdicts) for dump in dumps]
    assert score_dumps(dumps, every) == {
        "full": {"wcxb": {"texts": 1, "f1": 0.9412, "boilerplate_kept": 1.0}},
        "half": {"wcxb": {"texts": 1, "f1": 0.9697, "boilerplate_kept": 1.0}},
        "clean": {"wcxb": {"texts": 1, "f1": 0.9697}},
        "verse": {"wcxb": {"texts": 1, "f1": 0.9697}},
    }
    segments = [replace(dump, corpus="segments", article_snippets=("about the  mill", "no")) for dump in dumps[:1]]
    figures = {"texts": 1, "f1": 0.5, "boilerplate_kept": 1.0}
    assert score_dumps(segments, every[:1]) == {"full": {"segments": figures}}
    plain = [replace(dump, boilerplate_snippets=()) for dump in dumps[:1]]
    assert "boilerplate_kept" not in score_dumps(plain, every[:1])["full"]["wcxb"]


def test_each_text_is_judged_by_trees_that_saw_no_page_of_its_host(monkeypatch):
    class CountingTrees:
        def __init__(self, count: int) -> None:
            self.count = count

        def log_odds(self, rows: Column) -> Column:
            return np.full(len(rows), self.count)

    dumps = [replace(small_dumps()[0], host=f"h{n}.example") for n in range(7)]
    monkeypatch.setattr(line_model, "train_line_model", lambda trained: CountingTrees(len(trained)))
    folds = [fold_of(dump.host) for dump in dumps]
    chances = [column[0] for column in line_model.out_of_fold(dumps)]
    found = [round(np.log(chance / (1 - chance))) for chance in chances]
    assert found == [sum(other != fold for other in folds) for fold in folds]


def test_each_nth_page_is_read(tmp_path):
    rows = [ROW | {"id": f"{n}", "url": f"https://h{n}.example/"} for n in range(5)]
    write_corpora(tmp_path, {"news": rows, "segments": [], "wcxb": []}, PAGE)
    hosts = [dump.host for dump in read_dumps(tmp_path, 2) if dump.kind == "full"]
    assert hosts == ["h0.example", "h2.example", "h4.example"]
