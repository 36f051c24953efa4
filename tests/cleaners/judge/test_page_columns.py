"""Columns over the blocks of a page: neighbours, groups, windows, and the groups that the markup makes."""

from __future__ import annotations

import numpy as np
import pytest

from broadsheet.cleaners.document import BlockKind, Metadata, Verdict, Vote
from broadsheet.cleaners.judge import page_columns as columns
from tests.cleaners.building import block

COLUMN = np.array([1.0, 2.0, 4.0, 8.0])


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (1, [2, 4, 8, -5]),
        (2, [4, 8, -5, -5]),
        (-1, [-5, 1, 2, 4]),
        (-3, [-5, -5, -5, 1]),
        (-4, [-5] * 4),
        (4, [-5] * 4),
    ],
)
def test_a_neighbour_is_so_many_blocks_away_or_missing(step: int, expected: list[float]) -> None:
    assert columns.neighbour_values(COLUMN, step, -5).tolist() == expected


@pytest.mark.parametrize(("reach", "expected"), [(0, [1, 2, 4, 8]), (1, [3, 7, 14, 12]), (3, [15] * 4)])
def test_a_window_reaches_to_both_sides(reach: int, expected: list[float]) -> None:
    assert columns.window_sums(COLUMN, reach).tolist() == expected


def test_means_over_a_group_are_weighed_and_leave_the_block_itself_out() -> None:
    groups, weights = columns.group_numbers(["x", "y", "x", "x"]), np.array([1.0, 5.0, 3.0, 0.0])
    assert groups.tolist() == [0, 1, 0, 0]
    assert columns.group_means(groups, weights, COLUMN).tolist() == [3.25, 2, 3.25, 3.25]
    means, others = columns.leave_one_out_means(groups, weights, COLUMN)
    assert means.tolist() == [4, -1, 1, 3.25]
    assert others.tolist() == [3, 0, 1, 4]


def test_the_nearest_marked_block_above_is_not_the_block_itself() -> None:
    assert columns.previous_marked(np.array([True, False, True, False])).tolist() == [-1, 0, 0, 2]
    assert columns.previous_marked(np.array([], bool)).tolist() == []
    assert columns.signed_log(np.array([-1, 0, 1])).tolist() == pytest.approx([-0.6931, 0, 0.6931], abs=0.0001)


PATHS = ["body>main.a>div#b>p.c", "body>main>div>p", "body>main.a>div#b>p.d", "body>p", "p"]


def test_blocks_are_grouped_by_path_tags_leaf_and_containers() -> None:
    markup = columns.read_markup_groups([block(n, path=path) for n, path in enumerate([*PATHS, PATHS[0]])])
    assert markup.path.tolist() == [0, 1, 2, 3, 4, 0]
    assert markup.tags.tolist() == [0, 0, 0, 1, 2, 0]
    assert markup.leaf.tolist() == [0, 1, 2, 3, 4, 0]
    assert [group.tolist() for group in markup.containers] == [
        [0, 1, 0, 2, 3, 0], [0, 1, 0, 2, 2, 0], [0, 0, 0, 1, 1, 0],
    ]  # fmt: skip
    assert markup.location_steps[0] == ["body", "main.a", "div#b", "p.c"]


def test_one_path_with_other_landmarks_is_another_location_and_landmarks_and_rules_are_labels() -> None:
    blocks = [
        block(0, path="body>div>p"), block(1, path="body>div>p", landmarks=frozenset({"nav"})),
        block(2, path="body>div.related>p"), block(3, path="body>div.donate>p"), block(4, path="body>div.hidden>p"),
    ]  # fmt: skip
    markup = columns.read_markup_groups(blocks)
    assert (markup.location.tolist(), markup.path.tolist()) == ([0, 1, 2, 3, 4], [0, 0, 1, 2, 3])
    marked = {name: column.tolist() for name, column in markup.label_columns.items() if column.any()}
    assert marked == {
        "in_nav": [0, 1, 0, 0, 0], "says_navigation": [0, 1, 0, 0, 0], "says_related": [0, 0, 1, 0, 0],
        "says_promotion": [0, 0, 0, 1, 0], "says_other": [0, 0, 0, 0, 1],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "link_chars", "is_prose"), [(15, 0, True), (14, 0, False), (15, 14, True), (15, 15, False)]
)
def test_prose_has_fifteen_words_of_which_less_than_half_are_links(words: int, link_chars: int, is_prose: bool) -> None:
    text = " ".join(["x"] * words) + "y"  # thirty characters of fifteen words
    page = columns.read_page_columns([block(0, text, link_chars=link_chars)], Metadata())
    assert page.is_prose.tolist() == [is_prose]


def test_columns_of_a_page_and_of_its_verdicts() -> None:
    heading = block(0, "The mill", kind=BlockKind.HEADING, link_chars=99)
    page = columns.read_page_columns([heading, block(1, "one two three", link_chars=1)], Metadata())
    assert page.words.tolist() == [2, 3]
    assert page.link_density.tolist() == pytest.approx([1, 1 / 13])
    assert (page.is_heading.tolist(), page.positions.tolist()) == ([True, False], [0, 1])
    verdicts = [Verdict(True, "", "", (Vote("site", True, "x"), Vote("rule", False, "y"))), Verdict(False, "", "")]
    judged = columns.add_verdicts(page, [1], verdicts)
    assert judged.selected.tolist() == [0, 1]
    assert judged.kept_by_rules.tolist() == [1, 0]
    assert judged.has_phrase_vote.tolist() == [1, 0]
