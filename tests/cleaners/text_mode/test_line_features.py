"""Lines as numbers: a row a line, names that fit the model, and a few numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from broadsheet.cleaners.judge.tree_models import LINE_MODEL, ModelError, load_trees, predict
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.line_features import line_features
from broadsheet.cleaners.text_mode.plaintext import judge_lines_by_rules
from broadsheet.cleaners.text_mode.text_lines import blocks_of_text, read_lines

STORY = [f"Paragraph {n} tells at some length what the council of the town did about the mill." for n in range(4)]


def feature_columns(text: str) -> dict[str, list[float]]:
    lines = read_lines(blocks_of_text(text), load_rules("en"))
    title_index, rule_verdicts = judge_lines_by_rules(lines)
    names, rows = line_features(lines, rule_verdicts, title_index)
    assert rows.shape == (len(lines.blocks), len(names))
    assert np.isfinite(rows).all()
    return {name: rows[:, n].tolist() for n, name in enumerate(names)}


def test_the_model_reads_these_features() -> None:
    lines = read_lines(blocks_of_text("\n".join(STORY)), load_rules("en"))
    names, rows = line_features(lines, judge_lines_by_rules(lines)[1], None)
    assert tuple(names) == load_trees(LINE_MODEL).feature_names
    assert ((predict(names, rows, LINE_MODEL) > 0) & (predict(names, rows, LINE_MODEL) < 1)).all()
    with pytest.raises(ModelError, match=r"lines\.npz"):
        predict(names[1:], rows[:, 1:], LINE_MODEL)


def test_a_line_its_neighbours_and_its_place() -> None:
    columns = feature_columns("\n".join(["The town mill", *STORY, "Share this article", "More from us: the weir"]))
    assert columns["ends_sentence"] == [0, 1, 1, 1, 1, 0, 0]
    assert columns["shape_P"] == [0, 1, 1, 1, 1, 0, 0]
    assert columns["ruled"] == [0, 0, 0, 0, 0, 1, 0]
    assert columns["ruled_+1"] == [0, 0, 0, 0, 1, 0, 0]
    assert columns["from_title"][0] == 0
    assert columns["title_share"][0] == 1


def test_words_in_common_with_the_paragraphs_count_without_the_line_s_own() -> None:
    columns = feature_columns("\n".join([*STORY, "The council and the mill", "Quarterly dividend yields"]))
    assert columns["body_share"][4] > columns["body_share"][5] == 0


@pytest.mark.parametrize("text", ["…", "12", "。", "a\nb", "@", "昨日、港の橋が開通した。"])
def test_next_to_nothing_has_features_too(text: str) -> None:
    feature_columns(text)
