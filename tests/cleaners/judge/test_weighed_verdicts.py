"""Reasons for what the model removes and no rule names.

Verdicts of the rules and probabilities of the model together: which decides, and with which rule.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from broadsheet.cleaners.document import Block, BlockKind, Verdict, Vote
from broadsheet.cleaners.judge.rescue import ADDRESS, STANDFIRST
from broadsheet.cleaners.judge.tree_models import expected_f1
from broadsheet.cleaners.judge.weighed_verdicts import (
    FIRST_LOOK_SURE_THRESHOLD,
    deciding_vote_against,
    model_votes_against,
    weigh,
)

LONG = "This paragraph of the story number {} is long enough to count as running text in any language that there is."
KEPT = Verdict(True, "selected", "extractor/selected")
UNSELECTED = Verdict(False, "nothing speaks for it", "extractor/not-selected")
RELATED = Verdict(False, "other articles", "en/related", (Vote("rule", False, "en/related", "other articles"),))
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
    assert reasons([("body>main>div.footnotes>p", "A note")]) == [("layout/notes", "footnotes")]
    assert reasons([("body>main>div.factbox>p", "The dam in figures")]) == [("layout/fact-box", "sidebar")]


def test_a_note_that_names_the_author_is_one_on_the_author() -> None:
    note = ("body>main>p", "Quist has written four books on tides and lives by the weir.")
    assert endings([note], authors=("Ana Quist",)) == [("model/author-note", "about the author")]
    assert endings([note]) == [("model/closing-line", "closing line")]
    assert reasons([note], authors=("Ana Quist",)) == [("model/inside-article", "furniture inside the article")]


@pytest.mark.parametrize(
    "text", ["[3] See the ledger of the old mill.", "The mill burned twice. ↩", "¹ In the old count."]
)
def test_a_footnote_is_known_by_its_mark(text: str) -> None:
    assert endings([("body>section>ol>li", text)]) == [("model/footnote", "footnotes")]


def test_a_box_in_the_article_stands_in_a_part_of_its_own() -> None:
    assert reasons([("body>main>div.x*>div>p", "Built of oak")]) == [("model/box-in-article", "sidebar")]
    assert reasons([(HOME, "Built of oak")]) == [("model/inside-article", "furniture inside the article")]


@pytest.mark.parametrize(
    ("kind", "link_chars", "rule"),
    [
        (BlockKind.PARAGRAPH, 5, "model/box-in-article"), (BlockKind.PARAGRAPH, 6, "model/inside-article"),
        (BlockKind.TABLE, 0, "model/inside-article"),
    ],
)  # fmt: skip
def test_a_box_is_no_table_and_less_than_half_of_it_are_links(kind: BlockKind, link_chars: int, rule: str) -> None:
    blocks = [Block(n, BlockKind.PARAGRAPH, LONG.format(n), path=HOME) for n in range(5)]
    blocks[3] = Block(3, kind, "Built of oak", path="body>main>div.x*>div>p", link_chars=link_chars)
    votes = model_votes_against(blocks, [KEPT, KEPT, KEPT, UNSELECTED, KEPT], {0, 1, 2, 4}, ())
    assert votes[3].rule == rule


def test_another_part_of_the_page_below_the_article_is_elsewhere() -> None:
    assert endings([("body>div>div>p", "Tide tables for sailors")]) == [("model/after-article", "below the article")]


def test_a_heading_takes_the_reason_of_what_it_heads() -> None:
    box = [("body>main>div.x>h4", "From our archive"), ("body>main>div.x>p", "How the weir was built")]
    assert reasons(box, [UNSELECTED, RELATED])[0] == ("model/heads-related", "other articles")
    assert reasons([box[0], ("body>main>p", "Else")], [UNSELECTED, UNSELECTED])[0][1] == "sidebar"


def test_what_stands_beside_shares_its_reason() -> None:
    box = [("body>main>div.x>p", "How the weir was built"), ("body>main>div.x>p", "Who broke it")]
    assert reasons(box, [RELATED, UNSELECTED])[1] == ("model/beside-related", "other articles")


@pytest.mark.parametrize(("reason", "first"), [("navigation", "layout"), ("sidebar", "rule")])
def test_the_markup_of_a_block_says_more_than_a_heading_far_above(reason: str, first: str) -> None:
    votes = Vote("rule", False, "en/about-heading/section", "promo"), Vote("layout", False, f"layout/{reason}", reason)
    vote = deciding_vote_against(Verdict(False, "promo", "en/about-heading/section", votes))
    assert vote is not None
    assert vote.voter == first


SELECTED = Verdict(True, "selected", "extractor/selected", (Vote("extractor", True, "extractor/selected", "selected"),))
PHRASE = Vote("rule", False, "en/donation", "donation")
BY_PHRASE = Verdict(False, "donation", "en/donation", (PHRASE, *SELECTED.votes))


def weighed_verdict(
    verdict: Verdict,
    probability: float,
    text: str = "A line of its own",
    kind: BlockKind = BlockKind.PARAGRAPH,
    path: str = "body>p",
) -> Verdict:
    """The verdict on one block between paragraphs of the article."""
    texts = [LONG.format(n) for n in range(4)]
    texts.insert(2, text)
    blocks = [
        Block(n, kind if n == 2 else BlockKind.PARAGRAPH, block_text, path="body>p")
        for n, block_text in enumerate(texts)
    ]
    blocks[2] = replace(blocks[2], path=path)
    rule_verdicts = [SELECTED, SELECTED, verdict, SELECTED, SELECTED]
    return weigh(blocks, rule_verdicts, np.array([0.99, 0.99, probability, 0.99, 0.99]))[2]


@pytest.mark.parametrize(
    ("verdict", "probability", "is_kept", "rule"),
    [
        (SELECTED, 0.95, True, "extractor/selected"),
        (SELECTED, 0.47, True, "extractor/selected"),
        (SELECTED, 0.1, False, "model/inside-article"),
        (UNSELECTED, 0.6, True, "model/kept"),
        (UNSELECTED, 0.2, False, "model/inside-article"),
        (BY_PHRASE, 0.7, False, "en/donation"),
        (BY_PHRASE, 0.97, True, "model/kept"),
    ],
)
def test_who_decides(verdict: Verdict, probability: float, is_kept: bool, rule: str) -> None:
    weighed = weighed_verdict(verdict, probability)
    assert (weighed.kept, weighed.rule) == (is_kept, rule)
    assert weighed.votes[0].rule == rule
    assert weighed.votes[0].keep == is_kept


def test_the_model_s_own_vote_and_those_it_overruled_are_kept_beside() -> None:
    weighed = weighed_verdict(BY_PHRASE, 0.97)
    assert {(vote.voter, vote.keep) for vote in weighed.votes} == {
        ("model", True),
        ("rule", False),
        ("extractor", True),
    }
    assert ("model", True) in {(vote.voter, vote.keep) for vote in weighed_verdict(BY_PHRASE, 0.7).votes}


def test_a_quote_in_the_text_needs_little() -> None:
    assert weighed_verdict(SELECTED, 0.15, kind=BlockKind.QUOTE).kept
    assert not weighed_verdict(SELECTED, 0.15).kept


@pytest.mark.parametrize("path", ["body>button", "body>div.feedback>button.yes#first"])
def test_what_a_button_says_is_brought_back_only_by_a_voice_that_is_sure(path: str) -> None:
    assert not weighed_verdict(UNSELECTED, 0.7, text="Yes", path=path).kept
    assert weighed_verdict(UNSELECTED, 0.7, text="Yes", path="body>button>p").kept
    assert weighed_verdict(SELECTED, 0.7, text="Yes", path=path).kept
    assert weighed_verdict(UNSELECTED, 0.95, text="Yes", path=path).kept


def test_an_address_that_was_brought_back_stays_though_it_looks_like_navigation() -> None:
    vote = Vote("context", True, ADDRESS, "brought back")
    assert weighed_verdict(Verdict(True, "brought back", ADDRESS, (vote,)), 0.01, text="https://tide.example/film").kept
    assert not weighed_verdict(replace(BY_PHRASE, votes=(PHRASE, vote)), 0.01, text="https://tide.example/film").kept


def test_a_copy_is_removed_as_such() -> None:
    weighed = weighed_verdict(SELECTED, 0.99, text=LONG.format(1), path="body>section>p")
    assert (weighed.kept, weighed.reason, weighed.rule) == (False, "said twice", "context/duplicate")


def test_a_quote_pulled_out_of_the_text_is_a_copy() -> None:
    pulled = "is long enough to count as running text in any language that there is"
    weighed = weighed_verdict(SELECTED, 0.99, text=pulled, kind=BlockKind.QUOTE)
    assert (weighed.kept, weighed.rule) == (False, "context/duplicate")
    assert weighed_verdict(SELECTED, 0.99, text=pulled).kept


def test_a_standfirst_that_only_begins_the_text_is_a_copy() -> None:
    lead = Verdict(True, "brought back", STANDFIRST, (Vote("context", True, STANDFIRST, "brought back"),))
    begun = " ".join(LONG.format(1).split()[:15]) + "…"
    weighed = weighed_verdict(lead, 0.99, text=begun)
    assert (weighed.kept, weighed.rule) == (False, "context/duplicate")
    assert weighed_verdict(SELECTED, 0.99, text=begun).kept
    assert weighed_verdict(lead, 0.99, text="What the council hid about the mill for all of eleven years").kept


def test_of_a_quote_and_a_paragraph_that_are_the_same_one_stays() -> None:
    kinds = (BlockKind.QUOTE, *[BlockKind.PARAGRAPH] * 5)
    texts = [" ".join(f"word{n % 5}-{at}" for at in range(20)) for n in range(6)]
    blocks = [Block(n, kind, texts[n], path="body>p" if n else "body>blockquote") for n, kind in enumerate(kinds)]
    assert [verdict.kept for verdict in weigh(blocks, [SELECTED] * 6, np.full(6, 0.99))] == [True] * 5 + [False]


def test_what_the_model_removes_is_explained_by_its_place_and_by_what_stands_above_it() -> None:
    texts = ["Before", *(LONG.format(n) for n in range(4)), "Related", "A headline", "Another", "Elsewhere"]
    boxes = ["body>p"] * 5 + ["body>div.box>p"] * 3 + ["body>p"]
    blocks = [
        Block(n, BlockKind.PARAGRAPH, text, path=box) for n, (text, box) in enumerate(zip(texts, boxes, strict=True))
    ]
    related = Verdict(False, "other articles", "en/related", (Vote("rule", False, "en/related", "other articles"),))
    rule_verdicts = [UNSELECTED, *[SELECTED] * 4, related, UNSELECTED, UNSELECTED, UNSELECTED]
    verdicts = weigh(blocks, rule_verdicts, np.array([0.0, *[1.0] * 4, 0, 0, 0, 0]))
    assert [verdict.reason for verdict in verdicts] == [
        "above the article",
        *["selected"] * 4,
        "other articles",
        "other articles",
        "other articles",
        "closing line",
    ]


def test_where_the_model_would_leave_nothing_the_named_voices_are_believed() -> None:
    blocks = [Block(n, BlockKind.PARAGRAPH, LONG.format(n), path="body>p") for n in range(4)]
    assert all(verdict.kept for verdict in weigh(blocks, [SELECTED] * 4, np.zeros(4)))
    assert all(verdict.kept for verdict in weigh(blocks, [SELECTED] * 3 + [BY_PHRASE], np.array([0, 0, 0, 1.0]))[:3])


def test_the_sentence_that_opens_the_article_needs_less() -> None:
    texts = ["The mill burned down in one short night of May.", *(LONG.format(n) for n in range(4))]
    blocks = [Block(n, BlockKind.PARAGRAPH, text, path="body>p") for n, text in enumerate(texts)]
    probabilities = np.array([0.35, *[0.99] * 4])
    assert weigh(blocks, [SELECTED] * 5, probabilities)[0].kept
    assert not weigh(blocks, [UNSELECTED, *[SELECTED] * 4], probabilities)[0].kept
    assert not weigh([replace(b, position=n) for n, b in enumerate(blocks[::-1])], [SELECTED] * 5, probabilities[::-1])[
        4
    ].kept


@pytest.mark.parametrize(("label", "is_kept"), [("Lue myös:", False), ("He said so:", False), ("She said it", True)])
def test_a_label_that_announces_only_a_teaser_goes_with_it(label: str, is_kept: bool) -> None:
    teaser = Verdict(
        False, "other articles", "context/teaser", (Vote("layout", False, "context/teaser", "other articles"),)
    )
    texts = [LONG.format(0), label, "Another headline", *(LONG.format(n) for n in (1, 2, 3))]
    blocks = [Block(n, BlockKind.PARAGRAPH, text, path="body>p") for n, text in enumerate(texts)]
    rule_verdicts = [SELECTED, SELECTED, teaser, *[SELECTED] * 3]
    found = weigh(blocks, rule_verdicts, np.array([0.99, 0.9, 0.1, 0.99, 0.99, 0.99]))
    assert found[1].kept == is_kept
    assert found[1].reason == ("selected" if is_kept else "other articles")
    assert weigh(blocks, [SELECTED] * 6, np.full(6, 0.99))[1].kept


# --- Just above and just below a threshold ---------------------------------------------------------------------------
def below(probability: float) -> float:
    return float(np.nextafter(probability, 0.0))


SECTION = Verdict(False, "other articles", "en/section", (Vote("rule", False, "en/related/section", "other articles"),))
HEADING = Verdict(False, "other articles", "en/heading", (Vote("rule", False, "en/related/heading", "other articles"),))
COLUMN = Verdict(
    True, "selected", "extractor/selected", (Vote("layout", False, "layout/other-column", "other articles"),)
)


@pytest.mark.parametrize(
    ("verdict", "kind", "threshold"),
    [
        (BY_PHRASE, BlockKind.PARAGRAPH, 0.9),
        (SECTION, BlockKind.PARAGRAPH, 0.8),
        (COLUMN, BlockKind.PARAGRAPH, 0.8),
        (SELECTED, BlockKind.QUOTE, 0.1),
        (SELECTED, BlockKind.TABLE, 0.1),
    ],
    ids=["a phrase", "a section", "another column", "a quote", "a table"],
)
def test_a_block_is_kept_from_its_threshold_on(verdict: Verdict, kind: BlockKind, threshold: float) -> None:
    assert weighed_verdict(verdict, threshold, kind=kind).kept
    assert not weighed_verdict(verdict, below(threshold), kind=kind).kept


@pytest.mark.parametrize(
    ("verdict", "kind", "margin"),
    [(SELECTED, BlockKind.PARAGRAPH, -0.05), (UNSELECTED, BlockKind.PARAGRAPH, 0.05),
     (HEADING, BlockKind.PARAGRAPH, 0.05), (UNSELECTED, BlockKind.QUOTE, 0.05), (SELECTED, BlockKind.HEADING, -0.05)],
    ids=["kept", "removed", "below a heading", "a quote that is removed", "a heading"],
)  # fmt: skip
def test_else_it_is_kept_from_the_pages_threshold_on_with_a_margin(
    verdict: Verdict, kind: BlockKind, margin: float
) -> None:
    """The page's threshold is half of the F1 that the model expects of itself, as the probabilities say."""
    texts = [LONG.format(0), LONG.format(1), "A line of its own", LONG.format(2), LONG.format(3)]
    words = np.array([len(text.split()) for text in texts])
    for probability in np.linspace(0.3, 0.7, 81):
        threshold = expected_f1(words, np.array([0.99, 0.99, probability, 0.99, 0.99])) / 2 + margin
        assert weighed_verdict(verdict, float(probability), kind=kind).kept == (probability >= threshold)


