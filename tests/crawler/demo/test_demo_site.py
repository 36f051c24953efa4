"""The sample site: complete, sound in every part that is meant to be, and served as rendered."""

from __future__ import annotations

import gzip
import http.client
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urljoin, urlsplit

import feedparser
import pytest
from lxml import etree, html

from broadsheet.crawler.demo import special_addresses as feeds
from broadsheet.crawler.demo.sample_pages import ATOM, RSS, _excerpt, _templates, load_wording
from broadsheet.crawler.demo.sample_stories import articles, people, to_blocks, to_html
from broadsheet.crawler.demo.server import ORIGIN, DemoServer, Resource, not_found_resource, render
from broadsheet.crawler.demo.truth import (
    EXPECTED_OUTCOMES,
    ExpectedPage,
    _expected_outcomes,
    expected_pages,
    expected_stories,
)
from tests.expected_texts import expected_text

SITE = render()
BY_PATH = {page.path: page for page in expected_pages()}
SITEMAP_NS = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def charset(resource: Resource) -> str:
    """The charset that the header, or else the first kilobyte, declares."""
    found = re.search(r"charset=([\w-]+)", resource.headers["Content-Type"])
    found = found or re.search(r"charset=[\"']?([\w-]+)", resource.body[:1024].decode("ascii", "replace"))
    return found[1] if found else "utf-8"


def page_text(path: str) -> str:
    tree = html.fromstring(SITE[path].body.decode(charset(SITE[path])))
    for unseen in tree.xpath("//script|//style|//template|//*[@hidden or @aria-hidden]"):
        unseen.drop_tree()
    return fold(tree.text_content())


def fold(text: str) -> str:
    return " ".join(text.split())


def html_pages() -> Iterator[tuple[str, Resource]]:
    for path, resource in SITE.items():
        if resource.headers["Content-Type"].startswith("text/html") and resource.body:
            yield path, resource


def references(path: str, resource: Resource) -> Iterator[str]:
    """The site's own paths that a page names, query and fragment cut off."""
    tree = html.fromstring(resource.body.decode(charset(resource)))
    for value in tree.xpath("//@href | //@src | //form/@action"):
        target = urlsplit(urljoin(ORIGIN + path, value))
        if target.scheme in ("http", "https") and target.netloc == urlsplit(ORIGIN).netloc:
            yield target.path


def linked() -> set[str]:
    return {target for path, resource in html_pages() for target in references(path, resource)}


