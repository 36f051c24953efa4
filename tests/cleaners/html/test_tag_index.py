"""A tree walked once gives what the tree gives."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.html.decode import parse
from broadsheet.cleaners.html.tag_index import TagIndex, index_tags

PAGE = """<html><head><title>t</title><meta name="a"><base href="/b"></head><body class="x">
<article itemtype="https://schema.org/Article"><a href="1">one</a><img src="i"><p>text</p><a href="2">two</a>
<form><input type="password"></form></article><noscript>no</noscript><!-- not an element --></body></html>"""


def page_index() -> TagIndex:
    tree = parse(PAGE)
    assert tree is not None
    return TagIndex(tree)


@pytest.mark.parametrize(
    "tags", [("a",), ("meta", "base", "a"), ("img", "input", "title"), ("p",), ("a", "p"), ("iframe",), ("nosuch",)]
)
def test_elements_come_as_from_the_tree(tags: tuple[str, ...]) -> None:
    index = page_index()
    assert list(index.iter(*tags)) == list(index.tree.iter(*tags))
    assert list(index.iter(*tags)) == list(index.tree.iter(*tags)), "a second time"


def test_typed_elements_are_those_of_microdata() -> None:
    assert [element.tag for element in page_index().typed_elements] == ["article"]


def test_what_is_walked_stays() -> None:
    index = page_index()
    assert index_tags(index) is index
    assert index_tags(index.tree) is not index