def test_the_first_look_has_a_threshold_of_its_own() -> None:
    blocks = [Block(n, BlockKind.PARAGRAPH, LONG.format(n), path="body>p") for n in range(4)]
    verdicts = [SELECTED, SELECTED, BY_PHRASE, SELECTED]
    for probability, is_kept in [(0.98, True), (below(0.98), False)]:
        probabilities = np.array([0.99, 0.99, probability, 0.99])
        weighed = weigh(blocks, verdicts, probabilities, sure_threshold=FIRST_LOOK_SURE_THRESHOLD)
        assert weighed[2].kept == is_kept


def sentence(words: int, name: str = "word", end: str = ".") -> str:
    return " ".join(f"{name}{number}" for number in range(words)) + end


@pytest.mark.parametrize(
    ("opening", "probability", "is_kept"),
    [
        (sentence(8), 0.3, True),
        (sentence(8), below(0.3), False),
        (sentence(7), 0.3, False),
        (sentence(8, end=""), 0.3, False),
    ],
    ids=["at its threshold", "below it", "of seven words", "without an end"],
)
def test_the_opening_sentence_is_kept_from_its_threshold_and_length_on(
    opening: str, probability: float, is_kept: bool
) -> None:
    texts = [opening, *(LONG.format(n) for n in range(4))]
    blocks = [Block(n, BlockKind.PARAGRAPH, text, path="body>p") for n, text in enumerate(texts)]
    assert weigh(blocks, [SELECTED] * 5, np.array([probability, *[0.99] * 4]))[0].kept == is_kept


