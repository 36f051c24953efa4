"""Context of a page's metadata: its headline and the text around it, its nodes, names and days; each clause alone."""

from __future__ import annotations

import re

import pytest

from broadsheet.cleaners.page.elements import index_tags
from broadsheet.cleaners.page.page_context import PageContext, runs_after, runs_before, runs_within
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.statements import collect_statements
from tests.cleaners.building import holds_up_to

URL = "https://www.the-paper.example/2024/mill"


def context(html: str, url: str = URL) -> PageContext:
    tree = parse(f"<html>{html}</html>")
    assert tree is not None
    index = index_tags(tree)
    return PageContext(index, url, collect_statements(index))


def texts_after(body: str) -> list[str]:
    return [run.text for run in context(f"<body>{body}").runs_after]


def texts_before(body: str) -> list[str]:
    return [run.text for run in context(f"<body>{body}").runs_before]


HEADLINE = "<h1>The mill burned down</h1>"


@pytest.mark.parametrize(
    ("body", "runs"),
    [
        *((f"<p>By <{tag}>Ann</{tag}> Lee</p>", ["By Ann Lee"]) for tag in "a b em span time small cite bdi".split()),
        *((f"<b>By <{tag}>Ann</{tag}> Lee</b>", ["By", "Ann", "Lee"]) for tag in "p div li td h2".split()),
        ("<p>By <br> Lee</p>", ["By", "Lee"]),
        *((f"<p>By <{tag}>x</{tag}>Ann</p><!-- y --><p>Lee</p>", ["By Ann", "Lee"])
          for tag in "script style template noscript select iframe".split()),
    ],
)  # fmt: skip
def test_a_run_goes_across_inline_markup_and_ends_at_a_block(body, runs):
    assert texts_after(HEADLINE + body) == runs


def test_thirty_runs_are_read_after_a_headline_and_twenty_before():
    rows = [f"r{n}" for n in range(40)]
    body = "".join(f"<p>{row}</p>" for row in rows)
    assert texts_after(HEADLINE + body) == rows[:30]
    assert texts_before(body + HEADLINE) == rows[:-21:-1]
    page = context(f"<body><div>{body}</div>{HEADLINE}<div>{body}</div>")
    assert page.headline is not None
    assert len(runs_before(page.headline, 3)) == len(runs_after(page.headline, 3)) == 3
    assert [run.text for run in runs_within(page.tree.find("body"), 2)] == rows[:2]


def test_text_before_is_read_from_siblings_of_five_levels():
    body = "<div><p>six</p><div><p>five</p><div><p>four</p><div><p>three</p><div><p>two</p><div><p>one</p>"
    assert texts_before(body + HEADLINE) == ["one", "two", "three", "four", "five"]


@pytest.mark.parametrize(
    ("body", "first"),
    [
        ("<p>0</p><main><p>1</p></main><article><p>2</p></article>", "2"),
        ("<p>0</p><main><p>1</p></main>", "1"),
        ("<p>0</p>", "0"),
    ],
)
def test_without_a_headline_the_text_begins_with_the_article(body, first):
    page = context(f"<body>{body}")
    assert page.headline is None
    assert page.runs_after[0].text == first
    assert page.runs_before == []


@pytest.mark.parametrize(
    ("title", "body", "headline"),
    [
        ("Second one", "<h1>First</h1><h1>Second one</h1>", "Second one"),
        ("Other", "<h1>First</h1><h1>Second</h1>", "First"),
        ("", "<h1>First</h1>", "First"),
        ("First", "<nav><h1>First</h1></nav><h1>Second</h1>", "Second"),
        ("", "<aside><h1>First</h1></aside><footer><h1>Second</h1></footer>", None),
        ("", "<h1>The Paper Example</h1>", None),
        ("", "<h1>The Papers</h1>", "The Papers"),
        ("", "<h1>the-paper</h1>", None),
        ("", "<h1><a href='/'>Our Times</a></h1>", None),
        ("", "<h1><a href='/other'>Our Times</a></h1>", "Our Times"),
        ("", "<h1><a href='https://x.example'>Our Times</a></h1>", None),
        ("", "<h1><a href=''>Our Times</a></h1>", "Our Times"),
        ("", "<h1><a href='/?page=2'>Our Times</a></h1>", "Our Times"),
        ("", "<h1><a rel=home href='/other'>Our Times</a></h1>", None),
        ("", "<a href='/'><h1>Our Times</h1></a>", None),
        ("", "<h1>All of <a href='/'>Our Times</a></h1>", "All of Our Times"),
        ("One two three", "<h2>Other</h2><h3>One two three</h3>", "One two three"),
        ("One two", "<h2>One two</h2>", None),
        ("One two three", "<h4>One two three</h4>", None),
        ("x", "<h1> </h1><h1>Second</h1>", "Second"),
    ],
)
def test_the_headline_is_the_heading_that_the_title_has(title, body, headline):
    """Else the first that is not the site's name, else a lower one of three words that the title has."""
    found = context(f"<head><title>{title}</title></head><body>{body}").headline
    assert (None if found is None else found.text_content()) == headline


def ld(*nodes: str) -> str:
    return "".join(f'<script type="application/ld+json">{{{node}}}</script>' for node in nodes)


ARTICLE = '"@type": "NewsArticle", "@id": "%s"%s'


