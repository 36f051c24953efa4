"""Which URLs are alike."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.urls.pattern import patterns_of, sort_parameters

HOST = "https://a.example"


@pytest.mark.parametrize(
    ("path", "narrow", "wide"),
    [
        ("/", "/", "*/"),
        ("/news/2024/05/12/the-mill-burned", "/news/#/#/#/slug", "*/word/#/#/#/slug"),
        ("/de/news/mill.html", "/de/news/word.html", "*/word/word/word.html"),
        ("/tag/mills", "/tag/word", "*/tag/word"),
        ("/?p=12", "/?p", "*/?*"),
        ("/shop?b=1&A=2&f%5B0%5D=3&f[1]=4", "/word?a&b&f", "*/word?*"),
        ("/0123456789abcdef/mill", "/id/word", "*/id/word"),
        ("/the-mill-burned-down/photos", "/slug/word", "*/slug/word"),
        ("/2031/05/", "/#/#", "*/#/#"),
        ("/%E6%A0%87%E7%AD%BE/x", "/标签/word", "*/标签/word"),
    ],
)
def test_a_url_has_two_patterns(path: str, narrow: str, wide: str) -> None:
    patterns = patterns_of(HOST + path)
    assert (patterns.narrow, patterns.wide) == (narrow, wide)


def test_what_is_no_url_has_no_pattern() -> None:
    assert patterns_of("http://[").narrow == ""


def test_a_path_without_end_has_a_short_pattern() -> None:
    assert patterns_of(HOST + "/a" * 400) == patterns_of(HOST + "/a" * 300)


def test_the_order_of_parameters_does_not_tell_urls_apart_unless_a_name_comes_twice() -> None:
    assert sort_parameters(HOST + "/?b=2&a=1") == sort_parameters(HOST + "/?a=1&b=2") == HOST + "/?a=1&b=2"
    assert sort_parameters(HOST + "/?a=1") == sort_parameters(HOST + "/?a=1&a=2") == ""


def test_the_names_of_parameters_count_by_their_first_forty_characters() -> None:
    name = "x" * 39
    assert patterns_of(f"{HOST}/?{name}ab=1") == patterns_of(f"{HOST}/?{name}ac=1")
    assert patterns_of(f"{HOST}/?{name}a=1") != patterns_of(f"{HOST}/?{name}b=1")
