"""A crawl of many hosts at once: each at its own pace, none waits for a place, and none for a host that is late."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from broadsheet.crawler.fetch.capacity import default_requests
from tests.crawler.crawls import SMALL, until
from tests.crawler.scripted_site import Reply, Seen, page

pytestmark = pytest.mark.slow

HOSTS = 100


class Crowd:
    """Counts the requests that are under way together; answers once there are `expected`, or time is up."""

    def __init__(self, expected: int, patience: float) -> None:
        self.most = 0
        self._count = 0
        self._expected, self._patience = expected, patience
        self._lock, self._complete = threading.Lock(), threading.Event()

    def answer(self, seen: Seen) -> Reply:
        with self._request():
            self._complete.wait(self._patience)
        return Reply(page(f"host{seen.headers['Host'].rpartition(':')[2]}"))

    @contextmanager
    def _request(self) -> Iterator[None]:
        with self._lock:
            self._count += 1
            self.most = max(self.most, self._count)
            if self.most >= self._expected:
                self._complete.set()
        yield
        with self._lock:
            self._count -= 1


def test_a_hundred_hosts_are_asked_at_once(crawl, serve):
    expected = min(HOSTS, default_requests(32 * 1024 * 1024))
    crowd = Crowd(expected, patience=60)
    sites = [serve({"/": crowd.answer}) for _ in range(HOSTS)]
    result = crawl(*(f"{site.url}/" for site in sites), DOWNLOAD_TIMEOUT=110, **SMALL)
    assert crowd.most >= expected
    assert result.rows("SELECT count(*) FROM urls WHERE state = 'done' AND kind = 'page'") == [(HOSTS,)]
    assert max(len(site.log) for site in sites) == 2


PATIENCE = 40  # seconds: a guard against hanging, far below the waits that these hosts ask for


@pytest.mark.parametrize("held", ["/robots.txt", "/"])
def test_a_host_that_does_not_answer_holds_no_other(serve, crawl, held):
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


def test_a_host_given_up_is_asked_again_by_the_next_run(serve, crawl):
    site = serve({"/": page("home", *(f"/p{number}" for number in range(5)))})
    site.routes |= {f"/p{number}": page(f"p{number}") for number in range(5)} | {"/robots.txt": Reply("", 503)}
    first = crawl(*(f"{site.url}/p{number}" for number in range(5)), **SMALL, BROADSHEET_RETRY_TIMES=0)
    assert {first.states(site)[f"/p{number}"] for number in range(5)} == {("skipped", "robots_unreachable")}
    assert site.paths() == ["/robots.txt"]
    site.routes["/robots.txt"] = Reply("", 404)
    second = crawl(f"{site.url}/", **SMALL)
    assert {second.states(site)[f"/p{number}"] for number in range(5)} == {("done", "article")}
