"""Training the text mode's model: dumps from annotated pages, their labels, scores, and the same file twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from broadsheet.cleaners.document import Verdict
from broadsheet.cleaners.training import line_model
from broadsheet.cleaners.training.line_model import score_dumps
from tests.cleaners.building import PAGES, STORY

pytest.importorskip("html_text", reason="needs html-text: pip install '.[dev]'")

from broadsheet.cleaners.training.line_model import TextDump, read_dumps


def dumps_of(corpus: Path, kind: str) -> list[TextDump]:
    return [dump for dump in read_dumps(corpus) if dump.kind == kind]


@pytest.mark.slow
def test_each_page_gives_its_full_text_what_an_extractor_leaves_and_the_annotated_text(corpus: Path) -> None:
    kinds = [dump.kind for dump in read_dumps(corpus)]
    assert kinds.count("full") == 3 * PAGES
    assert 0 < kinds.count("half") <= 3 * PAGES
    assert kinds.count("clean") == 2 * PAGES
    assert kinds.count("verse") == 2 * PAGES // 4


@pytest.mark.slow
def test_the_lines_of_a_dump_are_labelled_by_the_annotated_text(corpus: Path) -> None:
    dump = next(candidate for candidate in dumps_of(corpus, "full") if candidate.corpus == "wcxb")
    lines = {block.text: label for block, label in zip(dump.text.blocks, dump.labels, strict=True)}
    assert [lines[f"{text} Page 0."] for text in STORY] == [1] * 5
    assert lines["Menu 3"] == lines["Sign up today"] == 0
    assert dump.rows.shape == (len(lines), len(dump.feature_names))


@pytest.mark.slow
def test_of_annotated_text_everything_but_the_title_is_the_article(corpus: Path) -> None:
    for kind in ("clean", "verse"):
        for dump in dumps_of(corpus, kind):
            assert dump.labels[1:].all()
            assert (dump.weights[0], bool((dump.weights[1:] > 0).all())) == (0, True)
    widths = [len(block.text.split()) for block in dumps_of(corpus, "verse")[0].text.blocks]
    assert max(widths) <= 9


@pytest.mark.slow
def test_figures_are_perfect_for_the_labels_and_not_for_all_lines(corpus: Path) -> None:
    dumps = dumps_of(corpus, "full")
    right = score_dumps(dumps, [[Verdict(bool(label), "", "") for label in dump.labels] for dump in dumps])["full"]
    assert right["wcxb"] == {"texts": PAGES, "f1": 1.0, "boilerplate_kept": 0.0}
    assert right["segments"]["boilerplate_kept"] == 0
    every = score_dumps(dumps, [[Verdict(True, "", "")] * len(dump.rule_verdicts) for dump in dumps])["full"]
    assert every["wcxb"]["f1"] < 1
    assert every["wcxb"]["boilerplate_kept"] == every["segments"]["boilerplate_kept"] == 1


@pytest.mark.slow
def test_training_twice_gives_the_same_file_and_cross_validation_writes_none(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra: pip install '.[train]'")
    outs = [tmp_path / "one", tmp_path / "two"]
    for out in outs:
        out.mkdir()
        line_model.main(["--corpus", str(corpus), "--out", str(out)])
    files, files_again = ({file.name: file.read_bytes() for file in out.iterdir()} for out in outs)
    assert files == files_again
    assert files.keys() == {"lines.npz", "lines.json"}
    scores = json.loads(files["lines.json"])["cross_validated"]
    assert scores["cleaned"]["full"]["wcxb"]["f1"] >= scores["as it is"]["full"]["wcxb"]["f1"]
    for file in outs[0].iterdir():
        file.unlink()
    line_model.main(["--cv", "--corpus", str(corpus), "--out", str(outs[0])])
    assert list(outs[0].iterdir()) == []


def test_without_the_annotated_pages_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no annotated pages at .*--corpus"):
        line_model.main(["--corpus", str(tmp_path)])


def test_a_dump_has_no_number_that_is_none(corpus: Path) -> None:
    assert all(np.isfinite(dump.rows).all() for dump in read_dumps(corpus, 5))
