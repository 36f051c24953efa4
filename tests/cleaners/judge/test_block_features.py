"""Blocks as numbers, and the judge: sure of a plain article, in doubt elsewhere, and whom it asks."""

from __future__ import annotations

import numpy as np
import pytest

from broadsheet.cleaners.clean import clean, survey_page
from broadsheet.cleaners.document import CleanedPage, ExtractorUse, Metadata, Page
from broadsheet.cleaners.judge.block_features import (
    SURE_OF_PAGE_F1,
    Judgement,
    Reading,
    hear_extractor,
    judge_page,
    judgement,
    measure_page,
    with_chances,
)
from broadsheet.cleaners.judge.characters import (
    DIGIT,
    END,
    IDEOGRAPH,
    LETTER,
    MARK,
    OTHER,
    PAUSE,
    SPACE,
    UPPER,
    count_characters,
)
from broadsheet.cleaners.judge.page_columns import (
    group_numbers,
    leave_one_out_means,
    neighbour_values,
    previous_marked,
    window_sums,
)
from broadsheet.cleaners.judge.tree_models import expected_f1
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks
from tests.cleaners import building
from tests.cleaners.building import STORY

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
    return building.reading(blocks, selected, Metadata(title="The mill on the river", language="en"))


@pytest.mark.parametrize(("body", "chosen"), [(PAGE, "The mill on the river burned"), ("<body><p>x", "nothing")])
def test_each_block_has_a_row_of_finite_numbers_and_each_column_a_name(body, chosen):
    page = reading(body, chosen)
    measured = measure_page(page.blocks, page.metadata)
    for names, rows in (measured[1:], with_chances(measured, np.linspace(-5, 5, len(page.blocks)))[1:]):
        assert (rows.shape, rows.dtype) == ((len(page.blocks), len(set(names))), np.float32)
        assert np.isfinite(rows).all()


def test_chances_around_a_block():
    page = reading()
    odds = np.array([-4.0, -3.0, -1.0, 4.0, 0.0, 3.0, 2.0, -2.0])[: len(page.blocks)]
    measured = measure_page(page.blocks, page.metadata)
    found = with_chances(measured, odds)
    columns = dict(zip(found.names, found.rows.T, strict=True))
    assert columns["odds"].tolist() == odds.tolist()
    assert columns["odds_-1"].tolist() == [-8, *odds[:-1]]
    assert columns["odds_+2"].tolist() == [*odds[2:], -8, -8]
    assert columns["from_start"][3] == columns["from_end"][5] == 0
    story = [n for n, block in enumerate(page.blocks) if block.path.endswith("main.story>p")]
    chances = 1 / (1 + np.exp(-odds))
    assert columns["path_chance"][story[0]] == pytest.approx(chances[story[1:]].mean())
    paths = [block.path for block in page.blocks]
    alone = next(n for n, path in enumerate(paths) if paths.count(path) == 1)
    assert columns["path_chance"][alone] == -1
    assert np.allclose(columns["page_chance"], np.average(chances, weights=measured.page.words + 1))


def test_columns():
    column = np.array([1.0, 2.0, 4.0])
    assert list(neighbour_values(column, 1)) == [2, 4, 0]
    assert list(neighbour_values(column, -2, missing=-1)) == [-1, -1, 1]
    assert list(neighbour_values(column, 5)) == [0, 0, 0]
    assert list(window_sums(column, 1)) == [3, 7, 6]
    assert list(group_numbers("aba")) == [0, 1, 0]
    assert list(previous_marked(np.array([False, True, False]))) == [-1, -1, 1]
    assert list(leave_one_out_means(np.array([0, 0, 1]), np.ones(3), column)) == [2, 1, -1]


TEXT = [text.replace("Paragraph", f"Paragraph {n}") for n in "abc" for text in STORY]
MENU = "".join(f'<li><a href="/{name}">{name.title()}</a></li>' for name in ("home", "sport", "trade", "weather"))
PLAIN = f"""<html lang="en"><head><title>The mill | The Post</title></head><body><nav><ul>{MENU}</ul></nav>
<main><article><h1>The mill</h1>{"".join(f"<p>{text}</p>" for text in TEXT)}</article></main>
<footer><p>Copyright 2024 The Post</p></footer></body></html>"""
CARDS = "".join(
    f'<div class="c{n}"><h3><a href="/{n}">A head line of some words {n}</a></h3><p>And a few words below it.</p></div>'
    for n in range(9)
)
MIXED = f"<html lang=en><title>Today</title><body><div>{CARDS}<div><p>{STORY[0]}</p></div>{CARDS}</div></body></html>"


def cleaned(html: str) -> CleanedPage:
    return clean(Page("https://post.example/2024/05/the-mill", html.encode()))


def selecting_voters(page: CleanedPage) -> set[str]:
    """Who selected, by the votes."""
    return {vote.voter for verdict in page.verdicts for vote in verdict.votes if vote.reason == "selected"}


def judgement_of(html: str) -> Judgement:
    tree = parse(html)
    assert tree is not None
    reading = survey_page(Page("https://post.example/a", html.encode()), tree)
    return judge_page(reading.blocks, reading.metadata)


