"""The first look: sure of a plain article, in doubt elsewhere, and whom the verdicts then name."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np

from cleaners.clean import clean, survey
from cleaners.document import Cleaned, Metadata, Page
from cleaners.html.decode import parse
from cleaners.learned.first_look import SURE_OF_PAGE, Look, first_look
from cleaners.learned.model import FIRST, load_trees
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


def cleaned(html: str) -> Cleaned:
    return clean(Page("https://post.example/2024/05/the-mill", html.encode()))


def selectors(page: Cleaned) -> set[str]:
    """Who selected, by the votes."""
    return {vote.voter for verdict in page.verdicts for vote in verdict.votes if vote.reason == "selected"}


def look(html: str) -> Look:
    tree = parse(html)
    assert tree is not None
    reading = survey(Page("https://post.example/a", html.encode()), tree)
    return first_look(reading.blocks, reading.metadata)


def test_on_a_plain_article_the_first_look_is_sure_and_selects() -> None:
    seen = look(PLAIN)
    assert seen.sure
    assert seen.expected >= SURE_OF_PAGE
    page = cleaned(PLAIN)
    assert selectors(page) == {"first-look"}
    assert set(TEXT) <= set(page.text.splitlines())
    assert "Sport" not in page.text


def test_where_it_is_in_doubt_trafilatura_is_asked() -> None:
    assert not look(MIXED).sure
    assert selectors(cleaned(MIXED)) == {"extractor"}


def test_a_removed_block_has_the_vote_of_no_extractor_that_was_not_asked() -> None:
    page = cleaned(PLAIN)
    assert not any(vote.voter == "extractor" for verdict in page.verdicts for vote in verdict.votes)
    assert all(verdict.reason for verdict in page.verdicts if not verdict.kept)


def test_a_page_without_blocks_is_in_doubt() -> None:
    seen = first_look((), Metadata())
    assert not seen.sure
    assert seen.selected == frozenset()


def test_it_selects_what_is_more_likely_than_not() -> None:
    assert Look(np.array([0.2, 0.5, 0.9]), 0.9).selected == {1, 2}


def test_its_model_knows_the_features_and_model_json_tells_of_it() -> None:
    assert len(files("cleaners.learned").joinpath(FIRST).read_bytes()) < 200_000
    facts = json.loads(files("cleaners.learned").joinpath("model.json").read_text("utf-8"))
    assert facts["first"]["features"] == len(load_trees(FIRST).names)
    assert facts["cross_validated"]["wcxb"]["sure"] > 0.7
