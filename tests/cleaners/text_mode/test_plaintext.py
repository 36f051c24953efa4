"""Text that another tool extracted: the seed, ten sibling texts, and shapes that must survive."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from broadsheet.cleaners.document import KeepReason, RemovalReason
from broadsheet.cleaners.rules.rule_files import load_rules
from broadsheet.cleaners.text_mode.plaintext import judge_text
from broadsheet.cleaners.text_mode.text_lines import blocks_of_text

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
def test_sibling_text(name: str, is_language_known: bool) -> None:
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


def test_seed() -> None:
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
def test_text_without_furniture_keeps_every_line(text: str) -> None:
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
def test_what_each_line_is(lines: list[str], labels: str) -> None:
    title, judged = judge_labels("\n".join(lines))
    assert [label for _, label in judged] == labels.split()
    assert title == lines[labels.split().index("title")]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "Subscribe", "Share", "…", "12", "。", "a\nb", "@", "昨日、港の橋が開通した。"]
)
def test_next_to_nothing_is_judged_without_fault(text: str) -> None:
    assert len(judge_labels(text)[1]) == len(blocks_of_text(text))
