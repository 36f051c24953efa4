"""Features of a block's surroundings, column by column, on one page: the models weigh these numbers.

The models were trained with features that are computed so. A number that differs needs models that are trained anew.
"""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import BlockKind, Metadata, Verdict, Vote
from broadsheet.cleaners.judge.context_features import context_features, selection_features
from broadsheet.cleaners.judge.page_columns import JudgedColumns, add_verdicts, read_page_columns
from tests.cleaners.building import PROSE, block, linked

NAV, ASIDE, STORY, BOX = "body>nav>ul>li", "body>aside>ul>li", "body>main>div.story>p", "body>main>div.box>p"
SHOWN = (0, 3, 5, 8, 15)
"""The blocks whose numbers are written down: a link of the menu, the heading, a short line, a paragraph of a box, the
last link of a list below."""


@pytest.fixture(scope="module")
def judged() -> JudgedColumns:
    """A menu of three links, a heading, a story, a box of longer text that is not selected, and a list of links."""
    blocks = [
        *(linked(n, f"Home News {n}", path=NAV, landmarks=frozenset({"nav"})) for n in range(3)),
        block(3, "The mill", kind=BlockKind.HEADING, path="body>main>h1"),
        *(block(n, text, path=STORY) for n, text in ((4, PROSE), (5, "Short line."), (6, PROSE))),
        block(7, "In short", kind=BlockKind.HEADING, path="body>main>div.box>h2", link_chars=2),
        *(block(n, f"{PROSE} {PROSE} {PROSE}", path=BOX, link_chars=20) for n in (8, 9)),
        *(linked(n, f"More stories {n}", path=ASIDE, landmarks=frozenset({"aside"})) for n in range(10, 16)),
    ]
    ruled = Verdict(False, "", "", (Vote("rule", False, "x"),))
    kept, removed = Verdict(True, "", ""), Verdict(False, "", "")
    verdicts = [ruled] * 3 + [kept] * 4 + [ruled] + [kept] + [removed] * 7
    return add_verdicts(read_page_columns(blocks, Metadata()), [4, 6, 11], verdicts)


CONTEXT = {
    "path_links": [1.0, 0.0, 0.0, 0.072, 1.0],
    "path_words": [1.386, 1.099, 2.329, 4.007, 1.386],
    "path_count": [1.099, 0.0, 1.099, 0.693, 1.792],
    "tags_links": [1.0, 0.0, 0.029, 0.029, 1.0],
    "tags_words": [1.386, 1.099, 3.0, 3.0, 1.386],
    "tags_count": [1.099, 0.0, 1.609, 1.609, 1.792],
    "leaf_links": [1.0, 0.0, 0.0, 0.072, 1.0],
    "leaf_words": [1.386, 1.099, 2.329, 4.007, 1.386],
    "leaf_count": [2.197, 0.0, 1.099, 0.693, 2.197],
    "up1_words": [0.034, 0.0, 0.203, 0.316, 0.085],
    "up1_links": [1.0, 0.0, 0.0, 0.075, 1.0],
    "up1_count": [1.386, 0.693, 1.386, 1.386, 1.946],
    "up2_words": [0.034, 0.0, 0.825, 0.531, 0.085],
    "up2_links": [1.0, 0.0, 0.056, 0.056, 1.0],
    "up2_count": [1.386, 0.693, 1.946, 1.946, 1.946],
    "up3_words": [0.972, 0.0, 0.977, 0.684, 0.972],
    "up3_links": [0.202, 0.0, 0.202, 0.202, 0.202],
    "up3_count": [2.773, 0.693, 2.773, 2.773, 2.773],
    "depth": [4.0, 3.0, 4.0, 4.0, 4.0],
    "main_up": [3.0, 2.0, 2.0, 0.0, 3.0],
    "main_down": [3.0, 1.0, 2.0, 0.0, 3.0],
    "words_-3": [0.0, 1.386, 1.386, 1.099, 1.386],
    "words_-2": [0.0, 1.386, 1.099, 2.944, 1.386],
    "words_-1": [0.0, 1.386, 2.944, 1.099, 1.386],
    "words_+1": [1.386, 2.944, 2.944, 4.007, 0.0],
    "words_+2": [1.386, 1.099, 1.099, 1.386, 0.0],
    "words_+3": [1.099, 2.944, 4.007, 1.386, 0.0],
    "links_-2": [0.0, 1.0, 0.0, 0.0, 1.0],
    "links_-1": [0.0, 1.0, 0.0, 0.25, 1.0],
    "links_+1": [1.0, 0.0, 0.0, 0.072, 0.0],
    "links_+2": [1.0, 0.0, 0.25, 1.0, 0.0],
    "heading_-1": [0.0, 0.0, 0.0, 1.0, 0.0],
    "same_parent_-1": [0.0, 0.0, 1.0, 1.0, 1.0],
    "heading_+1": [0.0, 0.0, 0.0, 0.0, 0.0],
    "same_parent_+1": [1.0, 0.0, 1.0, 1.0, 0.0],
    "near5_words": [3.466, 4.663, 5.094, 5.094, 2.944],
    "near5_links": [0.29, 0.127, 0.125, 0.125, 1.0],
    "near12_words": [5.13, 5.182, 5.182, 5.182, 5.13],
    "near12_links": [0.156, 0.199, 0.199, 0.199, 0.156],
    "heading_links": [-1.0, -1.0, 0.0, 0.25, 0.25],
    "heading_words": [-1.0, -1.0, 1.099, 1.099, 1.099],
    "heading_distance": [-1.0, -1.0, 1.099, 0.693, 2.197],
    "words_before": [0.0, 0.051, 0.164, 0.288, 0.983],
    "place": [0.0, 0.188, 0.312, 0.5, 0.938],
}


