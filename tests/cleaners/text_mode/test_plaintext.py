"""Text that another tool extracted: its lines, who decides about each, whole texts, and shapes that must survive."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from broadsheet.cleaners.document import KeepReason, RemovalReason, Verdict, Vote
from broadsheet.cleaners.judge.tree_models import LINE_MODEL, ModelError, load_trees, predict
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.line_features import line_features
from broadsheet.cleaners.text_mode.plaintext import judge_lines_by_rules, judge_text, weigh_lines
from broadsheet.cleaners.text_mode.text_lines import _is_wrapped, _unruled_shape, blocks_of_text, read_lines

TEXTS = Path(__file__).parent / "plaintext"
SHARED = Path(os.environ.get("BROADSHEET_SHARED", Path(__file__).parents[3].parent / "shared"))
NAMES = sorted(path.stem for path in TEXTS.glob("*.txt"))


# What a reader's word for the reason of a seed line may be called by a rule.
SEED_REASONS = {
    "breadcrumb (Home, NewsBrief and the title run together)": {"breadcrumb"},
    "reuse-licence": {"licence"},
    "about": {"promo"},
}


def judge_labels(text: str, language: str | None = None) -> tuple[str, list[tuple[str, str]]]:
    """The title and, per line, its text and its label: keep, title or remove:reason."""
    blocks = blocks_of_text(text)
    title, verdicts = judge_text(blocks, load_rules(language))
    assert all(isinstance(verdict.reason, KeepReason if verdict.kept else RemovalReason) for verdict in verdicts)
    pairs = zip(blocks, verdicts, strict=True)
    return title, [(block.text, verdict_label(verdict.kept, verdict.reason)) for block, verdict in pairs]


def verdict_label(kept: bool, reason: str) -> str:
    return "keep" if kept else "title" if reason == RemovalReason.TITLE else f"remove:{RemovalReason(reason).key}"


def kept_lines(text: str) -> list[str]:
    _, lines = judge_labels(text)
    return [line for line, line_label in lines if line_label in ("keep", "title")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_language_known", [True, False], ids=["language known", "language unknown"])
def test_sibling_text(name, is_language_known):
    labels = json.loads((TEXTS / f"{name}.json").read_text("utf-8"))
    title, lines = judge_labels(
        (TEXTS / f"{name}.txt").read_text("utf-8"), labels["language"] if is_language_known else None
    )
    expected_labels = [labels["labels"][str(number)] for number in range(1, len(lines) + 1)]
    wrong_lines = [
        (line, label, expected_label)
        for (line, label), expected_label in zip(lines, expected_labels, strict=True)
        if label != expected_label
    ]
    assert wrong_lines == []
    assert title == lines[expected_labels.index("title")][0]


def test_seed():
    folder = SHARED / "seed"
    if not folder.is_dir():
        pytest.skip(f"no seed at {folder}")
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    _, lines = judge_labels((folder / "article.txt").read_text("utf-8"))
    assert len(lines) == len(labels)
    for (text, got), want in zip(lines, labels, strict=True):
        assert text.startswith(" ".join(want["starts"].split()))
        assert got in seed_labels(want), text


def seed_labels(want: dict[str, str]) -> set[str]:
    if want["verdict"] != "remove":
        return {want["verdict"]}
    return {f"remove:{reason}" for reason in SEED_REASONS.get(want["reason"], {want["reason"]})}


POEM = """The tide clock

It ticks for no one,
and the gulls agree,
two hands of water
pointing at the sea.

It ticks for no one,
and the shore replies
with one long vowel
and a cloud of flies."""
BRIEF = """Harbour bridge reopens

The harbour bridge reopened to traffic on Monday morning.
Repairs had taken nine weeks longer than the city had planned."""
TIMELINE = """A year in the orchard

The orchard belongs to nobody, which is why everybody works in it.

3 March 2020
The first grafts were cut and kept in wet sand until the frost had gone.

14 May 2020
Blossom came late, and the bees came later, but they came in thousands.

2 October 2020
The harvest filled four hundred crates and one very small chapel."""
ELLIPSIS = """The last bus

