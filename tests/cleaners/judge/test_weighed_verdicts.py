"""Verdicts of the rules and probabilities of the model together: which decides, with which rule and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from broadsheet.cleaners.document import Block, BlockKind, Verdict, Vote
from broadsheet.cleaners.judge.rescue import ADDRESS, STANDFIRST
from broadsheet.cleaners.judge.tree_models import expected_f1
from broadsheet.cleaners.judge.weighed_verdicts import (
    MODEL_SELECTS,
    SURE_THRESHOLD,
    deciding_vote_against,
    model_votes_against,
    weigh,
)
from tests.cleaners.building import block, words

HOME, BOX = "body>main>p", "body>main>div.x>p"
LONG = "This paragraph of the story number {} is long enough to count as running text in any language that there is."


def verdict(*votes: Vote, rule: str = "") -> Verdict:
    return Verdict(votes[0].keep, votes[0].reason, rule or votes[0].rule, votes)


def against(rule: str, reason: str, voter: str = "rule") -> Vote:
    return Vote(voter, False, rule, reason)


def brought_back(rule: str) -> Verdict:
    return verdict(Vote("context", True, rule, "brought back"))


SELECTED = verdict(MODEL_SELECTS)
UNSELECTED = Verdict(False, "nothing speaks for it", "model/not-selected")
RELATED = verdict(against("en/related", "other articles"))
BY_PHRASE = verdict(against("en/donation", "donation"), *SELECTED.votes)
SECTION = verdict(against("en/related/section", "other articles"), rule="en/section")
HEADING = verdict(against("en/related/heading", "other articles"), rule="en/heading")
COLUMN = Verdict(True, "selected", "model/selected", (against("layout/other-column", "other articles", "layout"),))
ECHO = verdict(against("metadata/title", "repeats the title", "metadata"))
TEASER = verdict(against("context/teaser", "other articles", "layout"))
ELSEWHERE = verdict(against("context/teaser-elsewhere", "other articles", "layout"))
NAMED_ELSEWHERE = replace(ELSEWHERE, votes=(*RELATED.votes, *ELSEWHERE.votes))
LEAD, RESCUED, LINK = brought_back(STANDFIRST), brought_back("context/siblings"), brought_back(ADDRESS)

Row = tuple[Block, Verdict, float]
"""A block, what the rules say of it and the model's probability."""


def line(text: str, given: Verdict = UNSELECTED, probability: float = 0.1, path: str = HOME, **fields: object) -> Row:
    return block(0, text, path=path, **fields), given, probability


def story(*numbers: int, probability: float = 0.99) -> list[Row]:
    return [line(LONG.format(n), SELECTED, probability) for n in numbers]


def weigh_rows(rows: Sequence[Row]) -> list[Verdict]:
    blocks = [replace(each, position=n) for n, (each, _, _) in enumerate(rows)]
    probabilities = np.array([probability for _, _, probability in rows])
    return weigh(blocks, [given for _, given, _ in rows], probabilities)


def within(row: Row, above: int = 2, below: int = 2) -> Verdict:
    """The verdict on a block between so many paragraphs of the article."""
    return weigh_rows([*story(*range(above)), row, *story(*range(above, above + below))])[above]


def below(probability: float) -> float:
    return float(np.nextafter(probability, 0.0))


@pytest.mark.parametrize(
    ("given", "probability", "rule"),
    [
        (SELECTED, 0.95, "+model/selected"),
        (SELECTED, 0.47, "+model/selected"),
        (SELECTED, 0.1, "-model/inside-article"),
        (UNSELECTED, 0.6, "+model/kept"),
        (UNSELECTED, 0.2, "-model/inside-article"),
        (BY_PHRASE, 0.7, "-en/donation"),
        (BY_PHRASE, 0.99, "+model/kept"),
    ],
)
def test_who_decides(given, probability, rule):
    found = within(line("A line of its own", given, probability))
    assert ("+" if found.kept else "-") + found.rule == rule
    assert (found.votes[0].rule, found.votes[0].keep) == (found.rule, found.kept)
    votes = {(vote.voter, vote.keep) for vote in found.votes}
    assert votes >= {("model", probability > 0.5)} | {(vote.voter, vote.keep) for vote in given.votes}


