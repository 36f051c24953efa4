"""Patterns of URLs: what yields goes on, what goes on without anything new is spent, also after a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.url_bounds import PatternLimits
from broadsheet.output.write.url_queue import add_urls
from tests.output.conftest import Maker

HOST = "https://a.example/"
FEW = PatternLimits(narrow_pattern=5, wide_pattern=12, host=40, list_file=3)


@pytest.fixture
def archive(file: Path, make: Maker) -> Archive:
    with Archive.open(file, make.clock, FEW) as opened:
        yield opened


def page(archive: Archive, make: Maker, path: str, *links: str, text: str = "", **changes: object) -> None:
    """Store a page that a link led to: an article with a text, else a list. Its links are found on it."""
    with write_transaction(archive.db):
        add_urls(archive.db, [make.discovered(HOST + path)], make.clock())
    discovered_urls = tuple(make.discovered(HOST + link, found_on=HOST + path) for link in links)
    changes = {"page_type": PageType.ARTICLE if text else PageType.LIST} | changes
    outcome = make.outcome(HOST + path, *([text] if text else []), discovered_urls=discovered_urls, **changes)
    archive.save([outcome])


def state(archive: Archive, path: str) -> tuple[str, str]:
    return archive.db.execute("SELECT state, reason FROM urls WHERE url = ?", [HOST + path]).fetchone()


def counts(archive: Archive, pattern: str) -> tuple[int, ...]:
    query = "SELECT found, fetched, articles, led, dry, hopes FROM _url_patterns WHERE pattern = ?"
    return archive.db.execute(query, [pattern]).fetchone()


def dry(archive: Archive, make: Maker, count: int, path: str = "list?x={}") -> None:
    """Pages that each lead to the next one alone."""
    for number in range(count):
        page(archive, make, path.format(number), path.format(number + 1))


def test_pages_that_lead_to_their_like_alone_are_skipped_after_the_bound(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "list?x=0", "list?x=900")
    dry(archive, make, 5)
    assert state(archive, "list?x=900") == ("queued", "")
    dry(archive, make, 6)
    assert state(archive, "list?x=900") == ("skipped", "trap:pattern")
    page(archive, make, "about", "list?x=901", "contact")
    assert state(archive, "list?x=901") == ("skipped", "trap:pattern")
    assert state(archive, "contact") == ("queued", "")


def test_a_pattern_of_articles_has_no_bound(archive: Archive, make: Maker) -> None:
    page(archive, make, "", *(f"story?p={number}" for number in range(60)))
    for number in range(50):
        page(archive, make, f"story?p={number}", text=f"Story {number} of the town")
    assert counts(archive, "/word?p") == (60, 50, 50, 0, 0, 0)
    assert state(archive, "story?p=59") == ("queued", "")


def test_articles_with_a_text_that_is_known_are_no_yield(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "story?k=99")
    for number in range(8):
        page(archive, make, f"story?k={number}", f"story?k={number + 1}", text="The same story of the town")
    assert state(archive, "story?k=99") == ("skipped", "trap:pattern")


def test_copies_that_name_one_canonical_page_and_title_are_no_yield(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "story?k=99")
    for number in range(8):
        text = f"The same story of the town, read for the {number} time"
        link, title = f"story?k={number + 1}", "One title"
        page(archive, make, f"story?k={number}", link, text=text, canonical=HOST + "story", title=title)
    assert state(archive, "story?k=99") == ("skipped", "trap:pattern")


def test_articles_that_all_call_the_front_page_canonical_are_a_yield(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "story?k=99")
    for number in range(20):
        page(archive, make, f"story?k={number}", text=f"Story {number}", canonical=HOST, title=f"Title {number}")
    assert state(archive, "story?k=99") == ("queued", "")


def test_a_list_that_leads_to_new_articles_goes_on(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "list?x=0", "list?x=900")
    for number in range(30):
        page(archive, make, f"list?x={number}", f"list?x={number + 1}", f"news/the-story-{number}-of")
        page(archive, make, f"news/the-story-{number}-of", text=f"Story {number} of the town")
    assert state(archive, "list?x=900") == ("queued", "")


def test_links_of_another_kind_are_hope_but_not_without_end(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "list?x=900")
    for number in range(20):
        page(archive, make, f"list?x={number}", f"list?x={number + 1}", f"news/item-{number}")
    assert state(archive, "list?x=900") == ("queued", "")
    for number in range(20, 60):
        page(archive, make, f"list?x={number}", f"list?x={number + 1}", f"news/item-{number}")
    assert state(archive, "list?x=900") == ("skipped", "trap:pattern")


def test_a_spent_pattern_that_yields_again_is_queued_again(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "list?x=900", "list?x=901")
    dry(archive, make, 8)
    assert state(archive, "list?x=900")[0] == "skipped"
    page(archive, make, "list?x=901", text="A story at last")
    assert state(archive, "list?x=900") == ("queued", "")


def test_facets_are_bounded_together(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "shop?new=1")
    for number in range(14):
        page(archive, make, f"shop?{'abcdefghijklmnopq'[number]}=1", "shop")
    page(archive, make, "about", "shop?other=1")
    assert state(archive, "shop?new=1") == ("skipped", "trap:pattern")
    assert state(archive, "shop?other=1") == ("skipped", "trap:pattern")


def test_random_words_are_bounded_by_the_host(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "some/thing.html")
    for number in range(45):
        page(archive, make, f"w{number}" + "/x" * (number % 9))
    assert state(archive, "some/thing.html") == ("skipped", "trap:host_bound")


def test_what_sitemaps_name_is_fetched_and_counts_against_nothing(archive: Archive, make: Maker) -> None:
    listed = tuple(make.discovered(f"{HOST}list?x={number}", found_via="sitemap") for number in range(60))
    archive.save([replace(make.failure(HOST + "sitemap.xml"), kind="sitemap", state="done", discovered_urls=listed)])
    for number in range(50):
        page(archive, make, f"list?x={number}")
    assert state(archive, "list?x=59") == ("queued", "")
    page(archive, make, "about", "list?x=900")
    assert state(archive, "list?x=900") == ("queued", "")


def test_feeds_that_name_nothing_new_are_bounded(archive: Archive, make: Maker) -> None:
    for number in range(6):
        following = make.discovered(f"{HOST}feed?page={number + 1}", kind="feed", found_via="next")
        feed = replace(make.failure(f"{HOST}feed?page={number}"), kind="feed", state="done", reason="feed")
        archive.save([replace(feed, discovered_urls=(following,))])
    assert state(archive, "feed?page=6") == ("skipped", "trap:pattern")


@pytest.mark.parametrize("reason", ["language", "too_old"])
def test_articles_left_out_are_no_trap(archive: Archive, make: Maker, reason: str) -> None:
    page(archive, make, "", "story?k=99")
    for number in range(20):
        outcome = make.outcome(f"{HOST}story?k={number}", page_type=PageType.OTHER)
        archive.save([replace(outcome, state="skipped", reason=reason)])
    assert state(archive, "story?k=99") == ("queued", "")


def test_links_that_are_not_queued_count_for_nothing(archive: Archive, make: Maker) -> None:
    skipped = [make.discovered(f"{HOST}list?x={number}", state="skipped", reason="depth") for number in range(9)]
    archive.save([make.outcome(HOST, page_type=PageType.LIST, discovered_urls=tuple(skipped))])
    assert counts(archive, "/word?x") is None
    assert state(archive, "list?x=8") == ("skipped", "depth")


def test_failures_do_not_count(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "list?x=900")
    for number in range(20):
        archive.save([make.failure(f"{HOST}list?x={number}")])
    assert state(archive, "list?x=900") == ("queued", "")


@pytest.mark.parametrize("is_reversed", [False, True])
def test_another_order_of_the_same_parameters_is_one_url(archive: Archive, make: Maker, is_reversed: bool) -> None:
    archive.db.execute(f"PRAGMA reverse_unordered_selects = {is_reversed}")  # of rows that no query puts in order
    page(archive, make, "", "l?a=1&b=2", "l?b=2&a=1", "l?a=2&b=1", "l?a=1&a=2", "l?a=2&a=1")
    states = {path: state(archive, path)[1] for path in ("l?b=2&a=1", "l?a=2&b=1", "l?a=1&a=2", "l?a=2&a=1")}
    assert states == {"l?b=2&a=1": "trap:parameter_order", "l?a=2&b=1": "", "l?a=1&a=2": "", "l?a=2&a=1": ""}
    redirect_target = make.discovered(HOST + "l?b=1&a=2", found_via="redirect")
    archive.save([make.outcome(HOST + "x", discovered_urls=(redirect_target,))])
    assert state(archive, "l?b=1&a=2") == ("queued", "")


def test_the_count_goes_on_after_the_file_was_closed(file: Path, make: Maker) -> None:
    with Archive.open(file, make.clock, FEW) as archive:
        page(archive, make, "", "list?x=900")
        dry(archive, make, 4)
    with Archive.open(file, make.clock, FEW) as archive:
        dry(archive, make, 2, "list?x=1{}")
        assert state(archive, "list?x=900") == ("skipped", "trap:pattern")
    with Archive.open(file, make.clock, FEW) as archive:
        page(archive, make, "about", "list?x=901")
        assert state(archive, "list?x=901") == ("skipped", "trap:pattern")


def test_what_a_host_s_articles_allow_goes_on_after_the_file_was_closed(file: Path, make: Maker) -> None:
    with Archive.open(file, make.clock, FEW) as archive:
        page(archive, make, "", "list?x=900")
        for number in range(20):
            page(archive, make, f"story?p={number}", text=f"Story {number} of the town")
        dry(archive, make, 8)
        assert state(archive, "list?x=900") == ("queued", ""), "20 articles allow five more than five"
    with Archive.open(file, make.clock, FEW) as archive:
        page(archive, make, "about", "list?x=901")
        assert state(archive, "list?x=901") == ("queued", "")


def test_a_batch_that_fails_leaves_no_count(archive: Archive, make: Maker) -> None:
    page(archive, make, "", "list?x=900")
    batch = [make.outcome(f"{HOST}list?x={number}", page_type=PageType.LIST) for number in range(9)]
    broken = replace(batch[-1], url=HOST + "broken", reason=None)
    with pytest.raises(Exception, match="NOT NULL"):
        archive.save([*batch, broken])
    page(archive, make, "about", "list?x=901")
    assert state(archive, "list?x=901") == ("queued", "")


def test_dates_may_be_as_many_as_articles(archive: Archive, make: Maker, words: Callable[..., str]) -> None:
    for number in range(30):
        page(archive, make, f"the-story-{number}-here", text=words(f"s{number}"))
    page(archive, make, "", "2001/1", "list?x=900")
    for number in range(20):
        page(archive, make, f"2002/{number}", f"2002/{number + 1}")
    assert state(archive, "2001/1") == ("queued", "")
    for number in range(20, 40):
        page(archive, make, f"2002/{number}", f"2002/{number + 1}")
    assert state(archive, "2001/1") == ("skipped", "trap:pattern")
    assert state(archive, "list?x=900") == ("queued", "")