SELECTION = {
    "path_selected": [0.0, -1.0, 1.0, 0.0, 0.2],
    "path_selected_words": [0.0, -1.0, 1.0, 0.0, 0.2],
    "tags_selected": [0.0, -1.0, 0.5, 0.5, 0.2],
    "tags_selected_words": [0.0, -1.0, 0.25, 0.391, 0.2],
    "leaf_selected": [0.125, -1.0, 1.0, 0.0, 0.125],
    "leaf_selected_words": [0.125, -1.0, 1.0, 0.0, 0.125],
    "path_judged": [0.0, -1.0, 1.0, 0.0, 0.0],
    "up1_selected": [0.0, -1.0, 1.0, 0.0, 0.2],
    "up1_share_of_selected": [0.0, 0.0, 0.923, 0.0, 0.077],
    "up2_selected": [0.0, -1.0, 0.247, 0.383, 0.2],
    "up2_share_of_selected": [0.0, 0.0, 0.923, 0.923, 0.077],
    "up3_selected": [0.227, -1.0, 0.225, 0.322, 0.227],
    "up3_share_of_selected": [1.0, 0.0, 1.0, 1.0, 1.0],
    "up1_judged": [0.0, -1.0, 1.0, 0.0, 0.0],
    "home_up": [3.0, 2.0, 0.0, 2.0, 3.0],
    "home_down": [3.0, 1.0, 0.0, 2.0, 3.0],
    "main_selected": [0.0, 0.0, 0.0, 0.0, 0.0],
    "main_of_selected": [0.0, 0.0, 0.0, 0.0, 0.0],
    "from_start": [-1.609, -0.693, 0.693, 1.609, 2.485],
    "from_end": [-1.946, -1.386, -0.693, 1.099, 2.303],
    "inside": [0.0, 0.0, 1.0, 0.0, 0.0],
    "selected_before": [0.0, 0.0, 0.462, 0.923, 1.0],
    "selected_-2": [0.0, 0.0, 0.0, 1.0, 0.0],
    "ruled_-2": [0.0, 1.0, 0.0, 0.0, 0.0],
    "selected_-1": [0.0, 0.0, 1.0, 0.0, 0.0],
    "ruled_-1": [0.0, 1.0, 0.0, 1.0, 0.0],
    "selected_+1": [0.0, 1.0, 1.0, 0.0, 0.0],
    "ruled_+1": [1.0, 0.0, 0.0, 0.0, 0.0],
    "selected_+2": [0.0, 0.0, 0.0, 0.0, 0.0],
    "ruled_+2": [1.0, 0.0, 1.0, 0.0, 0.0],
    "judged_-1": [0.0, 0.0, 1.0, 0.0, 0.0],
    "judged_+1": [0.0, 1.0, 1.0, 0.0, 0.0],
    "up1_ruled": [1.0, 0.0, 0.0, 0.333, 0.0],
    "near5_selected": [0.581, 0.343, 0.222, 0.241, 0.167],
    "near12_selected": [0.232, 0.22, 0.22, 0.22, 0.232],
    "since_prose": [6.217, 6.217, 0.693, 1.099, 2.303],
    "until_prose": [1.609, 0.693, 0.693, 6.217, 6.217],
    "heading_selected": [-1.0, -1.0, 0.0, 0.0, 0.0],
    "page_selected_words": [3.689, 3.689, 3.689, 3.689, 3.689],
    "page_selected": [0.22, 0.22, 0.22, 0.22, 0.22],
    "page_prose_selected": [0.25, 0.25, 0.25, 0.25, 0.25],
}


def test_each_feature_of_the_page_alone(judged: JudgedColumns) -> None:
    found = {name: [float(column[n]) for n in SHOWN] for name, column in context_features(judged.page).items()}
    assert found.keys() == CONTEXT.keys()
    assert {name: row for name, row in found.items() if row != pytest.approx(CONTEXT[name], abs=0.001)} == {}


def test_each_feature_of_what_is_selected(judged: JudgedColumns) -> None:
    found = {name: [float(column[n]) for n in SHOWN] for name, column in selection_features(judged).items()}
    assert found.keys() == SELECTION.keys()
    assert {name: row for name, row in found.items() if row != pytest.approx(SELECTION[name], abs=0.001)} == {}
