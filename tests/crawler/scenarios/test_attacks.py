"""Hostile servers: each attack costs its own URL only, with a reason."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from broadsheet.output.read.plain_words import reason_text
from tests.crawler.attacks import ATTACKS, HARMLESS, SETTINGS
from tests.crawler.crawls import Crawl, Result, until
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.probe import fetch
from tests.crawler.scripted_site import page

Fetched = dict[str, list[Any]]
IN_A_CRAWL = (
    "drip", "endless_body", "endless_interim", "ten_thousand_headers", "gzip_bomb", "nested_bomb", "cut_gzip",
    "cut_zstd", "not_gzip", "no_http", "two_lengths", "bad_chunk_size", "reset_in_body",
)  # fmt: skip
ELSEWHERE = {
    "/to-loopback": ("http://127.0.0.2/", "127.0.0.2"),
    "/to-metadata": ("http://169.254.169.254/latest/", "169.254.169.254"),
    "/to-a-number": ("http://2852039166/latest/", "169.254.169.254"),
    "/to-another-port": ("http://127.0.0.1:6379/", "6379"),
}


@pytest.fixture(scope="module", params=[ATTACKS], ids=[""])
def fetched(request: pytest.FixtureRequest) -> Iterator[Fetched]:
    """What came of every path, by path, from one process that asks for all of them at once."""
    server = HostileServer({f"/{name}": row[0] for name, row in request.param.items()})
    settings = {**SETTINGS, "BROADSHEET_PORTS": [server.port], "DOWNLOAD_TIMEOUT": 10}  # time for a bound of bytes
    got = fetch([server.url(path) for path in server.behaviours], settings)
    yield {url.rpartition("/")[2]: outcome for url, outcome in got.items()}
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_its_own_url_with_a_reason(fetched, name):
    reason = ATTACKS[name][1]
    assert fetched[name][0] == reason
    assert reason_text(reason) != reason.replace("_", " ")


@pytest.mark.parametrize("fetched", [HARMLESS], indirect=True, ids=[""])
@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_only_odd_is_read(fetched, name):
    assert tuple(fetched[name][1:3]) == HARMLESS[name][1]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Result, HostileServer]]:
    """A real crawl of a site whose home page links to attacks and that ends with a good article."""
    server = HostileServer({f"/{name}": ATTACKS[name][0] for name in IN_A_CRAWL})
    for path, (target, _) in ELSEWHERE.items():
        server.behaviours[path] = answer(b"", f"Location: {target}", status="302 Found")
    sitemaps = "\n".join(f"Sitemap: {target}map.xml" for target, _ in ELSEWHERE.values())
    links = [*(path for path in server.behaviours), "/good"]
    server.behaviours["/robots.txt"] = answer(f"User-agent: *\nDisallow:\n{sitemaps}\n".encode())
    server.behaviours["/"] = answer(page("home", *links).encode())
    server.behaviours["/good"] = answer(page("good").encode())
    crawl = Crawl(tmp_path_factory.mktemp("hostile"))
    yield crawl(server.url(), BROADSHEET_RETRY_TIMES=1, **SETTINGS), server
    server.close()


@pytest.mark.slow
def test_a_crawl_of_attacks_goes_on_to_its_end_and_each_row_says_what_it_was(crawled):
    """What may come right is asked for again, and a bomb is not."""
    result, server = crawled
    assert (result.code, result.run()[0]) == (0, "finished")
    states = {url.removeprefix(server.url("")): row for url, row in result.states().items()}
    assert {name: states[f"/{name}"] for name in IN_A_CRAWL} == {
        name: ("failed", ATTACKS[name][1]) for name in IN_A_CRAWL
    }
    articles = {url.removeprefix(server.url("")) for url in result.articles()}
    assert ("/good" in articles, articles & {f"/{name}" for name in IN_A_CRAWL}) == (True, set())
    assert [server.paths.count(f"/{name}") for name in ("cut_gzip", "gzip_bomb", "not_gzip")] == [2, 1, 1]
    assert states["http://127.0.0.1:6379/map.xml"][1] == "port", "also with --allow-private"
    assert {reason for url, (_, reason) in states.items() if "169.254.169.254" in url} == {"private_address"}


def slow_moves(server: HostileServer) -> list[bytes]:
    """A robots.txt that moves, and moves again, each time after most of the time that a request has."""
    server.closing.wait(25)
    count = sum("robots" in path for path in server.paths)
    return [answer(b"", f"Location: /robots{count}.txt", status="302 Found")]


@pytest.mark.slow
def test_answers_that_stall_hold_a_crawl_thirty_seconds_beyond_its_time_at_most(tmp_path):
    drips = [f"/drip{n}" for n in range(30)]
    site = HostileServer(dict.fromkeys(drips, ATTACKS["drip"][0]))
    moving = HostileServer({f"/robots{n}.txt": slow_moves for n in ("", *range(9))})
    site.behaviours["/"] = answer(page("home", "/good", *drips).encode())
    site.behaviours["/good"] = answer(page("good").encode())
    try:
        options = {"max_time": 20, "sitemaps": 0, "feeds": 0}
        process = Crawl(tmp_path).start(site.url(), moving.url(), **options)
        until(lambda: any(path in site.paths for path in drips))
        begun_at = time.monotonic()
        _, errors = process.communicate(timeout=120)
        assert time.monotonic() - begun_at < 20 + 30
    finally:
        site.close()
        moving.close()
    result = Crawl(tmp_path).result(process, errors)
    assert (result.code, result.run()) == (0, ("finished", "max_time")), errors
    assert site.url("/good") in result.articles()
    states = result.states()
    assert {states[url] for url in (moving.url(), *map(site.url, drips))} == {("skipped", "limit")}
