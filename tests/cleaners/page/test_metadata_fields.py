"""Every field of a page's metadata, from every place it may stand in."""

import json

import lxml.html
import pytest

from broadsheet.cleaners.document import AUTHORS, BYLINE, Metadata
from broadsheet.cleaners.page.metadata_fields import (
    _distinct_tags,
    metadata_context,
    read_fields,
    read_metadata,
    read_statements,
)
from broadsheet.cleaners.page.parsed_page import parse

URL = "https://paper.example/news/rain-comes"


def read(html: str, url: str = URL, **options: str) -> Metadata:
    tree = parse(html)
    assert tree is not None
    return read_metadata(tree, url, **options)


@pytest.mark.parametrize(
    ("head", "keywords", "source"),
    [
        ('<meta name="keywords" content="rain, Valley; rain">', ("rain", "Valley"), "meta"),
        ('<meta name="news_keywords" content="flood"><meta name="keywords" content="rain">', ("flood",), "meta"),
        ('<meta name="keywords" content=" , ;"><meta name="news_keywords" content="flood">', ("flood",), "meta"),
        (
            '<meta name="keywords" content="rain"><script type="application/ld+json">'
            '{"@type": "NewsArticle", "headline": "Rain", '
            '"keywords": ["dam", {"@type": "DefinedTerm", "name": "mill"}]}'
            "</script>",
            ("dam", "mill"),
            "json-ld",
        ),
        ('<meta property="article:tag" content="rain"><meta name="parsely-tags" content="dam">', (), None),
        ("", (), None),
    ],
)
def test_keywords_are_what_the_page_states_as_keywords(
    head: str, keywords: tuple[str, ...], source: str | None
) -> None:
    metadata = read(f"<html><head><title>Rain</title>{head}</head><body><p>Text <a rel=tag href=/t>Tag</a>")
    assert metadata.keywords == keywords
    assert metadata.sources.get("keywords") == source


@pytest.mark.parametrize(
    ("byline", "line", "authors"),
    [
        ("<p class=byline>By Ann Lee, Senior Editor</p>", "By Ann Lee, Senior Editor", ["Ann Lee"]),
        ("<p class=author>This is a guest post by Ann Lee</p>", "This is a guest post by Ann Lee", ["Ann Lee"]),
        ("<p class=author>Redaktion</p>", "Redaktion", None),
        ("<p>By Ann Lee</p>", "By Ann Lee", ["Ann Lee"]),
        ("<p>It rains.</p>", None, None),
    ],
)
def test_a_byline_is_stated_as_it_is_printed(byline: str, line: str | None, authors: list[str] | None) -> None:
    context = metadata_context(parse(f"<h1>Rain comes</h1>{byline}<p>It rains.</p>"), URL)
    statements = {said.field: said.value for said in read_statements(context, read_fields(context))}
    assert statements.get(BYLINE) == line
    assert json.loads(statements.get(AUTHORS, "null")) == authors


def test_tags_in_a_stated_title_are_left_out() -> None:
    node = {"@type": "NewsArticle", "headline": "Rain <em>comes</em> &lt;b&gt;now&lt;/b&gt;"}
    page = f"<script type='application/ld+json'>{json.dumps(node)}</script><p>text"
    assert read(page).title == "Rain comes now"
    assert read("<title>1 &lt; 2 and 3</title><p>text").title == "1 < 2 and 3"
    assert read("<title>30 years of &lt;br&gt;</title><h1>30 years of &lt;br&gt;</h1>").title == "30 years of <br>"


def signed(name: str, by: str = "") -> str:
    """A page of a site with a name, which its meta states as the author too, and a byline."""
    head = f"<meta property=og:site_name content='{name}'><meta name=author content='{name}'>"
    return f"{head}<body><h1>Rain comes</h1>{by}<p>It rains.</p>"


def page_by(byline: str, below: str = "<aside><a rel=author>Cy Roe</a></aside>") -> str:
    return f"<article><h1>Rain comes</h1>{byline}<p>It rains.</p></article>{below}"


ORGANISATION = """<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Rain comes",
    "author": {"@type": "Organization", "name": "The Valley Paper"}, "publisher": {"name": "The Valley Paper"}}
    </script>"""
ADMIN = ORGANISATION.replace('"Organization", "name": "The Valley Paper"', '"Person", "name": "admin"')
OTHERS = """<div class="related"><span class="author">Cy Roe</span></div>
    <ol class="comments"><li><span class="author">Di Fox</span></ol>"""
BY_BO = "<p class=byline>By Bo Chen</p>"