@pytest.mark.parametrize(
    ("given", "kind", "threshold"),
    [
        (BY_PHRASE, BlockKind.PARAGRAPH, SURE_THRESHOLD),
        (SECTION, BlockKind.PARAGRAPH, 0.8),
        (COLUMN, BlockKind.PARAGRAPH, 0.8),
        (SELECTED, BlockKind.QUOTE, 0.1),
        (SELECTED, BlockKind.TABLE, 0.1),
    ],
    ids=["a phrase", "a section", "another column", "a quote", "a table"],
)
def test_a_block_is_kept_from_its_threshold_on(given, kind, threshold):
    assert within(line("A line of its own", given, threshold, kind=kind)).kept
    assert not within(line("A line of its own", given, below(threshold), kind=kind)).kept


@pytest.mark.parametrize(
    ("given", "kind", "margin"),
    [
        (SELECTED, BlockKind.PARAGRAPH, -0.05),
        (UNSELECTED, BlockKind.PARAGRAPH, 0.05),
        (HEADING, BlockKind.PARAGRAPH, 0.05),
        (UNSELECTED, BlockKind.QUOTE, 0.05),
        (SELECTED, BlockKind.HEADING, -0.05),
    ],
    ids=["kept", "removed", "below a heading", "a quote that is removed", "a heading"],
)
def test_else_it_is_kept_from_the_pages_threshold_on_with_a_margin(given, kind, margin):
    """The page's threshold is half of the F1 that the model expects of itself, as the probabilities say."""
    counts = np.array([len(text.split()) for text in (LONG, LONG, "A line of its own", LONG, LONG)])
    for probability in np.linspace(0.3, 0.7, 81):
        threshold = expected_f1(counts, np.array([0.99, 0.99, probability, 0.99, 0.99])) / 2 + margin
        found = within(line("A line of its own", given, float(probability), kind=kind))
        assert found.kept == (probability >= threshold)


@pytest.mark.parametrize(
    ("row", "is_kept"),
    [
        (line("Yes", UNSELECTED, 0.7, "body>button"), False),
        (line("Yes", UNSELECTED, 0.7, "body>div.feedback>button.yes#first"), False),
        (line("Yes", UNSELECTED, 0.7, "body>button>p"), True),
        (line("Yes", SELECTED, 0.7, "body>button"), True),
        (line("Yes", UNSELECTED, 0.99, "body>button"), True),
        (line("https://tide.example/film", LINK, 0.01), True),
        (line("https://tide.example/film", replace(BY_PHRASE, votes=(BY_PHRASE.votes[0], *LINK.votes)), 0.01), False),
    ],
)
def test_a_button_needs_a_voice_that_is_sure_and_an_address_that_was_brought_back_none(row, is_kept):
    assert within(row).kept is is_kept


PULLED = "is long enough to count as running text in any language that there is"
BEGUN = " ".join(LONG.format(1).split()[:15]) + "…"


@pytest.mark.parametrize(
    ("row", "is_copy"),
    [
        (line(LONG.format(1), SELECTED, 0.99, "body>section>p"), True),
        (line(PULLED, SELECTED, 0.99, kind=BlockKind.QUOTE), True),
        (line(PULLED, SELECTED, 0.99), False),
        (line(BEGUN, LEAD, 0.99), True),
        (line(BEGUN, SELECTED, 0.99), False),
        (line("What the council hid about the mill for all of eleven years", LEAD, 0.99), False),
    ],
    ids=["a copy", "a pulled quote", "its words", "a standfirst that begins the text", "its beginning", "a standfirst"],
)
def test_a_copy_is_removed_as_such(row, is_copy):
    found = within(row)
    assert (found.kept, found.rule == "context/duplicate", found.reason == "said twice") == (
        not is_copy,
        is_copy,
        is_copy,
    )


def test_of_a_quote_and_a_paragraph_that_are_the_same_one_stays():
    texts = [words(20, f"word{n % 5}-") for n in range(6)]
    rows = [line(text, SELECTED, 0.99) for text in texts]
    rows[0] = line(texts[0], SELECTED, 0.99, "body>blockquote", kind=BlockKind.QUOTE)
    assert [each.kept for each in weigh_rows(rows)] == [True] * 5 + [False]


@pytest.mark.parametrize(
    ("opening", "given", "probability", "is_kept"),
    [
        (words(8) + ".", SELECTED, 0.3, True),
        (words(8) + ".", SELECTED, below(0.3), False),
        (words(7) + ".", SELECTED, 0.3, False),
        (words(8), SELECTED, 0.3, False),
        (words(8) + ".", UNSELECTED, 0.3, False),
    ],
    ids=["at its threshold", "below it", "of seven words", "without an end", "that the rules leave"],
)
def test_the_opening_sentence_needs_less(opening, given, probability, is_kept):
    row = line(opening, given, probability)
    assert weigh_rows([row, *story(*range(4))])[0].kept is is_kept
    assert not weigh_rows([*story(*range(4)), row])[4].kept


