"""Bounds of what is a picture of an article: a pair of values around each, as numbers."""

from __future__ import annotations

import pytest
from lxml.html import fromstring

from broadsheet.cleaners.page.page_images import _is_address, _is_credit, _is_small, _is_teaser, _short_text


@pytest.mark.parametrize(
    ("attributes", "is_small"),
    [
        ('width="60"', True),
        ('width="61"', False),
        ('height="60px"', True),
        ('height="61px"', False),
        ('width="600" height="60"', True),
        ("", False),
    ],
)
def test_an_icon(attributes: str, is_small: bool) -> None:
    assert _is_small(fromstring(f"<img src='a.png' {attributes}>")) is is_small


@pytest.mark.parametrize(
    ("text", "is_teaser"),
    [("one two", False), ("one two three", True), ("<figcaption>one two three</figcaption>", False)],
)
def test_a_link_to_another_article(text: str, is_teaser: bool) -> None:
    assert _is_teaser(fromstring(f"<div><a href='/b'><img src='a.png'>{text}</a></div>").find(".//img")) is is_teaser
    assert not _is_teaser(fromstring(f"<div><img src='a.png'>{text}</div>").find(".//img"))


@pytest.mark.parametrize(("length", "is_one"), [(4_000, True), (4_001, False)])
def test_an_address(length: int, is_one: bool) -> None:
    assert _is_address("https://a.test/".ljust(length, "x")) is is_one


@pytest.mark.parametrize(("length", "kept"), [(1_500, 1_500), (1_501, 0)])
def test_a_text(length: int, kept: int) -> None:
    assert len(_short_text("x" * length)) == kept


@pytest.mark.parametrize(("before", "is_credit"), [(33, True), (34, True), (35, False)])
def test_the_colon_of_a_label(before: int, is_credit: bool) -> None:
    assert _is_credit("Photo " + "x" * (before - 1) + ": Ana Sol") is is_credit
