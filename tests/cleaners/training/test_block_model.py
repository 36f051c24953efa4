"""Training: labels from annotated text, scores, and the same file from the same pages."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.training import block_model
from broadsheet.cleaners.training.annotated_pages import read_block_examples
from broadsheet.cleaners.training.block_model import score_examples
from broadsheet.cleaners.training.corpora import PAGE_CORPORA, is_held_out
from broadsheet.cleaners.training.labels import covered_shares, snippet_labels, word_f1, words_of
from tests.cleaners.building import PAGES, STORY


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
