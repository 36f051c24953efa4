"""clean: lists, definitions, tables of figures, footnotes and code stay in the article, whatever they look like."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import CleanedPage, Page
from tests.cleaners.building import PROSE, STORY

TITLE = "Six readings about mills"
URL = "https://paper.test/six-readings-about-mills"
TOPICS = (
    ("A guide to soil and water", "why some fields drain slowly"),
    ("Mills of the north", "a survey of wheels that still turn"),
    ("Flour and time", "how the grain was ground before steam"),
    ("The river in numbers", "gauge readings of forty years"),
    ("Water law for millers", "who may dam what, and since when"),
    ("Stones of the district", "a catalogue of the museum"),
)
NAVIGATION = "<nav><ul><li><a href=/news>News</a><li><a href=/sport>Sport</a></ul></nav>"
BESIDE = "<aside><h2>Most read</h2><ul><li><a href=/a>River floods the meadow again</a></ul></aside>"
LINKS = "".join(f"<li><a href='https://readings{n}.org/x'>{name}</a>" for n, (name, _) in enumerate(TOPICS))
DEFINITIONS = "".join(f"<dt>{name}<dd>{text.capitalize()}." for name, text in TOPICS)
ROWS = "".join(f"<tr><td>{2001 + n}<td>{1_200 + 37 * n:,}<td>{900 + 21 * n:,}" for n in range(5))
FIGURES = f"<table><tr><th>Year<th>Grain<th>Flour{ROWS}</table>"
NOTES = "<li id=fn1>Minutes of the council, May, page 12. <a href=#r1>↩</a><li>The flood of 1987 is told at length."


def cleaned(body: str) -> CleanedPage:
    article = f"<main><article><h1>{TITLE}</h1><p class=byline>By Ann Lee</p>{body}</article></main>"
    html = f"<html lang=en><title>{TITLE} | The Paper</title><body>{NAVIGATION}{article}{BESIDE}"
    return clean(Page(URL, html.encode()))


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


@pytest.mark.parametrize("intro", ["", PROSE], ids=["alone", "below a paragraph"])
def test_a_list_of_links_to_other_sites_that_is_the_article_is_its_text(intro: str) -> None:
    page = cleaned(paragraphs(*[intro] * bool(intro)) + f"<ul>{LINKS}</ul>")
    assert page.is_article
    assert page.text.split("\n") == [*[intro] * bool(intro), *(name for name, _ in TOPICS)]


def test_a_list_of_the_site_s_own_pages_is_none() -> None:
    own = LINKS.replace("https://readings", "https://paper.test/")
    assert not cleaned(f"<ul>{own}</ul>").text


def test_a_list_of_links_within_the_text_stays_whole() -> None:
    page = cleaned(paragraphs(*STORY[:3]) + f"<ul>{LINKS}</ul>" + paragraphs(*STORY[3:]))
    assert page.text.split("\n") == [*STORY[:3], *(name for name, _ in TOPICS), *STORY[3:]]


@pytest.mark.parametrize("above", [1, 4], ids=["below a paragraph", "below a story"])
@pytest.mark.parametrize(
    ("markup", "texts"),
    [
        (f"<dl>{DEFINITIONS}</dl>", [text for name, rest in TOPICS for text in (name, f"{rest.capitalize()}.")]),
        (FIGURES, ["Year | Grain | Flour", "2001 | 1,200 | 900", "2005 | 1,348 | 984"]),
        (f"<h2>Notes</h2><ol>{NOTES}</ol>", ["page 12", "The flood of 1987 is told at length."]),
    ],
    ids=["definitions", "figures", "footnotes"],
)
def test_definitions_figures_and_footnotes_stay(markup: str, texts: list[str], above: int) -> None:
    text = cleaned(paragraphs(*STORY[:above]) + markup).text
    assert all(words in text for words in (*STORY[:above], *texts))
    assert "Most read" not in text
