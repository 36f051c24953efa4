"""Blocks as numbers: one row a block, finite, the same each time, and true where a person can check them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from broadsheet.cleaners.document import Metadata, Reading
from broadsheet.cleaners.html.blocks import read_blocks
from broadsheet.cleaners.html.decode import parse
from broadsheet.cleaners.learned import block_features as module
from broadsheet.cleaners.learned.block_features import block_features, measure_page
from broadsheet.cleaners.learned.characters import count_characters
from broadsheet.cleaners.learned.column_math import (
    group_numbers,
    leave_one_out_means,
    neighbour_values,
    previous_marked,
    window_sums,
)
from broadsheet.cleaners.verdicts.judge import rule_verdicts

PAGE = """
<body><nav><ul><li><a href="/a">First menu</a></li><li><a href="/b">Second menu</a></li></ul></nav>
<main class="story"><h1>The mill on the river</h1>
<p>The mill on the river burned down in the night, and nobody in the village has said who was there to see it.</p>
<h2>What is known</h2>
<p>Two witnesses, both of them fishermen, told the council that a boat without lights went upstream at two.</p>
<p>Short remark.</p></main>
<aside class="related-posts"><p><a href="/c">Another story about a mill</a></p></aside></body>
"""


def reading(markup: str = PAGE, chosen: str = "The mill on the river burned,Two witnesses") -> Reading:
    tree = parse(f"<html>{markup}</html>")
    assert tree is not None
    blocks = read_blocks(tree, "https://a.example/x")
    selected = frozenset(b.position for b in blocks if b.text.startswith(tuple(chosen.split(","))))
    return Reading("https://a.example/x", blocks, selected, Metadata(title="The mill on the river", language="en"))


def features(page: Reading) -> dict[str, Mapping[str, float]]:
    """The features of each block, by its text's first words and the feature's name."""
    names, rows = block_features(page, rule_verdicts(page))
    return {
        " ".join(block.text.split()[:2]): dict(zip(names, row, strict=True))
        for block, row in zip(page.blocks, rows.tolist(), strict=True)
    }


def test_each_block_has_a_row_of_finite_numbers_and_each_column_a_name() -> None:
    page = reading()
    names, rows = block_features(page, rule_verdicts(page))
    assert rows.shape == (len(page.blocks), len(names))
    assert len(set(names)) == len(names)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()


def test_a_block_s_own_text_is_counted() -> None:
    rows = features(reading())
    menu, remark = rows["First menu"], rows["Short remark."]
    assert (menu["links"], remark["links"]) == (1, 0)
    assert remark["words"] == pytest.approx(math.log1p(2))
    assert remark["chars"] == pytest.approx(math.log1p(13))
    assert (remark["ends_sentence"], menu["ends_sentence"]) == (1, 0)
    assert remark["begins_capital"] == 1


def test_the_extractor_s_choice_is_seen_on_the_block_and_around_it() -> None:
    rows = features(reading())
    assert [rows[text]["selected"] for text in ("First menu", "What is", "Two witnesses,")] == [0, 0, 1]
    assert rows["What is"]["selected_-1"] == rows["What is"]["selected_+1"] == 1
    assert rows["Short remark."]["path_selected"] == 1, "both other paragraphs of its path are selected"
    assert rows["First menu"]["path_selected"] == 0


def test_the_place_in_the_page_is_seen() -> None:
    rows = features(reading())
    assert rows["What is"]["inside"] == 1
    assert rows["Another story"]["inside"] == rows["First menu"]["inside"] == 0
    assert rows["First menu"]["from_title"] < 0 < rows["Short remark."]["from_title"]
    assert rows["First menu"]["in_nav"] == rows["Another story"]["in_aside"] == 1
    assert rows["Another story"]["says_related"] == 1
    assert rows["Short remark."]["home_up"] == rows["Short remark."]["home_down"] == 0


def test_likeness_to_the_title_and_copies_are_seen() -> None:
    rows = features(reading(PAGE.replace("Short remark.", "Second menu")))
    assert rows["The mill"]["title_told"] == 1
    assert rows["Second menu"]["copies"] == 2


def test_a_page_with_nothing_selected_and_no_title_has_features_too() -> None:
    page = reading("<body><p>x</p></body>", chosen="nothing")
    _, rows = block_features(page, rule_verdicts(page))
    assert rows.shape[0] == 1
    assert np.isfinite(rows).all()


def test_words_are_counted_in_scripts_with_and_without_spaces() -> None:
    counted = count_characters(["one two three", "火事で粉屋が焼けた。", "\U0001f600!"])
    assert counted.words[0] == 3
    assert 4 <= counted.words[1] <= 6
    assert list(counted.length) == [13, 10, 2]


def test_columns() -> None:
    column = np.array([1.0, 2.0, 4.0])
    assert list(neighbour_values(column, 1)) == [2, 4, 0]
    assert list(neighbour_values(column, -2, missing=-1)) == [-1, -1, 1]
    assert list(neighbour_values(column, 5)) == [0, 0, 0]
    assert list(window_sums(column, 1)) == [3, 7, 6]
    assert list(group_numbers("aba")) == [0, 1, 0]
    assert list(previous_marked(np.array([False, True, False]))) == [-1, -1, 1]
    shares, weights = leave_one_out_means(np.array([0, 0, 1]), np.ones(3), column)
    assert list(shares) == [2, 1, -1]
    assert list(weights) == [1, 1, 0]


def test_what_the_first_look_measured_is_not_measured_again_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    page = reading()
    names, rows = block_features(page, rule_verdicts(page))
    measured = replace(page, measured=measure_page(page.blocks, page.metadata))
    monkeypatch.setattr(module, "measure_page", pytest.fail)
    names_again, rows_again = block_features(measured, rule_verdicts(page))
    assert names_again == names
    assert np.array_equal(rows, rows_again)


def test_what_was_measured_of_other_blocks_or_metadata_does_not_count() -> None:
    page, other = reading(), reading(PAGE.replace("burned", "went"))
    measured = measure_page(other.blocks, other.metadata)
    expected = block_features(page, rule_verdicts(page))[1]
    assert np.array_equal(block_features(replace(page, measured=measured), rule_verdicts(page))[1], expected)
    retitled = replace(
        page, metadata=Metadata(title="Another title"), measured=measure_page(page.blocks, page.metadata)
    )
    assert not np.array_equal(block_features(retitled, rule_verdicts(page))[1], expected)
