"""Training of the judge: what is trained on, by which pages each is judged, scores, and facts."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners.document import Block, BlockKind, Column, Metadata
from broadsheet.cleaners.judge.block_features import measure_page
from tests.cleaners.building import STORY, reading
from tests.training import block_model, line_model, page_type_model
from tests.training.annotated_pages import BlockExample
from tests.training.block_model import score_examples
from tests.training.conftest import write_corpora
from tests.training.corpora import MIXTURE, PAGE_CORPORA, fold_of, training_options
from tests.training.labels import words_of


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("model", "written"),
    [
        (block_model, {"block_words.npz", "first_look.npz", "second_look.npz", "network.npz", "judge.json"}),
        (line_model, {"lines.npz", "lines.json"}),
    ],
)
def test_training_twice_gives_the_same_files_and_cross_validation_writes_none(model, written, corpus, tmp_path):
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    outs = [tmp_path / name for name in ("one", "two", "none")]
    for out in outs:
        out.mkdir()
        model.main([*(["--cv"] if out.name == "none" else []), "--corpus", str(corpus), "--out", str(out)])
    files, files_again, none = ({file.name: file.read_bytes() for file in out.iterdir()} for out in outs)
    assert files == files_again
    assert (files.keys(), none) == (written, {})
    scores = json.loads(files["judge.json" if model is block_model else "lines.json"])["cross_validated"]
    assert scores.keys() == (set(PAGE_CORPORA) if model is block_model else {"as it is", "rules alone", "cleaned"})


@pytest.mark.parametrize("model", [block_model, line_model, page_type_model])
def test_without_the_annotated_pages_one_line_says_so(model, tmp_path):
    with pytest.raises(SystemExit, match=r"no annotated pages at .*--corpus"):
        model.main(["--corpus", str(tmp_path)])


def made(number: int, corpus: str = "wcxb", **changes: Any) -> BlockExample:
    """Example of four blocks: a word, a paragraph of the article, a paragraph of boilerplate, a word."""
    texts = ["Menu", STORY[0], STORY[1], "Share"]
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text, path=f"body>div.x{n}>p") for n, text in enumerate(texts))
    labels, weights = np.array([0, 1, 0, 0]), np.array([1.0, 2.0, 3.0, 0.0])
    said = Counter(words_of(STORY[0])), ("about  the mill",), ("share",)
    page, measured = reading(blocks, (1,), Metadata()), measure_page(blocks, Metadata())
    example = BlockExample(corpus, f"h{number}.example", page, measured, labels, weights, *said)
    return replace(example, **changes)


def test_each_page_is_judged_by_models_that_saw_no_page_of_its_host(monkeypatch):
    """The first look that the second learns from saw neither the page's host nor the tested one."""
    pages = [made(n) for n in range(12)]
    folds = {page.host: fold_of(page.host) for page in pages}

    def without(*left_out: int | None) -> int:
        return sum({2**fold for fold in folds.values() if fold not in left_out})

    class Hosts:
        """A model that says the folds that it was trained on, a bit each."""

        def __init__(self, examples: Sequence[BlockExample]) -> None:
            self.folds = {folds[example.host] for example in examples}

        def log_odds(self, *rows: Any) -> Column:
            return np.full(4, float(sum(2**fold for fold in self.folds)))

    monkeypatch.setattr(block_model, "train_trees", Hosts)
    monkeypatch.setattr(block_model, "train_network", Hosts)
    monkeypatch.setattr(block_model, "judged_chances", lambda second, network: np.stack((second, network)))
    odds = block_model.learn_first_odds(pages)
    for page, column in zip(pages, block_model.out_of_fold(pages, odds), strict=True):
        assert set(column.ravel()) == {without(folds[page.host])}
    for tested in (None, *range(5)):
        for page, again in zip(pages, block_model.looked_at_again(pages, odds, tested), strict=True):
            first = again.measured.rows[:, again.measured.names.index("odds")]
            assert set(first) == {without(folds[page.host], tested)}


def test_scores_of_words_and_of_snippets():
    keeps = [np.array(mask) for mask in ([0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1])]
    pages = [made(0), made(1), made(2, "segments", article_snippets=("about the  mill", "gone"))]
    assert score_examples(pages, keeps) == {
        "segments": {"pages": 1, "f1": 0.6667, "boilerplate_kept": 0.0},
        "wcxb": {"pages": 2, "f1": 0.82, "boilerplate_kept": 0.5},
    }
    assert score_examples([replace(made(0), boilerplate_snippets=())], keeps[:1]) == {"wcxb": {"pages": 1, "f1": 1.0}}


def test_facts_of_a_training_name_the_corpora_and_the_settings(tmp_path, monkeypatch):
    write_corpora(tmp_path, {name: [] for name in PAGE_CORPORA}, "")
    (tmp_path / "sites").mkdir()
    for name in "ba":
        (tmp_path / "sites" / f"{name}.tar.xz").write_bytes(name.encode())
    arguments = ["--corpus", str(tmp_path)]
    assert training_options("", "judge", arguments).corpus == tmp_path
    assert block_model.corpus_digest(tmp_path, "sites") == hashlib.sha256(b"ab").hexdigest()
    monkeypatch.setattr(block_model, "version", lambda name: f"{name} 1")
    facts = block_model.training_facts(tmp_path, ("a", "b"), 7)
    assert facts["corpus"]["news"] == hashlib.sha256((tmp_path / "news" / "truth.jsonl.gz").read_bytes()).hexdigest()
    assert facts["weights"] == {part.name: part.weight for part in MIXTURE}
    assert facts["versions"] == {name: f"{name} 1" for name in ("lightgbm", "trafilatura")}
    assert (facts["features"], facts["rounds"]) == (2, 7)
    block_model.write_facts({"a": 1}, tmp_path, "judge.json")
    assert (tmp_path / "judge.json").read_text() == '{\n "a": 1\n}\n'
    (tmp_path / "wcxb" / "truth.jsonl.gz").unlink()
    with pytest.raises(SystemExit, match=re.escape(f"no annotated pages at {tmp_path / 'wcxb'}: --corpus")):
        training_options("", "judge", arguments)