def request(url: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
    return connection.getresponse()


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer() as running:
        yield running


def test_the_site_has_the_stories_it_promises() -> None:
    assert Counter(story.language for story in articles()) == {"en": 14, "es": 7, "de": 6}
    assert {story.skin for story in articles()} == {"modern", "blocks", "tables"}
    words = {page.path: sum(len(block.split()) for block in page.text_blocks) for page in expected_pages()}
    short = {path for path, count in words.items() if count < 120}
    assert short == {"/news/mill-bridge-closed"}
    assert max(words.values()) < 460


def test_every_reference_of_every_page_is_a_resource() -> None:
    assert linked() - SITE.keys() == set()


def test_links_to_other_hosts_lead_to_example_names_only() -> None:
    bodies = b"".join(resource.body for _, resource in html_pages()).decode("utf-8", "replace")
    hosts = {urlsplit(url).netloc for url in re.findall(r"(?:href|src)=\"(https?://[^\"]+)\"", bodies)}
    assert {host for host in hosts if not host.endswith("example.org")} == set()
    assert len(hosts) > 2


@pytest.mark.parametrize("page", expected_pages(), ids=lambda page: page.path)
def test_a_story_s_own_words_stand_in_its_page_in_order(page: ExpectedPage) -> None:
    for path in (page.path, *page.aliases):
        text, start = page_text(path), 0
        for block in page.text_blocks:
            for part in re.split(r" \| |\n", block):  # a table's cells and a listing's lines are apart in the page
                found = text.find(fold(part), start)
                assert found >= 0, part
                start = found + len(fold(part))


def test_a_story_has_no_furniture_in_its_truth() -> None:
    text = "\n".join(block for page in expected_pages() for block in page.text_blocks)
    furniture = ("share icon", "Was this article helpful", "Haga una donación", "Bitte spenden", "Photo:", "republish")
    assert [words for words in furniture if words in text] == []
    everything = b"".join(resource.body for _, resource in html_pages()).decode("utf-8", "replace")
    assert [words for words in furniture if words not in everything] == []


def test_blocks_of_each_kind_are_told_as_the_reader_sees_them() -> None:
    markdown = (
        'A *soft*\nline.\n\n- one [link](/x)\n- two\n\n> said\n\n|a|b|\n|-|-|\n|1|2|\n\n```verse\nx\n"y"\n\nz\n```\n\n'
        "```\nif a < b:\n    pass\n```\n"
    )
    expected = ("A soft line.", "one link", "two", "said", "a | b\n1 | 2", 'x\n"y"', "z", "if a < b:\n    pass")
    assert to_blocks(markdown) == expected
    assert '<p class="verse">x<br>\n"y"</p>' in to_html(markdown)
    assert '<table class="data">' in to_html(markdown)


def test_stories_after_a_prompt_in_the_middle_go_on() -> None:
    for path in ("/investigations/dredging-contracts", "/de/artikel/pflegeheim-dienstplan.html"):
        text = page_text(path)
        prompt = "Please donate so that" if path.startswith("/inv") else "Bitte spenden Sie"
        assert text.index(prompt) < text.index(fold(BY_PATH[path].text_blocks[-1]))


def test_stories_found_only_by_sitemap_or_feed_are_linked_nowhere() -> None:
    only_sitemap = {page.path for page in expected_pages() if page.listed == "sitemap"}
    only_feed = {page.path for page in expected_pages() if page.listed == "feed"}
    assert (len(only_sitemap), len(only_feed)) == (2, 1)
    elsewhere = {
        target
        for path, resource in html_pages()
        if path not in only_sitemap | only_feed
        for target in references(path, resource)
    }
    assert elsewhere & (only_sitemap | only_feed) == set()
    assert only_sitemap <= sitemap_paths()
    assert only_feed & sitemap_paths() == set()
    assert only_feed <= feed_paths()
    assert only_sitemap & feed_paths() == set()


def sitemap_paths() -> set[str]:
    trees = [
        gzip.decompress(SITE[feeds.GZIPPED_SITEMAP].body),
        SITE[feeds.PLAIN_SITEMAP].body,
        SITE[feeds.NEWS_SITEMAP].body,
    ]
    locations = [loc for tree in trees for loc in etree.fromstring(tree).xpath("//s:loc/text()", namespaces=SITEMAP_NS)]
    return {urlsplit(str(loc)).path for loc in locations}


def feed_paths() -> set[str]:
    parsed = [feedparser.parse(SITE[path].body) for path in (RSS, ATOM)]
    return {urlsplit(urljoin(ORIGIN, entry.link)).path for feed in parsed for entry in feed.entries}


def test_every_story_is_reachable_in_some_way() -> None:
    reachable = linked() | sitemap_paths() | feed_paths()
    assert BY_PATH.keys() - reachable == set()


def test_sitemap_index_names_its_children_and_every_entry_says_when_it_changed() -> None:
    index = etree.fromstring(SITE[feeds.SITEMAP_INDEX].body)
    children = [urlsplit(loc).path for loc in index.xpath("//s:loc/text()", namespaces=SITEMAP_NS)]
    assert children == [feeds.GZIPPED_SITEMAP, feeds.PLAIN_SITEMAP, feeds.NEWS_SITEMAP]
    urls = etree.fromstring(gzip.decompress(SITE[feeds.GZIPPED_SITEMAP].body)).xpath("//s:url", namespaces=SITEMAP_NS)
    assert len(urls) == 13
    assert all(url.find("s:lastmod", SITEMAP_NS) is not None for url in urls)


def test_feeds_are_well_formed_and_named_in_every_head() -> None:
    kinds = [feedparser.parse(SITE[path].body) for path in (RSS, ATOM)]
    assert [(feed.version, bool(feed.bozo)) for feed in kinds] == [("rss20", False), ("atom10", False)]
    assert b'type="application/rss+xml"' in SITE["/"].body
    assert b'type="application/atom+xml"' in SITE["/de/"].body


def test_robots_forbids_a_path_that_is_linked() -> None:
    robots = SITE["/robots.txt"].body.decode()
    assert f"Sitemap: {ORIGIN}{feeds.SITEMAP_INDEX}" in robots
    forbidden = [path for path in linked() if path.startswith(feeds.DISALLOWED_PATH)]
    assert forbidden == ["/internal/drafts.html"]


@pytest.mark.parametrize(
    ("path", "declared"),
    [("/de/archiv/2010/bahnhof-vesserbach.htm", "meta"), ("/es/2024/01/la-playa-que-se-fue-en-camiones/", "header")],
)
def test_windows_1252_pages_declare_it_in_one_place_and_decode(path: str, declared: str) -> None:
    resource = SITE[path]
    assert ("windows-1252" in resource.headers["Content-Type"]) is (declared == "header")
    assert (b"windows-1252" in resource.body) is (declared == "meta")
    with pytest.raises(UnicodeDecodeError):
        resource.body.decode("utf-8")
    assert BY_PATH[path].text_blocks[-1] in page_text(path)


def test_duplicates_have_one_text_and_a_canonical_link_in_one_pair_only() -> None:
    pairs = {page.path: page.aliases for page in expected_pages() if page.aliases}
    assert len(pairs) == 2
    canonical = [b'rel="canonical"' in SITE[copy].body for copies in pairs.values() for copy in copies]
    assert sorted(canonical) == [False, True]
    assert not any(b'rel="canonical"' in SITE[path].body for path in pairs)


def test_redirects_lead_to_a_story_or_round_in_circles() -> None:
    ends = {path: follow(path) for path, resource in SITE.items() if 300 <= resource.status < 400}
    assert ends.pop("/turn/left") == ends.pop("/turn/right") == ""
    assert set(ends) == {"/harbour", "/go/heating", "/go/heating-2", "/go/heating-3"}
    assert all(end in BY_PATH for end in ends.values())


def follow(path: str) -> str:
    seen: set[str] = set()
    while path not in seen:
        seen.add(path)
        if "Location" not in SITE[path].headers:
            return path
        path = urlsplit(urljoin(ORIGIN, SITE[path].headers["Location"])).path
    return ""


def test_story_in_two_pages_is_joined_by_next_and_prev() -> None:
    first = next(page for page in expected_pages() if page.next_path)
    assert f'<link rel="next" href="{first.next_path}">'.encode() in SITE[first.path].body
    assert f'<link rel="prev" href="{first.path}">'.encode() in SITE[first.next_path].body
    assert not set(first.text_blocks) & set(BY_PATH[first.next_path].text_blocks)


def test_special_pages_are_what_they_claim() -> None:
    assert SITE["/news/the-lost-supplement"].status == 200
    assert "Page not found" in page_text("/news/the-lost-supplement")
    assert SITE["/blank.html"].body == b""
    assert page_text("/news/placeholder") == ""
    assert b'<div id="root"></div><noscript>' in SITE["/interactive/harbour-map"].body
    assert b'"isAccessibleForFree": false' in SITE["/investigations/port-authority-ledgers"].body
    assert "Subscribe to go on reading" in page_text("/investigations/port-authority-ledgers")
    assert not SITE["/archive/2011/lighthouse-auction.html"].body.rstrip().endswith(b"</html>")
    assert SITE["/files/harbour-tender.pdf"].body.startswith(b"%PDF-")
    assert SITE["/media/quay.jpg"].body.startswith(b"\xff\xd8\xff")


def test_expectations_name_every_page_and_use_one_outcome_each() -> None:
    assets = {path for path in SITE if path.startswith(("/static/", "/media/", "/data/"))}
    assert SITE.keys() - assets - EXPECTED_OUTCOMES.keys() == set()
    assert EXPECTED_OUTCOMES.keys() - SITE.keys() == set()
    assert Counter(state for state, _ in EXPECTED_OUTCOMES.values()).keys() == {"done", "failed", "skipped"}
    wrong = [
        path for path, (_, reason) in EXPECTED_OUTCOMES.items() if reason == "article" and SITE[path].status != 200
    ]
    assert wrong == []
    codes = {reason for _, reason in EXPECTED_OUTCOMES.values() if reason.startswith("http_")}
    assert codes == {"http_403", "http_404", "http_410", "http_500"}
    assert all(
        SITE[path].status == int(reason[5:]) for path, (_, reason) in EXPECTED_OUTCOMES.items() if reason in codes
    )


def test_rendering_is_the_same_twice() -> None:
    assert render() == SITE


def test_server_answers_each_resource_with_status_and_length(server: DemoServer) -> None:
    for path, resource in render(server.url).items():
        answer = request(server.url + path)
        body = answer.read()
        assert (answer.status, body) == (resource.status, resource.body), path
        assert answer.headers["Content-Type"] == resource.headers["Content-Type"]
        assert answer.headers["Content-Length"] == str(len(body))


def test_server_makes_absolute_links_with_its_own_origin(server: DemoServer) -> None:
    robots = request(f"{server.url}/robots.txt").read().decode()
    assert f"Sitemap: {server.url}/sitemap_index.xml" in robots
    assert request(f"{server.url}/harbour").headers["Location"].startswith(server.url)


def test_server_knows_no_other_path_and_ignores_the_query(server: DemoServer) -> None:
    unknown = request(f"{server.url}/no/such/page")
    assert (unknown.status, unknown.read()) == (404, not_found_resource().body)
    assert request(f"{server.url}/news/how-we-counted?utm_source=x").status == 200


def test_server_spares_a_client_what_it_has(server: DemoServer) -> None:
    url = f"{server.url}/news/how-we-counted"
    first = request(url)
    assert request(url, **{"If-None-Match": first.headers["ETag"]}).status == 304
    assert request(url, **{"If-None-Match": '"other"'}).status == 200
    assert request(url, **{"If-None-Match": f'"other", W/{first.headers["ETag"]}'}).status == 304
    assert request(url, **{"If-Modified-Since": first.headers["Last-Modified"]}).status == 304
    assert request(url, **{"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status == 200
    assert request(url, **{"If-Modified-Since": "yesterday"}).status == 200


def test_server_answers_head_without_a_body_and_logs_each_request(server: DemoServer) -> None:
    request_count = len(server.requests)
    answer = request(f"{server.url}/es/?x=1", "HEAD")
    assert (answer.status, answer.read()) == (200, b"")
    entry = server.requests[-1]
    assert (entry.method, entry.path, entry.status, len(server.requests)) == (
        "HEAD",
        "/es/?x=1",
        200,
        request_count + 1,
    )


def test_server_shows_its_own_errors_and_not_that_a_client_hung_up(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    monkeypatch.setattr("http.server.ThreadingHTTPServer.handle_error", lambda *words: shown.append(words[2]))
    for error in (BrokenPipeError("gone"), ValueError("ours")):
        try:
            raise error
        except (OSError, ValueError):
            server._server.handle_error(None, str(error))
    assert shown == ["ours"]


def test_server_frees_its_port() -> None:
    with DemoServer() as running:
        port = urlsplit(running.url).port
        assert port
    with DemoServer(port) as second_server:
        assert request(f"{second_server.url}/").status == 200


WHOLE_SITE = Path(__file__).parent / "whole_site.txt"


def site_lines() -> Iterator[str]:
    """Yield a line for each path: its status, header fields and length, and the beginning of its body's digest."""
    for function in (articles, people, load_wording, _templates, feeds.special_addresses):
        function.cache_clear()
    for path, resource in sorted(render("http://sample.test").items()):
        body = gzip.decompress(resource.body) if resource.body[:2] == b"\x1f\x8b" else resource.body
        fields = "; ".join(f"{name}: {value}" for name, value in resource.headers.items())
        yield f"{path} {resource.status} [{fields}] {len(body)} {sha256(body).hexdigest()[:12]}"
    for story in expected_stories():
        values = asdict(story)
        text = "\n".join(values.pop("text_blocks"))
        yield f"{values} {len(text)} {sha256(text.encode()).hexdigest()[:12]}"


def test_the_whole_site_and_what_a_crawl_is_to_make_of_it_are_as_listed() -> None:
    """Where a change of the sample is meant, `make expected` writes the list anew."""
    listed = [*site_lines(), *(f"{path} {state} {reason}" for path, (state, reason) in _expected_outcomes().items())]
    assert listed == expected_text(WHOLE_SITE, "\n".join(listed) + "\n").splitlines()


@pytest.mark.parametrize(
    ("standfirst", "excerpt"),
    [
        ("The dredger, which has worked since 2018, is sold.", "The dredger, which has worked…"),
        ("One two three four, five six", "One two three…"),
        ("One two three, four five six", "One two three…"),
        ("word " * 99, "word " * 20 + "word…"),
    ],
)
def test_an_excerpt_ends_at_a_word(standfirst: str, excerpt: str) -> None:
    assert _excerpt(SimpleNamespace(standfirst=standfirst)) == excerpt  # type: ignore[arg-type]
