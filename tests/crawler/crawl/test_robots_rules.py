"""Rules of a robots.txt, and directives: what keeps a page out or its links unfollowed, where they are obeyed."""

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
HOME, A, B, C, FEED = (f"https://a.example/{name}" for name in ("", "a", "b", "c", "feed"))


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
def test_a_page_is_kept_out_for_a_reason(directive, reason):
    assert exclusion_reason([directive, "follow"], "broadsheet", NOW) == reason
    assert reason in (None, *DIRECTIVE_REASONS)


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


def test_the_file_to_keep_has_the_text_as_it_was_read():
    text = "User-agent: GPTBot\nDisallow: /\n# ours: none\n"
    file = RobotsRules.from_response(200, b"\xef\xbb\xbf" + text.encode(), URL, "www.example.org").to_robots_file(
        "2026-03-01T12:00:00Z"
    )
    assert (file.host, file.url, file.text) == ("www.example.org", URL, text)
    assert (file.access, file.reason) == ("rules", "http_200")
    assert read(status=404).to_robots_file("").text == ""


def test_a_file_is_known_by_host_decision_and_text():
    first = RobotsRules.from_response(200, BODY, URL, "a.example")
    again = RobotsRules.from_response(200, BODY, "https://b.example/", "a.example")
    assert first.id == first.to_robots_file("now").id == again.id
    others = (
        RobotsRules.from_response(200, BODY, URL, "b.example"),
        RobotsRules.from_response(200, BODY + b"#", URL, "a.example"),
        RobotsRules.from_response(404, b"", URL, "a.example"),
        RobotsRules.from_response(None, b"", URL, "a.example"),
    )
    assert len({first.id, *(each.id for each in others)}) == 5


def test_a_file_is_read_as_far_as_the_standard_asks_and_no_further():
    """500 KiB; the lines here end exactly there, then one byte later."""
    rule = b"User-agent: *\nDisallow: /last\n"
    for surplus, is_allowed in [(0, False), (1, True)]:
        filler = b"#" * (500 * 1024 - len(rule) - 1 + surplus) + b"\n"
        robots = RobotsRules.from_response(200, filler + rule + b"# more of it\n" * 9, "http://a.example/robots.txt")
        assert robots.allows("http://a.example/last", "Broadsheet") == is_allowed


def test_a_wall_permits_nothing_and_says_so():
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
def test_the_status_decides_what_a_robots_txt_permits(status, access):
    rules = RobotsRules.from_response(status, b"User-agent: *\nDisallow: /x", "https://a.example/robots.txt")
    assert (rules.access, rules.reason) == (access, f"http_{status}" if status else "unreachable")
    assert rules.allows("https://a.example/", "broadsheet") is (access != "nothing")
    assert rules.allows("https://a.example/x", "broadsheet") is (access == "all")


@pytest.mark.parametrize("directives", [["nofollow"], ["none"], ["broadsheet: nofollow"], ["googlebot: nofollow"]])
def test_a_page_or_a_link_may_ask_not_to_be_followed(directives):
    """What is skipped already keeps its reason; a feed or canonical address is no link."""
    rows = [
        DiscoveredUrl(A, "a.example"),
        DiscoveredUrl(B, "a.example"),
        DiscoveredUrl(C, "a.example", state="skipped", reason="depth"),
        DiscoveredUrl(FEED, "a.example", "feed"),
        DiscoveredUrl(HOME, "a.example", found_via="canonical"),
    ]
    links = [Outlink(A, rel=("ugc", "nofollow")), Outlink(B, rel=("noopener",))]
    found = with_nofollow_skipped(rows, links, directives, "broadsheet")
    is_all = directives != ["googlebot: nofollow"]
    assert [row.reason for row in found] == ["nofollow", "nofollow" if is_all else "", "depth", "", ""]
    assert [row.state == "skipped" for row in found] == [True, is_all, True, False, False]


CUT_LINE = b"User-agent: *\n#".ljust(512_000 - 13, b"#") + b"\nDisallow: /b-and-more\n"
"""Of its last line "Disallow: /b" is within the limit."""
DISALLOW = "User-agent: *\nDisallow: /"


@pytest.mark.parametrize(
    ("body", "path", "agent", "allowed"),
    [
        (BODY, "/", "Another/2.0", True),
        (BODY, "/private/x", "Another/2.0", False),
        (BODY, "/private/open-letter", "Another/2.0", True),
        (BODY, "/a.pdf", "Another/2.0", False),
        (BODY, "/a.pdf?x=1", "Another/2.0", True),
        (BODY, "/robots.txt", "Another/2.0", True),
        (BODY, "/private/x", AGENT, True),
        (BODY, "/only-for-others", AGENT, False),
        (f"{DISALLOW}خاص/".encode(), "/%D8%AE%D8%A7%D8%B5/a", AGENT, False),
        (DISALLOW.encode("utf-8-sig"), "/a", AGENT, False),
        (DISALLOW.encode("utf-16"), "/a", AGENT, False),
        (f"<!DOCTYPE html>\n{DISALLOW}".encode(), "/", AGENT, True),
        (b"", "/x", AGENT, True),
        (b"\x00\xff\xfe\x01", "/x", AGENT, True),
        (b"Disallow /x\n:::\n" * 10, "/x", AGENT, True),
        (f"{DISALLOW}a\n".encode() + b"# filler\n" * (2 * 512_000 // 9) + b"Disallow: /late\n", "/late", AGENT, True),
        (CUT_LINE, "/b", AGENT, True),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
def test_rules_for_everyone_or_for_a_group_of_ones_own(body, path, agent, allowed):
    assert read(body).allows("https://example.org" + path, agent) is allowed


def test_what_a_robots_txt_asks_for_and_names():
    robots = read()
    assert (robots.crawl_delay("Another/2.0"), robots.crawl_delay(AGENT)) == (2.5, None)
    assert (robots.request_rate("Another/2.0"), robots.request_rate(AGENT)) == (pytest.approx(0.1), None)
    assert [read(body).requested_delay(agent) for body, agent in ((BODY, "Another/2.0"), (BODY, AGENT))] == [10, 0]
    assert read(b"User-agent: *\nCrawl-delay: 86400\n").requested_delay(AGENT) == 86_400
    for value in ("-1", "nan", "inf", "1e999", "ten", ""):
        text = f"User-agent: *\nCrawl-delay: {value}\nRequest-rate: {value}/{value}\n"
        assert read(text.encode()).requested_delay("X") == 0
    assert robots.sitemaps == ("https://example.org/sitemap.xml", "https://cdn.example.net/news.xml")
    assert read(b"<!DOCTYPE html>\nUser-agent: *").reason == "not_robots"


def test_verdicts_are_the_same_after_more_urls_than_are_remembered(monkeypatch):
    monkeypatch.setattr(robots_rules, "_MAX_CACHED_VERDICTS", 2)
    rules = read(b"User-agent: *\nDisallow: /x")
    for _ in range(2):
        paths = ("/", "/x", "/y", "/x/z", "/q")
        assert [rules.allows(f"https://a.example{path}", "broadsheet") for path in paths] == [True, False] * 2 + [True]
        assert len(rules._verdict_cache) <= 2
