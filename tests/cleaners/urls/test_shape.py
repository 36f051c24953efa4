"""What a URL alone says about its page."""

from __future__ import annotations

import pytest

from cleaners.urls.shape import Shape, is_section, shape_of

HOST = "https://a.example"


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/", Shape.HOME),
        ("", Shape.HOME),
        ("/index.html", Shape.HOME),
        ("/es/index.php", Shape.UNKNOWN),
        ("/2024/05/the-mill-burned", Shape.ARTICLE),
        ("/2024/05/12/mill", Shape.ARTICLE),
        ("/news/the-mill-burned-down", Shape.ARTICLE),
        ("/news/story.html", Shape.ARTICLE),
        ("/item/12345", Shape.ARTICLE),
        ("/?p=123", Shape.ARTICLE),
        ("/view?id=9", Shape.ARTICLE),
        ("/tag/mills", Shape.LIST),
        ("/etiqueta/molinos/", Shape.LIST),
        ("/author/the-mill-burned-down", Shape.LIST),
        ("/%E6%A0%87%E7%AD%BE/x", Shape.LIST),
        ("/2024/05/", Shape.DEEP_LIST),
        ("/2024", Shape.DEEP_LIST),
        ("/news/page/2", Shape.DEEP_LIST),
        ("/nachrichten/seite-2", Shape.DEEP_LIST),
        ("/?s=mill", Shape.DEEP_LIST),
        ("/news?page=3", Shape.DEEP_LIST),
        ("/news", Shape.LIST),
        ("/news/mill", Shape.UNKNOWN),
        ("/about-us", Shape.UNKNOWN),
    ],
)
def test_a_url_has_a_shape(path: str, shape: Shape) -> None:
    assert shape_of(HOST + path) is shape


def test_what_is_no_url_has_no_shape() -> None:
    assert shape_of("http://[") is Shape.UNKNOWN


def test_case_does_not_matter() -> None:
    assert shape_of(HOST + "/TAG/Mills") is Shape.LIST


def test_a_numbered_document_in_an_archive_folder_is_an_article_and_the_folder_a_list() -> None:
    assert shape_of("http://site.example/archives/000123.html") is Shape.ARTICLE
    assert shape_of("http://site.example/archives/") is Shape.LIST
    assert shape_of("http://site.example/authors/000123.html") is Shape.LIST


def test_a_front_page_with_a_document_s_number_is_that_document() -> None:
    assert shape_of(HOST + "/index.php?id=77") is Shape.ARTICLE
    assert shape_of(HOST + "/es/index.php?id=77") is Shape.ARTICLE
    assert shape_of(HOST + "/index.php?page=2") is Shape.DEEP_LIST


@pytest.mark.parametrize(
    ("path", "section"), [("/news/", True), ("/es/noticias", True), ("/tag/news", False), ("/news/a-b-c", False)]
)
def test_a_section_is_a_list_by_its_name_alone(path: str, section: bool) -> None:
    assert is_section(HOST + path) is section
