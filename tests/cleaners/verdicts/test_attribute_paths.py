"""An expression by attributes finds the same elements after it is rewritten, and asks fewer of them."""

from __future__ import annotations

import importlib.util
from itertools import pairwise, product
from types import ModuleType

import pytest
from lxml import etree, html
from trafilatura import xpaths

from cleaners.verdicts.attribute_paths import quick_path
from cleaners.verdicts.extractor import _PATH_LISTS

REGEXP = {"re": "http://exslt.org/regular-expressions"}
TAGS = ("div", "item", "list", "p", "section", "span", "td", "header")
ATTRIBUTES = ("id", "class", "role", "style", "aria-hidden", "data-component", "data-lp-replacement-content", "href")
VALUES = (
    "", "true", "share-box", "navigation", "Nav", "teaser", "Teaser-x", "cookie", "^hide-", "hide-me", "a hidden",
    "display:none", "border", "bottom", "x link", "links", "reply-1", "comments-title", "sidebar", "plain text",
)  # fmt: skip


def every_element() -> etree._Element:
    """A tree with every tag with every attribute with every value, some with two, and each tag bare."""
    root = html.Element("body")
    for tag in TAGS:
        etree.SubElement(root, tag).text = "bare"
        for name, value in product(ATTRIBUTES, VALUES):
            element = etree.SubElement(root, tag, {name: value})
            etree.SubElement(element, tag).text = "inside"
        for one, other in pairwise((*VALUES, *VALUES[::2])):
            etree.SubElement(root, tag, {"class": one, "id": other})
            etree.SubElement(root, tag, {"id": one, "class": other})
    return root


ROOT = every_element()


def path(source: str) -> etree.XPath:
    return etree.XPath(source, namespaces=REGEXP)


@pytest.mark.parametrize(
    "source",
    [
        ".//*[self::div or self::p][re:test(@class, 'share-|nav') or contains(@id, 'nav')]",
        ".//*[@class='comments-title' or starts-with(@id|@class, 'reply-') or re:test(@id|@style, 'hidden')]",
        ".//*[re:test(@class, '^hide-| hidden') or @aria-hidden='true']",
        ".//*[self::div][contains(translate(@id, 'T', 't'), 'teaser')]",
        ".//*[self::span][re:test(@id|@class, '(^|\\s)bottom|bottom(\\s|$)') or contains(@style, 'border')]",
    ],
)
def test_a_path_by_attributes_is_rewritten_and_finds_the_same(source: str) -> None:
    original = path(source)
    quick = quick_path(original)
    assert quick.path != original.path
    assert quick(ROOT) == original(ROOT) != []


@pytest.mark.parametrize(
    "source",
    [
        ".//header",
        ".//*[self::div][not(@class)]",
        ".//*[@class='x' or text()='bare']",
        ".//*[@class][1]",
        ".//*[self::div or @class]",
        ".//*[contains(@class, '')]",
        ".//*[re:test(@class, 'x*')]",
        ".//*[@class='x']|.//cite",
        "(.//*[@class='x'])[1]",
        ".//*[self::div or self::p]",
        ".//*[@class='x'][.//h1]",
    ],
)
def test_a_path_that_may_find_an_element_without_attributes_stays_as_it_is(source: str) -> None:
    original = path(source)
    assert quick_path(original) is original


def test_a_regular_expression_that_fits_no_text_is_asked_everywhere() -> None:
    original = path(".//*[@id='true' and re:test(@class, '^$|nav')]")
    assert quick_path(original)(ROOT) == original(ROOT) != []


def test_the_dearest_paths_of_trafilatura_find_what_they_found_before() -> None:
    untouched = fresh_module("trafilatura.xpaths")
    quick_paths = 0
    for name in _PATH_LISTS:
        for original, quick in zip(getattr(untouched, name), getattr(xpaths, name), strict=True):
            assert quick(ROOT) == original(ROOT) != []
            quick_paths += quick.path != original.path
    assert quick_paths == 4


def fresh_module(name: str) -> ModuleType:
    """A module as it is in its file, beside the one that is imported."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
