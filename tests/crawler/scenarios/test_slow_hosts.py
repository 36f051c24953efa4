"""Hosts that answer late, fail or ask for long waits, beside others: whole crawls on loopback."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from tests.crawler.crawls import Crawl
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page

Serve = Callable[..., ScriptedSite]
SMALL = {"discover_sitemaps": 0, "discover_feeds": 0}
pytestmark = pytest.mark.slow
PATIENCE = 40  # seconds: a guard against hanging, far below the waits that these hosts ask for


def wait_for(site: ScriptedSite, count: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while len(site.log) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(site.log) >= count


@pytest.mark.parametrize("held", ["/robots.txt", "/"])
def test_a_host_that_does_not_answer_holds_no_other(serve: Serve, crawl: Crawl, held: str) -> None:
    """The slow site answers only when all of the quick one was fetched, with two requests under way at most."""
    names = [f"p{number}" for number in range(6)]
    quick = serve({"/": page("home", *(f"/{name}" for name in names))} | {f"/{name}": page(name) for name in names})
    free = threading.Event()

    def late(seen: Seen) -> Reply:
        assert free.wait(PATIENCE)
        return Reply("", 404)

    slow = serve({held: late, "/a": late, "/b": late})
    process = crawl.start(
        f"{slow.url}/", f"{slow.url}/a", f"{slow.url}/b", f"{quick.url}/", CONCURRENT_REQUESTS=2, **SMALL
    )
    served = wait_for(quick, 2 + len(names))
    free.set()
    _, errors = process.communicate(timeout=PATIENCE)
    assert served, "the quick site is fetched while the slow one holds its answers"
    assert crawl.result(process, errors).run() == ("finished", "finished")


def test_ctrl_c_does_not_wait_for_a_crawl_delay(serve: Serve, crawl: Crawl) -> None:
    rules = Reply("User-agent: *\nCrawl-delay: 60\n", headers={"Content-Type": "text/plain"})
    site = serve({"/": page("home", "/one"), "/robots.txt": rules})
    process = crawl.start(f"{site.url}/", **SMALL)
    assert wait_for(site, 1)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    result = crawl.result(process, errors)
    assert result.run() == ("stopped", "shutdown")
    assert result.states(site)["/"] == ("queued", "")
    assert site.paths() == ["/robots.txt"]


def test_a_host_given_up_is_asked_again_by_the_next_run(serve: Serve, crawl: Crawl) -> None:
    site = serve({"/": page("home", *(f"/p{number}" for number in range(5)))})
    site.routes |= {f"/p{number}": page(f"p{number}") for number in range(5)} | {"/robots.txt": Reply("", 503)}
    first = crawl(*(f"{site.url}/p{number}" for number in range(5)), **SMALL, BROADSHEET_RETRY_TIMES=0)
    assert {first.states(site)[f"/p{number}"] for number in range(5)} == {("skipped", "robots_unreachable")}
    assert site.paths() == ["/robots.txt"]
    site.routes["/robots.txt"] = Reply("", 404)
    second = crawl(f"{site.url}/", **SMALL)
    assert {second.states(site)[f"/p{number}"] for number in range(5)} == {("done", "article")}
