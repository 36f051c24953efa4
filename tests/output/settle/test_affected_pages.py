"""Which pages a change may make copies or parts of others: those that relate to it, now or before, and no others."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import Outlink, UrlSource
from broadsheet.output.settle.affected_pages import find_affected_pages
from broadsheet.output.settle.judge_again import settle
from broadsheet.output.write.archive import Archive
from tests.output.conftest import Maker

A, B, C, D = (f"http://a.test/{name}" for name in "abcd")
FAR = "http://b.test/far"
TEXT, OTHER_TEXT = "one two three four five six " * 8, "seven eight nine ten eleven twelve " * 8


def affected_urls(archive: Archive, *, awaited_urls_changed: bool = False) -> set[str]:
    find_affected_pages(archive.db, (), awaited_urls_changed=awaited_urls_changed)
    query = "SELECT u.url FROM temp.settle_affected a JOIN urls u ON u.id = a.page_id"
    return {url for (url,) in archive.db.execute(query)}


@pytest.fixture
def settled(archive: Archive, make: Maker) -> Archive:
    """Two copies, a page that names another as its canonical, and one far from all."""
    archive.save([make.outcome(url, TEXT) for url in (A, B)])
    archive.save([make.outcome(C, OTHER_TEXT, canonical=D), make.outcome(FAR, "Far from all of it")])
    settle(archive.db, make.clock)
    return archive


def test_a_page_with_the_same_text_is_affected(settled: Archive, make: Maker) -> None:
    settled.save([make.outcome(D, TEXT)])
    assert affected_urls(settled) == {A, B, C, D}


def test_what_was_a_copy_of_a_changed_page_is_affected(settled: Archive, make: Maker) -> None:
    settled.save([make.outcome(A, "Another text than it had")])
    assert affected_urls(settled) == {A, B}


def test_what_was_a_copy_of_a_page_that_is_gone_is_affected(settled: Archive) -> None:
    with settled.db.conn:
        settled.db.execute("PRAGMA foreign_keys = OFF")
        settled.db.execute("DELETE FROM pages WHERE id = (SELECT id FROM urls WHERE url = ?)", [A])
    assert affected_urls(settled) == {A, B}


def test_who_called_the_same_url_canonical_is_affected_when_one_calls_it_so_no_more(
    archive: Archive, make: Maker
) -> None:
    archive.save([make.outcome(url, f"{TEXT} {url}", canonical=D) for url in (A, B, C)])
    settle(archive.db, make.clock)
    archive.save([make.outcome(A, f"{TEXT} {A}")])
    assert affected_urls(archive) >= {A, B, C}


def test_the_other_parts_of_an_article_are_affected_when_one_goes(archive: Archive, make: Maker) -> None:
    pages = [f"http://a.test/long{end}" for end in ("", "?page=2", "?page=3")]
    for number, url in enumerate(pages):
        links = tuple(Outlink(other, "", ("next",), UrlSource.NEXT) for other in pages[number + 1 : number + 2])
        archive.save([make.outcome(url, f"{TEXT} {number}", title="Long", outlinks=links)])
    archive.save([make.outcome(FAR, "Far from all of it")])
    settle(archive.db, make.clock)
    assert archive.db["page_parts"].count == 3
    with archive.db.conn:  # as its row in `pages` does when it goes
        archive.db.execute("DELETE FROM page_parts WHERE place = 1")
    assert affected_urls(archive) == set(pages)


def test_where_awaited_urls_changed_every_page_with_a_lead_is_affected(archive: Archive, make: Maker) -> None:
    link = Outlink(f"{A}?page=2", "", ("next",), UrlSource.NEXT)
    archive.save([make.outcome(A, TEXT, outlinks=(link,)), make.outcome(B, OTHER_TEXT)])
    settle(archive.db, make.clock)
    assert affected_urls(archive) == set()
    archive.db.execute("DROP TABLE temp.settle_affected")
    assert affected_urls(archive, awaited_urls_changed=True) == {A}
