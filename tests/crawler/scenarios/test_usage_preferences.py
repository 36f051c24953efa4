"""Usage preferences of a site: stored a capture, obeyed when asked to, carried by exports and data sets."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.crawler.crawls import SMALL, Result, Serve
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import verb

pytestmark = pytest.mark.slow

NEXT_SECOND = 1.1  # an equal answer in the second of an earlier one is the same capture
ROBOTS = """\
User-agent: *
Content-Usage: /closed/ train-ai=n
Content-Usage: /closed/but/ train-ai=y, search=y
Content-Usage: /broken/ train-ai = n; search
Content-Signal: ai-input=yes
"""
PAGES = {
    "/closed/one": Reply(page("one")),
    "/closed/but/two": Reply(page("two")),
    "/closed/but/three": Reply(page("three"), headers={"Content-Usage": "train-ai=n"}),
    "/broken/four": Reply(page("four"), headers={"Content-Usage": "search=y search=n"}),
    "/five": Reply(page("five")),
    "/six": Reply(page("six"), headers={"X-Robots-Tag": "noai"}),
}
SIGNAL = "robots.txt Content-Signal: ai-input=yes"


def a_site(serve: Serve) -> ScriptedSite:
    return serve(
        {"/robots.txt": Reply(ROBOTS, 200, {"Content-Type": "text/plain"}), "/": page("home", *PAGES), **PAGES}
    )


def usages(result: Result, site: ScriptedSite) -> dict[str, tuple[list[str], list[str]]]:
    rows = result.rows("SELECT url, usage, usage_stated FROM captures ORDER BY fetched_at")
    return {url.removeprefix(site.url): (json.loads(usage), json.loads(stated)) for url, usage, stated in rows}


def exported(result: Result, tmp_path: Path, *arguments: str) -> dict[str, list[str]]:
    file = tmp_path / "out.jsonl"
    assert verb("export", result.db, "-o", file, *arguments)[0] == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {line["url"].rpartition("/")[2]: line["usage"] for line in lines}


def test_preferences_are_stored_as_they_came_and_can_leave_articles_out(crawl, serve, tmp_path):
    site = a_site(serve)
    result = crawl(site.url + "/", **SMALL)
    said = usages(result, site)
    assert said["/closed/one"] == (
        ["ai-use=y", "train-ai=n"],
        ["robots.txt Content-Usage: /closed/ train-ai=n", SIGNAL],
    )
    assert said["/closed/but/two"][0] == ["ai-use=y", "search=y", "train-ai=y"]
    assert said["/closed/but/three"] == (
        ["ai-use=y", "search=y", "train-ai=n"],
        ["Content-Usage: train-ai=n", "robots.txt Content-Usage: /closed/but/ train-ai=y, search=y", SIGNAL],
    )
    assert said["/broken/four"][0] == ["ai-use=y", "search=n", "train-ai=n"]
    assert said["/five"] == (["ai-use=y"], [SIGNAL])
    assert said["/robots.txt"] == ([], [])
    assert verb("verify", result.db)[0] == 0

    everything = exported(result, tmp_path)
    assert set(everything) >= {"one", "two", "three", "four", "five", "six"}
    assert everything["one"] == ["ai-use=y", "train-ai=n"]
    for_training = set(exported(result, tmp_path, "--for", "train-ai"))
    assert for_training == set(everything) - {"one", "three", "four", "six"}
    assert set(exported(result, tmp_path, "--for", "search")) == set(everything) - {"four"}
    assert set(exported(result, tmp_path, "--for", "ai-use")) == set(everything) - {"six"}
    assert verb("export", result.db, "--for", "selling", "-o", tmp_path / "x.jsonl")[0] == 2

    parquet, target = pytest.importorskip("pyarrow.parquet"), tmp_path / "set"
    for words, kept in (((), set(everything)), (("--for", "train-ai"), for_training), ((), set(everything))):
        assert verb("export", result.db, "--format", "parquet", "-o", target, *words)[0] == 0
        table = parquet.read_table(target / "articles", columns=["url", "usage"]).to_pylist()
        assert {row["url"].rpartition("/")[2] for row in table} == kept
    assert [row["usage"] for row in table if row["url"].endswith("/one")] == [["ai-use=y", "train-ai=n"]]

    site.routes["/five"] = Reply(page("five"), headers={"Content-Usage": "train-ai=n"})  # what is said later counts
    time.sleep(NEXT_SECOND)
    crawl(site.url + "/", revisit="all", **SMALL)
    assert "five" not in exported(result, tmp_path, "--for", "train-ai")


def test_a_crawl_that_obeys_keeps_nothing_that_is_refused(crawl, serve):
    site = a_site(serve)
    states = crawl(site.url + "/", obey_directives=1, **SMALL).states(site)
    assert {path for path, state in states.items() if state == ("skipped", "content_usage")} == {
        "/closed/one",
        "/closed/but/three",
        "/broken/four",
    }
    assert states["/six"] == ("skipped", "noai")
    assert states["/closed/but/two"] == states["/five"] == ("done", "article")
    assert crawl(site.url + "/", **SMALL).states(site)["/closed/one"] == ("done", "article")
