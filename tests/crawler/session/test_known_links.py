"""What need not be stored again, and what must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadsheet.crawler.session.known_links import KnownLinks
from broadsheet.output.outcome import DiscoveredUrl

ROW = DiscoveredUrl("https://a.example/1", "a.example", depth=2, priority=5)


def test_the_same_link_is_told_once() -> None:
    known_links = KnownLinks()
    assert known_links.new_rows([ROW, ROW]) == (ROW,)
    assert known_links.new_rows([ROW, replace(ROW, found_on="https://a.example/2", depth=3, priority=1)]) == ()


@pytest.mark.parametrize("better", [replace(ROW, depth=1), replace(ROW, priority=9), replace(ROW, depth=1, priority=1)])
def test_a_shorter_way_or_a_higher_priority_is_news(better: DiscoveredUrl) -> None:
    known_links = KnownLinks()
    known_links.new_rows([ROW])
    assert known_links.new_rows([better]) == (better,)
    assert known_links.new_rows([ROW, better]) == ()


def test_what_is_skipped_is_always_told() -> None:
    skipped = replace(ROW, state="skipped", reason="depth")
    known_links = KnownLinks()
    assert known_links.new_rows([skipped, ROW, skipped]) == (skipped, ROW, skipped)


def test_what_was_not_stored_is_told_again() -> None:
    known_links = KnownLinks()
    known_links.new_rows([ROW])
    known_links.clear()
    assert known_links.new_rows([ROW]) == (ROW,)


def test_its_memory_is_bounded_and_keeps_what_comes_again() -> None:
    known_links = KnownLinks(max_urls=10)
    for number in range(1000):
        known_links.new_rows([replace(ROW, url=f"https://a.example/{number}"), ROW])
    assert known_links.new_rows([ROW]) == (), "a link of every page is never forgotten"
    assert len(known_links.new_rows([replace(ROW, url=f"https://a.example/{number}") for number in range(1000)])) >= 990


@pytest.mark.parametrize("announcing", [replace(ROW, lastmod="2026-05-01"), replace(ROW, found_via="redirect")])
def test_what_may_announce_a_change_is_always_told(announcing: DiscoveredUrl) -> None:
    known_links = KnownLinks()
    known_links.new_rows([ROW])
    assert known_links.new_rows([announcing, ROW]) == (announcing,)
