"""Blocks as numbers, and the first look: sure of a plain article, in doubt elsewhere, and whom the verdicts name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from broadsheet.cleaners.clean import clean, survey_page
from broadsheet.cleaners.document import CleanedPage, ExtractorUse, Metadata, Page
from broadsheet.cleaners.judge import block_features as module
from broadsheet.cleaners.judge.block_features import (
    SURE_OF_PAGE_F1,
    FirstLook,
    Reading,
    block_features,
    take_first_look,
)
from broadsheet.cleaners.judge.block_verdicts import rule_verdicts
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
    names, rows = block_features(page, rule_verdicts(page))
    assert (rows.shape, rows.dtype) == ((len(page.blocks), len(set(names))), np.float32)
    assert np.isfinite(rows).all()


def test_columns():
    column = np.array([1.0, 2.0, 4.0])
    assert list(neighbour_values(column, 1)) == [2, 4, 0]
    assert list(neighbour_values(column, -2, missing=-1)) == [-1, -1, 1]
    assert list(neighbour_values(column, 5)) == [0, 0, 0]
    assert list(window_sums(column, 1)) == [3, 7, 6]
    assert list(group_numbers("aba")) == [0, 1, 0]
    assert list(previous_marked(np.array([False, True, False]))) == [-1, -1, 1]
    shares, weights = leave_one_out_means(np.array([0, 0, 1]), np.ones(3), column)
    assert list(shares) == [2, 1, -1]
    assert list(weights) == [1, 1, 0]


def test_what_the_first_look_measured_is_not_measured_again_and_gives_the_same(monkeypatch):
    page = reading()
    names, rows = block_features(page, rule_verdicts(page))
    measured = replace(page, look=take_first_look(page.blocks, page.metadata))
    monkeypatch.setattr(module, "measure_page", pytest.fail)
    names_again, rows_again = block_features(measured, rule_verdicts(page))
    assert names_again == names
    assert np.array_equal(rows, rows_again)


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


def first_look_of(html: str) -> FirstLook:
    tree = parse(html)
    assert tree is not None
    reading = survey_page(Page("https://post.example/a", html.encode()), tree)
    return take_first_look(reading.blocks, reading.metadata)


def test_on_a_plain_article_the_first_look_is_sure_and_selects():
    first_look = first_look_of(PLAIN)
    assert first_look.is_sure
    assert first_look.expected_f1 >= 0.93
    page = cleaned(PLAIN)
    assert selecting_voters(page) == {"first-look"}
    assert set(TEXT) <= set(page.text.splitlines())
    assert "Sport" not in page.text


def test_where_it_is_in_doubt_trafilatura_is_asked():
    text = "".join(f"<p>{sentence}</p>" for sentence in STORY)
    doubtful = (
        f"<html lang=en><title>The mill</title><h1>The mill</h1><aside class=sidebar>{text}</aside>{CARDS}</html>"
    )
    assert not first_look_of(doubtful).is_sure
    assert selecting_voters(cleaned(doubtful)) == {"extractor"}


def test_many_links_that_are_plainly_boilerplate_put_it_in_no_doubt():
    text = "".join(f"<p>{sentence}</p>" for sentence in STORY)
    links = "".join(f"<li><a href=/q/{n}>Question {n} that nobody could answer last year</a>" for n in range(150))
    page = f"<html lang=en><title>The mill</title><article><h1>The mill</h1>{text}</article><div><ul>{links}</ul></div>"
    first_look = first_look_of(page)
    assert first_look.measured is not None
    assert expected_f1(first_look.measured.page.words, first_look.probabilities) < SURE_OF_PAGE_F1
    assert first_look.is_sure
    assert selecting_voters(cleaned(page)) == {"first-look"}


def test_a_page_without_blocks_is_in_doubt_and_else_what_is_more_likely_than_not_is_selected():
    first_look = take_first_look((), Metadata())
    assert (first_look.is_sure, first_look.selected_positions) == (False, frozenset())
    assert FirstLook(np.array([0.2, 0.5, 0.9]), 0.9).selected_positions == {1, 2}


def test_trafilatura_is_asked_on_every_page_or_on_none_where_that_is_wished():
    always, never = (
        clean(Page("https://post.example/2024/05/the-mill", html.encode()), extractor_use=use)
        for html, use in ((PLAIN, ExtractorUse.ALWAYS), (MIXED, ExtractorUse.NEVER))
    )
    assert selecting_voters(always) == {"extractor"}
    assert set(TEXT) <= set(always.text.splitlines())
    assert selecting_voters(never) == {"first-look"}


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
