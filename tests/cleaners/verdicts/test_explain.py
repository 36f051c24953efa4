"""Reasons for what the model removes and no rule names."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import Block, BlockKind, Verdict, Vote
from broadsheet.cleaners.verdicts.explain import deciding_vote_against, model_votes_against

LONG = "This paragraph of the story number {} is long enough to count as running text in any language that there is."
KEPT = Verdict(True, "selected", "extractor/selected")
UNSELECTED = Verdict(False, "not_selected", "extractor/not-selected")
RELATED = Verdict(False, "related", "en/related", (Vote("rule", False, "en/related", "related"),))
HOME = "body>main>p"


def reasons(
    extra: list[tuple[str, str]], verdicts: list[Verdict] | None = None, authors: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """Rule and reason of blocks, given as (path, text), that stand between the third and the fourth kept paragraph."""
    texts = [(HOME, LONG.format(n)) for n in range(3)] + extra + [(HOME, LONG.format(4))]
    return _rules_and_reasons(texts, [KEPT] * 3 + (verdicts or [UNSELECTED] * len(extra)) + [KEPT], authors)[3:-1]


def endings(extra: list[tuple[str, str]], authors: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """The same for blocks after the last kept paragraph."""
    texts = [(HOME, LONG.format(n)) for n in range(3)] + extra
    return _rules_and_reasons(texts, [KEPT] * 3 + [UNSELECTED] * len(extra), authors)[3:]


def _rules_and_reasons(
    texts: list[tuple[str, str]], rule_verdicts: list[Verdict], authors: tuple[str, ...]
) -> list[tuple[str, str]]:
    blocks = [Block(n, BlockKind.PARAGRAPH, text, path=path) for n, (path, text) in enumerate(texts)]
    kept_positions = {n for n, verdict in enumerate(rule_verdicts) if verdict.kept}
    return [
        (vote.rule, vote.reason)
        for vote in model_votes_against(blocks, rule_verdicts, kept_positions, authors).values()
    ]


def test_the_markup_says_it_first() -> None:
    assert reasons([("body>main>div.footnotes>p", "A note")]) == [("layout/notes", "notes")]
    assert reasons([("body>main>div.factbox>p", "The dam in figures")]) == [("layout/fact-box", "sidebar")]


def test_a_note_that_names_the_author_is_one_on_the_author() -> None:
    note = ("body>main>p", "Quist has written four books on tides and lives by the weir.")
    assert endings([note], authors=("Ana Quist",)) == [("model/author-note", "author_bio")]
    assert endings([note]) == [("model/closing-line", "closing")]
    assert reasons([note], authors=("Ana Quist",)) == [("model/inside-article", "boilerplate")]


@pytest.mark.parametrize(
    "text", ["[3] See the ledger of the old mill.", "The mill burned twice. ↩", "¹ In the old count."]
)
def test_a_footnote_is_known_by_its_mark(text: str) -> None:
    assert endings([("body>section>ol>li", text)]) == [("model/footnote", "notes")]


def test_a_box_in_the_article_stands_in_a_part_of_its_own() -> None:
    assert reasons([("body>main>div.x*>div>p", "Built of oak")]) == [("model/box-in-article", "sidebar")]
    assert reasons([(HOME, "Built of oak")]) == [("model/inside-article", "boilerplate")]


def test_another_part_of_the_page_below_the_article_is_elsewhere() -> None:
    assert endings([("body>div>div>p", "Tide tables for sailors")]) == [("model/after-article", "elsewhere")]


def test_a_heading_takes_the_reason_of_what_it_heads() -> None:
    box = [("body>main>div.x>h4", "From our archive"), ("body>main>div.x>p", "How the weir was built")]
    assert reasons(box, [UNSELECTED, RELATED])[0] == ("model/heads-related", "related")
    assert reasons([box[0], ("body>main>p", "Else")], [UNSELECTED, UNSELECTED])[0][1] == "sidebar"


def test_what_stands_beside_shares_its_reason() -> None:
    box = [("body>main>div.x>p", "How the weir was built"), ("body>main>div.x>p", "Who broke it")]
    assert reasons(box, [RELATED, UNSELECTED])[1] == ("model/beside-related", "related")


@pytest.mark.parametrize(("reason", "first"), [("navigation", "layout"), ("sidebar", "rule")])
def test_the_markup_of_a_block_says_more_than_a_heading_far_above(reason: str, first: str) -> None:
    votes = Vote("rule", False, "en/about-heading/section", "promo"), Vote("layout", False, f"layout/{reason}", reason)
    vote = deciding_vote_against(Verdict(False, "promo", "en/about-heading/section", votes))
    assert vote is not None
    assert vote.voter == first
