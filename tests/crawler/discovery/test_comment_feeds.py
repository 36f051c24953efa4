"""Feeds of comments and feeds of articles, told apart by their addresses and names."""

from __future__ import annotations

import pytest

from broadsheet.crawler.discovery.comment_feeds import NamingPage, is_comment_feed

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
def test_a_place_of_comments_is_one_on_every_page(path: str) -> None:
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
def test_other_feeds_are_asked_for(path: str) -> None:
    for page in (STORY, ABOUT, HOME):
        assert not is_comment_feed(HOST + path, "The Lantern » Feed", page)


@pytest.mark.parametrize("end", ["feed/", "feed", "feed/atom/", "feed/rss2"])
def test_an_article_s_own_feed_is_that_of_its_comments(end: str) -> None:
    assert is_comment_feed(STORY.url + end, "", STORY)
    assert not is_comment_feed(STORY.url + end, "", ABOUT)
    assert not is_comment_feed(HOME.url + end, "", HOME), "a front page's own feed is the site's"
    other_host = STORY.url.replace("a.example", "b.example")
    assert not is_comment_feed(other_host + end, "", STORY)


def test_a_copy_of_a_site_as_files_is_read_alike() -> None:
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
def test_another_page_s_own_feed_is_one_if_it_says_so(name: str) -> None:
    assert is_comment_feed(f"{ABOUT.url}feed/", name, ABOUT)
    assert not is_comment_feed(f"{ABOUT.url}feed/", "The Lantern » About Feed", ABOUT)
    assert not is_comment_feed(f"{HOST}/news/feed/", name, ABOUT), "its name alone does not say whose it is"
