"""Bounds of tags: a pair of values around each, as numbers."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.page.metadata_fields import _distinct_tags


@pytest.mark.parametrize(("count", "kept"), [(49, 49), (50, 50), (51, 50)])
def test_tags_of_an_article(count: int, kept: int) -> None:
    tags = [f"tag {number}" for number in range(count)]
    assert _distinct_tags([", ".join(tags)]) == tuple(tags[:kept])


@pytest.mark.parametrize(("length", "is_kept"), [(1, True), (80, True), (81, False)])
def test_characters_of_a_tag(length: int, is_kept: bool) -> None:
    assert _distinct_tags(["x" * length]) == (("x" * length,) if is_kept else ())


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a,b;c،d、e", ("a", "b", "c", "d", "e")),
        (' #Harbour , "Ferry\'s" ', ("Harbour", "Ferry's")),
        ("Harbour,harbour, HARBOUR", ("Harbour",)),
        (",,", ()),
        ("https://a.test/tag, b", ("b",)),
    ],
)
def test_a_list_of_tags(text: str, tags: tuple[str, ...]) -> None:
    assert _distinct_tags([text]) == tags