@pytest.mark.parametrize(
    ("kept_words", "other_words", "is_believed"),
    [(60, 340, True), (60, 341, False), (59, 331, False), (59, 0, True), (120, 680, True), (120, 681, False)],
)
def test_the_model_is_believed_from_a_share_and_a_number_of_words_on(
    kept_words: int, other_words: int, is_believed: bool
) -> None:
    texts = [
        sentence(kept_words, "kept"),
        *([sentence(other_words, "other")] if other_words else []),
        sentence(9, "last"),
    ]
    blocks = [Block(n, BlockKind.PARAGRAPH, text, path="body>p") for n, text in enumerate(texts)]
    verdicts = [*[SELECTED] * (len(texts) - 1), UNSELECTED]
    weighed = weigh(blocks, verdicts, np.array([1.0, *[0.0] * (len(texts) - 1)]))
    is_changed = any(vote.voter == "model" for verdict in weighed for vote in verdict.votes)
    assert is_changed == is_believed


@pytest.mark.parametrize(("words", "is_kept"), [(4, False), (5, True)])
def test_a_label_above_a_teaser_has_four_words_at_most(words: int, is_kept: bool) -> None:
    teaser = Verdict(
        False, "other articles", "context/teaser", (Vote("layout", False, "context/teaser", "other articles"),)
    )
    texts = [LONG.format(0), sentence(words, end=":"), "Another headline", *(LONG.format(n) for n in (1, 2, 3))]
    blocks = [Block(n, BlockKind.PARAGRAPH, text, path="body>p") for n, text in enumerate(texts)]
    verdicts = [SELECTED, SELECTED, teaser, *[SELECTED] * 3]
    assert weigh(blocks, verdicts, np.array([0.99, 0.9, 0.1, 0.99, 0.99, 0.99]))[1].kept == is_kept


