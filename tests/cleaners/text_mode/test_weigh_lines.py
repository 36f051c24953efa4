"""The rules and the learned voice on lines of text: who decides, and why a line went."""

from __future__ import annotations

import numpy as np
import pytest

from cleaners.document import Verdict, Vote
from cleaners.rules.loader import load_rules
from cleaners.text_mode.plaintext import named_lines
from cleaners.text_mode.text_lines import blocks_of_text, read_lines
from cleaners.text_mode.weigh_lines import weigh_lines

STORY = [f"Paragraph {n} tells at some length what the council of the town did about the mill." for n in range(6)]
KEPT = Verdict(True, "article", "text/body", (Vote("context", True, "text/body"),))
RULED = Verdict(False, "share", "en/share-row", (Vote("rule", False, "en/share-row"),))
TITLE = Verdict(False, "title", "text/title", (Vote("context", False, "text/title"),))
TAIL = Verdict(False, "navigation", "text/tail-line", (Vote("context", False, "text/tail-line"),))

CARD = Verdict(False, "related", "text/teaser-cut", (Vote("context", False, "text/teaser-cut"),))

UNDER = Verdict(False, "related", "text/under-en-related", (Vote("context", False, "text/under-en-related"),))


def weighed(lines: list[str], named: list[Verdict], chances: list[float]) -> list[Verdict]:
    return list(weigh_lines(read_lines(blocks_of_text("\n".join(lines)), load_rules("en")), named, np.array(chances)))


def in_a_dump(verdict: Verdict, chance: float) -> Verdict:
    """The verdict on a line in a text with much furniture."""
    lines = [*STORY, "A line of its own", *["Share this"] * 9]
    return weighed(lines, [KEPT] * 6 + [verdict] + [RULED] * 9, [0.9] * 6 + [chance] + [0.0] * 9)[6]


def in_clean_text(verdict: Verdict, chance: float) -> Verdict:
    return weighed([*STORY, "A line of its own"], [KEPT] * 6 + [verdict], [0.9] * 6 + [chance])[6]


@pytest.mark.parametrize(
    ("verdict", "chance", "dump", "clean"),
    [
        (KEPT, 0.6, True, True),
        (KEPT, 0.2, False, True),
        (KEPT, 0.05, False, False),
        (TAIL, 0.7, True, True),
        (CARD, 0.5, False, False),
        (CARD, 0.95, True, False),
        (UNDER, 0.7, True, False),
        (UNDER, 0.95, True, True),
        (TAIL, 0.3, False, False),
        (RULED, 0.7, False, False),
        (RULED, 0.95, True, True),
        (TITLE, 0.99, False, False),
    ],
)
def test_who_decides(verdict: Verdict, chance: float, dump: bool, clean: bool) -> None:
    assert in_a_dump(verdict, chance).kept == dump
    assert in_clean_text(verdict, chance).kept == clean


def test_all_votes_are_kept_beside_the_verdict() -> None:
    assert [(vote.voter, vote.keep) for vote in in_a_dump(RULED, 0.95).votes] == [("model", True), ("rule", False)]
    assert [(vote.voter, vote.keep) for vote in in_a_dump(RULED, 0.2).votes] == [("rule", False), ("model", False)]


def test_what_the_model_removes_is_explained_by_its_shape_its_place_and_what_stands_above() -> None:
    lines = [
        "Menu",
        *STORY,
        "Related stories",
        "How the weir was built",
        "6 May 2022",
        STORY[0] + " Yes.",
        "Imprint of it",
    ]
    related = Verdict(False, "related", "en/related-heading", (Vote("rule", False, "en/related-heading"),))
    named = [KEPT] * 7 + [related, KEPT, KEPT, KEPT, KEPT]
    chances = [0.0, *[0.9] * 6, 0.0, 0.0, 0.0, 0.9, 0.0]
    found = weighed([*lines, *["Share this"] * 9], named + [RULED] * 9, chances + [0.0] * 9)
    removed = [(each.reason, each.rule) for each in found[:12] if not each.kept]
    assert removed == [
        ("header", "model/before-article"),
        ("related", "en/related-heading"),
        ("related", "model/beside-related"),
        ("date", "text/date"),
        ("elsewhere", "model/after-article"),
    ]


def test_where_the_model_would_leave_next_to_nothing_the_rules_are_believed() -> None:
    named = [KEPT] * 6 + [TAIL] + [RULED] * 9
    assert weighed([*STORY, "A line", *["Share this"] * 9], named, [0.01] * 6 + [0.95] + [0.0] * 9) == named


def test_named_lines_are_what_the_model_hears() -> None:
    text = read_lines(blocks_of_text("The mill\n" + "\n".join(STORY)), load_rules("en"))
    title, verdicts = named_lines(text)
    assert title == 0
    assert [each.kept for each in verdicts] == [False, *[True] * 6]
