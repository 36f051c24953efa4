"""The rules and the learned voice on lines of text: who decides, and why a line went."""

from __future__ import annotations

import numpy as np
import pytest

from broadsheet.cleaners.document import Verdict, Vote
from broadsheet.cleaners.judge.tree_models import LINE_MODEL, ModelError, load_trees, predict
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.line_features import line_features
from broadsheet.cleaners.text_mode.plaintext import judge_lines_by_rules, weigh_lines
from broadsheet.cleaners.text_mode.text_lines import blocks_of_text, read_lines

STORY = [f"Paragraph {n} tells at some length what the council of the town did about the mill." for n in range(6)]
KEPT = Verdict(True, "article", "text/body", (Vote("context", True, "text/body"),))
RULED = Verdict(False, "share buttons", "en/share-row", (Vote("rule", False, "en/share-row"),))
TITLE = Verdict(False, "repeats the title", "text/title", (Vote("context", False, "text/title"),))
TAIL = Verdict(False, "navigation", "text/tail-line", (Vote("context", False, "text/tail-line"),))
CARD = Verdict(False, "other articles", "text/teaser-cut", (Vote("context", False, "text/teaser-cut"),))
UNDER = Verdict(False, "other articles", "text/under-en-related", (Vote("context", False, "text/under-en-related"),))


def weigh_texts(lines: list[str], rule_verdicts: list[Verdict], chances: list[float]) -> list[Verdict]:
    text = read_lines(blocks_of_text("\n".join(lines)), load_rules("en"))
    return list(weigh_lines(text, rule_verdicts, np.array(chances)))


def verdict_in_dump(verdict: Verdict, chance: float) -> Verdict:
    """The verdict on a line in a text with much furniture."""
    lines = [*STORY, "A line of its own", *["Share this"] * 9]
    return weigh_texts(lines, [KEPT] * 6 + [verdict] + [RULED] * 9, [0.9] * 6 + [chance] + [0.0] * 9)[6]


def verdict_in_clean_text(verdict: Verdict, chance: float) -> Verdict:
    return weigh_texts([*STORY, "A line of its own"], [KEPT] * 6 + [verdict], [0.9] * 6 + [chance])[6]


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
    assert verdict_in_dump(verdict, chance).kept == dump
    assert verdict_in_clean_text(verdict, chance).kept == clean


@pytest.mark.parametrize(("chance", "votes"), [(0.95, ["+model", "-rule"]), (0.2, ["-rule", "-model"])])
def test_all_votes_are_kept_beside_the_verdict(chance: float, votes: list[str]) -> None:
    found = verdict_in_dump(RULED, chance).votes
    assert [("+" if vote.keep else "-") + vote.voter for vote in found] == votes


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
    related = Verdict(False, "other articles", "en/related-heading", (Vote("rule", False, "en/related-heading"),))
    rule_verdicts = [KEPT] * 7 + [related, KEPT, KEPT, KEPT, KEPT]
    chances = [0.0, *[0.9] * 6, 0.0, 0.0, 0.0, 0.9, 0.0]
    verdicts = weigh_texts([*lines, *["Share this"] * 9], rule_verdicts + [RULED] * 9, chances + [0.0] * 9)
    removed = [(verdict.reason, verdict.rule) for verdict in verdicts[:12] if not verdict.kept]
    assert removed == [
        ("above the article", "model/before-article"),
        ("other articles", "en/related-heading"),
        ("other articles", "model/beside-related"),
        ("date", "text/date"),
        ("below the article", "model/after-article"),
    ]


def test_where_the_model_would_leave_next_to_nothing_the_rules_are_believed() -> None:
    rule_verdicts = [KEPT] * 6 + [TAIL] + [RULED] * 9
    lines, chances = [*STORY, "A line", *["Share this"] * 9], [0.01] * 6 + [0.95] + [0.0] * 9
    assert weigh_texts(lines, rule_verdicts, chances) == rule_verdicts


def test_the_model_reads_these_features() -> None:
    lines = read_lines(blocks_of_text("\n".join(STORY[:4])), load_rules("en"))
    names, rows = line_features(lines, judge_lines_by_rules(lines)[1], None)
    assert tuple(names) == load_trees(LINE_MODEL).feature_names
    assert ((predict(names, rows, LINE_MODEL) > 0) & (predict(names, rows, LINE_MODEL) < 1)).all()
    with pytest.raises(ModelError, match=r"lines\.npz"):
        predict(names[1:], rows[:, 1:], LINE_MODEL)
