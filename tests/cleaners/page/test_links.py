"""The links that a page makes."""

from __future__ import annotations

from lxml import html

from broadsheet.cleaners.document import Outlink
from broadsheet.cleaners.page.links import base_url, read_outlinks
from broadsheet.cleaners.page.robots_directives import header_directives, read_robots_directives

URL = "https://a.example/news/story"


def tree(body: str, head: str = "") -> html.HtmlElement:
    return html.document_fromstring(f"<html><head>{head}</head><body>{body}</body></html>")


def links(body: str, head: str = "") -> dict[str, Outlink]:
    return {link.url: link for link in read_outlinks(tree(body, head), URL)}


def test_links_are_canonical_in_order_and_once_with_their_first_text() -> None:
    outlinks = links(
        '<a href="b#x"> The <b>mill</b> </a><a href="/c?utm_source=y" rel="NoFollow">c</a><a href="./b">again</a>'
    )
    assert list(outlinks) == ["https://a.example/news/b", "https://a.example/c"]
    assert outlinks["https://a.example/news/b"] == Outlink("https://a.example/news/b", "The mill")
    assert outlinks["https://a.example/c"].rel == ("nofollow",)


def test_what_is_no_web_address_is_no_link() -> None:
    assert (
        links('<a href="mailto:x@y.example">a</a><a href="javascript:x()">b</a><a>c</a><a href="http://[x">d</a>') == {}
    )


def test_the_head_names_sitemaps_and_pages_that_list_a_site() -> None:
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


def test_a_base_moves_the_relative_links() -> None:
    page = tree('<a href="x">x</a>', '<base href="/other/">')
    assert base_url(page, URL) == "https://a.example/other/"
    assert base_url(tree(""), URL) == URL
    assert base_url(tree("", '<base href="javascript:x">'), URL) == URL


def test_robots_tokens_come_from_metas_and_headers() -> None:
    page = tree("", '<meta name="ROBOTS" content="NoIndex, follow"><meta name="author" content="x">')
    assert read_robots_directives(page, header_directives((("x-robots-tag", "noarchive, noindex"), ("link", "x")))) == (
        "follow",
        "noarchive",
        "noindex",
    )


def test_a_link_in_the_text_is_next_whatever_case_its_rel_is_written_in() -> None:
    assert links("", '<a rel="Next" href="/n">On</a>')["https://a.example/n"].via == "next"


def test_the_text_of_a_link_ends_after_two_hundred_characters() -> None:
    long_text = "x" * 201
    head = f"<link rel=next href=/c title={long_text}>"
    outlinks = links(f"<a href=/a>{long_text}</a><a href=/b><b>{long_text}</b></a>", head)
    assert [len(link.text) for link in outlinks.values()] == [200, 200, 200]


def test_a_link_is_what_its_later_mentions_say_where_they_say_more() -> None:
    head = "<link rel='alternate' type=' Application/RSS+XML ' href='/f'><link rel='sitemap' type='text/xml' href='/m'>"
    body = "<a href='/n'>One</a><a href='/n' rel='next'>Two</a><a href='/n'>Three</a><a href='/f'>Feed</a>"
    found = [(link.url.removeprefix("https://a.example"), link.via, link.text) for link in links(body, head).values()]
    assert found == [("/f", "feed", ""), ("/m", "sitemap", ""), ("/n", "next", "Two")]


def test_a_base_without_an_address_is_passed_over() -> None:
    assert base_url(tree("", '<base target="x"><base href="/other/">'), URL) == "https://a.example/other/"
