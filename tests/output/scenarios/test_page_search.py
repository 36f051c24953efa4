"""The search in an exported folder of pages finds words in a browser, from a disk and without a server."""

import pytest

from broadsheet.output.read.article_files import export_reader_pages
from tests.browser import browser  # noqa: F401

pytestmark = pytest.mark.slow


def test_words_are_found_by_their_beginnings_in_titles_and_texts(archive, make, browser, tmp_path):  # noqa: F811
    texts = {"One": "The harbour was closed.", "<img src=x>": "Harbours open again at noon.", "Three": "Nothing."}
    archive.save([make.outcome(f"http://a.test/{n}", texts[title], title=title) for n, title in enumerate(texts)])
    export_reader_pages(archive.db, tmp_path / "pages")
    page = browser.page()
    page.goto((tmp_path / "pages/search.html").as_uri())
    for query, titles in (("harbour", {"One", "<img src=x>"}), ("HARB noon", {"<img src=x>"}), ("absent", set())):
        page.fill("input", query)
        assert set(page.locator("ol.list a").all_inner_texts()) == titles
    page.fill("input", "closed")
    page.click("ol.list a")
    assert page.locator("h1").inner_text() == "One"
    assert browser.outside == []