def test_a_question_is_kept_with_its_answer_though_the_model_removes_it() -> None:
    texts = [LONG.format(n) for n in range(4)]
    texts.insert(2, "How long is a paragraph?")
    paths = {2: "body>div.faq>button", 3: "body>div.faq>p"}
    blocks = [Block(n, BlockKind.PARAGRAPH, text, path=paths.get(n, "body>p")) for n, text in enumerate(texts)]
    verdicts = [SELECTED, SELECTED, UNSELECTED, SELECTED, SELECTED]
    question = weigh(blocks, verdicts, np.array([0.99, 0.99, 0.1, 0.99, 0.99]))[2]
    assert (question.kept, question.rule, question.reason) == (True, "context/answered-question", "brought back")
    assert [vote.keep for vote in question.votes] == [True, False], "what the model says of it stays beside"
    unanswered = weigh(blocks, verdicts, np.array([0.99, 0.99, 0.1, 0.1, 0.99]))[2]
    assert not unanswered.kept


# --- Brought back within the text ------------------------------------------------------------------------------------
ECHO = Verdict(
    False, "repeats the title", "metadata/title", (Vote("metadata", False, "metadata/title", "repeats the title"),)
)
BOXED_SECTION = replace(SECTION, votes=(*SECTION.votes, Vote("layout", False, "layout/caption-text", "caption")))
WIDGET_SECTION = replace(SECTION, votes=(*SECTION.votes, Vote("layout", False, "layout/sidebar", "sidebar")))
BYLINE_SECTION = replace(SECTION, votes=(Vote("metadata", False, "metadata/byline", "byline"), *SECTION.votes))


