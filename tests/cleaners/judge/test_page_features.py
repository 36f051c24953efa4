"""Features and signs of a page: what each statement, heading, link and part of the markup makes of them."""

from __future__ import annotations

from math import log1p

import pytest

from broadsheet.cleaners.document import BlockKind
from broadsheet.cleaners.judge.page_features import PageFeatures, is_headline
from tests.bench.verdicts import read_features
from tests.cleaners.building import block

URL = "https://a.example/news/mill"
LD = '<script type="application/ld+json">{"@type": "%s"%s}</script>'


def page(body: str, url: str = URL) -> PageFeatures:
    found = read_features(url, f"<html>{body}</html>".encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<meta property="og:type" content="Article">', True),
        ('<meta property="og:type" content="news">', True),
        ('<meta property="og:type" content="blog-post">', True),
        ('<meta property="og:type" content="website">', False),
        ('<meta name="og:type" content="article">', True),
        ('<meta property="article:published_time" content="">', True),
        (LD % ("NewsArticle", ', "headline": "x"'), True),
        (LD % ("NewsArticle", ', "datePublished": "2024"'), True),
        (LD % ("NewsArticle", ""), False),
        (LD % ("Product", ', "headline": "x"'), False),
        ('<div itemscope itemtype="https://schema.org/Article">x</div>', True),
        ('<main itemscope itemtype="https://schema.org/NewsArticle">x</main>', True),
        ('<div itemscope itemtype="https://schema.org/BlogPosting">x</div>', True),
        ('<div itemscope itemtype="https://schema.org/Article">x</div>' * 2, False),
        ('<span itemscope itemtype="https://schema.org/Article">x</span>', False),
        ('<div itemscope itemtype="https://schema.org/Thing">x</div>', False),
    ],
)
def test_a_page_states_that_it_is_an_article(markup, expected):
    assert page(f"<body>{markup}<p>Text.").states_article is expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        *((LD % (kind, ""), True) for kind in ("CollectionPage", "ItemList", "SearchResultsPage", "Blog")),
        *((LD % (kind, ""), True) for kind in ("ProfilePage", "OfferCatalog")),
        ('<meta property="og:type" content="profile">', True),
        ('<meta property="og:type" content="article">', False),
    ],
)
def test_a_page_states_that_it_is_a_list(markup, expected):
    assert page(f"<body>{markup}<p>Text.").states_listing is expected


@pytest.mark.parametrize(("value", "expected"), [("false", True), ('"False"', True), ("true", False), ('"no"', False)])
def test_a_page_states_that_it_is_not_free(value, expected):
    statement = LD % ("NewsArticle", f', "isAccessibleForFree": {value}')
    assert page(f"<body>{statement}<p>Text.").is_paywalled is expected


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ('<body class="Single post">', "body_classes", {"single", "post"}),
        ("<h1>A b</h1><h1>C d</h1><h2>E f</h2>", "h1_count", 2),
        ("<article><p>x</p></article><article><article>y</article></article>", "article_count", 2),
        ("<aside><article>x</article></aside><nav><article>y</article></nav>", "article_count", 0),
        ("<footer><article>x</article></footer><article>y</article>", "article_count", 1),
        ("<script>1</script><script src='a'></script><p>x", "script_count", 2),
        ("<img src=a><img src=b><p>x", "image_count", 2),
        ("<input type=PASSWORD><p>x", "asks_password", True),
        ("<input type=text><p>x", "asks_password", False),
        ('<meta property="og:type" content="video.movie"><p>x', "states_gallery", True),
        ('<meta property="og:type" content="music.song"><p>x', "states_gallery", False),
        ('<div class="h-captcha HCaptcha-box"><p>x', "captcha_markup", "hcaptcha"),
        ('<form action="/cdn-cgi/challenge-platform"><p>x', "captcha_markup", "/cdn-cgi/challenge-platform"),
        ('<div title="hcaptcha"><p>x', "captcha_markup", ""),
    ],
)  # fmt: skip
def test_each_feature_is_read_from_the_markup(body, name, value):
    assert getattr(page(body), name) == value