def test_where_the_model_would_leave_nothing_the_named_voices_are_believed():
    assert all(each.kept for each in weigh_rows(story(*range(4), probability=0)))
    by_phrase = line(LONG.format(3), BY_PHRASE, 1.0)
    assert all(each.kept for each in weigh_rows([*story(*range(3), probability=0), by_phrase])[:3])


@pytest.mark.parametrize(
    ("kept_words", "other_words", "is_believed"),
    [(60, 340, True), (60, 341, False), (59, 331, False), (59, 0, True), (120, 680, True), (120, 681, False)],
)
def test_the_model_is_believed_from_a_share_and_a_number_of_words_on(kept_words, other_words, is_believed):
    rows = [line(words(kept_words, "kept") + ".", SELECTED, 1.0), line(words(9, "last") + ".", UNSELECTED, 0)]
    if other_words:
        rows.insert(1, line(words(other_words, "other") + ".", SELECTED, 0))
    assert any(vote.rule == "model/closing-line" for vote in weigh_rows(rows)[-1].votes) is is_believed


@pytest.mark.parametrize(
    ("label", "is_kept"), [("Lue myös:", False), (words(4) + ":", False), (words(5) + ":", True), ("She said it", True)]
)
def test_a_label_that_announces_only_a_teaser_goes_with_it(label, is_kept):
    rows = [*story(0), line(label, SELECTED, 0.9), line("Another headline", TEASER, 0.1), *story(1, 2, 3)]
    found = weigh_rows(rows)[1]
    assert (found.kept, found.reason) == (is_kept, "selected" if is_kept else "other articles")
    rows[2] = line("Another headline", SELECTED, 0.99)
    assert weigh_rows(rows)[1].kept


def test_a_question_is_kept_with_its_answer_though_the_model_removes_it():
    question = line("How long is a paragraph?", UNSELECTED, 0.1, "body>div.faq>button")
    for probability, is_answered in [(0.99, True), (0.1, False)]:
        answer = line(LONG.format(2), SELECTED, probability, "body>div.faq>p")
        found = weigh_rows([*story(0, 1), question, answer, *story(3)])[2]
        assert (found.kept, found.rule == "context/answered-question") == (is_answered, is_answered)
        assert [vote.keep for vote in found.votes] == [True, False][1 - is_answered :], "the model's vote stays beside"


ITEM = {"kind": BlockKind.LIST_ITEM, "level": 1, "path": "body>main>ul>li"}
BREAD, MILL = "Bread, cheese and a bottle of water", LONG.format("of the mill")
LINKED = ITEM | {"link_chars": len(BREAD)}
TITLE = {"kind": BlockKind.HEADING, "level": 2, "path": "body>main>h2"}


def section(*more: Vote) -> Verdict:
    return replace(SECTION, votes=(*SECTION.votes, *more))


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (line(BREAD, UNSELECTED, 0.15, **ITEM), "context/unnamed-in-text"),
        (line(BREAD, UNSELECTED, 0.05, **ITEM), ""),
        (line(BREAD, UNSELECTED, 0.15, **ITEM | {"path": "body>main>ul.related>li"}), ""),
        (line(BREAD, UNSELECTED, 0.15, **ITEM | {"path": "body>aside>ul>li"}), ""),
        (line(BREAD, UNSELECTED, 0.15, **LINKED), ""),
        (line(BREAD, RELATED, 0.3, **ITEM), ""),
        (line(MILL, UNSELECTED, 0.15), "context/unnamed-in-text"),
        (line("Share it", UNSELECTED, 0.15), ""),
        (line("The mill by the river", ECHO, 0.6, **TITLE), "context/heading-in-text"),
        (line("The mill by the river", ECHO, 0.4, **TITLE), ""),
        (line("The mill by the river", ECHO, 0.6, **TITLE | {"path": "body>header>h2"}), ""),
        (line(MILL, SECTION, 0.6), "context/prose-in-text"),
        (line(MILL, section(against("layout/sidebar", "sidebar", "layout")), 0.6), "context/prose-in-text"),
        (line(MILL, SECTION, 0.4), ""),
        (line(MILL, SECTION, 0.6, "body>div>p"), ""),
        (line(MILL, section(against("layout/caption-text", "caption", "layout")), 0.6), ""),
        (line(MILL, section(against("metadata/byline", "byline", "metadata")), 0.6), ""),
        (line(BREAD, ELSEWHERE, 0.15, **LINKED), "context/links-in-text"),
        (line(BREAD, ELSEWHERE, 0.05, **LINKED), ""),
        (line(BREAD, ELSEWHERE, 0.25, **LINKED | {"path": "body>aside>ul>li"}), ""),
        (line(BREAD, NAMED_ELSEWHERE, 0.25, **LINKED), ""),
    ],
)
def test_what_stands_within_the_text_and_has_no_reason_of_its_own_is_brought_back(row, rule):
    found = within(row, 3)
    assert (found.rule if found.kept else "") == rule