def test_the_node_whose_headline_and_address_are_the_page_s_comes_first_and_three_are_read():
    nodes = [
        ARTICLE % (1, ""),
        ARTICLE % (2, ', "headline": "The mill"'),
        ARTICLE % (3, ', "url": "https://www.the-paper.example/2024/mill/"'),
        ARTICLE % (4, ', "headline": "The mill", "mainEntityOfPage": "https://www.the-paper.example/2024/mill"'),
        '"@type": "WebPage", "@id": "page"',
        '"@type": "Thing", "@id": "thing"',
    ]
    page = context(f"<title>The mill | Paper</title><body>{ld(*nodes)}<p>x")
    assert [node["@id"] for node in page.article_nodes] == ["4", "2", "3", "page"]


def test_a_node_is_not_of_the_page_for_an_empty_address():
    nodes = [ARTICLE % (1, ', "url": "https://x.example/"'), ARTICLE % (2, ', "headline": "The mill"')]
    page = context(f"<title>The mill</title><body>{ld(*nodes)}<p>x", "https://www.the-paper.example/")
    assert [node["@id"] for node in page.article_nodes] == ["2", "1"]


def test_each_name_of_the_site_is_known():
    nodes = [
        ARTICLE % (1, ', "publisher": {"name": ["Pub", "Other"]}'),
        '"@type": "WebSite", "name": "Site"',
        '"@type": "Organization", "name": "http://x.example/"',
        '"@type": "Person", "name": "Ann"',
    ]
    page = context(f'<meta property="og:site_name" content="Og"><body>{ld(*nodes)}<h1><a href="/">Home</a></h1>')
    assert page.site_names == (
        "Og", "Pub", "Site", "Home", "www.the-paper.example", "the-paper.example", "the-paper",
    )  # fmt: skip


RELATED = '<div class="related">'
PARTS = {
    True: ["", "<article><footer>", '<main class="related">', RELATED + HEADLINE],
    False: [
        "<nav>",
        "<figure>",
        "<blockquote>",
        "<footer>",
        RELATED,
        '<div id="related">',
        RELATED + HEADLINE + RELATED,
    ],
}


@pytest.mark.parametrize(
    ("is_part", "before"), [(is_part, before) for is_part, all_of in PARTS.items() for before in all_of]
)
def test_what_is_part_of_the_article(is_part, before):
    page = context(f"<body>{before}<p id=x>text</p>")
    (element,) = page.tree.xpath("//p[@id='x']")
    assert page.is_part_of_article(element, re.compile("related")) is is_part


@pytest.mark.parametrize(
    ("language", "host", "hint"),
    [
        ("en-US", "a.de", "en-de"),
        ("en_US", "a.com", "en-US"),
        ("", "a.de", "und-de"),
        ("de", "a.example", "de"),
        ("en-US", "a.io", "en-US"),
        ("en-US", "127.0.0.11", "en-US"),
    ],
)
def test_the_region_is_that_of_a_country_s_domain(language, host, hint):
    html = f'<html lang="{language}"><body><p>x</p></body></html>'
    tree = parse(html)
    assert tree is not None
    index = index_tags(tree)
    assert PageContext(index, f"https://{host}/x", collect_statements(index)).language_hint == hint


def _headline(tag: str, place: int) -> str | None:
    body = "".join(f"<{tag}>{'One two three' if n == place else n}</{tag}>" for n in range(40))
    found = context(f"<title>One two three</title><body>{body}").headline
    return None if found is None else found.text_content()


def test_thresholds():
    assert holds_up_to(5, lambda n: _headline("h1", n) == "One two three"), "headings of the first level"
    assert holds_up_to(29, lambda n: _headline("h2", n) == "One two three"), "lower headings"


@pytest.mark.parametrize(
    ("first", "second", "headings"),
    [
        ("site-title", "entry-title", ["The mill burned down"]),
        ("site-title h1", "h1 post_title", ["The mill burned down"]),
        ("site-title", "", ["Notes from a river", "The mill burned down"]),
        ("", "entry-title", ["Notes from a river", "The mill burned down"]),
        ("site-title", "entry-titles", ["Notes from a river", "The mill burned down"]),
    ],
)
def test_the_site_s_title_is_no_heading_beside_the_entry_s(first, second, headings):
    body = f"<body><h1 class='{first}'>Notes from a river</h1><h1 class='{second}'>The mill burned down</h1>"
    assert [text for text, _ in context(body, "https://the-paper.example/5").heading_candidates] == headings


@pytest.mark.parametrize(
    ("body", "headings"),
    [
        ("<h1>Notes from a river</h1><h2 class=entry-title>The mill burned down</h2>",
         ["The mill burned down", "Notes from a river"]),
        ("<h1 class=site-title>Notes from a river</h1><h2 class=entry-title>The mill burned down</h2>",
         ["The mill burned down"]),
        ("<h1 class=entry-title>The mill burned down</h1><h2 class=entry-title>The bridge is closed</h2>",
         ["The mill burned down"]),
        ("<h1>Notes from a river</h1><h2 class=entry-title>The mill</h2><h2 class=entry-title>The bridge</h2>",
         ["Notes from a river"]),
    ],
)  # fmt: skip
def test_the_entry_s_title_of_the_second_level_comes_before_the_site_s(body, headings):
    found = context(f"<body>{body}", "https://the-paper.example/5").heading_candidates
    assert [text for text, _ in found] == headings
