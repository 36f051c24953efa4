"""Lines as numbers: a row a line, names that fit the model, and a few numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cleaners.learned.model import LINES, ModelError, load_trees, probabilities
from cleaners.rules.loader import load_rules
from cleaners.text_mode.line_features import line_features
from cleaners.text_mode.plaintext import named_lines
from cleaners.text_mode.text_lines import blocks_of_text, read_lines

STORY = [f"Paragraph {n} tells at some length what the council of the town did about the mill." for n in range(4)]


def columns(text: str) -> dict[str, list[float]]:
    lines = read_lines(blocks_of_text(text), load_rules("en"))
    title, named = named_lines(lines)
    names, rows = line_features(lines, named, title)
    assert rows.shape == (len(lines.blocks), len(names))
    assert np.isfinite(rows).all()
    return {name: rows[:, n].tolist() for n, name in enumerate(names)}


def test_the_model_reads_these_features() -> None:
    lines = read_lines(blocks_of_text("\n".join(STORY)), load_rules("en"))
    names, rows = line_features(lines, named_lines(lines)[1], None)
    assert tuple(names) == load_trees(LINES).names
    assert ((probabilities(names, rows, LINES) > 0) & (probabilities(names, rows, LINES) < 1)).all()
    with pytest.raises(ModelError, match=r"lines\.npz"):
        probabilities(names[1:], rows[:, 1:], LINES)


def test_a_line_its_neighbours_and_its_place() -> None:
    found = columns("\n".join(["The town mill", *STORY, "Share this article", "More from us: the weir"]))
    assert found["ends_sentence"] == [0, 1, 1, 1, 1, 0, 0]
    assert found["shape_P"] == [0, 1, 1, 1, 1, 0, 0]
    assert found["ruled"] == [0, 0, 0, 0, 0, 1, 0]
    assert found["ruled_+1"] == [0, 0, 0, 0, 1, 0, 0]
    assert found["from_title"][0] == 0
    assert found["title_share"][0] == 1


def test_words_in_common_with_the_paragraphs_count_without_the_line_s_own() -> None:
    found = columns("\n".join([*STORY, "The council and the mill", "Quarterly dividend yields"]))
    assert found["body_share"][4] > found["body_share"][5] == 0


@pytest.mark.parametrize("text", ["…", "12", "。", "a\nb", "@", "昨日、港の橋が開通した。"])
def test_next_to_nothing_has_features_too(text: str) -> None:
    columns(text)
