"""Crawls that Python programs run: progress, stops, results, what goes wrong."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import broadsheet
from broadsheet import crawling
from broadsheet.crawler.options import SETTING_OPTIONS, CrawlOptions
from broadsheet.output.archive.archive_errors import ArchiveError, DamagedValue, InUse
from broadsheet.output.archive.archive_lock import keep_lock
from tests.crawler.crawls import until
from tests.crawler.scripted_site import Reply, ScriptedSite, page, stories
from tests.crawler.shell import rows
from tests.crawler.warm import PATIENCE, REPOSITORY

NAMES = [f"mill{number}" for number in range(12)]
QUICK: Any = {"allow_private": True, "delay": 0, "settings": {"BROADSHEET_WORKERS": 1}}


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    """A start page that links to twelve stories."""
    pages = stories(*NAMES)
    site = ScriptedSite({"/": page("start", *pages, "/gone"), **pages, "/gone": Reply("", 404)})
    yield site
    site.close()


def latest_run(db: Path) -> tuple[str, str]:
    [(outcome, reason)] = rows(db, "SELECT outcome, reason FROM runs ORDER BY started_at DESC, rowid DESC LIMIT 1")
    return outcome, reason


@pytest.mark.slow
def test_a_crawl_says_how_far_it_is_and_what_came_of_it_and_may_follow_another(tmp_path, site):
    seen: list[broadsheet.CrawlProgress] = []
    db = tmp_path / "a.db"
    first = broadsheet.crawl(f"{site.url}/", db, max_pages=4, on_progress=seen.append, interval=0.05, **QUICK)
    assert (first.archive, first.outcome, first.reason, first.pages) == (db, "finished", "max_pages", 4)
    second = broadsheet.crawl([f"{site.url}/"], str(db), on_progress=seen.append, interval=0.05, **QUICK)
    assert (second.outcome, second.reason, second.problems) == ("finished", "finished", ())
    assert first.article_pages + second.article_pages == len(NAMES)
    assert second.counts["page/failed/http_404"] == 1
    assert second.stats["downloader/response_status_count/200"] == second.counts["page/done/article"]
    assert seen[-1].article_pages == second.article_pages
    assert {progress.latest_url for progress in seen} & {f"{site.url}/{name}" for name in NAMES}
    assert site.paths().count("/") == 1
    assert pickle.loads(pickle.dumps(second)) == second
    with broadsheet.open(db) as archive:
        assert len(archive) == len(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("is_raising", [False, True])
def test_a_program_stops_a_crawl_by_a_flag_or_an_exception_and_goes_on_later(tmp_path, site, is_raising):
    stop, db = threading.Event(), tmp_path / "a.db"

    def on_progress(progress: broadsheet.CrawlProgress) -> None:
        if progress.article_pages:
            stop.set()
            assert not is_raising

    with pytest.raises(AssertionError) if is_raising else nullcontext():
        slow = QUICK | {"delay": 0.3}
        result = broadsheet.crawl(f"{site.url}/", db, on_progress=on_progress, stop=stop, interval=0.1, **slow)
        assert (result.outcome, result.reason, 0 < result.article_pages < len(NAMES)) == ("stopped", "shutdown", True)
    assert latest_run(db) == ("stopped", "shutdown")
    assert broadsheet.crawl(f"{site.url}/", db, **QUICK).outcome == "finished"
    with broadsheet.open(db) as archive:
        assert len(archive) == len(NAMES)


@pytest.mark.slow
def test_it_runs_beside_an_event_loop_and_in_threads(tmp_path, site):
    """A notebook has a loop running: a call blocks it, and one in a thread does not."""

    async def cell() -> list[broadsheet.CrawlResult]:
        blocking = broadsheet.crawl(f"{site.url}/", tmp_path / "a.db", **QUICK)
        others = (asyncio.to_thread(broadsheet.crawl, f"{site.url}/", tmp_path / f"{n}.db", **QUICK) for n in range(2))
        return [blocking, *await asyncio.gather(*others)]

    assert [result.article_pages for result in asyncio.run(cell())] == [len(NAMES)] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"urls": "ftp://a.example/"}, "not an http or https URL: ftp://a.example/"),
        ({"urls": "http://127.0.0.1/"}, "refused: http://127.0.0.1/ is a loopback address"),
        ({"max_pages": -1}, "max_pages must not be negative"),
        ({"since": "soon"}, "since must be a date"),
        ({"include": ["("]}, "not a regular expression"),
        ({"max_pagse": 3}, "unknown option: max_pagse .known: allow_private, browser, "),
        ({"revisit": "now"}, "revisit must be one of"),
        ({"interval": 0}, "interval must be a number of seconds above 0, not 0"),
        ({"settings": {"FEEDS": lambda: 0}}, "settings must be values that another process can read"),
    ],
)
def test_wrong_options_are_an_error_of_one_line_and_leave_nothing(tmp_path, arguments, message):
    with pytest.raises(broadsheet.OptionError, match=message) as caught:
        broadsheet.crawl(**{"urls": "http://a.example/", "archive": tmp_path / "a.db"} | arguments)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_only_the_crawl_finds_wrong_is_an_error_here(tmp_path, site):
    db, url = tmp_path / "a.db", f"{site.url}/"
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"settings": {"HTTPCACHE_ENABLED": True}}, broadsheet.OptionError, "HTTPCACHE_ENABLED must be off"),
        ({"headers": {"Bad name": "x"}}, broadsheet.OptionError, "BROADSHEET_HEADERS: this is not a header"),
        ({"archive": tmp_path / "no/a.db"}, broadsheet.ArchiveError, "no does not exist"),
    ]
    for arguments, kind, message in cases:
        with pytest.raises(kind, match=message) as caught:
            broadsheet.crawl(**{"urls": url, "archive": db} | QUICK | arguments)
        assert "\n" not in str(caught.value)
    with keep_lock(db, 1), pytest.raises(broadsheet.ArchiveError, match="in use by another command"):
        broadsheet.crawl(url, db, **QUICK)
    db.write_text("no archive, and long enough to be read as one")
    with pytest.raises(broadsheet.ArchiveError, match="not a SQLite database"):
        broadsheet.crawl(url, db, **QUICK)
    assert site.log == []


@pytest.mark.slow
def test_damage_is_an_archive_error_and_a_start_page_that_fails_a_problem(tmp_path, site):
    db = tmp_path / "a.db"
    result = broadsheet.crawl(f"{site.url}/gone", db, **QUICK)
    assert (result.outcome, result.article_pages) == ("finished", 0)
    [problem] = result.problems
    assert problem.startswith(f"The start URL {site.url}/gone failed: ")
    ((root_page,),) = rows(db, "SELECT rootpage FROM sqlite_master WHERE name = 'urls'")
    ((page_size,),) = rows(db, "PRAGMA page_size")
    data = bytearray(db.read_bytes())
    data[(root_page - 1) * page_size : root_page * page_size] = b"\xff" * page_size
    db.write_bytes(data)
    with pytest.raises(broadsheet.ArchiveError, match=r"damaged|malformed") as caught:
        broadsheet.crawl(f"{site.url}/", db, **QUICK)
    assert "\n" not in str(caught.value)


def test_an_error_of_the_crawls_process_reaches_the_program_as_it_is_said(tmp_path):
    db = tmp_path / "a.db"
    for error, kind, text in (
        (DamagedValue("pages row 12"), ArchiveError, f"{db} is damaged at pages row 12; run broadsheet verify"),
        (InUse("a.db is in use"), InUse, "a.db is in use"),
        (ZeroDivisionError("by\nzero"), broadsheet.CrawlError, "ZeroDivisionError: by zero"),
    ):
        received = pickle.loads(pickle.dumps(crawling._sendable_error(error, str(db))))
        assert (type(received), str(received)) == (kind, text)


def test_each_option_of_a_crawl_is_known_to_editors():
    names = {field.name for field in fields(CrawlOptions)} - {"seeds"}
    assert {*crawling.CrawlArguments.__annotations__} == names | {*SETTING_OPTIONS}


# Scripts

SCRIPT = """
import sys
import broadsheet