@pytest.mark.parametrize(
    ("row", "above", "rule"),
    [
        (line(BREAD, UNSELECTED, 0.15, **ITEM), 0, ""),
        (line(BREAD, UNSELECTED, 0.15, **ITEM), 1, "context/unnamed-in-text"),
        (line(BREAD, UNSELECTED, 0.15, **ITEM), 5, ""),
        (line(MILL, SECTION, 0.6), 0, "context/prose-in-text"),
        (line(MILL, SECTION, 0.6), 5, ""),
        (line(BREAD, ELSEWHERE, 0.25, **LINKED), 0, ""),
        (line(BREAD, ELSEWHERE, 0.25, **LINKED), 5, "context/links-in-text"),
        (line(BREAD, ELSEWHERE, 0.15, **LINKED), 5, ""),
    ],
)
def test_above_the_text_a_section_ends_and_below_it_links_to_other_sites_stay(row, above, rule):
    found = within(row, above, 5 - above)
    assert (found.rule if found.kept else "") == rule


@pytest.mark.parametrize(
    ("given", "probability", "is_kept"),
    [(LEAD, 0.34, False), (LEAD, 0.36, True), (RESCUED, 0.34, True)],
)
def test_on_a_page_in_doubt_a_standfirst_s_place_alone_keeps_nothing_that_the_model_finds_unlikely(
    given, probability, is_kept
):
    lead = "Nobody on the river had expected the water to rise so early in a year without snow, they say in town."
    doubtful = line(lead, given, probability, "body>section>p")
    found = weigh_rows([*story(0, 1, 2, probability=0.5), doubtful, *story(4, probability=0.5)])
    assert [each.kept for each in found] == [True, True, True, is_kept, True]


@pytest.mark.parametrize(
    ("kept", "given", "expected"),
    [(2, ELSEWHERE, 4), (1, ELSEWHERE, 1), (2, NAMED_ELSEWHERE, 2), (2, RELATED, 2)],
    ids=["half is kept", "less is", "a rule names them", "they do not lead elsewhere"],
)
def test_the_rest_of_a_list_that_links_to_other_sites_stays_with_half_of_it(kept, given, expected):
    text = [line(LONG.format(n), SELECTED, 0.9, "body>div.text>p") for n in range(5)]
    items = [line(f"{BREAD} {n}", *((SELECTED, 0.9) if n < kept else (given, 0.05)), **LINKED) for n in range(4)]
    assert [each.kept for each in weigh_rows([*text, *items])[5:]] == [n < expected for n in range(4)]


