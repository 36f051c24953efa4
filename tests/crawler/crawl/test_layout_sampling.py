"""Layouts of a host in a crawl: which page belongs to which, and what is stored of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import Page
from broadsheet.crawler.crawl import page_rendering
from broadsheet.crawler.crawl.page_rendering import LayoutSampling
from broadsheet.output.archive.page_rows import PageRows, make_page_rows
from broadsheet.output.archive.rendered_layouts import RenderDecision, RenderedLayout
from tests.crawler.scripted_site import page

HOST = "a.test"
ROWS = make_page_rows(clean(Page("https://a.test/1", page("harbour").encode(), "text/html; charset=utf-8")))


def of_names(*names: int) -> PageRows:
    return replace(ROWS, layout_signature=pack_signature(list(names)))


def test_pages_that_are_alike_are_of_one_layout() -> None:
    layouts = LayoutSampling()
    first = layouts.find(HOST, of_names(*range(100)))
    assert first == RenderedLayout(HOST, pack_signature(list(range(100))))
    layouts.note(first.with_passed())
    assert layouts.find(HOST, of_names(*range(5, 105))).passed == 1
    assert layouts.find(HOST, of_names(*range(50, 150))).passed == 0
    assert layouts.find("b.test", of_names(*range(100))).passed == 0
    assert layouts.find(HOST, replace(ROWS, layout_signature=None)) == RenderedLayout(HOST, b"")


@pytest.mark.parametrize(
    ("names", "is_alike"),
    [(range(100), True), (range(85), True), (range(84), False), (range(8, 108), True), (range(9, 109), False)],
)
def test_pages_of_one_layout_share_eighty_five_of_a_hundred_names(names: range, is_alike: bool) -> None:
    layouts = LayoutSampling()
    layouts.note(layouts.find(HOST, of_names(*range(100))).with_passed())
    assert layouts.find(HOST, of_names(*names)).passed == int(is_alike)


def test_what_an_earlier_run_decided_holds() -> None:
    known = RenderedLayout(HOST, pack_signature(list(range(100))), RenderDecision.ALL, rendered=3, gained=3)
    layouts = LayoutSampling([known])
    assert layouts.is_candidate(HOST, of_names(*range(3, 100)), has_scripts=True)
    assert not layouts.is_candidate(HOST, of_names(*range(3, 100)), has_scripts=False)
    assert not layouts.is_candidate(HOST, of_names(*range(200, 300)), has_scripts=True)
    assert not layouts.is_candidate("b.test", of_names(*range(100)), has_scripts=True)


def test_the_layouts_of_a_host_are_bounded(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(page_rendering, "_MAX_LAYOUTS", 2)
    layouts = LayoutSampling()
    signatures = []
    for number in range(4):
        layout = layouts.find(HOST, of_names(*range(100 * number, 100 * number + 100)))
        layouts.note(layout)
        signatures.append(layout.signature)
    assert signatures[2:] == [b"", b""]
