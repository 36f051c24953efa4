from __future__ import annotations

import pytest

from broadsheet.output.collections.dataset_rows import TakedownList


@pytest.mark.parametrize(
    ("url", "is_named"),
    [
        ("https://a.example/1", True),
        ("https://a.example/1?x", False),
        ("https://b.example/in/any/way", True),
        ("https://b.example/other", False),
        ("https://c.example/[x]?y", True),
        ("https://c.example/x", False),
        (None, False),
    ],
)
def test_urls_and_patterns_are_known(url: str | None, is_named: bool) -> None:
    patterns = ["https://a.example/1", "https://b.example/in/*", "https://c.example/[x]?*"]
    assert TakedownList.of(patterns).names(url) is is_named


def test_the_digest_is_of_what_was_taken_down_in_any_order() -> None:
    assert TakedownList.of(["a", "b"]).digest == TakedownList.of(["b", "a", "a"]).digest
    assert TakedownList.of(["a"]).digest != TakedownList.of([]).digest
    assert not TakedownList.of([]).names("a")
