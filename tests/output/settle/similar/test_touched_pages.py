"""Which pages' articles are compared again: those that something changed for that two texts are compared by."""

from __future__ import annotations

import pytest

from broadsheet.output.settle.judge_again import settle
from broadsheet.output.settle.similar import relate
from broadsheet.output.settle.similar.candidate_pairs import CROWD_LIMIT
from broadsheet.output.settle.similar.touched_pages import REPEATED_PAGES, find_touched_pages
from broadsheet.output.write.archive import Archive
from tests.output.conftest import Maker
from tests.output.settle.similar.test_likeness import prose


def story(number: int, count: int = 120) -> str:
    return " ".join(prose(number, count))


@pytest.fixture
def touched_urls(monkeypatch: pytest.MonkeyPatch, archive: Archive) -> set[str]:
    """Filled with the URLs of the pages that the last settling compared again."""
    urls: set[str] = set()

    def spying_find(db, page_ids):
        pages = find_touched_pages(db, page_ids)
        urls.clear()
        urls.update(url for page in pages for (url,) in db.execute("SELECT url FROM urls WHERE id = ?", [page]))
        return pages

    monkeypatch.setattr(relate, "find_touched_pages", spying_find)
    return urls


def url(number: int, host: str = "a.test") -> str:
    return f"http://{host}/{number}"


def test_a_new_page_and_no_other_of_its_host(archive: Archive, make: Maker, touched_urls: set[str]) -> None:
    archive.save([make.outcome(url(n), story(n)) for n in range(5)])
    settle(archive.db)
    assert touched_urls == set()  # the whole archive was compared
    archive.save([make.outcome(url(5), story(5))])
    settle(archive.db)
    assert touched_urls == {url(5)}


def test_pages_of_a_block_that_comes_to_be_left_out(archive: Archive, make: Maker, touched_urls: set[str]) -> None:
    note = story(99, 30)
    archive.save([make.outcome(url(n), story(n), note) for n in range(REPEATED_PAGES - 1)])
    archive.save([make.outcome(url(n), story(n)) for n in range(20, 60)])  # so that the note is no rule of the site
    archive.save([make.outcome(url(7, "b.test"), story(7), note)])
    settle(archive.db)
    archive.save([make.outcome(url(10), story(10), note)])
    settle(archive.db)
    assert touched_urls == {url(10), *(url(n) for n in range(REPEATED_PAGES - 1))}
    archive.save([make.outcome(url(11), story(11), note)])
    settle(archive.db)
    assert touched_urls == {url(11)}


def test_pages_with_hashes_that_come_to_be_crowded(archive: Archive, make: Maker, touched_urls: set[str]) -> None:
    form = story(98, 60)
    archive.save([make.outcome(url(n), f"{story(n)} {form}") for n in range(CROWD_LIMIT)])
    archive.save([make.outcome(url(100), story(100)), make.outcome(url(7, "b.test"), f"{story(7)} {form}")])
    settle(archive.db)
    archive.save([make.outcome(url(50), f"{story(50)} {form}")])
    settle(archive.db)
    assert touched_urls == {url(50), *(url(n) for n in range(CROWD_LIMIT))}