def rule_within(verdict: Verdict, probability: float, block: Block, text_paragraphs: int = 3) -> str:
    """The rule of the block's verdict, which stands below so many of the five paragraphs of a text."""
    texts = [Block(n, BlockKind.PARAGRAPH, LONG.format(n), path=HOME) for n in range(5)]
    blocks = [*texts[:text_paragraphs], block, *texts[text_paragraphs:]]
    blocks = [replace(each, position=n) for n, each in enumerate(blocks)]
    verdicts = [verdict if each.text == block.text else SELECTED for each in blocks]
    probabilities = np.array([probability if each.text == block.text else 0.99 for each in blocks])
    found = weigh(blocks, verdicts, probabilities)[text_paragraphs]
    return found.rule if found.kept else ""


ITEM = Block(0, BlockKind.LIST_ITEM, "Bread, cheese and a bottle of water", path="body>main>ul>li", level=1)
PROSE_BLOCK = Block(0, BlockKind.PARAGRAPH, LONG.format("of the mill"), path=HOME)
HEADING_BLOCK = Block(0, BlockKind.HEADING, "The mill by the river", path="body>main>h2", level=2)


@pytest.mark.parametrize(
    ("verdict", "probability", "block", "rule"),
    [
        (UNSELECTED, 0.15, ITEM, "context/unnamed-in-text"),
        (UNSELECTED, 0.05, ITEM, ""),
        (UNSELECTED, 0.15, replace(ITEM, path="body>main>ul.related>li"), ""),
        (UNSELECTED, 0.15, replace(ITEM, path="body>aside>ul>li"), ""),
        (UNSELECTED, 0.15, replace(ITEM, link_chars=len(ITEM.text)), ""),
        (RELATED, 0.3, ITEM, ""),
        (UNSELECTED, 0.15, PROSE_BLOCK, "context/unnamed-in-text"),
        (UNSELECTED, 0.15, replace(PROSE_BLOCK, text="Share it"), ""),
        (ECHO, 0.6, HEADING_BLOCK, "context/heading-in-text"),
        (ECHO, 0.4, HEADING_BLOCK, ""),
        (ECHO, 0.6, replace(HEADING_BLOCK, path="body>header>h2"), ""),
        (SECTION, 0.6, PROSE_BLOCK, "context/prose-in-text"),
        (WIDGET_SECTION, 0.6, PROSE_BLOCK, "context/prose-in-text"),
        (SECTION, 0.4, PROSE_BLOCK, ""),
        (SECTION, 0.6, replace(PROSE_BLOCK, path="body>div>p"), ""),
        (BOXED_SECTION, 0.6, PROSE_BLOCK, ""),
        (BYLINE_SECTION, 0.6, PROSE_BLOCK, ""),
    ],
)
def test_what_stands_within_the_text_and_has_no_reason_of_its_own_is_brought_back(
    verdict: Verdict, probability: float, block: Block, rule: str
) -> None:
    assert rule_within(verdict, probability, block) == rule


