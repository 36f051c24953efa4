"""Whether directives, where they are obeyed, keep a page out or its links unfollowed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from broadsheet.cleaners.document import Outlink
from broadsheet.crawler.answers.obey_directives import DIRECTIVE_REASONS, exclusion_reason, with_nofollow_skipped
from broadsheet.output.outcome import DiscoveredUrl

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
A, B, FEED = "https://a.example/a", "https://a.example/b", "https://a.example/feed"


@pytest.mark.parametrize(
    ("directive", "reason"),
    [
        ("noindex", "noindex"),
        ("none", "noindex"),
        ("noarchive", "noarchive"),
        ("nocache", "noarchive"),
        ("noai", "noai"),
        ("tdm-reservation: 1", "tdm_reservation"),
        ("broadsheet: noindex", "noindex"),
        ("unavailable_after: 28 feb 2026 15:00:00 gmt", "unavailable_after"),
        ("unavailable_after: saturday, 28-feb-26 15:00:00 utc", "unavailable_after"),
        ("unavailable_after: 2026-02-28", "unavailable_after"),
        ("unavailable_after: 2026-03-01t11:00:00z", "unavailable_after"),
        ("unavailable_after: 2026-03-01", None),
        ("unavailable_after: 2 mar 2026 15:00:00 gmt", None),
        ("unavailable_after: soon", None),
        ("googlebot: noindex", None),
        ("tdm-reservation: 0", None),
        ("noimageai", None),
        ("nofollow", None),
        ("nosnippet", None),
        ("index", None),
    ],
)
def test_a_page_is_kept_out_for_a_reason(directive: str, reason: str) -> None:
    assert exclusion_reason([directive, "follow"], "broadsheet", NOW) == reason
    assert reason in (None, *DIRECTIVE_REASONS)


def link_rows(*urls: str) -> list[DiscoveredUrl]:
    return [DiscoveredUrl(url, "a.example") for url in urls]


def states(rows: list[DiscoveredUrl]) -> dict[str, tuple[str, str]]:
    return {row.url: (row.state, row.reason) for row in rows}


@pytest.mark.parametrize("directive", ["nofollow", "none", "broadsheet: nofollow"])
def test_a_page_may_ask_not_to_follow_its_links(directive: str) -> None:
    feed = DiscoveredUrl(FEED, "a.example", "feed")
    canonical = DiscoveredUrl(B, "a.example", found_via="canonical")
    rows = with_nofollow_skipped([*link_rows(A), canonical], [Outlink(A)], [directive], "broadsheet")
    assert states(rows) == {A: ("skipped", "nofollow"), B: ("queued", "")}
    assert states(with_nofollow_skipped([feed], [], [directive], "broadsheet")) == {FEED: ("queued", "")}


def test_a_link_may_ask_not_to_be_followed() -> None:
    links = [Outlink(A, rel=("ugc", "nofollow")), Outlink(B, rel=("noopener",))]
    rows = with_nofollow_skipped(link_rows(A, B), links, ["googlebot: nofollow"], "broadsheet")
    assert states(rows) == {A: ("skipped", "nofollow"), B: ("queued", "")}


def test_what_is_skipped_already_keeps_its_reason() -> None:
    row = DiscoveredUrl(A, "a.example", state="skipped", reason="depth")
    assert states(with_nofollow_skipped([row], [], ["nofollow"], "broadsheet")) == {A: ("skipped", "depth")}
