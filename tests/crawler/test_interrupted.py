"""A crawl that is killed or stopped at any moment, and finished later, equals one that ran undisturbed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawler.crawls import Crawl, Result, kill_group
from tests.crawler.scripted_site import Reply, ScriptedSite, page

Serve = Callable[..., ScriptedSite]
SMALL = {"discover_sitemaps": 0, "discover_feeds": 0}
PAGES = 24


def site_of_many(serve: Serve) -> ScriptedSite:
    """Each page links to the next ones and to a missing one; one is a copy, one is moved."""
    site = serve({"/": page("home", "/p0", "/moved", "/copy")})
    for number in range(PAGES):
        links = (f"/p{number + 1}", f"/p{number + 2}", f"/none{number}") if number < PAGES - 2 else ()
        site.routes[f"/p{number}"] = Reply(page(f"p{number}", *links), wait=0.03)
    site.routes["/moved"] = Reply(status=301, headers={"Location": "/p3"})
    site.routes["/copy"] = page("p5")
    return site


def left(result: Result) -> dict[str, object]:
    """All that must not depend on when a crawl was interrupted."""
    queries = {
        "urls": "SELECT url, kind, state, reason, attempts FROM urls ORDER BY url",
        "articles": "SELECT url, title, text, page_type FROM articles ORDER BY url",
        "removed": "SELECT url, position, text, reason, rule FROM removed ORDER BY url, position",
        "captures": "SELECT url, payload_digest, count(*) FROM captures GROUP BY 1, 2 ORDER BY 1, 2",
        "revisions": "SELECT title, text_digest, change FROM revisions ORDER BY 1, 2, 3",
        "outside": "SELECT host, links FROM outside_hosts ORDER BY host",
    }
    return {name: [row for row in result.rows(query) if "robots" not in str(row[0])] for name, query in queries.items()}


def wait_for_requests(site: ScriptedSite, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(site.log) < count and time.monotonic() < deadline:
        time.sleep(0.01)


def killed_and_finished(folder: Path, site: ScriptedSite, moments: tuple[int, ...]) -> Result:
    crawl = Crawl(folder)
    for moment in moments:
        site.log.clear()
        process = crawl.start(site.url + "/", **SMALL)
        wait_for_requests(site, moment)
        kill_group(process)
    result = crawl(site.url + "/", **SMALL)
    assert result.code == 0
    return result


def check(serve: Serve, folder: Path, moments: tuple[int, ...]) -> None:
    site = site_of_many(serve)
    (folder / "calm").mkdir()
    (folder / "killed").mkdir()
    calm = left(Crawl(folder / "calm")(site.url + "/", **SMALL))
    assert len(calm["articles"]) == PAGES  # type: ignore[arg-type]
    result = killed_and_finished(folder / "killed", site, moments)
    assert left(result) == calm
    assert result.rows("PRAGMA integrity_check") == [("ok",)]
    outcomes = sorted(outcome for (outcome,) in result.rows("SELECT outcome FROM runs"))
    assert outcomes == ["finished"] + ["killed"] * len(moments)


def test_killed_twice_and_finished_equals_undisturbed(serve: Serve, tmp_path: Path) -> None:
    check(serve, tmp_path, (4, 7))


@pytest.mark.slow
@pytest.mark.parametrize("first", [1, 2, 9, 14, 20])
def test_killed_at_any_moment_and_finished_equals_undisturbed(serve: Serve, tmp_path: Path, first: int) -> None:
    check(serve, tmp_path, (first, 3, 6))


def test_ctrl_c_ends_clean_and_the_rest_stays_queued(serve: Serve, crawl: Crawl) -> None:
    site = site_of_many(serve)
    process = crawl.start(site.url + "/", **SMALL)
    wait_for_requests(site, 8)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    result = crawl.result(process, errors)
    assert "Traceback" not in errors
    assert result.run() == ("stopped", "shutdown")
    assert [path.name for path in result.db.parent.iterdir()] == ["archive.db"]
    states = result.states(site)
    queued = [path for path, (state, _) in states.items() if state == "queued"]
    assert queued
    assert not [path for path, (state, _) in states.items() if state == "failed" and "none" not in path]
    asked = site.paths()
    finished = crawl(site.url + "/", **SMALL)
    assert set(finished.states(site).values()) == {
        ("done", "article"), ("done", "list"), ("done", "robots"), ("done", "redirect"), ("failed", "http_404"),
    }  # fmt: skip
    repeated = [path for path in site.paths()[len(asked) :] if path in asked and path != "/robots.txt"]
    assert repeated == [], "what was answered before the end is not asked for again"
