"""One run on one archive: what it notes, stores and gives free."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import ExtractorUse, Page
from broadsheet.crawler.crawl.session import AllowedTargets, CrawlSession, is_within, seed_rows, widened_reasons
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.options import CrawlOptions
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.archive.url_words import UrlKind
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_queue import LeftOutUrl
from tests.crawler.scripted_site import page


@pytest.mark.parametrize(("use", "asked"), [("always", {"extractor/asked": 1}), ("never", {})])
def test_a_run_is_noted_with_its_options_versions_counts_and_end(tmp_path, use, asked):
    """The pages on which trafilatura was asked are counted. Articles come out as they were stored."""
    file = tmp_path / "a.db"
    session = opened(file)
    assert session.queue.counts()["queued"] == 1
    page_rows = make_page_rows(clean(Page(HOME + "1", page("mill").encode()), extractor_use=ExtractorUse(use)))
    asyncio.run(session.store(Outcome(HOME + "1", "done", "article", 200, page=page_rows)))
    session.settle()
    (row,) = session.articles()
    assert (row["url"], row["authors"], "mill2word3" in str(row["text"])) == (HOME + "1", [], True)
    session.close("finished", "all done")
    query = "SELECT outcome, reason, options, versions, counts FROM runs"
    ((outcome, reason, options, versions, counts),) = rows(file, query)
    assert (outcome, reason) == ("finished", "all done")
    assert json.loads(str(options))["max_pages"] == 3
    assert {"broadsheet", "scrapy", "trafilatura", "cleaner", "python"} <= json.loads(str(versions)).keys()
    assert json.loads(str(counts)) == {"page/done/article": 1} | asked


def test_what_was_done_is_not_queued_again_and_what_failed_as_a_seed_or_could_not_be_asked_is(tmp_path):
    file = tmp_path / "a.db"
    session = opened(file)
    for outcome in (
        Outcome(HOME, "failed", "timeout"),
        Outcome(HOME + "1", "done", "article", 200),
        Outcome(HOME + "2", "skipped", "robots_unreachable"),
    ):
        asyncio.run(session.store(outcome))
    session.close("finished", "")
    session = opened(file)
    states = {HOME: "queued", HOME + "1": "done", HOME + "2": "queued"}
    assert dict(rows(file, "SELECT url, state FROM urls")) == states
    session.close("finished", "")


HOME = "https://a.example/"
OPTIONS = CrawlOptions((HOME,), max_pages=3)


def opened(file: Path) -> CrawlSession:
    session = CrawlSession.open(file, OPTIONS)
    session.start("crawl", seed_rows((HOME,)))
    return session


def rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as db:
        return db.execute(query).fetchall()


def article(url: str, name: str) -> Outcome:
    return Outcome(url, "done", "article", 200, page=make_page_rows(clean(Page(url, page(name).encode()))))


def test_a_limit_leaves_rows_that_the_next_run_takes_up(tmp_path):
    file = tmp_path / "a.db"
    session = opened(file)
    asyncio.run(
        session.store(Outcome(HOME, "done", "list", 200, discovered_urls=(DiscoveredUrl(HOME + "1", "a.example"),)))
    )
    session.settle()
    assert session.skip_queued() == 1
    session.close("finished", "max_pages")
    assert rows(file, "SELECT state, reason FROM urls WHERE url LIKE '%/1'") == [("skipped", "limit")]
    session = opened(file)
    assert session.queue.counts()["queued"] == 1
    session.close("finished", "")


def test_wider_bounds_take_up_what_the_latest_crawl_from_the_same_page_left_out(tmp_path):
    file, other = tmp_path / "a.db", "https://b.example/"
    deep = DiscoveredUrl(HOME + "deep", "a.example", depth=2, state="skipped", reason="depth")

    def run(*seeds: str, max_depth: int | None = None, revisit: str = "") -> int:
        options = CrawlOptions(seeds, max_depth=max_depth, revisit=revisit)
        session = CrawlSession.open(file, options)
        session.start("crawl", seed_rows(seeds), Scope.from_seeds(seeds, max_depth=max_depth))
        asyncio.run(session.store(Outcome(seeds[0], "done", "list", 200, discovered_urls=(deep,))))
        session.close("finished", "")
        return len(rows(file, "SELECT 1 FROM urls WHERE url LIKE '%/deep' AND state = 'queued'"))

    assert [run(HOME, max_depth=1), run(HOME, max_depth=1), run(other)] == [0, 0, 0]
    assert run(other, HOME, revisit="update") == 0, "an update looks again and goes no further"
    assert [run(HOME, max_depth=1), run(other, HOME)] == [0, 1]


def test_a_run_that_was_cut_off_is_noted_as_killed_by_the_next(tmp_path):
    file = tmp_path / "a.db"
    session = opened(file)
    session._archive.close()
    session = opened(file)
    session.close("finished", "")
    assert sorted(str(outcome) for (outcome,) in rows(file, "SELECT outcome FROM runs")) == ["finished", "killed"]


def test_a_port_is_asked_again_by_a_run_that_allows_it(tmp_path):
    file = tmp_path / "a.db"
    session = opened(file)
    for state, url in (("failed", "http://a.example:8080/1"), ("skipped", "http://a.example:9000/1")):
        asyncio.run(session.store(Outcome(url, state, "port")))
    session.close("finished", "")
    for ports, back in ((frozenset(), set()), (frozenset({8080}), {"http://a.example:8080/1"})):
        session = CrawlSession.open(file, OPTIONS)
        session.start("crawl", seed_rows((HOME,)), allowed_targets=AllowedTargets(ports))
        session.close("finished", "")
        queued = {url for (url,) in rows(file, "SELECT url FROM urls WHERE state = 'queued'")}
        assert queued == {HOME} | back


BOUNDS: dict[str, Any] = {
    "max_depth": 1, "include": ["/in/"], "exclude": ["/no"], "since": "2024-01-31", "languages": ["en", "es"],
}  # fmt: skip
SAME: dict[str, Any] = {
    "max_depth": 1, "include": ("/in/",), "exclude": ("/no",), "since": date(2024, 1, 31), "languages": ("en", "es"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"max_depth": 2}, ("depth",)),
        ({"max_depth": None}, ("depth",)),
        ({"max_depth": 0}, ()),
        ({"include": ()}, ("pattern",)),
        ({"exclude": ("/other",)}, ("pattern",)),
        ({"since": date(2024, 1, 30)}, ("too_old",)),
        ({"since": None}, ("too_old",)),
        ({"since": date(2024, 2, 1)}, ()),
        ({"languages": ("en",)}, ()),
        ({"languages": ("en", "de")}, ("language",)),
        ({"languages": ()}, ("language",)),
    ],
)
def test_wider_bounds_name_what_they_may_take_up(changes, reasons):
    assert widened_reasons(CrawlOptions((HOME,), **(SAME | changes)), BOUNDS) == reasons


@pytest.mark.parametrize(
    ("path", "depth", "kind", "source", "is_wanted"),
    [
        ("story", 2, "page", "link", True),
        ("story", 3, "page", "link", False),
        ("no/story", 1, "page", "link", False),
        ("photo.jpg", 1, "page", "link", False),
        ("a/b/a/b/a/b/a/b", 1, "page", "link", False),
        ("sitemap-2019.xml", 0, "sitemap", "sitemap", False),
        ("feed-2019.xml", 0, "feed", "feed", True),
    ],
)
def test_what_is_left_out_for_another_reason_stays_so(path, depth, kind, source, is_wanted):
    scope = Scope.from_seeds([HOME], exclude=["/no/"], max_depth=2)
    options, left_out = CrawlOptions((HOME,), sitemaps=False), LeftOutUrl(kind, HOME + path, depth, source)
    assert is_within(scope, options, left_out) is is_wanted
    assert not is_within(scope, options, LeftOutUrl(kind, "https://b.example/" + path, depth, source))
    assert not is_within(scope, replace(options, links=False, feeds=False), left_out)


def test_a_run_for_pictures_only_queues_no_page_and_their_files_when_it_begins_with_them(tmp_path):
    file, url = tmp_path / "a.db", HOME + "1"
    html = page("one").replace("</article>", '<figure><img src="/a.png" alt="a harbour"></figure></article>')
    session = opened(file)
    stored = make_page_rows(clean(Page(url, html.encode())))
    asyncio.run(session.store(Outcome(url, "done", "article", 200, page=stored)))
    session.settle()
    session.close("finished", "")
    session = CrawlSession.open(file, replace(OPTIONS, only_missing=True, keep="pictures"))
    assert session.start("update --pictures", seed_rows((HOME + "other",))) == 0
    assert (HOME + "other",) not in rows(file, "SELECT url FROM urls")
    assert session.begin_pictures() == 1
    assert rows(file, "SELECT url FROM urls WHERE state = 'queued' AND kind = 'picture'") == [(HOME + "a.png",)]
    asyncio.run(session.store(Outcome(HOME + "a.png", "failed", "http_404", kind=UrlKind.PICTURE)))
    assert session.begin_pictures() == 0
    session.close("finished", "")
    assert ("update --pictures", '{"picture/failed/http_404": 1}') in rows(file, "SELECT command, counts FROM runs")


@pytest.mark.parametrize(("outcome", "is_settled"), [("stopped", True), ("finished", False), ("failed", False)])
def test_what_a_stopped_crawl_left_is_settled_when_it_closes(tmp_path, outcome, is_settled):
    file = tmp_path / "a.db"
    session = opened(file)
    asyncio.run(session.store(article(HOME + "1", "one")))
    session.close(outcome, "a reason")
    assert bool(rows(file, "SELECT 1 FROM meta WHERE key = 'settled'")) is is_settled
    assert rows(file, "SELECT outcome, reason FROM runs") == [(outcome, "a reason")]
