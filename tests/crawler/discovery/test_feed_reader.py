"""Feeds of comments and feeds of articles, told apart by their addresses and names.

Feeds as sites have them: RSS, Atom, RDF, and what is none.
"""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadsheet.crawler.discovery.feed_reader import Feed, FeedEntry, NamingPage, is_comment_feed, read_feed

HOST = "https://a.example"
STORY = NamingPage(f"{HOST}/2024/05/the-bridge/", is_article=True)
ABOUT = NamingPage(f"{HOST}/about/")
HOME = NamingPage(f"{HOST}/", is_article=True)


@pytest.mark.parametrize(
    "path",
    [
        "/comments/feed/", "/comments/feed", "/comments/feed/atom/", "/blog/comments/feed/", "/feeds/comments/default",
        "/feeds/4711/comments/default", "/?feed=comments-rss2", "/?feed=rss2&p=12", "/?p=12&feed=rss2",
        "/comments.rss", "/Comments/Feed/", "/rss/comments", "/crss",
    ],
)  # fmt: skip
def test_a_place_of_comments_is_one_on_every_page(path):
    for page in (STORY, ABOUT, HOME):
        assert is_comment_feed(HOST + path, "", page)


@pytest.mark.parametrize(
    "path",
    [
        "/feed/", "/rss.xml", "/feeds/posts/default", "/category/politics/feed/", "/comment/feed/", "/?feed=rss2",
        "/?feed=rss2&cat=3", "/comments/why-we-wait/", "/opinion/comments-on-the-budget/feed/", "/2024/05/feed/",
        "/discuss.xml", "/2024/05/the-bridge-closed/feed/",
    ],
)  # fmt: skip
def test_other_feeds_are_asked_for(path):
    for page in (STORY, ABOUT, HOME):
        assert not is_comment_feed(HOST + path, "The Lantern » Feed", page)


@pytest.mark.parametrize("end", ["feed/", "feed", "feed/atom/", "feed/rss2"])
def test_an_article_s_own_feed_is_that_of_its_comments(end):
    assert is_comment_feed(STORY.url + end, "", STORY)
    assert not is_comment_feed(STORY.url + end, "", ABOUT)
    assert not is_comment_feed(HOME.url + end, "", HOME), "a front page's own feed is the site's"
    other_host = STORY.url.replace("a.example", "b.example")
    assert not is_comment_feed(other_host + end, "", STORY)
    assert not is_comment_feed(f"{HOST}/blog/{end}", "", NamingPage(f"{HOST}/feed/", is_article=True))


def test_a_copy_of_a_site_as_files_is_read_alike():
    page = NamingPage(f"{STORY.url}index.html", is_article=True)
    assert is_comment_feed(f"{STORY.url}feed/index.html", "", page)
    assert not is_comment_feed(f"{HOST}/feed/index.html", "", page)
    assert not is_comment_feed(f"{HOST}/feed/index.html", "", NamingPage(f"{HOST}/index.html", is_article=True))


@pytest.mark.parametrize(
    "name",
    [
        "The Lantern » About Comments Feed", "Le Phare » Flux des commentaires", "Lantern » About Kommentar-Feed",
        "El Faro » Feed de comentarios", "Маяк » Лента комментариев", "ランタン » コメントのフィード",
    ],
)  # fmt: skip
def test_another_page_s_own_feed_is_one_if_it_says_so(name):
    assert is_comment_feed(f"{ABOUT.url}feed/", name, ABOUT)
    assert not is_comment_feed(f"{ABOUT.url}feed/", "The Lantern » About Feed", ABOUT)
    assert not is_comment_feed(f"{HOST}/news/feed/", name, ABOUT), "its name alone does not say whose it is"


SITE = "https://example.org/"

