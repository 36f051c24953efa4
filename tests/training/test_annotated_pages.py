"""Examples of annotated pages: each block's label and weight, for each way in which a page is annotated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cleaners.building import STORY
from tests.training.annotated_pages import (
    annotated_words,
    block_weights,
    read_block_examples,
    site_name,
    snippet_weights,
)
from tests.training.conftest import write_corpora

PAGE = (
    "<h1>The mill</h1>" + "".join(f"<p>{text}</p>" for text in STORY[:3]) + "<pre>x = 1</pre>"
    f"<p>{STORY[3]}</p><p>Sign up today</p><div>{STORY[4]} Not annotated.</div>"
)  # fmt: skip
LONG = " ".join(f"word{n}" for n in range(151))
ROWS: dict[str, list[dict[str, Any]]] = {
    "news": [
        {"id": "b", "url": "https://www.a.example/x", "text": "\n".join(STORY[:4]), "must_not_contain": ["Sign up"]},
        {"id": "a", "url": None, "text": "", "must_contain": ["tells at some"], "must_not_contain": ["Sign up today"]},
        {"id": "c", "url": "https://a.example/list", "text": STORY[0], "page_type": "list"},
    ],
    "segments": [
        {"id": "s", "url": "x::paper-17.html", "must_contain": [STORY[1]], "must_not_contain": ["Sign up today"]},
    ],
    "wcxb": [{"id": "w", "url": "https://w.example/", "text": STORY[1], "summary": [STORY[0]], "page_type": "article"}],
    "dragnet": [{"id": "d", "url": "https://h0.example/", "text": "\n".join(STORY[:4])}],
    "zh69": [{"id": "z", "url": "https://h1.example/", "text": STORY[0], "html": "<p></p>"}],
}  # fmt: skip


def test_each_block_of_an_annotated_page_has_a_label_and_a_weight(tmp_path):
    write_corpora(tmp_path, ROWS, PAGE)
    examples = read_block_examples(tmp_path)
    found = [(e.corpus, e.host, e.labels.tolist(), [round(float(w), 3) for w in e.weights]) for e in examples]
    assert found == [
        ("news", "a", [0, 1, 1, 1, 0, 1, 0, 1], [0.0, 0.384, 0.384, 0.384, 0.0, 0.384, 0.248, 0.402]),
        ("news", "a.example", [0, 1, 1, 1, 0, 1, 0, 0], [0.78, 4.28, 4.28, 4.28, 0.0, 4.28, 1.03, 4.78]),
        ("segments", "paper", [0, 0, 1, 0, 0, 0, 0, 0], [0.0, 0.0, 0.384, 0.0, 0.0, 0.0, 0.248, 0.0]),
        ("wcxb", "w.example", [0, 1, 1, 0, 0, 0, 0, 0], [0.78, 4.28, 4.28, 4.28, 0.78, 4.28, 1.03, 4.78]),
        ("dragnet", "h0.example", [0, 1, 1, 1, 0, 1, 0, 0], [0.234, 1.284, 1.284, 1.284, 0.0, 1.284, 0.309, 1.434]),
    ]
    assert [len(e.article_words) for e in examples] == [0, 17, 0, 15, 17]
    assert (examples[0].article_snippets, examples[0].boilerplate_snippets) == (("tells at some",), ("Sign up today",))
    assert {e.measured.rows.shape[1] for e in examples} == {len(examples[0].measured.names)}


def test_what_follows_an_annotation_that_was_cut_short_is_not_trained_on(tmp_path):
    for words, weighs in ((150, True), (151, False)):
        page = "".join(f"<p>{text}</p>" for text in (*STORY[:3], " ".join(LONG.split()[:words])))
        write_corpora(tmp_path, {name: ROWS["news"][:1] if name == "news" else [] for name in ROWS}, page)
        [example] = read_block_examples(tmp_path)
        assert example.labels.tolist() == [1, 1, 1, 0]
        assert bool(example.weights[3]) is weighs


@pytest.mark.parametrize(
    ("shares", "sizes", "text_words", "weights"),
    [
        ([1.0, 0.5, 0.0, 0.75], [7, 7, 7, 7], 80, [2.03, 0.03, 2.03, 1.03]),
        ([1.0, 1.0], [23, 24], 80, [6.03, 6.03]),
        ([1.0], [7], 40, [2.03]),
        ([1.0], [7], 160, [1.03]),
    ],
)
def test_blocks_weigh_as_they_move_the_page_s_score(shares, sizes, text_words, weights):
    assert block_weights(np.array(shares), np.array(sizes), text_words).round(4).tolist() == weights


def test_blocks_with_a_snippet_weigh_by_their_length_up_to_sixty_words():
    weights = snippet_weights(np.array([1, 0, np.nan, 1]), np.array([1, 60, 60, 61]))
    assert weights.round(4).tolist() == [0.22, 0.7291, 0, 0.7291]


@pytest.mark.parametrize(
    ("corpus", "row", "name"),
    [
        ("news", {"url": "https://www.paper.example/x", "id": 1}, "paper.example"),
        ("news", {"url": "", "id": 1}, "1"),
        ("segments", {"url": "x::paper-17.html", "id": 1}, "paper"),
        ("segments", {"url": "https://a.example/", "id": 1}, "a.example"),
        ("news", {"url": "x::paper-17.html", "id": 1}, "1"),
    ],
)
def test_pages_of_a_site_have_its_name(corpus, row, name):
    assert site_name(corpus, row) == name


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "One two"}, "one two"), ({"text": None}, ""), ({"text": "b", "summary": "A"}, "a b"),
        ({"text": "A b", "summary": "A"}, "a b"), ({"text": "c", "summary": ["A", "b"]}, "a b c"),
    ],
)  # fmt: skip
def test_a_standfirst_of_its_own_comes_before_the_text(row, words):
    assert annotated_words(row) == words.split()