@pytest.mark.parametrize(
    ("path", "static_name", "gallery_path"),
    [
        ("/about", "about", ""),
        ("/about.html", "about", ""),
        ("/about/index.html", "about", ""),
        ("/about/us", "", ""),
        ("/About/", "about", ""),
        ("/about/amp/", "about", ""),
        ("/om-os", "om-os", ""),
        ("/__trashed-2/", "__trashed", ""),
        ("/the-mill__trashed-2/", "", ""),
        ("/news/gallery/mill", "", "gallery"),
        ("/gallery-of-mills", "", ""),
        ("/?page_id=3", "privacy-policy", ""),
    ],
)
def test_the_path_names_a_page_of_every_site_or_a_gallery(path, static_name, gallery_path):
    canonical = "<link rel=canonical href='/privacy-policy/'>" if "?" in path else ""
    found = page(f"<head>{canonical}</head><p>Text.", f"https://a.example{path}")
    assert (found.static_name, found.gallery_path) == (static_name, gallery_path)


TARGET = "[The mill burned down](https://a.example/other)"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"kind": BlockKind.PARAGRAPH}, False),
        ({"link_chars": 16}, True),
        ({"link_chars": 15}, False),
        ({"landmarks": frozenset({"nav"})}, False),
        ({"landmarks": frozenset({"footer"})}, False),
        ({"landmarks": frozenset({"main"})}, True),
        ({"text": "The mill", "link_chars": 8}, False),
        ({"text": "The mill burns", "link_chars": 14}, True),
        ({"markdown": "The mill burned down"}, False),
        ({"markdown": "[x](https://b.example/other)"}, False),
        ({"markdown": "[x](https://a.example/news/mill#more)"}, False),
        ({"markdown": "[x](https://[broken/other)"}, False),
    ],
)
def test_a_headline_is_a_heading_that_links_to_another_page_of_the_host(changes, expected):
    """Four fifths of it, of three words at least, outside navigation."""
    values = {"text": "The mill burned down", "link_chars": 20, "kind": BlockKind.HEADING, "markdown": TARGET} | changes
    assert is_headline(block(0, **values), URL) is expected


@pytest.mark.parametrize(("words", "is_read"), [(119, True), (120, False)])
def test_phrases_are_looked_for_on_pages_of_fewer_than_a_hundred_and_twenty_words(words, is_read):
    text = " ".join(["word"] * (words - 10))
    found = page(f"<body><noscript>Enable scripts</noscript><h1>The mill</h1><p>{text}</p><p>{'word ' * 8}")
    assert found.visible_words == words
    assert bool(found.noscript_text) is is_read


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ('<div itemscope itemtype="https://schema.org/Product">x', "type_product", 1),
        ('<div itemscope itemtype="Product">x', "type_product", 1),
        ('<div itemscope>x', "type_product", 0),
        ('<script type="application/ld+json">{"@type": ["Product", "Offer"]}</script>x', "type_product", 2),
        ('<script type="application/ld+json">[{"@type": "Offer"}, {"@type": "Offer"}, {"@type": "Offer"}, '
         '{"@type": "Offer"}]</script>x', "type_product", 3),
        ('<body class="Discourse">x', "system_forum", 1),
        ('<div class="discourse">x', "system_forum", 0),
        ('<meta name="generator" content="Sphinx 7.2">x', "system_document", 1),
        ('<meta property="og:type" content="Article">x', "og_article", 1),
        ('<meta property="og:type" content="website">x', "og_article", 0),
        ('<meta property="og:type" content="og:product">x', "og_product", 1),
        ('<meta property="product:price:amount" content="3">x', "og_product", 1),
        ('<meta property="og:type" content="article">x', "og_product", 0),
        ('<title>One two three</title>x', "title_words", 3),
        ('<meta property="article:published_time" content="2024-05-03">x', "published", 1),
        ("x", "published", 0),
        ("<article>x</article><button>y</button><button>z</button>", "n_button", log1p(2)),
        ("<form></form><img><input><input><script></script>x", "n_input", log1p(2)),
    ],
)  # fmt: skip
def test_statements_and_elements_are_counted(body, name, value):
    assert page(body).signs[name] == pytest.approx(value)
