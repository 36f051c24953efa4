"""Training: labels from annotated text, scores, and the same file from the same pages."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners.document import Block, BlockKind, Column, Metadata, Verdict
from broadsheet.cleaners.training import block_model
from broadsheet.cleaners.training.annotated_pages import BlockExample, FeatureNames, read_block_examples
from broadsheet.cleaners.training.block_model import score_examples
from broadsheet.cleaners.training.corpora import PAGE_CORPORA, fold_of, is_held_out, training_options
from broadsheet.cleaners.training.labels import covered_shares, snippet_labels, word_f1, words_of
from tests.cleaners.building import PAGES, STORY, reading
from tests.cleaners.training.conftest import write_corpora


def shares(blocks: list[str], text: str) -> list[float]:
    return [round(share, 2) for share in covered_shares([words_of(block) for block in blocks], words_of(text)).tolist()]


def test_blocks_of_the_annotated_text_are_covered_and_others_are_not() -> None:
    assert shares(["Home", *STORY, "Read this other story too"], "\n".join(STORY)) == [0, 1, 1, 1, 1, 1, 0]


def test_a_short_line_counts_where_it_stands_in_the_text_and_only_there() -> None:
    assert shares(["Notes", STORY[0], "Notes", STORY[1], "Notes"], f"{STORY[0]} Notes {STORY[1]}") == [0, 1, 1, 1, 0]


def test_a_copy_counts_once() -> None:
    block_shares = shares([STORY[0], *STORY], "\n".join(STORY))
    assert sum(block_shares) == 5


def test_a_long_block_may_stand_out_of_order() -> None:
    assert shares([STORY[3], *STORY[:3]], "\n".join(STORY[:4])) == [1, 1, 1, 1]


def test_part_of_a_block_is_part_of_it() -> None:
    assert shares(["one two three four five six seven eight"], "one two three four") == [0.5]


def test_nothing_is_covered_by_an_empty_text() -> None:
    assert shares(STORY, "") == [0] * 5
    assert shares([], "text") == []


def test_snippets_label_the_blocks_that_hold_them() -> None:
    blocks = [Block(n, BlockKind.PARAGRAPH, text) for n, text in enumerate(["the mill  burned", "sign up", "else"])]
    labels = snippet_labels(blocks, ["mill burned"], ["sign up"])
    assert labels[:2].tolist() == [1, 0]
    assert np.isnan(labels[2])


def test_word_f1() -> None:
    assert word_f1(Counter("ab"), Counter("ab")) == 1
    assert word_f1(Counter("ab"), Counter("bc")) == 0.5
    assert word_f1(Counter(), Counter("b")) == 0
    assert word_f1(Counter(), Counter()) == 1


@pytest.mark.slow
def test_examples_have_labels_and_weights_for_each_block(corpus: Path) -> None:
    names, examples = read_block_examples(corpus)
    assert len(examples) == len(PAGE_CORPORA) * PAGES
    for example in examples:
        assert example.first_look_rows.shape == (len(example.blocks), len(names.first_look))
        assert example.block_model_rows.shape == (len(example.blocks), len(names.block_model))
        labels = example.labels[example.weights > 0]
        assert set(labels.tolist()) == (set() if is_held_out(example.corpus, example.host) else {0, 1})


@pytest.mark.slow
def test_scores_are_perfect_for_the_labels_and_not_for_all_blocks(corpus: Path) -> None:
    _, examples = read_block_examples(corpus)
    annotated = [example for example in examples if example.corpus == "wcxb"]
    right = score_examples(annotated, [example.labels == 1 for example in annotated])
    assert right == {"wcxb": {"pages": PAGES, "f1": 1.0, "boilerplate_kept": 0.0}}
    every = score_examples(annotated, [np.ones(len(example.blocks), bool) for example in annotated])
    assert every["wcxb"]["f1"] < 1
    assert every["wcxb"]["boilerplate_kept"] == 1


@pytest.mark.nightly
def test_training_twice_gives_the_same_file_and_cross_validation_writes_none(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        out.mkdir()
        block_model.main(["--corpus", str(corpus), "--out", str(out)])
    files, files_again = ({file.name: file.read_bytes() for file in out.iterdir()} for out in outs)
    assert files == files_again
    assert files.keys() == {"block_words.npz", "first_look.npz", "model.npz", "model.json"}
    assert json.loads(files["model.json"])["cross_validated"].keys() == set(PAGE_CORPORA)
    for file in outs[0].iterdir():
        file.unlink()
    block_model.main(["--cv", "--corpus", str(corpus), "--out", str(outs[0])])
    assert list(outs[0].iterdir()) == []


def test_without_the_annotated_pages_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no annotated pages at .*--corpus"):
        block_model.main(["--corpus", str(tmp_path)])


class CountingTrees:
    """Trees whose every probability is the number of examples that they were trained on."""

    def __init__(self, count: int) -> None:
        self.count = count

    def predict(self, rows: Column, early_stop: int = 0) -> Column:
        return np.full(len(rows), self.count + early_stop / 1000)


def made(number: int, corpus: str = "wcxb", **changes: Any) -> BlockExample:
    """Example of four blocks: a word, a paragraph of the article, a paragraph of boilerplate, a word."""
    texts = ["Menu", STORY[0], STORY[1], "Share"]
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text, path=f"body>div.x{n}>p") for n, text in enumerate(texts))
    rows = np.arange(8.0).reshape(4, 2) + number
    labels, weights = np.array([0, 1, 0, 0]), np.array([1.0, 2.0, 3.0, 0.0])
    words = Counter(words_of(STORY[0]))
    example = BlockExample(
        corpus,
        f"h{number}.example",
        reading(blocks, (1,), Metadata()),
        (),
        rows,
        rows,
        labels,
        weights,
        words,
        ("about  the mill",),
        ("share",),
    )
    return replace(example, **changes)


def test_of_plain_boilerplate_one_block_in_four_is_trained_on_and_weighs_for_all() -> None:
    easy = np.array([True, True, False, True] * 3)
    labels, weights, is_used = block_model._training_blocks([made(0), made(1), made(2)], easy)
    assert labels.tolist() == [0, 1, 0, 0] * 3
    assert weights.tolist() == [4, 2, 3, 0] * 3
    assert is_used.tolist() == [True, True, True, False] * 3
    assert block_model._training_blocks([made(0), made(1)], np.array([True] * 8))[2].tolist() == [
        True, True, False, False, True, True, False, False,
    ]  # fmt: skip


def test_each_page_is_judged_by_trees_that_saw_no_page_of_its_host() -> None:
    pages = [made(n) for n in range(8)]

    def train(_: FeatureNames, examples: Sequence[BlockExample]) -> Any:
        return CountingTrees(len(examples))

    asked: list[int] = []

    def examples_of_fold(fold: int) -> list[BlockExample]:
        asked.append(fold)
        return pages

    found = block_model.out_of_fold(FeatureNames(), examples_of_fold, train)
    assert asked == [0, 1, 2, 3, 4]
    folds = [fold_of(page.host) for page in pages]
    assert [column[0] for column in found] == [sum(other != fold for other in folds) + 0.08 for fold in folds]


def test_a_page_that_the_first_look_is_sure_of_is_judged_by_it() -> None:
    kept, left = Verdict(True, "selected", "extractor/selected"), Verdict(False, "x", "extractor/not-selected")
    page = replace(made(0), rule_verdicts=(left, left, kept, left))
    sure, unsure = np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.5, 0.5, 0.5, 0.5])
    assert block_model._kept_blocks(page, sure, unsure) == ([False, True, False, False], True)
    by_model = np.array([0.0, 0.0, 1.0, 0.0])
    assert block_model._kept_blocks(page, unsure, by_model) == ([False, False, True, False], False)


def test_scores_of_words_and_of_snippets() -> None:
    keeps = [np.array(mask) for mask in ([0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1])]
    pages = [made(0), made(1), made(2, "segments", article_snippets=("about the  mill", "gone"))]
    assert score_examples(pages, keeps) == {
        "segments": {"pages": 1, "f1": 0.6667, "boilerplate_kept": 0.0},
        "wcxb": {"pages": 2, "f1": 0.82, "boilerplate_kept": 0.5},
    }
    assert score_examples([replace(made(0), boilerplate_snippets=())], keeps[:1]) == {"wcxb": {"pages": 1, "f1": 1.0}}


def test_facts_of_a_training_name_the_corpora_and_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpora(tmp_path, {name: [] for name in PAGE_CORPORA}, "")
    (tmp_path / "sites").mkdir()
    for name in "ba":
        (tmp_path / "sites" / f"{name}.tar.xz").write_bytes(name.encode())
    arguments = ["--corpus", str(tmp_path)]
    assert training_options("", "judge", arguments).corpus == tmp_path
    assert block_model.corpus_digest(tmp_path, "sites") == hashlib.sha256(b"ab").hexdigest()
    monkeypatch.setattr(block_model, "version", lambda name: f"{name} 1")
    facts = block_model._facts_of_both(tmp_path, FeatureNames(("a",), ("a", "b")))
    empty = hashlib.sha256((tmp_path / "news" / "truth.jsonl.gz").read_bytes()).hexdigest()
    assert facts["corpus"]["news"] == empty
    assert facts["weights"] == {"news": 1, "segments": 1, "wcxb": 1, "sites": 1, "dragnet": 0.3, "zh69": 0.5}
    assert facts["versions"] == {name: f"{name} 1" for name in ("lightgbm", "trafilatura", "scipy")}
    assert (facts["features"], facts["rounds"], facts["settings"]["learning_rate"]) == (2, 300, 0.05)
    first = facts["first"]
    assert (first["features"], first["rounds"], first["settings"]["learning_rate"]) == (1, 200, 0.07)
    assert (facts["settings"]["seed"], first["settings"]["seed"]) == (1, 3)
    block_model.write_facts({"a": 1}, tmp_path, "model.npz")
    assert (tmp_path / "model.json").read_text() == '{\n "a": 1\n}\n'
    (tmp_path / "wcxb" / "truth.jsonl.gz").unlink()
    with pytest.raises(SystemExit, match=re.escape(f"no annotated pages at {tmp_path / 'wcxb'}: --corpus")):
        training_options("", "judge", arguments)
