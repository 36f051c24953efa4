"""Usual places, the order of fetching, and dates that are too old."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadsheet.cleaners.document import UrlSource
from broadsheet.cleaners.page.canonical_urls import canonicalise
from broadsheet.crawler.discovery.usual_places import fetch_priority, is_named_as, is_too_old, usual_urls

SITE = "https://example.org/"


def test_usual_places():
    sitemaps = ("sitemap.xml", "sitemap_index.xml", "sitemap.txt")
    feeds = ("feed/", "rss.xml", "atom.xml", "index.xml", "feed.xml")
    assert usual_urls("sitemap", "https://example.org/blog/x?y") == tuple(SITE + path for path in sitemaps)
    assert usual_urls("feed", "https://example.org:8443") == tuple(f"https://example.org:8443/{path}" for path in feeds)


@pytest.mark.parametrize("kind", ["sitemap", "feed"])
def test_each_usual_place_is_named_like_one(kind):
    assert all(is_named_as(kind, url) for url in usual_urls(kind, SITE))


@pytest.mark.parametrize(
    ("kind", "path", "is_one"),
    [
        ("sitemap", "maps/sitemap-2024.xml.gz", True),
        ("sitemap", "wp-sitemap.xml", True),
        ("sitemap", "sitemap/", False),
        ("sitemap", "sitemap.html", False),
        ("feed", "news/rss.xml?x=1", True),
        ("feed", "de/rss", True),
        ("feed", "feed/", True),
        ("feed", "news.rss", True),
        ("feed", "feed/the-pigeons", False),
        ("feed", "feedback", False),
        ("feed", "sitemap.xml", False),
    ],
)
def test_a_name_tells(kind, path, is_one):
    assert is_named_as(kind, SITE + path) is is_one


ARTICLES = [
    "2024/05/07/bridge-closed", "2024/05/bridge", "2011/evangelios", "news/2023-10-16-porto-em-solidariedade",
    "archive/2024/05/07/bridge", "blog/why-the-bridge-closed", "articles/why_the_bridge_closed/", "148/moen.html",
    "news/123456", "story-a12345", "?p=1234", "index.php?id=77", "أخبار/رئيس-الوزراء-يفتتح",
]  # fmt: skip
LISTS = [
    "tag/some-long-tag-name", "category/politics/", "author/jane-q-doe", "schlagwort/stadt", "etiquetas/agua/",
    "وسم/ماء", "search/", "archive/",
]  # fmt: skip
DEEP = [
    "page/2/", "news?page=3", "category/politics/page/7", "2024/", "2024/05/", "2024/05/07", "?s=word",
    "list-page-4.html", "calendar/?month=2", "2024/05.html",
]  # fmt: skip
UNKNOWN = ["", "about", "news/", "blog/bridge/"]
COPIES = [
    "index.html", "en/index.html", "2024/index.html", "story/amp/", "story?amp", "story?noamp=1", "story?print=1",
    "story/print/", "index.php?tmpl=component&id=3",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (path, rank)
        for paths, rank in ((ARTICLES, 60), (UNKNOWN, 40), (LISTS, 20), (DEEP, 10), (COPIES, 1))
        for path in paths
    ],
)
def test_priority(path, expected):
    url = canonicalise(path or "/", SITE)
    assert fetch_priority(url, "link") == expected


def test_how_it_was_found_counts():
    assert {source.value: fetch_priority(SITE + "about", source) for source in UrlSource} == {
        "seed": 140, "robots": 130, "single_page": 70, "feed": 48, "sitemap": 45, "redirect": 45, "canonical": 45,
        **dict.fromkeys(("link", "next", "guess", "archive", "image", "style"), 40),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("when", "old"),
    [
        ("2024-05-06", True),
        ("2024-05-07", False),
        ("2024-05-06T09:59:59Z", True),
        ("2024-05-06T10:00:00Z", False),  # the 7th where the day begins first: which zone is the publisher's is unknown
        ("2024-05-06T23:30:00-02:00", True),  # the 6th there
        ("2024-05-07T00:30:00+02:00", False),  # the 7th there
        ("9999-12-31T23:00:00Z", False),
        ("2024-04", True),
        ("2024-05", False),
        ("2023", True),
        ("2024", False),
        ("Mon, 06 May 2024 08:00:00 GMT", True),
        ("Mon, 06 May 2024 10:00:00 GMT", False),
        ("Tue, 07 May 2024 10:00:00 +0200", False),
        (" 2024-05-06 ", True),
        ("Mon, 01 Jan 0001 00:00:00 +0000", True),
        ("", False),
        ("yesterday", False),
        ("2024-13", False),
    ],
)
def test_too_old(when, old):
    assert is_too_old(when, date(2024, 5, 7)) is old


def test_the_last_day_of_a_leap_february_counts():
    assert not is_too_old("2024-02", date(2024, 2, 29))
    assert is_too_old("2024-02", date(2024, 3, 1))


@pytest.mark.slow
@given(st.text(max_size=40))
def test_any_text_is_a_date_or_none(text):
    assert is_too_old(text, date(2024, 1, 1)) in (True, False)


@pytest.mark.parametrize(
    ("text", "priority"),
    [("", 40), ("The council counts boats", 40), ("The council counts its boats", 50), ("東京の港に新しい橋がか", 40),
     ("東京の港に新しい橋がかか", 50)],
)  # fmt: skip
def test_a_headline_for_a_link_makes_an_unclear_url_sooner(text, priority):
    assert fetch_priority(SITE + "a1", "link", text) == priority
    assert fetch_priority(SITE + "2024/05/a-story-of-boats", "link", text) == 60
