"""The links that a page makes; in an article's markdown none acts, and none ends early to begin another."""

from __future__ import annotations

import re

import pytest
from lxml import html

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Outlink, Page
from broadsheet.cleaners.page.links import base_url, read_outlinks

URL = "https://a.example/news/story"


def tree(body: str, head: str = "") -> html.HtmlElement:
    return html.document_fromstring(f"<html><head>{head}</head><body>{body}</body></html>")


def links(body: str, head: str = "") -> dict[str, Outlink]:
    return {link.url: link for link in read_outlinks(tree(body, head), URL)}


def test_links_are_canonical_in_order_and_once_with_their_first_text():
    outlinks = links(
        '<a href="b#x"> The <b>mill</b> </a><a href="/c?utm_source=y" rel="NoFollow">c</a><a href="./b">again</a>'
    )
    assert list(outlinks) == ["https://a.example/news/b", "https://a.example/c"]
    assert outlinks["https://a.example/news/b"] == Outlink("https://a.example/news/b", "The mill")
    assert outlinks["https://a.example/c"].rel == ("nofollow",)


def test_what_is_no_web_address_is_no_link():
    assert (
        links('<a href="mailto:x@y.example">a</a><a href="javascript:x()">b</a><a>c</a><a href="http://[x">d</a>') == {}
    )


def test_the_head_names_sitemaps_and_pages_that_list_a_site():
    head = (
        '<link rel="sitemap" href="/map.xml">'
        '<link rel="sitemap" type="application/xml" href="/map.php" title=" The map ">'
        '<link rel="sitemap" type="text/html" href="/map.html">'
    )
    outlinks = {link.url.removeprefix("https://a.example"): link for link in links("", head).values()}
    assert {path: link.via for path, link in outlinks.items()} == {
        "/map.xml": "sitemap", "/map.php": "sitemap", "/map.html": "link",
    }  # fmt: skip
    assert outlinks["/map.php"].text == "The map"


def test_the_text_of_a_link_ends_after_two_hundred_characters():
    long_text = "x" * 201
    head = f"<link rel=next href=/c title={long_text}>"
    outlinks = links(f"<a href=/a>{long_text}</a><a href=/b><b>{long_text}</b></a>", head)
    assert [len(link.text) for link in outlinks.values()] == [200, 200, 200]


def test_a_link_is_what_its_later_mentions_say_where_they_say_more():
    head = "<link rel='alternate' type=' Application/RSS+XML ' href='/f'><link rel='sitemap' type='text/xml' href='/m'>"
    body = "<a href='/n'>One</a><a href='/n' rel='Next'>Two</a><a href='/n'>Three</a><a href='/f'>Feed</a>"
    found = [(link.url.removeprefix("https://a.example"), link.via, link.text) for link in links(body, head).values()]
    assert found == [("/f", "feed", ""), ("/m", "sitemap", ""), ("/n", "next", "Two")]


@pytest.mark.parametrize(
    ("head", "url"),
    [
        ('<base href="/other/">', "https://a.example/other/"),
        ('<base target="x"><base href="/other/">', "https://a.example/other/"),
        ('<base href="javascript:x">', URL),
        ("", URL),
    ],
)
def test_a_base_moves_the_relative_links(head, url):
    assert base_url(tree("", head), URL) == url


_LINK = re.compile(r"(?<!\\)\[([^\]]*)\]\(([^)]*)\)")


def link_in_markdown(href: str) -> tuple[str, str] | None:
    """Text and target of the one link of a page, as its markdown has them."""
    sentence = "The harbour town had asked for a new bridge in the spring, and the council said no to it."
    body = f'<p>{sentence}</p><p>{sentence} <a href="{href}">here</a> it says why.</p><p>{sentence}</p>'
    page = f"<html><body><article><h1>A bridge</h1>{body}</article></body></html>"
    markdown = clean(Page("http://a.test/2024/01/02/a-bridge", page.encode(), "text/html")).markdown
    assert "here" in markdown
    assert markdown.count("](") <= 1
    match = _LINK.search(markdown)
    return (match[1], match[2]) if match else None


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)", " javascript:alert", "&#1;javascript:alert", "JaVa&#9;Script:x", "java&#10;script:x",
        "vbscript:x", "data:text/html,x", "file:///etc/passwd", "blob:x", "view-source:http://a.test/",
    ],
)  # fmt: skip
def test_a_target_that_acts_is_left_out(href):
    assert link_in_markdown(href) is None


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("/b", "http://a.test/b"),
        ("b c", "http://a.test/2024/01/02/b%20c"),
        ("/a_(b)", "http://a.test/a_%28b%29"),
        ("mailto:a@b.test", "mailto:a@b.test"),
        ("http://b.test/) [x](javascript:y", "http://b.test/%29%20%5Bx%5D%28javascript:y"),
        ("/x&gt;y&lt;z", "http://a.test/x%3Ey%3Cz"),
    ],
)
def test_a_target_cannot_end_the_link(href, target):
    assert link_in_markdown(href) == ("here", target)
