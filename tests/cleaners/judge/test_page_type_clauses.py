"""Each clause of the tests of a page's type: a page that just meets them all, and for each clause one that misses it.

Bounds are written as numbers on both sides, not taken from the module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.judge.hashed_words import PageWords
from broadsheet.cleaners.judge.page_features import PageFeatures
from broadsheet.cleaners.judge.page_type import PAGE_KINDS, page_verdict
from broadsheet.cleaners.page.url_shapes import UrlShape

Changes = dict[str, Any]

PLAIN: Changes = {
    "url": "http://site.example/mill", "http_status": 200, "url_shape": UrlShape.UNKNOWN, "states_article": False,
    "states_listing": False, "is_paywalled": False, "has_noindex": False, "body_classes": frozenset(), "h1_count": 0,
    "has_own_heading": False, "headline_count": 0, "article_count": 0, "kept_words": 150, "kept_prose_blocks": 0,
    "kept_link_share": 0.0, "page_link_share": 0.0, "static_name": "", "static_hint": "", "listed_words": 0,
    "visible_words": 500, "script_count": 0, "title": "the mill", "head_text": "", "noscript_text": "",
    "tail_text": "", "has_date": False, "states_gallery": False, "image_count": 0, "gallery_path": "",
    "captcha_markup": "", "asks_password": False, "words": cast(PageWords, None), "signs": {"slug_words": 0},
}  # fmt: skip
"""A page of which nothing is known but that it has text."""

DATED_PATH = {"url": "http://site.example/2024/05/12/mill"}
DAY = {"url": "http://site.example/diary/2024/05/12/"}
SLUG = {"signs": {"slug_words": 4}}
OWN_HEADING = {"has_own_heading": True, "h1_count": 1}
BARE = {"kept_words": 59, "visible_words": 119}
NOT_BARE: list[Changes] = [{"kept_words": 60}, {"visible_words": 120}]
LONG_TITLE = "page not found: so he said …."  # the phrase is a little less than half of it
ARCHIVE = {"body_classes": frozenset({"archive"})}

CASES: dict[str, tuple[PageType, Changes, list[Changes]]] = {
    "captcha title": (
        PageType.CAPTCHA,
        BARE | {"title": "just a moment"},
        [*NOT_BARE, {"title": ""}, {"states_article": True}],
    ),
    "captcha text": (PageType.CAPTCHA, BARE | {"head_text": "are you human"}, NOT_BARE),
    "captcha noscript": (PageType.CAPTCHA, BARE | {"noscript_text": "not a robot"}, NOT_BARE),
    "captcha markup": (
        PageType.CAPTCHA,
        {"kept_words": 24, "visible_words": 24, "captcha_markup": "hcaptcha"},
        [{"visible_words": 25}, {"captcha_markup": ""}, {"states_article": True}],
    ),
    "scripts by phrase": (
        PageType.NEEDS_JAVASCRIPT,
        {"kept_words": 24, "visible_words": 59, "script_count": 1, "noscript_text": "enable javascript"},
        [{"kept_words": 25}, {"visible_words": 60}, {"script_count": 0}, {"noscript_text": ""}],
    ),
    "scripts by number": (
        PageType.NEEDS_JAVASCRIPT,
        {"kept_words": 7, "visible_words": 24, "script_count": 3},
        [
            {"kept_words": 8}, {"visible_words": 25}, {"script_count": 2}, {"has_own_heading": True},
            {"picture_count": 1},
        ],
    ),
    "empty": (PageType.EMPTY, {"kept_words": 0, "visible_words": 0}, [{"visible_words": 1}]),
    "not found by title": (
        PageType.SOFT_404,
        {"kept_words": 119, "title": LONG_TITLE},
        [
            {"kept_words": 120}, {"title": ""}, {"has_date": True, "states_article": True},
            {"has_date": True, "kept_prose_blocks": 1},
        ],
    ),
    "not found by title, with a date but no prose": (
        PageType.SOFT_404,
        {"kept_words": 119, "title": LONG_TITLE, "has_date": True},
        [{"states_article": True}, {"kept_prose_blocks": 1}],
    ),
    "not found by half of a title": (
        PageType.SOFT_404,
        {"kept_words": 119, "title": LONG_TITLE[:28], "has_date": True, "states_article": True},
        [{"title": LONG_TITLE[:29]}],
    ),
    "not found by text": (
        PageType.SOFT_404,
        {"kept_words": 59, "head_text": "nothing was found", "kept_prose_blocks": 1},
        [{"kept_words": 60}, {"head_text": ""}, {"has_date": True}],
    ),
    "error by text": (
        PageType.ERROR,
        BARE | {"head_text": "internal server error", "kept_prose_blocks": 1},
        [*NOT_BARE, {"head_text": ""}, {"has_date": True}],
    ),
    "error by title": (PageType.ERROR, BARE | {"title": "bad gateway"}, [*NOT_BARE, {"title": ""}]),
    "wall by text": (
        PageType.WALL,
        BARE | {"head_text": "please log in"},
        [*NOT_BARE, {"has_own_heading": True}, {"head_text": ""}],
    ),
    "wall by text and password": (
        PageType.WALL,
        BARE | {"head_text": "please log in", "has_own_heading": True, "asks_password": True},
        [*NOT_BARE, {"asks_password": False}],
    ),
    "wall by an offer": (
        PageType.WALL,
        {"lone_paywall": "subscribe to read", "headline_count": 2},
        [{"lone_paywall": ""}, {"headline_count": 3}],
    ),
    "refresh": (PageType.OTHER, BARE | {"refresh_url": "http://site.example/"}, [*NOT_BARE, {"refresh_url": ""}]),
    "wall by title": (
        PageType.WALL,
        {"kept_words": 59, "title": "access denied", "has_own_heading": True},
        [{"kept_words": 60}, {"title": ""}],
    ),
    "wall by password": (
        PageType.WALL,
        {"kept_words": 59, "visible_words": 59, "asks_password": True},
        [{"visible_words": 60}, {"asks_password": False}, {"states_article": True}],
    ),
    "static": (
        PageType.OTHER,
        {"static_name": "about", "headline_count": 5},
        [{"static_name": ""}, {"headline_count": 6}, DATED_PATH],
    ),
    "static by a hint": (
        PageType.OTHER,
        {"static_hint": "our-mission", "chance": 0.79},
        [{"static_hint": ""}, {"chance": 0.81}, DATED_PATH],
    ),
    "page of a publishing system": (
        PageType.OTHER,
        {"body_classes": frozenset({"page", "page-id-7"}), "chance": 0.79},
        [
            {"body_classes": frozenset({"page"})}, {"body_classes": frozenset({"page-id-7"})}, {"has_date": True},
            {"states_article": True}, {"chance": 0.81},
        ],
    ),
    "attachment": (PageType.GALLERY, {"body_classes": frozenset({"attachment"})}, [{"body_classes": frozenset()}]),
    "list by class": (
        PageType.LIST,
        ARCHIVE | {"kept_words": 249},
        [
            {"body_classes": frozenset()}, {"states_article": True}, {"url_shape": UrlShape.ARTICLE}, OWN_HEADING,
            {"kept_words": 250},
        ],
    ),
    "list of long text with links": (
        PageType.LIST,
        ARCHIVE | {"kept_words": 250, "kept_link_share": 0.25},
        [{"kept_link_share": 0.24}],
    ),
    "list of long text that is listed": (
        PageType.LIST,
        ARCHIVE | {"kept_words": 250, "listed_words": 1},
        [{"listed_words": 0}],
    ),
    "list with two headings": (PageType.LIST, ARCHIVE | OWN_HEADING | {"h1_count": 2}, [{"h1_count": 1}]),
    "list with another heading": (PageType.LIST, ARCHIVE | OWN_HEADING | {"has_own_heading": False}, [OWN_HEADING]),
    "list by articles": (
        PageType.LIST,
        {"states_listing": True, "article_count": 3},
        [{"states_listing": False}, {"article_count": 2}],
    ),
    "list by headlines": (PageType.LIST, {"headline_count": 8}, [{"headline_count": 7}]),
    "list by headlines and statement": (
        PageType.LIST,
        {"headline_count": 4, "states_listing": True},
        [{"headline_count": 3}, {"states_listing": False}],
    ),
    "list by listed words": (
        PageType.LIST,
        {"kept_words": 100, "listed_words": 51, "headline_count": 2},
        [{"listed_words": 50}, {"headline_count": 1}],
    ),
    "list by links": (PageType.LIST, {"kept_link_share": 0.51}, [{"kept_link_share": 0.5}]),
    "list by a page's links": (
        PageType.LIST,
        {"page_link_share": 0.61, "kept_words": 24, "kept_link_share": 0.31, "visible_words": 500, "chance": 0.7},
        [{"page_link_share": 0.6}, {"kept_words": 25}],
    ),
    "list by a page's links and statement": (
        PageType.LIST,
        {"page_link_share": 0.61, "kept_words": 60, "kept_link_share": 0.31, "states_listing": True},
        [{"page_link_share": 0.6}, {"kept_link_share": 0.3}, {"states_listing": False}],
    ),
    "list by a page's links and few words": (
        PageType.LIST,
        {"page_link_share": 0.61, "kept_words": 59, "states_listing": True},
        [{"kept_words": 60}],
    ),
    "list by a home's address": (PageType.LIST, {"url_shape": UrlShape.HOME} | SLUG, [{"url_shape": UrlShape.UNKNOWN}]),
    "list by address, of few words": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "kept_words": 59} | SLUG,
        [{"kept_words": 60}],
    ),
    "list by address, without a headline in it": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "signs": {"slug_words": 3}},
        [SLUG],
    ),
    "list by address, of no plain kind": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "chance": 0.49, "others": "spread"} | SLUG,
        [{"chance": 0.51}],
    ),
    "list by address and statement": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "states_listing": True} | SLUG,
        [{"states_listing": False}],
    ),
    "list by address, by its signs too": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "chance": 0.3} | SLUG,
        [{"others": "forum"}],
    ),
    "list by address, of a service": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "chance": 0.3, "others": "service"} | SLUG,
        [{"others": "document"}],
    ),
    "list by a day's address": (
        PageType.LIST,
        DAY | {"url_shape": UrlShape.DEEP_LIST, "kept_words": 59},
        [{"kept_words": 60}],
    ),
    "list by a day's address with headlines": (
        PageType.LIST,
        DAY | {"url_shape": UrlShape.DEEP_LIST, "headline_count": 1},
        [{"headline_count": 0}],
    ),
    "list by a deep address": (PageType.LIST, {"url_shape": UrlShape.DEEP_LIST}, [DAY]),
    "list by a day's address and its signs": (
        PageType.LIST,
        DAY | {"url_shape": UrlShape.DEEP_LIST, "chance": 0.45, "others": "list"},
        [{"chance": 0.55}],
    ),
    "list by links, under no heading of its own": (
        PageType.LIST,
        {"kept_link_share": 0.51, "chance": 0.95},
        [{"has_own_heading": True, "h1_count": 2}],
    ),
    "list by links, not plainly an article": (
        PageType.LIST,
        {"kept_link_share": 0.51, "has_own_heading": True, "chance": 0.89},
        [{"chance": 0.91}],
    ),
    "pictures": (PageType.GALLERY, {"picture_count": 1}, [{"picture_count": 0}]),
    "gallery by statement": (
        PageType.GALLERY,
        {"states_gallery": True, "kept_words": 119},
        [{"states_gallery": False}, {"kept_words": 120}, {"states_article": True}],
    ),
    "gallery that states an article": (
        PageType.GALLERY,
        {"states_gallery": True, "states_article": True, "kept_words": 59},
        [{"kept_words": 60}, {"states_gallery": False}],
    ),
    "gallery by path and images": (
        PageType.GALLERY,
        {"gallery_path": "video", "image_count": 8, "kept_words": 119, "has_date": True},
        [{"gallery_path": ""}, {"image_count": 7}, {"kept_words": 120}, {"kept_prose_blocks": 1}],
    ),
    "gallery by path and images, without a date": (
        PageType.GALLERY,
        {"gallery_path": "video", "image_count": 8, "kept_words": 59, "kept_prose_blocks": 1},
        [{"states_article": True}, {"has_date": True}],
    ),
    "list by signs": (PageType.LIST, {"chance": 0.119}, [{"chance": 0.121}, {"is_paywalled": True}]),
    "document by signs": (PageType.DOCUMENT, {"chance": 0.149, "others": "document"}, [{"chance": 0.151}]),
    "forum by signs": (PageType.FORUM, {"chance": 0.159, "others": "forum"}, [{"chance": 0.161}]),
    "product by signs": (PageType.PRODUCT, {"chance": 0.159, "others": "product"}, [{"chance": 0.161}]),
    "service by signs": (PageType.OTHER, {"chance": 0.119, "others": "service"}, [{"chance": 0.121}]),
    "few words by signs": (PageType.LIST, {"chance": 0.29, "kept_words": 29}, [{"chance": 0.31}, {"kept_words": 30}]),
    "hardly a word": (PageType.OTHER, {"kept_words": 2, "states_article": True}, [{"kept_words": 3}]),
    "hardly any words": (
        PageType.OTHER,
        {"kept_words": 7, "chance": 0.79},
        [{"kept_words": 8}, {"chance": 0.81}, {"states_article": True}, {"kept_prose_blocks": 1}],
    ),
    "hardly any words, plainly an article": (PageType.OTHER, {"kept_words": 5, "chance": 0.81}, [{"kept_words": 6}]),
    "teaser by phrase": (
        PageType.TEASER,
        {"tail_text": "already a subscriber?", "kept_words": 249},
        [{"tail_text": ""}, {"kept_words": 250}],
    ),
    "teaser by phrase and statement": (
        PageType.TEASER,
        {"tail_text": "already a subscriber?", "kept_words": 250, "is_paywalled": True},
        [{"is_paywalled": False}, {"tail_text": ""}],
    ),
    "teaser by statement": (
        PageType.TEASER,
        {"kept_words": 149, "is_paywalled": True},
        [{"kept_words": 150}, {"is_paywalled": False}],
    ),
}  # fmt: skip
"""By name the type, what differs from a plain page, and changes each of which makes it another type."""


def type_of(changes: Changes) -> PageType:
    """The type of a plain page with changes; `chance` is that of an article (0.95), the rest is that of `others`."""
    features = PLAIN | changes
    chance, others = features.pop("chance", 0.95), features.pop("others", "list")
    rest = dict.fromkeys(PAGE_KINDS[1:], (1 - chance) / 5) if others == "spread" else {others: 1 - chance}
    shares = np.array([chance if kind == "article" else rest.get(kind, 1e-9) for kind in PAGE_KINDS])
    return page_verdict(PageFeatures(**features), (np.log(shares), {})).page_type


def misses() -> Iterator[Any]:
    """Each clause that a page misses, as a case of its own."""
    for name, (kind, changes, wanting) in CASES.items():
        for miss in wanting:
            yield pytest.param(kind, changes | miss, id=f"{name}: {', '.join(miss)}")


def test_a_plain_page_with_text_is_an_article() -> None:
    assert type_of({}) is PageType.ARTICLE


@pytest.mark.parametrize("name", CASES)
def test_a_page_that_just_meets_each_clause_is_of_that_type(name: str) -> None:
    kind, changes, _ = CASES[name]
    assert type_of(changes) is kind


@pytest.mark.parametrize(("kind", "changes"), list(misses()))
def test_a_page_that_misses_one_clause_is_of_another_type(kind: PageType, changes: Changes) -> None:
    assert type_of(changes) is not kind