@pytest.mark.parametrize(
    ("html", "authors"),
    [
        (page_by('<span itemprop="author" itemscope><span itemprop="name">Ann Lee</span></span>'), "Ann Lee"),
        (page_by('<a rel="author" href="/x">Ann Lee</a>'), "Ann Lee"),
        (page_by('<p class="byline">By Ann Lee, Senior Editor</p>'), "Ann Lee"),
        (page_by('<div class="post-author"><span>By</span><div>Ann Lee</div></div>'), "Ann Lee"),
        (page_by('<span>by <a href="/authors/ann-lee">Ann Lee</a></span>'), "Ann Lee"),
        (page_by("<div><p>Written by</p><p>Ann Lee</p></div>"), "Ann Lee"),
        (page_by("<div><span>By Ann Lee</span><span> | </span><span>3 May 2024</span></div>"), "Ann Lee"),
        (page_by("", OTHERS), ""),
        (page_by("<p>By the river it rains.</p><p>By noon, all was wet.</p>"), ""),
        (signed("Human in the Loop", BY_BO), "Bo Chen"),
        (signed("Ann Lee", BY_BO), "Bo Chen"),
        (signed("Ann Lee", "<p class=author>Use of the river</p>"), "Ann Lee"),
        (signed("Ann Lee"), "Ann Lee"),
        (page_by(ORGANISATION), "The Valley Paper"),
        (page_by(f"{ORGANISATION}<p>By Ann Lee</p>"), "Ann Lee"),
        (page_by(ADMIN), ""),
        *((f'<meta name=author content="{name}">', name) for name in ("Redaktion", "Editors", "Redacción")),
        (f"<meta name=author content=Redaktion><h1>Rain</h1>{BY_BO}", "Bo Chen"),
        ("<meta name=author content=admin>", ""),
    ],
)
def test_authors_are_who_signs_or_is_stated(html: str, authors: str) -> None:
    assert ", ".join(read(html).authors) == authors


def test_canonical_that_is_only_the_home_page_is_not_believed() -> None:
    assert read("<link rel=canonical href='https://paper.example/'><p>x").canonical_url == ""
    assert read(
        "<link rel=canonical href='javascript:x'><meta property=og:url content='/a'><p>x"
    ).canonical_url.endswith("/a")


def test_the_tree_is_not_changed() -> None:
    tree = parse(
        '<h1>Rain <br>comes</h1><script type="application/ld+json">{"@type":"Report"}</script><p class=byline>By A Bo'
    )
    assert tree is not None
    before = lxml.html.tostring(tree)
    read_metadata(tree, URL)
    assert lxml.html.tostring(tree) == before


@pytest.mark.parametrize("url", ["", "not a url", "https://[broken/", "https://paper.example:99999/"])
@pytest.mark.parametrize(
    "html",
    [
        "plain text",
        "<html><frameset><frame src=a></frameset></html>",
        '<script type=\'application/ld+json\'>{"@type":[1,{}],"author":{"@id":[]},"keywords":{"a":1}}</script><p>x',
        '<script type=\'application/ld+json\'>{"@type":"Article","datePublished":{},"author":[1]}</script>',
        "<meta property=og:image content='http://[x'><link rel=canonical href='http://[x'><h1></h1><time datetime=''>",
        "<div>" * 1000 + "<h1>deep</h1><p>By Ann Lee",
    ],
)
def test_anything_can_be_read(html: str, url: str) -> None:
    assert isinstance(read(html, url), Metadata)


def test_tags_of_other_articles_cards_are_not_the_articles() -> None:
    own = "<p><a rel=tag href=/t/rain>Rain</a></p>"
    card = "<div><h3><a href=/mill>Mill burns down</a></h3><p>Read it. <a rel=tag href=/t/fire>Fire</a></p></div>"
    related = "<div class=related><a href=/dam>How the dam held</a> <a rel=tag href=/t/dam>Dam</a></div>"
    text = "<p>It rains in the valley, and the river rises.</p>" * 30
    page = f"<main><article><h1>Rain comes</h1>{text}{own}</article>{card}{related}</main>"
    assert read(page).tags == ("Rain",)
    assert read(page.replace(own, "")).tags == ()
    named = "<h2><a href=/by/ann>Ann Lee</a></h2>"
    reply = "<h3>You must <a href=/login>log in</a> to answer</h3>"
    others = "".join(f"<h3><a href=/{n}>How the dam of {n} held</a></h3>" for n in ("Aby", "Bexley", "Cray"))
    for below in (named, reply, others):
        assert read(f"<div><h1>Rain comes</h1>{text}</div><footer>{own}{below}</footer>").tags == ("Rain",), below
    assert read(f"<article><h1>Rain comes</h1>{text}<h2><a href=/x>Of dams</a></h2>{text}{own}</article>").tags == (
        "Rain",
    )


def test_other_titles_are_stated_beside_the_chosen_one() -> None:
    head = "<title>Rain comes | The Paper</title><meta property=og:title content='The Paper of the Valley'>"
    html = f"{head}<meta property=og:site_name content='The Paper'><h2>Rain comes</h2>"
    context = metadata_context(parse(html), URL)
    found = read_statements(context, Metadata(title="The Paper of the Valley"))
    assert [(each.field, each.source, each.value) for each in found] == [("title", "meta", "Rain comes")]
    assert read_statements(context, Metadata(title="Rain comes")) == ()


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a,b;c،d、e", ("a", "b", "c", "d", "e")),
        (' #Harbour , "Ferry\'s" ', ("Harbour", "Ferry's")),
        ("Harbour,harbour, HARBOUR", ("Harbour",)),
        (",,", ()),
        ("https://a.test/tag, b", ("b",)),
        (f"{'x' * 80}, {'y' * 81}", ("x" * 80,)),
        (", ".join(f"tag {n}" for n in range(51)), tuple(f"tag {n}" for n in range(50))),
    ],
)
def test_a_list_of_tags(text: str, tags: tuple[str, ...]) -> None:
    assert _distinct_tags([text]) == tags
