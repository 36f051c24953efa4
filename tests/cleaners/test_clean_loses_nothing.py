"""clean: whatever a page is made of, its text is in the article, and each visible word in a block with a verdict."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import CleanedPage, Page, PageType, RemovalReason
from broadsheet.cleaners.page.elements import INVISIBLE_TAGS, TagIndex, is_hidden
from broadsheet.cleaners.page.page_context import PageContext
from broadsheet.cleaners.page.parsed_page import decode, parse
from broadsheet.cleaners.page.statements import collect_statements
from tests.bench.quality import SHARED, scorer

TITLE = "The mill by the river"
HINDRANCES = frozenset((PageType.WALL, PageType.CAPTCHA, PageType.ERROR, PageType.SOFT_404))
ENOUGH_WORDS = 100
PAGES_A_CORPUS = 15
CORPORA = ("wcxb", "news", "segments", "dragnet")
CONSENT = "Choose what the site may store on your machine and for how long. "
URL = "https://news.example/2026/03/mill-by-the-river"


def _witnesses(count: int) -> list[str]:
    return [f"Witness {n} told the council at some length what she had seen at the old mill." for n in range(count)]


lines = st.integers(8, 16).map(_witnesses)
tags = st.sampled_from(("p", "section", "div", "article", "li", "blockquote"))
hiding = st.sampled_from(("hidden", "style='display:none'", "style='visibility:hidden'", "style='opacity: 0'"))
furniture = st.lists(
    st.sampled_from((
        "<nav><ul><li><a href='/a'>Home</a><li><a href='/b'>Weather</a></ul></nav>",
        f"<div class='modal' hidden><p>{CONSENT * 9}</p></div>",
        "<ul class='related'><li><a href='/c'>Harbour wall breached by storm</a></ul>",
        "<script>track('page')</script><noscript><img src='/count'></noscript>",
        "<form><input name='q'><button>Search</button></form>",
        "<template><div class='row'></div></template>",
        "<footer>All rights reserved</footer>",
    )),
    max_size=4,
    unique=True,  # three copies of a dialog that are hidden would outweigh what JSON-LD states
).map("".join)  # fmt: skip


def carrier(kind: str, story: list[str], tag: str, hidden: str) -> str:
    """The story as a page may hold it."""
    markup = "".join(f"<{tag}>{line}</{tag}>" for line in story)
    state = {"page": {"article": {"title": TITLE, "body": markup}}, "menu": [{"title": "Weather", "url": "/b"}]}
    node = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": TITLE}
    match kind:
        case "shown":
            return f"<main>{markup}</main>"
        case "hidden":
            return f"<main {hidden}>{markup}</main>"
        case "noscript":
            return f"<noscript><img src='/count'><main>{markup}</main>"
        case "json_ld":
            return f"<script type='application/ld+json'>{json.dumps(node | {'articleBody': ' '.join(story)})}</script>"
        case "next":
            return f"<script id='__NEXT_DATA__' type='application/json'>{json.dumps(state)}</script>"
        case "attribute":
            return f"<div id='app' data-page='{escape(json.dumps(state), quote=True)}'></div>"
        case "stream":
            push = f"self.__next_f.push([1,{json.dumps('3:' + json.dumps(state))}])".replace("</", "<\\/")
            return f"<script>{push}</script>"
        case "state":
            return f"<script>window.__INITIAL_STATE__={json.dumps(state)};</script>"
        case _:
            return f"<template id='story'>{markup}</template>"


CARRIERS = ("shown", "hidden", "noscript", "json_ld", "next", "attribute", "stream", "state", "template")


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.sampled_from(CARRIERS), lines, tags, hiding, furniture, furniture)
def test_a_story_is_the_text_however_the_page_holds_it(kind, story, tag, hidden, above, below):
    body = f"{above}<h1>{TITLE}</h1>{carrier(kind, story, tag, hidden)}{below}"
    page = f"<html><head><title>{TITLE}</title></head><body>{body}</body></html>"
    cleaned = clean(Page(URL, page.encode()))
    assert sum(line in cleaned.text for line in story) >= 0.9 * len(story)
    assert cleaned.text.count(story[0]) == 1
    assert_keeps_each_visible_character(page.encode(), cleaned)


def assert_keeps_each_visible_character(body: bytes, cleaned: CleanedPage) -> None:
    assert len(cleaned.blocks) == len(cleaned.verdicts)
    assert all(verdict.reason and verdict.rule for verdict in cleaned.verdicts)
    for verdict in cleaned.verdicts:
        assert (verdict.reason == RemovalReason.DUPLICATE) is (verdict.repeats is not None)
        assert verdict.repeats is None or cleaned.verdicts[verdict.repeats].kept, "a copy of what is not kept"
    tree = parse(decode(body).text)
    shown = Counter[str]() if tree is None else Counter(_letters(_visible_texts(tree)))
    assert not shown - Counter(_letters(block.text for block in cleaned.blocks)), "a visible letter is in no block"


def _letters(texts: Iterator[str]) -> Iterator[str]:
    return (letter for text in texts for letter in unicodedata.normalize("NFC", text) if letter.isalnum())


def _visible_texts(element: etree._Element) -> Iterator[str]:
    """The texts that the element shows, without knowing what a block is."""
    if element.tag in INVISIBLE_TAGS or is_hidden(element):
        return
    yield element.text or ""
    for child in element:
        yield from _visible_texts(child)
        yield child.tail or ""


def stated_words(body: bytes, url: str) -> int:
    """The words of the longest text that the page states of itself."""
    tree = parse(decode(body).text)
    if tree is None:
        return 0
    index = TagIndex(tree)
    nodes = PageContext(index, url, collect_statements(index)).article_nodes
    texts = (str(node.get("articleBody") or "") for node in nodes)
    return max((len(re.sub("<[^<>]*>", " ", text).split()) for text in texts), default=0)


@pytest.mark.slow
@pytest.mark.parametrize("corpus", CORPORA)
def test_real_pages_lose_no_stated_text_and_no_visible_letter(corpus):
    if not SHARED.is_dir():
        pytest.skip("the annotated pages are not here: ../shared is absent")
    pages = sorted(scorer().load(corpus), key=lambda item: str(item[0]["id"]))
    sample = random.Random(32).sample(pages, PAGES_A_CORPUS)
    for row, body in sample:
        cleaned = clean(Page(row.get("url") or "", body))
        assert_keeps_each_visible_character(body, cleaned)
        if stated_words(body, row.get("url") or "") >= ENOUGH_WORDS and cleaned.verdict.page_type not in HINDRANCES:
            assert cleaned.text, row["id"]