# --- Reasons for what the model removes and no rule names -------------------------------------------------------------
def reasons(*rows: Row, is_last: bool = False, authors: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Rule and reason of blocks between the third and the fourth paragraph that is kept, or below the last."""
    all_rows = [*story(0, 1, 2), *rows, *([] if is_last else story(4))]
    blocks = [replace(each, position=n) for n, (each, _, _) in enumerate(all_rows)]
    kept = {n for n, (_, given, _) in enumerate(all_rows) if given.kept}
    votes = model_votes_against(blocks, [given for _, given, _ in all_rows], kept, authors)
    return [(votes[n].rule, votes[n].reason) for n in range(3, 3 + len(rows))]


NOTE = "Quist has written four books on tides and lives by the weir."
INSIDE, CLOSING = ("model/inside-article", "furniture inside the article"), ("model/closing-line", "closing line")
BESIDE = ("model/box-in-article", "sidebar")
FOOTNOTE, AUTHOR_NOTE = ("model/footnote", "footnotes"), ("model/author-note", "about the author")
OAK = {"path": "body>main>div.x*>div>p"}


@pytest.mark.parametrize(
    ("row", "is_last", "expected"),
    [
        (line("A note", path="body>main>div.footnotes>p"), False, ("layout/notes", "footnotes")),
        (line("The dam in figures", path="body>main>div.factbox>p"), False, ("layout/fact-box", "sidebar")),
        (line(NOTE), True, AUTHOR_NOTE),
        (line(NOTE), False, INSIDE),
        (line(NOTE.replace("Quist", "She")), True, CLOSING),
        (line("Quist " * 5), True, AUTHOR_NOTE),
        (line("Quist " * 4), True, CLOSING),
        (line("[3] See the ledger of the old mill.", path="body>section>ol>li"), True, FOOTNOTE),
        (line("The mill burned twice. ↩", path="body>section>ol>li"), True, FOOTNOTE),
        (line("¹ In the old count.", path="body>section>ol>li"), True, FOOTNOTE),
        (line("[iv] See the ledger of the old mill.", path="body>section>ol>li"), True, FOOTNOTE),
        (line("* * *"), True, CLOSING),
        (line("Built of oak"), False, INSIDE),
        (line("Built of oak", **OAK), False, BESIDE),
        (line("Built of oak", link_chars=5, **OAK), False, BESIDE),
        (line("Built of oak", link_chars=6, **OAK), False, INSIDE),
        (line("Built of oak", kind=BlockKind.TABLE, **OAK), False, INSIDE),
        (line("Tide tables for sailors", path="body>div>div>p"), True, ("model/after-article", "below the article")),
    ],
)
def test_the_reason_of_a_block_is_told_by_its_markup_its_text_and_its_place(row, is_last, expected):
    assert reasons(row, is_last=is_last, authors=("Ana Quist",)) == [expected]


HEADS = ("model/heads-related", "other articles")
WEIR = line("How the weir was built", RELATED, path=BOX)
OTHER_LINE = line("A line of more words than a heading has, so that it heads nothing", path=BOX)


@pytest.mark.parametrize(
    ("rows", "number", "expected"),
    [
        ((line("From our archive", path="body>main>div.x>h4"), WEIR), 0, HEADS),
        ((line("From our archive", path="body>main>div.x>h4"), line("Else")), 0, BESIDE),
        ((line("Else " * 9, path=BOX), WEIR), 0, HEADS),
        ((line("Else " * 10, path=BOX), WEIR), 0, BESIDE),
        ((line("From our archive", path=BOX), OTHER_LINE, WEIR), 0, HEADS),
        ((line("From our archive", path=BOX), OTHER_LINE, OTHER_LINE, WEIR), 0, BESIDE),
        ((WEIR, line("Who broke it", path=BOX)), 1, ("model/beside-related", "other articles")),
        ((WEIR, line("[2] In the ledger of the old mill", path=BOX)), 1, FOOTNOTE),
    ],
)
def test_a_heading_takes_the_reason_of_what_it_heads_and_a_block_that_of_the_one_beside_it(rows, number, expected):
    assert reasons(*rows)[number] == expected


def test_a_biography_below_a_link_to_other_articles_is_one_in_all_its_paragraphs():
    note, more = line(NOTE, path=BOX), line("She was born by the sea and keeps goats there.", path=BOX)
    found = reasons(WEIR, note, more, is_last=True, authors=("Ana Quist",))
    assert found[1:] == [AUTHOR_NOTE, ("model/beside-author-bio", "about the author")]


def test_the_markup_of_a_line_says_more_than_what_it_may_head():
    day = against("layout/byline", "byline", "layout")
    assert deciding_vote_against(verdict(against("en/comments-heading/heading", "comments"), day)) == day


def test_what_the_model_removes_is_explained_by_its_place_and_by_what_stands_above_it():
    box = [
        line(text, path=BOX, given=given)
        for text, given in (("Related", RELATED), ("One", UNSELECTED), ("Two", UNSELECTED))
    ]
    found = weigh_rows([line("Before"), *story(*range(4)), *box, line("Elsewhere")])
    assert [each.reason for each in found] == [
        "above the article", *["selected"] * 4, *["other articles"] * 3, "closing line",
    ]  # fmt: skip


@pytest.mark.parametrize(("reason", "first"), [("navigation", "layout"), ("sidebar", "rule")])
def test_the_markup_of_a_block_says_more_than_a_heading_far_above(reason, first):
    votes = against("en/about-heading/section", "promo"), against(f"layout/{reason}", reason, "layout")
    vote = deciding_vote_against(verdict(*votes))
    assert vote is not None
    assert vote.voter == first


@pytest.mark.parametrize("reason", ["advertisement", "navigation", "date", "caption", "byline"])
def test_a_label_is_no_reason_for_the_heading_above_it(reason):
    heading, own, related = against("en/x/heading", reason), against("en/x", reason), against("en/x/heading", "promo")
    assert deciding_vote_against(verdict(heading)) is None
    assert deciding_vote_against(verdict(heading, own)) == own
    assert deciding_vote_against(verdict(heading, related, own)) == related
