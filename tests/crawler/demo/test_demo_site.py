"""The sample site: complete, sound in every part that is meant to be, and served as rendered."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from lxml import html

import broadsheet
from broadsheet.crawler.demo.server import DemoServer, Resource, not_found_resource, render
from tests.crawler.crawls import REPOSITORY
from tests.crawler.demo.truth import EXPECTED_OUTCOMES, expected_pages

SITE = render()


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


def request(url: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
    return connection.getresponse()


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer() as running:
        yield running


@pytest.mark.parametrize("page", expected_pages(), ids=lambda page: page.path)
def test_a_story_s_own_words_stand_in_its_page_in_order(page):
    for path in (page.path, *page.aliases):
        text, start = page_text(path), 0
        for block in page.text_blocks:
            for part in re.split(r" \| |\n", block):  # a table's cells and a listing's lines are apart in the page
                found = text.find(fold(part), start)
                assert found >= 0, part
                start = found + len(fold(part))


def test_each_path_has_an_expected_outcome_but_what_only_a_reader_s_browser_asks_for():
    unasked = {path for path in SITE if path.startswith(("/static/", "/media/", "/data/"))} - EXPECTED_OUTCOMES.keys()
    assert SITE.keys() - unasked == EXPECTED_OUTCOMES.keys()


def test_server_answers_each_resource_with_status_and_length(server):
    for path, resource in render(server.url).items():
        answer = request(server.url + path)
        body = answer.read()
        assert (answer.status, body) == (resource.status, resource.body), path
        assert answer.headers["Content-Type"] == resource.headers["Content-Type"]
        assert answer.headers["Content-Length"] == str(len(body))


def test_server_makes_absolute_links_with_its_own_origin(server):
    robots = request(f"{server.url}/robots.txt").read().decode()
    assert f"Sitemap: {server.url}/sitemap_index.xml" in robots
    assert request(f"{server.url}/harbour").headers["Location"].startswith(server.url)


def test_server_knows_no_other_path_and_ignores_the_query(server):
    unknown = request(f"{server.url}/no/such/page")
    assert (unknown.status, unknown.read()) == (404, not_found_resource().body)
    assert request(f"{server.url}/news/how-we-counted?utm_source=x").status == 200


def test_server_spares_a_client_what_it_has(server):
    url = f"{server.url}/news/how-we-counted"
    first = request(url)
    assert request(url, **{"If-None-Match": first.headers["ETag"]}).status == 304
    assert request(url, **{"If-None-Match": '"other"'}).status == 200
    assert request(url, **{"If-None-Match": f'"other", W/{first.headers["ETag"]}'}).status == 304
    assert request(url, **{"If-Modified-Since": first.headers["Last-Modified"]}).status == 304
    assert request(url, **{"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status == 200
    assert request(url, **{"If-Modified-Since": "yesterday"}).status == 200


def test_server_answers_head_without_a_body_and_logs_each_request(server):
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


def test_server_shows_its_own_errors_and_not_that_a_client_hung_up(server, monkeypatch):
    shown: list[object] = []
    monkeypatch.setattr("http.server.ThreadingHTTPServer.handle_error", lambda *words: shown.append(words[2]))
    for error in (BrokenPipeError("gone"), ValueError("ours")):
        try:
            raise error
        except (OSError, ValueError):
            server._server.handle_error(None, str(error))
    assert shown == ["ours"]


def test_server_frees_its_port():
    with DemoServer() as running:
        port = urlsplit(running.url).port
        assert port
    with DemoServer(port) as second_server:
        assert request(f"{second_server.url}/").status == 200


def test_the_readme_shows_what_becomes_of_a_page_s_blocks():
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    shown = re.findall(r"^    (kept|[a-z][a-z ]+?)  +(.+?)(?: …)?$", readme, re.MULTILINE)
    story = SITE["/investigations/dredging-contracts"].body.decode()
    blocks = broadsheet.clean(story, "https://news.example/investigations/dredging-contracts").blocks
    verdicts = {block.text: "kept" if block.is_kept else block.reason for block in blocks}
    told = [(verdict, line) for _, line in shown for text, verdict in verdicts.items() if text.startswith(line)]
    assert told == shown
    assert (len(shown), len(blocks), sum(block.is_kept for block in blocks)) == (7, 98, 11)
