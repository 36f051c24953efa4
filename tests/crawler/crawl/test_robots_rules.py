"""Whether directives, where they are obeyed, keep a page out or its links unfollowed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from broadsheet.cleaners.document import Outlink
from broadsheet.crawler.crawl import robots_rules
from broadsheet.crawler.crawl.robots_rules import (
    DIRECTIVE_REASONS,
    RobotsRules,
    exclusion_reason,
    robot_name,
    with_nofollow_skipped,
)
from broadsheet.output.write.outcome import DiscoveredUrl

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


URL = "https://example.org/robots.txt"
AGENT = "Mozilla/5.0 (compatible; Paperboy/1.0; +https://example.org/bot)"
BODY = b"""User-agent: *
Disallow: /private/
Allow: /private/open
Disallow: /*.pdf$
Crawl-delay: 2.5
Request-rate: 1/10

User-agent: paperboy
Disallow: /only-for-others

Sitemap: /sitemap.xml
Sitemap: https://cdn.example.net/news.xml
Sitemap: /sitemap.xml
Sitemap: ftp://example.org/x.xml
"""


def read(body=BODY, status=200):
    return RobotsRules.from_response(status, body, URL)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/private/x", False),
        ("/private/open-letter", True),
        ("/a.pdf", False),
        ("/a.pdf?x=1", True),
        ("/robots.txt", True),
    ],
)
def test_rules_for_everyone(path, allowed):
    assert read().allows("https://example.org" + path, "Another/2.0") is allowed


def test_a_group_of_ones_own_replaces_the_general_one():
    robots = read()
    assert robots.allows("https://example.org/private/x", AGENT)
    assert not robots.allows("https://example.org/only-for-others", AGENT)


def test_pace():
    robots = read()
    assert robots.crawl_delay("Another/2.0") == 2.5
    assert robots.request_rate("Another/2.0") == pytest.approx(0.1)
    assert robots.crawl_delay(AGENT) is None
    assert robots.request_rate(AGENT) is None


def test_sitemaps_are_absolute_once_and_http():
    assert read().sitemaps == ("https://example.org/sitemap.xml", "https://cdn.example.net/news.xml")


def test_patterns_in_another_script_match_either_spelling():
    robots = read("User-agent: *\nDisallow: /خاص/".encode())
    assert not robots.allows("https://example.org/%D8%AE%D8%A7%D8%B5/a", AGENT)


def test_a_page_in_place_of_the_file_allows_all():
    robots = read(b"<!DOCTYPE html>\nUser-agent: *\nDisallow: /")
    assert robots.reason == "not_robots"
    assert robots.allows("https://example.org/", AGENT)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(encoding):
    assert not read("User-agent: *\nDisallow: /".encode(encoding)).allows("https://example.org/a", AGENT)


def test_only_whole_lines_within_the_limit_count():
    filler = b"# filler\n" * (512_000 // 9 - 3)
    head = b"User-agent: *\nDisallow: /a\n"
    robots = read(head + filler + b"Disallow: /b-and-more\n" * 3)
    assert not robots.allows("https://example.org/a", AGENT)
    assert robots.allows("https://example.org/b", AGENT)
    late = read(head + filler * 2 + b"Disallow: /late\n")
    assert late.allows("https://example.org/late", AGENT)


@pytest.mark.parametrize("body", [b"", b"\x00\xff\xfe\x01", b"Disallow /x\n:::\n" * 10])
def test_nonsense_allows_all(body):
    assert read(body).allows("https://example.org/x", AGENT)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Broadsheet/1.0 (+https://a.example/otherbot)", "Broadsheet/1.0 (+"),
        ("Broadsheet/1.0 (+someone@otherbot.example)", "Broadsheet/1.0"),
        (AGENT, "Mozilla/5.0 (compatible; Paperboy/1.0; "),
    ],
)
def test_addresses_in_the_user_agent_are_no_names(header, name):
    assert robot_name(header).startswith(name.split(" (")[0])
    assert "otherbot" not in robot_name(header)
    rules = RobotsRules.from_response(200, b"User-agent: otherbot\nDisallow: /\n", URL)
    assert rules.allows("https://example.org/x", header)


def test_what_is_asked_for_is_the_longer_of_delay_and_rate():
    assert read().requested_delay("Another/2.0") == pytest.approx(10)
    assert read().requested_delay(AGENT) == 0
    assert read(b"User-agent: *\nCrawl-delay: 86400\n").requested_delay(AGENT) == 86_400


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e999", "ten", ""])
def test_a_delay_that_is_none_is_none(value):
    assert (
        read(f"User-agent: *\nCrawl-delay: {value}\nRequest-rate: {value}/{value}\n".encode()).requested_delay("X") == 0
    )


def test_the_file_to_keep_has_the_text_as_it_was_read():
    text = "User-agent: GPTBot\nDisallow: /\n# ours: none\n"
    file = RobotsRules.from_response(200, b"\xef\xbb\xbf" + text.encode(), URL, "www.example.org").to_robots_file(
        "2026-03-01T12:00:00+00:00"
    )
    assert (file.host, file.url, file.text) == ("www.example.org", URL, text)
    assert (file.access, file.reason) == ("rules", "http_200")
    assert read(status=404).to_robots_file("").text == ""


def test_a_file_is_known_by_host_decision_and_text():
    first = RobotsRules.from_response(200, BODY, URL, "a.example")
    assert (
        first.id
        == first.to_robots_file("now").id
        == RobotsRules.from_response(200, BODY, "https://b.example/", "a.example").id
    )
    others = (
        RobotsRules.from_response(200, BODY, URL, "b.example"),
        RobotsRules.from_response(200, BODY + b"#", URL, "a.example"),
        RobotsRules.from_response(404, b"", URL, "a.example"),
        RobotsRules.from_response(None, b"", URL, "a.example"),
    )
    assert len({first.id, *(each.id for each in others)}) == 5


def test_a_file_is_read_as_far_as_the_standard_asks_and_no_further() -> None:
    """500 KiB; the lines here end exactly there, then one byte later."""
    rule = b"User-agent: *\nDisallow: /last\n"
    for surplus, is_allowed in [(0, False), (1, True)]:
        filler = b"#" * (500 * 1024 - len(rule) - 1 + surplus) + b"\n"
        robots = RobotsRules.from_response(200, filler + rule + b"# more of it\n" * 9, "http://a.example/robots.txt")
        assert robots.allows("http://a.example/last", "Broadsheet") == is_allowed


def test_a_wall_permits_nothing_and_says_so() -> None:
    url = "https://a.example/robots.txt"
    for host, expected in (("", "a.example"), ("b.example", "b.example")):
        rules = RobotsRules.from_response(200, b"User-agent: *", url, host, is_challenged=True)
        assert (rules.access, rules.reason, rules.host, rules.url) == ("nothing", "challenged", expected, url)
        assert not rules.allows("https://a.example/", "broadsheet")


@pytest.mark.parametrize(
    ("status", "access"),
    [(None, "nothing"), (0, "nothing"), (199, "nothing"), (200, "rules"), (299, "rules"), (300, "all"), (404, "all"),
     (428, "all"), (429, "nothing"), (430, "all"), (499, "all"), (500, "nothing"), (599, "nothing")],
)  # fmt: skip
def test_the_status_decides_what_a_robots_txt_permits(status: int | None, access: str) -> None:
    rules = RobotsRules.from_response(status, b"User-agent: *\nDisallow: /x", "https://a.example/robots.txt")
    assert (rules.access, rules.reason) == (access, f"http_{status}" if status else "unreachable")
    assert rules.allows("https://a.example/", "broadsheet") is (access != "nothing")
    assert rules.allows("https://a.example/x", "broadsheet") is (access == "all")


def test_verdicts_are_the_same_after_more_urls_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots_rules, "_MAX_CACHED_VERDICTS", 2)
    rules = RobotsRules.from_response(200, b"User-agent: *\nDisallow: /x", "https://a.example/robots.txt")
    for _ in range(2):
        paths = ("/", "/x", "/y", "/x/z", "/q")
        verdicts = [rules.allows(f"https://a.example{path}", "broadsheet") for path in paths]
        assert verdicts == [True, False, True, False, True]
        assert len(rules._verdict_cache) <= 2