@pytest.mark.parametrize(("paragraphs_above", "rule"), [(0, ""), (1, "context/unnamed-in-text"), (5, "")])
def test_above_and_below_the_text_nothing_is_brought_back(paragraphs_above: int, rule: str) -> None:
    assert rule_within(UNSELECTED, 0.15, ITEM, paragraphs_above) == rule


def test_a_section_ends_at_prose_above_the_text_too() -> None:
    assert rule_within(SECTION, 0.6, PROSE_BLOCK, 0) == "context/prose-in-text"
    assert rule_within(SECTION, 0.6, PROSE_BLOCK, 5) == ""


RESCUED = Verdict(
    True, "brought back", "context/siblings", (Vote("context", True, "context/siblings", "brought back"),)
)
LEAD = Verdict(True, "brought back", STANDFIRST, (Vote("context", True, STANDFIRST, "brought back"),))


@pytest.mark.parametrize(
    ("verdict", "probability", "is_kept"),
    [(SELECTED, 0.34, False), (SELECTED, 0.36, True), (LEAD, 0.34, False), (LEAD, 0.36, True), (RESCUED, 0.34, True)],
)
def test_on_a_page_in_doubt_the_extractor_alone_keeps_nothing_that_the_model_finds_unlikely(
    verdict: Verdict, probability: float, is_kept: bool
) -> None:
    blocks = [Block(n, BlockKind.PARAGRAPH, LONG.format(n), path="body>p") for n in range(5)]
    lead = "Nobody on the river had expected the water to rise so early in a year without snow, they say in town."
    blocks[3] = Block(3, BlockKind.PARAGRAPH, lead, path="body>section>p")
    found = weigh(blocks, [SELECTED] * 3 + [verdict, SELECTED], np.array([0.5, 0.5, 0.5, probability, 0.5]))
    assert [each.kept for each in found] == [True, True, True, is_kept, True]


ELSEWHERE = Verdict(
    False, "other articles", "context/teaser-elsewhere",
    (Vote("layout", False, "context/teaser-elsewhere", "other articles"),),
)  # fmt: skip
NAMED_ELSEWHERE = replace(ELSEWHERE, votes=(*RELATED.votes, *ELSEWHERE.votes))
LINKED_ITEM = replace(ITEM, link_chars=len(ITEM.text))


