"""Which URLs are alike, and what a URL alone says about its page."""

import pytest

from broadsheet.cleaners.page.url_shapes import (
    UrlShape,
    has_dated_path,
    is_section,
    names_a_day,
    patterns_of,
    shape_of,
    sort_parameters,
)

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
        ("/A" * 12, "/a" + "/word" * 11, "*" + "/word" * 12),
        ("/A" * 13, "/a" + "/word" * 11 + "/…", "*" + "/word" * 12 + "/…"),
        ("/?a&b&c&d&e&f&g&h&i&j&k&l&m", "/?a&b&c&d&e&f&g&h&i&j&k&l", "*/?*"),
    ],
)
def test_a_url_has_two_patterns(path, narrow, wide):
    patterns = patterns_of(HOST + path)
    assert (patterns.narrow, patterns.wide) == (narrow, wide)


def test_the_order_of_parameters_does_not_tell_urls_apart_unless_a_name_comes_twice():
    assert sort_parameters(HOST + "/?b=2&a=1") == sort_parameters(HOST + "/?a=1&b=2") == HOST + "/?a=1&b=2"
    assert sort_parameters(HOST + "/") == sort_parameters(HOST + "/?a=1") == sort_parameters(HOST + "/?a=1&a=2") == ""


def test_the_names_of_parameters_count_by_their_first_forty_characters():
    name = "x" * 39
    assert patterns_of(f"{HOST}/?{name}ab=1") == patterns_of(f"{HOST}/?{name}ac=1")
    assert patterns_of(f"{HOST}/?{name}a=1") != patterns_of(f"{HOST}/?{name}b=1")


PATHS = {
    UrlShape.HOME: ["", "/", "/index.html"],
    UrlShape.UNKNOWN: "/es/index.php /en/index.html /news/mill /about-us /start/".split(),
    UrlShape.ARTICLE: [
        *"/2024/05/the-mill-burned /2024/05/12/mill /2024/05/12/mill.html /2024/05/mill/index.html".split(),
        *"/news/the-mill-burned-down /news/the-mill-burned/index.html /news/story.html /item/12345".split(),
        *"/?p=123 /view?id=9 /index.php?id=77 /es/index.php?id=77 /archives/000123.html".split(),
    ],
    UrlShape.LIST: [
        *"/tag/mills /TAG/Mills /tag/mills/index.html /etiqueta/molinos/ /author/the-mill-burned-down".split(),
        *"/%E6%A0%87%E7%AD%BE/x /news /news/index.php /archives/ /authors/000123.html".split(),
    ],
    UrlShape.DEEP_LIST: [
        *"/2024/05/ /2024 /2024/05/index.html /2024/05.html /2024/05/12.php /2004_05_01_archive.html".split(),
        *"/archives/2004_05.html /news/page/2 /nachrichten/seite-2 /?s=mill /?S= /news?page=3".split(),
        *"/author/ann/page/2/index.html /index.php?page=2".split(),
    ],
}


@pytest.mark.parametrize(("shape", "path"), [(shape, path) for shape, paths in PATHS.items() for path in paths])
def test_a_url_has_a_shape(shape, path):
    assert shape_of(HOST + path) is shape
    assert (shape_of("http://["), patterns_of("http://[").narrow) == (UrlShape.UNKNOWN, "")


@pytest.mark.parametrize(
    ("path", "section"), [("/news/", True), ("/es/noticias", True), ("/TAG/news", False), ("/news/a-b-c", False)]
)
def test_a_section_is_a_list_by_its_name_alone(path, section):
    assert is_section(HOST + path) is section


@pytest.mark.parametrize("path", ["/2024/05/12", "/2024-05-12.html", "/diary/2024/5/12/INDEX.html"])
def test_a_day_is_told_from_a_month_and_from_a_page_number(path):
    assert names_a_day(HOST + path)
    assert not names_a_day(HOST + path.replace("/12", "").replace("-12", ""))
    assert not names_a_day(HOST + "/2024/05/12/page/2")


def test_a_dated_path_names_one_thing_of_a_date():
    assert has_dated_path(HOST + "/2024/05/12/our-mission/index.html")
    others = [HOST + path for path in ("/2024/05/", "/2024/05/INDEX.html", "/our-mission")]
    assert not any(map(has_dated_path, [*others, "http://["]))
