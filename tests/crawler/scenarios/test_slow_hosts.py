"""Hosts that answer late or fail, beside others: whole crawls on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.crawler.crawls import Crawl, until
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page

Serve = Callable[..., ScriptedSite]
SMALL = {"sitemaps": 0, "feeds": 0}
pytestmark = pytest.mark.slow
PATIENCE = 40  # seconds: a guard against hanging, far below the waits that these hosts ask for


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
    until(lambda: len(quick.log) >= 2 + len(names), PATIENCE)  # while the slow one holds its answers
    free.set()
    _, errors = process.communicate(timeout=PATIENCE)
    assert crawl.result(process, errors).run() == ("finished", "finished")


def test_a_host_given_up_is_asked_again_by_the_next_run(serve: Serve, crawl: Crawl) -> None:
    site = serve({"/": page("home", *(f"/p{number}" for number in range(5)))})
    site.routes |= {f"/p{number}": page(f"p{number}") for number in range(5)} | {"/robots.txt": Reply("", 503)}
    first = crawl(*(f"{site.url}/p{number}" for number in range(5)), **SMALL, BROADSHEET_RETRY_TIMES=0)
    assert {first.states(site)[f"/p{number}"] for number in range(5)} == {("skipped", "robots_unreachable")}
    assert site.paths() == ["/robots.txt"]
    site.routes["/robots.txt"] = Reply("", 404)
    second = crawl(f"{site.url}/", **SMALL)
    assert {second.states(site)[f"/p{number}"] for number in range(5)} == {("done", "article")}
