"""Another article above or below the article is told by a heading like the title's with a byline of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, Page, RemovalReason
from broadsheet.cleaners.judge.text_span import NEXT_ARTICLE, PREVIOUS_ARTICLE, has_second_headline, other_articles
from broadsheet.cleaners.rules.rule_files import load_rules
from tests.cleaners.building import PROSE, STORY, block

HEAD = "div.head>h1.headline"


def article(first: int, container: str, title: str, byline: str = "By Ellen Moor", head: str = HEAD) -> list[Block]:
    """A heading, a byline and four paragraphs."""
    heading = block(first, title, kind=BlockKind.HEADING, level=1, path=f"body>{container}>{head}")
    line = block(first + 1, byline, path=f"body>{container}>div.head>p")
    text = [block(first + 2 + n, f"{title} {n}: {PROSE}", path=f"body>{container}>div.text>p") for n in range(4)]
    return [heading, line, *text]


def start(*parts: Iterable[Block], title_position: int | None = 0) -> int | None:
    found = other_articles([b for part in parts for b in part], title_position, load_rules("en"))
    return min((n for n, rule in found.items() if rule == NEXT_ARTICLE), default=None)


def above(*parts: Iterable[Block], title_position: int) -> list[int]:
    """The positions of the articles above the one with this title."""
    found = other_articles([b for part in parts for b in part], title_position, load_rules("en"))
    return [n for n, rule in found.items() if rule == PREVIOUS_ARTICLE]


def test_the_next_article_begins_at_its_heading() -> None:
    assert start(article(0, "article#one", "The mill"), article(6, "article#two", "The bridge")) == 6
    assert start(article(0, "article", "The mill"), article(6, "article", "The bridge")) == 6
    assert start(article(0, "article", "The mill", "May 3, 2012"), article(6, "div", "The bridge", "May 2, 2012")) == 6


@pytest.mark.parametrize(
    "following",
    [
        article(6, "article", "The mill"),
        article(6, "article", "The bridge", "Ellen went home that night"),
        article(6, "article", "The bridge", head="div.head>h1"),
        article(6, "article", "The bridge", head="div.box>h1.headline"),
        article(6, "article", "The bridge")[:4],
        article(6, "article", "The bridge", head="div.text>h1.headline"),
    ],
    ids=["the title again", "no byline", "another class", "another box", "a short text", "a section of the text"],
)
def test_a_heading_of_another_kind_begins_none(following: list[Block]) -> None:
    assert start(article(0, "article", "The mill"), following) is None


def test_a_page_needs_a_line_for_its_title_with_a_byline() -> None:
    following = article(6, "article#two", "The bridge")
    assert start(article(0, "article#one", "The mill"), following, title_position=None) is None
    assert start(article(0, "article#one", "The mill"), following, title_position=2) is None
    assert start(article(0, "article#one", "The mill", "Ellen went home that night"), following) is None


def test_a_heading_in_the_container_of_the_text_is_that_of_a_section() -> None:
    flat = article(0, "article", "The mill", head="div.text>h1.headline")
    section = article(6, "article", "The bridge", head="div.text>h1.headline")
    assert start(flat, section) is None


def signed(first: int, title: str, byline: str = "By Ellen Moor") -> list[Block]:
    """An article whose heading, byline and text are in one container."""
    landmarks = frozenset({"main", "article"})
    heading = block(first, title, kind=BlockKind.HEADING, level=1, path="body>article>h1", landmarks=landmarks)
    texts = [byline, *(f"{title} {n}: {PROSE}" for n in range(4))]
    return [heading, *(block(first + 1 + n, text, path="body>article>p") for n, text in enumerate(texts))]


def test_an_article_in_one_container_is_told_by_a_signature_right_below_its_heading() -> None:
    assert start(signed(0, "The mill"), signed(6, "The bridge")) == 6
    assert start(signed(0, "The mill"), signed(6, "The bridge", "May 2, 2012")) is None, "a section may have a date"
    assert start(signed(0, "The mill", "It burned down."), signed(6, "The bridge")) is None
    outside = [replace(b, landmarks=frozenset()) for b in signed(6, "The bridge")]
    assert start(signed(0, "The mill"), outside) is None


def test_articles_above_the_one_that_the_title_names_go_to_their_last_paragraph() -> None:
    parts = article(0, "article", "The mill"), article(6, "article", "The bridge"), article(12, "article", "The ferry")
    assert above(*parts, title_position=6) == list(range(6))
    assert above(*parts, title_position=12) == list(range(12))
    assert start(*parts, title_position=6) == 12
    assert above(article(0, "article", "The mill")[:4], [block(4, "News")], title_position=0) == []
    unsigned = article(0, "article", "The mill", "Ellen went home that night")
    assert above(unsigned, article(6, "article", "The bridge"), title_position=6) == []


def markup(name: str, title: str, paragraphs: list[str]) -> str:
    head = f"<div class=head><h1 class=headline>{title}</h1><p class=byline>By Ellen Moor</p></div>"
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"<article id={name}>{head}<div class=text>{text}</div></article>"


def test_of_several_articles_the_one_that_the_title_names_is_kept() -> None:
    stories = [[f"{text} So said {name}, who had seen it all." for text in STORY] for name in ("Ann", "Ben", "Cy")]
    titles = ("The mill by the river", "The bridge is gone", "A ferry for the town")
    articles = "".join(markup(f"a{n}", title, stories[n]) for n, title in enumerate(titles))
    for title, story in zip(titles, stories, strict=True):
        html = f"<html lang=en><title>{title}</title><body><main>{articles}</main>"
        assert clean(Page("https://mill.example/2012/05/", html.encode())).text.split("\n") == story


def test_the_next_article_is_removed_with_its_reason() -> None:
    other_story = [f"{text} So said the ferryman, who had seen the bridge fall." for text in STORY]
    articles = markup("one", "The mill by the river", STORY) + markup("two", "The bridge is gone", other_story)
    html = f"<html lang=en><title>The mill by the river</title><body><main>{articles}</main>"
    cleaned = clean(Page("https://mill.example/2012/05/the-mill", html.encode()))
    assert cleaned.text.split("\n") == STORY
    verdicts = {b.text: verdict for b, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True)}
    assert {verdicts[text].reason for text in other_story} == {RemovalReason.RELATED}
    assert {verdicts[text].rule for text in other_story} == {NEXT_ARTICLE}


def test_where_no_title_is_among_the_blocks_the_url_names_the_article() -> None:
    stories = [[f"{text} So said {name}, who had seen it all." for text in STORY] for name in ("Ann", "Ben")]
    titles = ("The mill by the river", "The bridge is gone")
    articles = "".join(markup(f"a{n}", title, stories[n]) for n, title in enumerate(titles))
    html = f"<html lang=en><title>The Paper</title><body><main>{articles}</main>".encode()
    assert clean(Page("https://mill.example/2012/the-bridge-is-gone.html", html)).text.split("\n") == stories[1]
    assert clean(Page("https://mill.example/2012/mill-by-river/", html)).text.split("\n") == stories[0]


@pytest.mark.parametrize(
    ("second", "selected", "is_second"),
    [
        (signed(6, "The bridge"), {*range(1, 6), *range(7, 12)}, True),
        (signed(6, "The mill"), {*range(1, 6), *range(7, 12)}, False),
        (signed(6, "The bridge"), {*range(1, 6)}, False),
        (signed(6, "The bridge")[:4], {*range(1, 6), *range(7, 10)}, False),
        ([replace(b, level=2) for b in signed(6, "The bridge")], {*range(1, 6), *range(7, 12)}, False),
        (signed(6, "The bridge"), {*range(1, 12)}, False),
    ],
    ids=["another", "the same heading", "a text that was not selected", "a short text", "a section",
         "a section of the first level, as selected as its text"],
)  # fmt: skip
def test_a_second_headline_has_other_words_and_a_selected_text(
    second: list[Block], selected: set[int], is_second: bool
) -> None:
    assert has_second_headline([*signed(0, "The mill"), *second], frozenset(selected)) is is_second


def test_a_page_with_a_second_headline_is_looked_at_twice() -> None:
    articles = markup("one", "The mill by the river", STORY) + markup("two", "The bridge is gone", STORY)
    for html, rule in ((articles, "extractor/selected"), (markup("one", "The mill", STORY), "first-look/selected")):
        page = f"<html lang=en><title>The mill by the river</title><body><main>{html}</main>"
        cleaned = clean(Page("https://mill.example/2012/05/the-mill", page.encode()))
        assert {verdict.rule for verdict in cleaned.verdicts if verdict.kept} == {rule}


def test_a_text_whose_sections_have_headings_of_the_first_level_is_looked_at_once() -> None:
    sections = [(f"How the {name} went", [f"{text} So said {name}." for text in STORY]) for name in ("night", "day")]
    text = [line for title, lines in sections for line in (f"<h1>{title}</h1>", *(f"<p>{line}</p>" for line in lines))]
    page = f"<html lang=en><title>The mill</title><body><main>{markup('one', 'The mill by the river', [])}"
    page = page.replace("<div class=text>", f"<div class=text>{''.join(text)}")
    cleaned = clean(Page("https://mill.example/2012/05/the-mill", page.encode()))
    assert {lines[0] for _, lines in sections} < set(cleaned.text.split("\n"))
    assert not cleaned.asked_extractor


def at(first: int, blocks: Iterable[Block]) -> list[Block]:
    return [replace(b, position=first + n) for n, b in enumerate(blocks)]


@pytest.mark.parametrize(("words", "position"), [(59, None), (60, 6)])
def test_words_of_another_article(words: int, position: int | None) -> None:
    def cut(blocks: list[Block]) -> list[Block]:
        text = block(blocks[2].position, " ".join(["mill"] * words), path=blocks[2].path)
        return [*blocks[:2], text, *(block(b.position, "x", path=b.path) for b in blocks[3:])]

    one, two = article(0, "article#one", "The mill"), article(6, "article#two", "The bridge")
    assert start(cut(one), two) == start(one, cut(two)) == position
    assert above(cut(one), two, title_position=6) == ([] if position is None else [0, 1, 2])


@pytest.mark.parametrize(("lines", "position"), [(7, 6), (8, None)])
def test_blocks_between_a_heading_and_its_byline(lines: int, position: int | None) -> None:
    two = article(6, "article#two", "The bridge")
    filling = [block(0, "A line", path="body>article#two>div.head>p.x") for _ in range(lines)]
    assert start(article(0, "article#one", "The mill"), at(6, [two[0], *filling, *two[1:]])) == position


@pytest.mark.parametrize(("lines", "position"), [(2, 9), (3, None)])
def test_blocks_between_a_byline_and_the_heading_below_it(lines: int, position: int | None) -> None:
    two = article(6, "article#two", "The bridge")
    filling = [block(0, "A line", path="body>article#two>div.head>p.x") for _ in range(lines)]
    blocks = at(6, [two[1], *filling, two[0], *two[2:]])
    assert start(article(0, "article#one", "The mill"), blocks) == position


@pytest.mark.parametrize(("lines", "position"), [(1, 6), (2, None)])
def test_a_signature_stands_right_below_a_heading_in_the_text_s_container(lines: int, position: int | None) -> None:
    def made(first: int, title: str, between: int) -> list[Block]:
        marks = frozenset(["article"])
        parts = article(0, "article", title)
        flat = [replace(b, path=f"body>article>{b.path.rpartition('>')[2]}", landmarks=marks) for b in parts]
        filling = [block(0, "A line", path="body>article>p.x", landmarks=marks) for _ in range(between)]
        return at(first, [flat[0], *filling, *flat[1:]])

    one = made(0, "The mill", 0)
    assert start(one, made(6, "The bridge", lines)) == position


@pytest.mark.parametrize(("words", "has_two"), [(59, False), (60, True)])
def test_words_below_a_second_headline(words: int, has_two: bool) -> None:
    blocks = [
        block(0, "One", kind=BlockKind.HEADING, level=1), block(1, " ".join(["mill"] * 60)),
        block(2, "Two", kind=BlockKind.HEADING, level=1), block(3, " ".join(["mill"] * words)),
    ]  # fmt: skip
    assert has_second_headline(blocks, {1, 3}) is has_two
    assert not has_second_headline(blocks, {1})
    assert not has_second_headline([*blocks[:2], replace(blocks[2], text="One"), blocks[3]], {1, 3})
    assert not has_second_headline([*blocks[:2], replace(blocks[2], level=2), blocks[3]], {1, 3})