@pytest.mark.parametrize(
    ("verdict", "probability", "block", "above", "rule"),
    [
        (ELSEWHERE, 0.15, LINKED_ITEM, 3, "context/links-in-text"),
        (ELSEWHERE, 0.05, LINKED_ITEM, 3, ""),
        (ELSEWHERE, 0.25, LINKED_ITEM, 5, "context/links-in-text"),
        (ELSEWHERE, 0.15, LINKED_ITEM, 5, ""),
        (ELSEWHERE, 0.25, LINKED_ITEM, 0, ""),
        (ELSEWHERE, 0.25, replace(LINKED_ITEM, path="body>aside>ul>li"), 3, ""),
        (NAMED_ELSEWHERE, 0.25, LINKED_ITEM, 3, ""),
    ],
)
def test_an_item_that_links_to_another_site_stays_in_the_text_and_below_it(
    verdict: Verdict, probability: float, block: Block, above: int, rule: str
) -> None:
    assert rule_within(verdict, probability, block, above) == rule


@pytest.mark.parametrize(
    ("probabilities", "verdict", "kept_items"),
    [
        ((0.9, 0.9, 0.05, 0.05), ELSEWHERE, 4),
        ((0.9, 0.05, 0.05, 0.05), ELSEWHERE, 1),
        ((0.9, 0.9, 0.05, 0.05), NAMED_ELSEWHERE, 2),
        ((0.9, 0.9, 0.05, 0.05), RELATED, 2),
    ],
    ids=["half is kept", "less is", "a rule names them", "they do not lead elsewhere"],
)
def test_the_rest_of_a_list_that_links_to_other_sites_stays_with_half_of_it(
    probabilities: tuple[float, ...], verdict: Verdict, kept_items: int
) -> None:
    text = [Block(n, BlockKind.PARAGRAPH, LONG.format(n), path="body>div.text>p") for n in range(5)]
    items = [replace(LINKED_ITEM, position=5 + n, text=f"{LINKED_ITEM.text} {n}") for n in range(4)]
    judged = [SELECTED if probability > 0.5 else verdict for probability in probabilities]
    found = weigh([*text, *items], [SELECTED] * 5 + judged, np.array([0.9] * 5 + list(probabilities)))
    assert [each.kept for each in found[5:]] == [n < kept_items for n in range(4)]


@pytest.mark.parametrize(("words", "rule"), [(9, "model/heads-related"), (10, "model/inside-article")])
def test_words_of_the_heading_of_a_removed_box(words: int, rule: str) -> None:
    box = [(HOME, " ".join(["Else"] * words)), (HOME, "How the weir was built")]
    assert reasons(box, [UNSELECTED, RELATED])[0][0] == rule


@pytest.mark.parametrize(("lines", "rule"), [(1, "model/heads-related"), (2, "model/inside-article")])
def test_blocks_between_a_heading_and_the_box_that_it_heads(lines: int, rule: str) -> None:
    line = (HOME, "A line of more words than a heading has, so that it heads nothing")
    extra = [(HOME, "From our archive"), *[line] * lines, (HOME, "How")]
    assert reasons(extra, [UNSELECTED] * (1 + lines) + [RELATED])[0][0] == rule


@pytest.mark.parametrize(("words", "rule"), [(4, "model/closing-line"), (5, "model/author-note")])
def test_words_of_a_note_on_the_author(words: int, rule: str) -> None:
    assert endings([(HOME, " ".join(["Quist"] * words))], authors=("Ana Quist",))[0][0] == rule


@pytest.mark.parametrize("reason", ["advertisement", "navigation", "date", "caption", "byline"])
def test_a_label_is_no_reason_for_the_heading_above_it(reason: str) -> None:
    heading, own = Vote("rule", False, "en/x/heading", reason), Vote("rule", False, "en/x", reason)
    assert deciding_vote_against(Verdict(False, reason, "en/x", (heading,))) is None
    assert deciding_vote_against(Verdict(False, reason, "en/x", (heading, own))) == own
    related = Vote("rule", False, "en/x/heading", "other articles")
    assert deciding_vote_against(Verdict(False, reason, "en/x", (heading, related, own))) == related