The last bus leaves the square at ten, and for thirty years Amir has been its driver.
Tonight he turns the key once more, looks into the mirror, and waits a minute longer than he should…"""


@pytest.mark.parametrize("text", [POEM, BRIEF, TIMELINE, ELLIPSIS], ids=["poem", "brief", "timeline", "ellipsis"])
def test_text_without_furniture_keeps_every_line(text):
    assert kept_lines(text) == [" ".join(line.split()) for line in text.splitlines() if line.strip()]


BRIDGE, OPENED, LATE = BRIEF.splitlines()[0], *BRIEF.splitlines()[2:]
MILL = "The mill has stood by the weir since 1611, and it has burned down in every century but this one."
WHEEL = "Its wheel is made of oak that was felled on the estate of the last miller's grandfather."


@pytest.mark.parametrize(
    ("lines", "labels"),
    [
        (["The mill by the weir", MILL, WHEEL, MILL], "title keep keep remove:duplicate"),
        ([BRIDGE, "12 comments", OPENED, LATE], "title remove:comments keep keep"),
        ([f"{BRIDGE} | The Outer Post", BRIDGE, OPENED, LATE], "remove:duplicate title keep keep"),
        ([BRIDGE, OPENED, LATE, "Five more bridges", "The city has five more bridges, and each of them has…",
          "Who built them", "An engineer from Malmö drew all six in one winter, it is said, in a room that…"],
         "title keep keep" + " remove:related" * 4),
    ],
    ids=["a paragraph printed twice", "a counter of comments", "the window's title", "truncated teasers"],
)  # fmt: skip
def test_what_each_line_is(lines, labels):
    title, judged = judge_labels("\n".join(lines))
    assert [label for _, label in judged] == labels.split()
    assert title == lines[labels.split().index("title")]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "Subscribe", "Share", "…", "12", "。", "a\nb", "@", "昨日、港の橋が開通した。"]
)
def test_next_to_nothing_is_judged_without_fault(text):
    assert len(judge_labels(text)[1]) == len(blocks_of_text(text))


VERSE = """It ticks for no one,
and the gulls agree,
two hands of water
pointing at the sea."""


def test_hard_wrapped_paragraphs_are_joined_and_verse_is_not():
    wrapped = "The ferry that once linked the four outer islands with the\nmainland will sail again from the first"
    wrapped += " of October, as\nthe council decided on Tuesday."
    assert [block.text for block in blocks_of_text(wrapped)] == [" ".join(wrapped.split())]
    assert len(blocks_of_text(VERSE)) == 4


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("The harbour bridge reopened to traffic on Monday.", "P"),
        ("“The bridge is open again, at last,” she said.", "P"),
        ("The harbour bridge, which closed in May, has been…", "C"),
        ("Harbour bridge reopens", "S"),
        ("Why did it take so long?", "S"),
        ("6 May 2022", "D"),
        ("HARBOUR / 26 APR 2019", "D"),
        ("Share this article", "R"),
        ("Related Content", "H"),
        ("Puente reabierto: así quedó tras la obra.", "P"),
        ("昨日、港の橋が九週間の工事を終えて再び開通したと市が発表しました。", "P"),
        ("「橋が九週間ぶりに開通して、港の人々はみな本当に喜んでいます。」", "P"),
        ("Veranstaltungsübersicht des Bürgervereins.", "S"),
    ],
)
def test_shape(line, shape):
    assert read_lines(blocks_of_text(line), load_rules()).shapes == shape


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("One\n \t\nTwo", ["One", "Two"]),
        ("One\n\u00a0\nTwo", ["One", "Two"]),
        ("\u2028One\u2028 \u2028Two", ["One", "Two"]),
        (" \n\n ", []),
        ("One\r\n\r\nTwo  words\n", ["One", "Two words"]),
    ],
)
def test_lines_of_spaces_are_none(text, lines):
    assert [block.text for block in blocks_of_text(text)] == lines


@pytest.mark.parametrize(
    ("ending", "words", "shape"),
    [
        (".", 6, "S"), (".", 7, "P"), ("", 7, "S"), ("…", 7, "S"), ("…", 8, "C"), ("[...]", 8, "C"),
        ("?", 18, "S"), ("?", 19, "P"), ("?”", 18, "S"), ("!", 7, "P"), ("。", 7, "P"),
    ],
)  # fmt: skip
def test_words_of_a_line(ending, words, shape):
    assert _unruled_shape(" ".join(["word"] * words) + ending, words) == shape


@pytest.mark.parametrize(("letters", "shape"), [(10, "S"), (60, "P")])
def test_a_line_without_spaces(letters, shape):
    assert _unruled_shape("河" * letters + "。", 1) == shape


@pytest.mark.parametrize(
    ("widths", "is_wrapped"),
    [
        ((50, 30), True), ((49, 30), False), ((100, 30), True), ((101, 30), False), ((75, 100, 30), True),
        ((74, 100, 30), False), ((60, 70), True), ((60, 71), False), ((60,), False), ((), False),
    ],
)  # fmt: skip
def test_a_wrapped_paragraph(widths, is_wrapped):
    assert _is_wrapped(["x" * width for width in widths]) is is_wrapped
    assert not _is_wrapped(["X" * width for width in widths])


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
def test_who_decides(verdict, chance, dump, clean):
    assert verdict_in_dump(verdict, chance).kept == dump
    assert verdict_in_clean_text(verdict, chance).kept == clean


@pytest.mark.parametrize(("chance", "votes"), [(0.95, ["+model", "-rule"]), (0.2, ["-rule", "-model"])])
def test_all_votes_are_kept_beside_the_verdict(chance, votes):
    found = verdict_in_dump(RULED, chance).votes
    assert [("+" if vote.keep else "-") + vote.voter for vote in found] == votes


def test_what_the_model_removes_is_explained_by_its_shape_its_place_and_what_stands_above():
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


def test_where_the_model_would_leave_next_to_nothing_the_rules_are_believed():
    rule_verdicts = [KEPT] * 6 + [TAIL] + [RULED] * 9
    lines, chances = [*STORY, "A line", *["Share this"] * 9], [0.01] * 6 + [0.95] + [0.0] * 9
    assert weigh_texts(lines, rule_verdicts, chances) == rule_verdicts


def test_the_model_reads_these_features():
    lines = read_lines(blocks_of_text("\n".join(STORY[:4])), load_rules("en"))
    names, rows = line_features(lines, judge_lines_by_rules(lines)[1], None)
    assert tuple(names) == load_trees(LINE_MODEL).feature_names
    assert ((predict(names, rows, LINE_MODEL) > 0) & (predict(names, rows, LINE_MODEL) < 1)).all()
    with pytest.raises(ModelError, match=r"lines\.npz"):
        predict(names[1:], rows[:, 1:], LINE_MODEL)