RSS = b"""<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>t</title>
<link>https://example.org/</link><atom:link rel="next" href="/feed/?paged=2"/>
<item><title>One &amp; two</title>
<link>/a?utm_source=rss</link><pubDate>Tue, 07 May 2024 10:00:00 +0200</pubDate></item>
<item><guid>https://example.org/b</guid><title>By its guid</title></item>
<item><guid isPermaLink="false">77</guid><title>No address</title></item>
<item><link>https://example.org/a</link></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><title>One</title>
<link rel="self" href="https://example.org/self"/><link href="https://example.org/a"/>
<published>2024-05-01T00:00:00Z</published><updated>2024-05-03T00:00:00Z</updated></entry></feed>"""
RDF = b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"/><item rdf:about="https://example.org/a"><title>One</title>
<link>https://example.org/a</link></item></rdf:RDF>"""


def test_rss():
    feed = read_feed(RSS, SITE + "feed/")
    assert feed.entries == (
        FeedEntry("https://example.org/a", "Tue, 07 May 2024 10:00:00 +0200", "", "One & two"),
        FeedEntry("https://example.org/b", title="By its guid"),
    )
    assert feed.next_url == "https://example.org/feed/?paged=2"
    assert feed.reason == ""


def test_atom_and_rdf():
    assert read_feed(ATOM, SITE).entries == (
        FeedEntry("https://example.org/a", "2024-05-01T00:00:00Z", "2024-05-03T00:00:00Z", "One"),
    )
    assert [entry.title for entry in read_feed(gzip.compress(RDF, mtime=0), SITE).entries] == ["One"]


def test_a_feed_is_read_as_far_as_possible_in_any_encoding_and_an_empty_one_is_no_fault():
    assert read_feed(b'<rss version="2.0"><channel><title>t</title></channel></rss>', SITE).reason == ""
    text = RSS.decode().replace('"1.0"?>', '"1.0" encoding="UTF-16"?>').encode("utf-16")
    assert len(read_feed(text, SITE).entries) == 2
    feed = read_feed(RSS[: RSS.index(b"<item><guid isPerma")], SITE)
    assert [entry.url for entry in feed.entries] == ["https://example.org/a", "https://example.org/b"]
    assert feed.reason == "broken_xml"


def test_an_item_has_the_address_that_it_was_moved_from_and_its_title_as_it_is():
    """What a title's markup says is seen to where it is shown; nothing in it is resolved."""
    items = b"""<item><title>&lt;script&gt;x&lt;/script&gt;y</title><link>https://example.org/t</link>
<feedburner:origLink>/o</feedburner:origLink></item>
<item><title>&lt;a href='/x'&gt;z</title><link>u</link></item></channel>"""
    feed = RSS.replace(b"<rss ", b"<rss xmlns:feedburner='http://rssnamespace.org/feedburner/ext/1.0' ")
    found = read_feed(feed.replace(b"</channel>", items), SITE + "f/feed")
    assert found.entries[2:] == (
        FeedEntry(SITE + "o", title="<script>x</script>y"), FeedEntry(SITE + "f/u", title="<a href='/x'>z"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        *((body, "not_a_feed") for body in (b"", b"<html><body>x</body></html>", b"/etc/hostname",
                                            b"http://127.0.0.1:9/", b"<channel>no feed</channel>")),
        *((gzip.compress(body * 999, mtime=0)[:-9], "bad_gzip") for body in (b"<html>", b"<channel>")),
    ],
)  # fmt: skip
def test_what_is_no_feed(body, reason):
    assert read_feed(body, SITE) == Feed(reason=reason)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: RSS[:160] + tail)))
def test_any_bytes_are_an_answer(body):
    assert isinstance(read_feed(body, SITE), Feed)


def test_a_feed_has_ten_mebibytes_at_most():
    head = b"<rss version='2.0'><channel><item><link>https://a.example/1</link></item>"
    feed = head + b" " * (10 * 1024 * 1024 - len(head) - 16) + b"</channel></rss>"
    assert len(feed) == 10_485_760
    assert read_feed(feed, "https://a.example/feed").reason == ""
    assert read_feed(feed + b" ", "https://a.example/feed").reason == "too_large"