def test_of_a_plain_article_it_is_sure():
    own = judgement_of(PLAIN)
    assert own.is_sure
    assert own.expected_f1 >= 0.93
    page = cleaned(PLAIN)
    assert (page.asked_extractor, selecting_voters(page)) == (False, {"model"})
    assert set(TEXT) <= set(page.text.splitlines())
    assert "Sport" not in page.text


DOUBTFUL = (
    f"<html lang=en><title>The mill</title><h1>The mill</h1><aside class=sidebar>"
    f"{''.join(f'<p>{sentence}</p>' for sentence in STORY)}</aside>{CARDS}</html>"
)


def test_where_it_is_in_doubt_trafilatura_is_asked():
    assert not judgement_of(DOUBTFUL).is_sure
    assert cleaned(DOUBTFUL).asked_extractor


@pytest.mark.parametrize(("expected_f1", "moved"), [(0.76, True), (0.99, False)])
def test_what_the_extractor_selected_moves_the_chances_where_the_judge_is_unsure(expected_f1, moved):
    page = building.reading(reading().blocks, judgement=Judgement(np.full(len(reading().blocks), 0.5), expected_f1))
    heard = hear_extractor(page, frozenset((2, 3)))
    chances = heard.judgement.probabilities
    assert heard.extracted == {2, 3}
    assert (chances[2] == chances[3] > 0.5 > chances[0], chances[0] == 0.5) == (moved, not moved)
    assert hear_extractor(page, frozenset()).judgement == page.judgement


def test_what_the_extractor_selected_is_taken_where_the_judge_is_lost():
    blocks = reading().blocks
    page = building.reading(blocks, judgement=Judgement(np.linspace(0.01, 0.9, len(blocks)), 0.74))
    assert hear_extractor(page, frozenset((0, 3))).selected == {0, 3}


def test_many_links_that_are_plainly_boilerplate_put_it_in_no_doubt():
    text = "".join(f"<p>{sentence}</p>" for sentence in STORY)
    links = "".join(f"<li><a href=/q/{n}>Question {n} that nobody could answer last year</a>" for n in range(150))
    page = f"<html lang=en><title>The mill</title><article><h1>The mill</h1>{text}</article><div><ul>{links}</ul></div>"
    own, counts = judgement_of(page), [*[17] * 5, *[8] * 150]
    assert own.is_sure
    assert not cleaned(page).asked_extractor
    probabilities = np.array([0.97] * 5 + [0.05] * 150)
    assert expected_f1(np.array(counts), probabilities) < SURE_OF_PAGE_F1
    assert judgement(np.array(counts), probabilities).is_sure


def test_of_a_page_without_blocks_it_is_in_doubt_and_else_what_is_more_likely_than_not_is_selected():
    own = judge_page((), Metadata())
    assert (own.is_sure, own.selected_positions) == (False, frozenset())
    assert Judgement(np.array([0.2, 0.5, 0.9]), 0.9).selected_positions == {1, 2}


def test_trafilatura_is_asked_on_every_page_or_on_none_where_that_is_wished():
    always, never = (
        clean(Page("https://post.example/2024/05/the-mill", html.encode()), extractor_use=use)
        for html, use in ((PLAIN, ExtractorUse.ALWAYS), (DOUBTFUL, ExtractorUse.NEVER))
    )
    assert selecting_voters(always) == {"extractor", "model"}
    assert always.text == cleaned(PLAIN).text
    assert "extractor" not in selecting_voters(never)


CLASSES = {
    DIGIT: "7٣½", UPPER: "AÄД", LETTER: "aäдا", IDEOGRAPH: "火あ한", END: ".!?…。؟।", PAUSE: ",;:،、：",
    SPACE: " \n\t\u00a0", MARK: "-(“»", OTHER: "$+\x07\u200b",
}  # fmt: skip


@pytest.mark.parametrize("number", CLASSES)
def test_each_character_is_of_one_class(number):
    for character in CLASSES[number]:
        counted = count_characters([character])
        assert counted.class_counts[0, number] == counted.class_counts.sum() == 1, character
        assert counted.first_class[0] == counted.last_class[0] == number


def test_characters_beyond_the_first_plane_are_others_and_scripts_without_spaces_have_an_end():
    counted = count_characters(["\U0001f600", "\U00020000", "\u2e80", "\ud7a3"])
    assert counted.class_counts[:, OTHER].tolist() == [1, 1, 1, 0]
    assert counted.class_counts[:, IDEOGRAPH].tolist() == [0, 0, 0, 1]


def test_texts_are_counted_each_by_itself():
    counted = count_characters(["Ab 1.", "x"])
    assert counted.length.tolist() == [5, 1]
    assert (counted.first_class.tolist(), counted.last_class.tolist()) == ([UPPER, LETTER], [END, LETTER])
    assert counted.class_share(DIGIT, END).tolist() == pytest.approx([0.4, 0])
    assert count_characters([]).length.tolist() == []


@pytest.mark.parametrize(
    ("text", "words"), [("one", 1), ("one two", 2), ("one  two", 3), ("火事", 2), ("火事 火", 3.5)]
)
def test_words_are_spaces_and_pairs_of_ideographs(text, words):
    assert count_characters([text]).words.tolist() == [words]