print("runs", __name__, flush=True)
result = broadsheet.crawl(
    sys.argv[1], "a.db", allow_private=True, delay=float(sys.argv[2]), interval=0.1, on_progress=lambda _: print("."),
    settings={"BROADSHEET_WORKERS": 1, "ITEM_PIPELINES": {"own.Shout": 1}},
)
print(result.article_pages)
"""
PIPELINE = """
class Shout:
    def process_item(self, item):
        open("items", "a").write(item["url"] + "\\n")
        return item
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    (tmp_path / "own.py").write_text(PIPELINE, "utf-8")
    return tmp_path / "script.py"


def start_script(script: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start the script as in a terminal: a shell has what it starts in the background ignore SIGINT."""
    return subprocess.Popen(
        [sys.executable, script.name, *map(str, arguments)], cwd=script.parent, text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.slow
def test_a_script_runs_once_and_its_own_pipeline_gets_the_articles(script, site):
    out, errors = start_script(script, f"{site.url}/", 0).communicate(timeout=PATIENCE)
    lines = [line for line in out.splitlines() if line != "."]
    assert (lines, errors) == (["runs __main__", str(len(NAMES))], "")
    items = (script.parent / "items").read_text("utf-8").splitlines()
    assert sorted(items) == sorted(f"{site.url}/{name}" for name in NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_a_script_that_is_stopped_or_killed_leaves_no_crawl_behind(script, site, signal_number):
    process = start_script(script, f"{site.url}/", 2)
    assert process.stdout is not None
    while process.stdout.readline().strip() != ".":
        assert process.poll() is None
    process.send_signal(signal_number)
    _, errors = process.communicate(timeout=PATIENCE)
    if signal_number == signal.SIGINT:
        assert errors.rstrip().endswith("KeyboardInterrupt")
    else:
        assert errors == ""
    until(lambda: latest_run(script.parent / "a.db") == ("stopped", "shutdown"))
    with keep_lock(script.parent / "a.db", PATIENCE):
        asked = len(site.log)
    assert asked < len(NAMES)


def test_a_process_that_ends_without_a_result_is_an_error_and_so_is_a_system_without_workers(tmp_path, monkeypatch):
    stub = tmp_path / "python"
    stub.write_text("#!/bin/sh\nexit 7\n")
    stub.chmod(0o700)
    monkeypatch.setattr(crawling.sys, "executable", str(stub))
    with pytest.raises(broadsheet.CrawlError, match=r"^the process of the crawl ended with exit code 7$"):
        broadsheet.crawl("http://a.example/", tmp_path / "a.db")
    monkeypatch.setattr("broadsheet.crawler.workers.worker.workers_problem", lambda: "no workers here")
    with pytest.raises(broadsheet.CrawlError, match=r"^no workers here$"):
        broadsheet.crawl("http://a.example/", tmp_path / "a.db")
