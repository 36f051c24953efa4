"""What need not be stored again, and what must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crawler.session.known_links import KnownLinks
from output.outcome import Found

ROW = Found("https://a.example/1", "a.example", depth=2, priority=5)


def test_the_same_link_is_told_once() -> None:
    known = KnownLinks()
    assert known.fresh([ROW, ROW]) == (ROW,)
    assert known.fresh([ROW, replace(ROW, on="https://a.example/2", depth=3, priority=1)]) == ()


@pytest.mark.parametrize("better", [replace(ROW, depth=1), replace(ROW, priority=9), replace(ROW, depth=1, priority=1)])
def test_a_shorter_way_or_a_higher_priority_is_news(better: Found) -> None:
    known = KnownLinks()
    known.fresh([ROW])
    assert known.fresh([better]) == (better,)
    assert known.fresh([ROW, better]) == ()


def test_what_is_skipped_is_always_told() -> None:
    skipped = replace(ROW, state="skipped", reason="depth")
    known = KnownLinks()
    assert known.fresh([skipped, ROW, skipped]) == (skipped, ROW, skipped)


def test_what_was_not_stored_is_told_again() -> None:
    known = KnownLinks()
    known.fresh([ROW])
    known.forget()
    assert known.fresh([ROW]) == (ROW,)


def test_its_memory_is_bounded_and_keeps_what_comes_again() -> None:
    known = KnownLinks(most=10)
    for number in range(1000):
        known.fresh([replace(ROW, url=f"https://a.example/{number}"), ROW])
    assert known.fresh([ROW]) == (), "a link of every page is never forgotten"
    assert len(known.fresh([replace(ROW, url=f"https://a.example/{number}") for number in range(1000)])) >= 990


@pytest.mark.parametrize("announcing", [replace(ROW, lastmod="2026-05-01"), replace(ROW, via="redirect")])
def test_what_may_announce_a_change_is_always_told(announcing: Found) -> None:
    known = KnownLinks()
    known.fresh([ROW])
    assert known.fresh([announcing, ROW]) == (announcing,)
