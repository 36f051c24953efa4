"""The first look: sure of a plain article, in doubt elsewhere, and whom the verdicts then name."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np

from broadsheet.cleaners.clean import clean, survey_page
from broadsheet.cleaners.document import CleanedPage, ExtractorUse, Metadata, Page
from broadsheet.cleaners.html.decode import parse
from broadsheet.cleaners.learned.first_look import SURE_OF_PAGE_F1, FirstLook, take_first_look
from broadsheet.cleaners.learned.model import FIRST_LOOK_MODEL, load_trees
from tests.cleaners.building import STORY

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


def test_on_a_plain_article_the_first_look_is_sure_and_selects() -> None:
    first_look = first_look_of(PLAIN)
    assert first_look.is_sure
    assert first_look.expected_f1 >= SURE_OF_PAGE_F1
    page = cleaned(PLAIN)
    assert selecting_voters(page) == {"first-look"}
    assert set(TEXT) <= set(page.text.splitlines())
    assert "Sport" not in page.text


def test_where_it_is_in_doubt_trafilatura_is_asked() -> None:
    assert not first_look_of(MIXED).is_sure
    assert selecting_voters(cleaned(MIXED)) == {"extractor"}


def test_a_removed_block_has_the_vote_of_no_extractor_that_was_not_asked() -> None:
    page = cleaned(PLAIN)
    assert not any(vote.voter == "extractor" for verdict in page.verdicts for vote in verdict.votes)
    assert all(verdict.reason for verdict in page.verdicts if not verdict.kept)


def test_a_page_without_blocks_is_in_doubt() -> None:
    first_look = take_first_look((), Metadata())
    assert not first_look.is_sure
    assert first_look.selected_positions == frozenset()


def test_it_selects_what_is_more_likely_than_not() -> None:
    assert FirstLook(np.array([0.2, 0.5, 0.9]), 0.9).selected_positions == {1, 2}


def test_its_model_knows_the_features_and_model_json_tells_of_it() -> None:
    assert len(files("broadsheet.cleaners.learned.models").joinpath(FIRST_LOOK_MODEL).read_bytes()) < 200_000
    facts = json.loads(files("broadsheet.cleaners.learned.models").joinpath("model.json").read_text("utf-8"))
    assert facts["first"]["features"] == len(load_trees(FIRST_LOOK_MODEL).feature_names)
    assert facts["cross_validated"]["wcxb"]["sure"] > 0.7


def test_trafilatura_is_asked_on_every_page_or_on_none_where_that_is_wished() -> None:
    always, never = (
        clean(Page("https://post.example/2024/05/the-mill", html.encode()), extractor_use=use)
        for html, use in ((PLAIN, ExtractorUse.ALWAYS), (MIXED, ExtractorUse.NEVER))
    )
    assert selecting_voters(always) == {"extractor"}
    assert set(TEXT) <= set(always.text.splitlines())
    assert selecting_voters(never) == {"first-look"}
