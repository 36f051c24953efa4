"""Crawls that Python programs run: progress, stops, results, what goes wrong; then each of both ends by itself."""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

import broadsheet
from broadsheet import crawling
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import run_summary, spider_run
from broadsheet.crawler.commands.run_summary import RunResult
from broadsheet.crawler.crawl import processes
from broadsheet.crawler.options import SETTING_OPTIONS, CrawlOptions, OptionError
from broadsheet.output.archive.archive_errors import ArchiveError, DamagedValue, InUse
from broadsheet.output.archive.archive_lock import keep_lock
from broadsheet.output.write.outcome import Outcome
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


# Both ends, each with another in place of the other end: no crawl is made here.

PROGRESS = [broadsheet.CrawlProgress(n, n, 0, 3 - n, float(n), f"http://a.example/{n}") for n in (1, 2)]
RESULT = broadsheet.CrawlResult(Path("/a.db"), "finished", "finished", 2.5, 2, 1)


class Child:
    """Process that sends some messages; it ends once it is told to stop."""

    exit_code = 7

    def __init__(self, *messages: Any) -> None:
        self.to_send, self.stops, self.request = list(messages), 0, b""

    def __call__(self, request: bytes) -> Child:
        self.request = request
        return self

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.stops += 1

    def messages(self) -> Iterator[Any]:
        yield from self.to_send

    def stop(self) -> None:
        self.stops += 1


def crawled(monkeypatch: pytest.MonkeyPatch, child: Child, **options: Any) -> broadsheet.CrawlResult:
    monkeypatch.setattr(crawling, "_CrawlProcess", child)
    return broadsheet.crawl("http://a.example/", "a.db", **options)


def test_a_program_hears_of_progress_and_gets_the_result(monkeypatch):
    seen: list[Any] = []
    child = Child(*PROGRESS, RESULT, "nothing after it")
    assert crawled(monkeypatch, child, on_progress=seen.append, max_pages=4, delay=2, settings={"A": 1}) == RESULT
    assert seen == PROGRESS
    request = pickle.loads(child.request)
    assert request == crawling._CrawlRequest(
        str(Path("a.db").absolute()), {"revisit": "due", "max_pages": 4, "seeds": "http://a.example/"},
        {"BROADSHEET_DELAY": 2, "A": 1}, 1.0,
    )  # fmt: skip
    assert crawled(monkeypatch, Child(*PROGRESS, RESULT)) == RESULT, "nobody need listen"


def test_a_set_flag_stops_the_crawl_whose_result_comes_all_the_same(monkeypatch):
    stop, child = threading.Event(), Child(*PROGRESS, RESULT)
    given: Any = {"revisit": "all", "delay": 2, "interval": 0.5, "settings": {"BROADSHEET_DELAY": 3}}
    assert crawled(monkeypatch, child, stop=stop, **given) == RESULT
    request = pickle.loads(child.request)
    assert (request.arguments["revisit"], request.settings, request.interval) == ("all", {"BROADSHEET_DELAY": 3}, 0.5)
    assert child.stops == 1, "at its end alone"
    stop.set()
    crawled(monkeypatch, child, stop=stop)
    assert child.stops == 1 + 3


def test_what_the_process_raises_and_that_it_is_gone_is_raised(monkeypatch):
    with pytest.raises(ArchiveError, match=r"^in use$"):
        crawled(monkeypatch, Child(PROGRESS[0], ArchiveError("in use")))
    with pytest.raises(broadsheet.CrawlError, match=r"^the process of the crawl ended with exit code 7$"):
        crawled(monkeypatch, Child(PROGRESS[0]))
    monkeypatch.setattr("broadsheet.crawler.workers.worker.workers_problem", lambda: "no workers here")
    with pytest.raises(broadsheet.CrawlError, match=r"^no workers here$"):
        crawled(monkeypatch, Child(RESULT))


STUB = """import os, pickle, sys
pipe, request = int(sys.argv[-1]), sys.stdin.buffer.read(7)
os.write(pipe, pickle.dumps((request, os.environ["PYTHONPATH"], os.getsid(0) == os.getpid(), sys.argv[1:-1])))
sys.stdin.buffer.read()
os.write(pipe, pickle.dumps("stopped") + b"\\x80")
sys.exit(5)
"""


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> crawling._CrawlProcess:
    """A process that tells what it was started with, and ends when it is stopped."""
    stub = tmp_path / "stub"
    stub.write_text(f"#!{sys.executable} -SE\n{STUB}", "utf-8")
    stub.chmod(0o700)
    monkeypatch.setattr(crawling.sys, "executable", str(stub))
    monkeypatch.setattr(crawling.sys, "path", ["/one", "", "/two"])
    return crawling._CrawlProcess(b"request")


def test_the_process_gets_the_request_and_is_stopped_and_waited_for(process):
    with process:
        assert next(process.messages()) == (
            b"request", f"/one{os.pathsep}/two", True, ["-P", "-m", "broadsheet.crawling"],
        )  # fmt: skip
        process.stop()
        assert list(process.messages()) == ["stopped"]
        process.stop()
    assert process.exit_code == 5
    assert process._pipe.closed


def test_a_second_interrupt_kills_it(process, monkeypatch):
    def interrupt() -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(process, "messages", interrupt)
    monkeypatch.setattr(process, "stop", lambda: None)
    with pytest.raises(KeyboardInterrupt), process:
        pass
    assert process._process.returncode == -signal.SIGKILL
    assert process._pipe.closed
    process._stdin.close()


def test_a_process_that_cannot_be_started_leaves_no_pipe(monkeypatch):
    pipes: list[tuple[int, int]] = []
    make_pipe = os.pipe

    def pipe() -> tuple[int, int]:
        pipes.append(make_pipe())
        return pipes[-1]

    monkeypatch.setattr(crawling.os, "pipe", pipe)
    monkeypatch.setattr(crawling.sys, "executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        crawling._CrawlProcess(b"request")
    for end in pipes[0]:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(end)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a run's archive judged without one: a problem for each of its start URLs."""
    monkeypatch.setattr(run_summary, "review_run", lambda run: SimpleNamespace(looks=run.seeds))
    monkeypatch.setattr(
        run_summary, "failure_looks", lambda _, seeds: [SimpleNamespace(sentence=f"{seed} failed") for seed in seeds]
    )


REQUEST = crawling._CrawlRequest("/a.db", {"seeds": "http://a.example/"}, {"A": 1}, 0.5)


def sent(monkeypatch: pytest.MonkeyPatch, crawl_here: Any) -> list[Any]:
    """What the crawl's process sends when it crawls so."""
    read_end, write_end = os.pipe()
    monkeypatch.setattr(crawling, "_crawl_here", crawl_here)
    monkeypatch.setattr(processes, "watch_lifeline", lambda end: os.write(write_end, pickle.dumps(f"watched {end}")))
    stdin = SimpleNamespace(buffer=io.BytesIO(REQUEST.pickled()), fileno=lambda: 0)
    monkeypatch.setattr(crawling.sys, "stdin", stdin)
    monkeypatch.setattr(crawling.sys, "argv", ["crawling", str(write_end)])
    crawling._run_request()
    os.close(write_end)
    messages = []
    with os.fdopen(read_end, "rb") as pipe:
        while pipe.peek(1):
            messages.append(pickle.load(pipe))
    return messages


def test_the_process_sends_progress_and_the_result_or_the_error(monkeypatch):
    def crawl_here(request: Any, send: Any) -> broadsheet.CrawlResult:
        send(request)
        return RESULT

    def fail(*_: Any) -> Any:
        raise OptionError("no such option")

    def lose_the_program(*_: Any) -> Any:
        raise BrokenPipeError

    assert sent(monkeypatch, crawl_here) == ["watched 0", REQUEST, RESULT]
    watched, error = sent(monkeypatch, fail)
    assert (watched, type(error), str(error)) == ("watched 0", OptionError, "no such option")
    assert sent(monkeypatch, lose_the_program) == ["watched 0"]


@pytest.mark.usefixtures("judged")
def test_the_spider_runs_with_the_settings_and_its_errors_are_ours(monkeypatch):
    calls: list[Any] = []
    monkeypatch.setattr(processes, "start_workers", lambda: calls.append("workers"))
    monkeypatch.setattr(crawling, "_report_progress", lambda *arguments: calls.append(arguments))

    def run_spider(db: str, arguments: Any, settings: Any, on_opened: Any) -> RunResult:
        calls.append((db, arguments, settings))
        on_opened("spider")
        return RunResult(
            "/a.db", (), 2.0, {"page/done/article": 1}, stats={"broadsheet/pages": 3, "broadsheet/article_pages": 1}
        )

    monkeypatch.setattr(spider_run, "run_spider", run_spider)
    result = crawling._crawl_here(REQUEST, print)
    assert result == broadsheet.CrawlResult(
        Path("/a.db"), "stopped", "shutdown", 2.0, 1, 1, {"page/done/article": 1}, (),
        {"broadsheet/pages": 3, "broadsheet/article_pages": 1},
    )  # fmt: skip
    assert calls == [
        "workers", ("/a.db", REQUEST.arguments, {"BROADSHEET_COMMAND": True, "A": 1}), ("spider", 0.5, print),
    ]  # fmt: skip
    for raised, kind in ((CommandError("bad"), OptionError), (click.ClickException("bad"), broadsheet.CrawlError)):

        def refuse(*_: Any, raised: Exception = raised, **__: Any) -> Any:
            raise raised

        monkeypatch.setattr(spider_run, "run_spider", refuse)
        with pytest.raises(kind, match=r"^bad$"):
            crawling._crawl_here(REQUEST, print)


@pytest.mark.usefixtures("judged")
def test_the_result_of_a_run_or_what_broke_it():
    stats = {"broadsheet/outcome": "finished", "finish_reason": "max_pages", "other": 1}
    result = crawling._result_of(RunResult("/a.db", ("http://a.example/",), 1.5, {"page/done/article": 2}, stats=stats))
    assert result == broadsheet.CrawlResult(
        Path("/a.db"),
        "finished",
        "max_pages",
        1.5,
        2,
        0,
        {"page/done/article": 2},
        ("http://a.example/ failed",),
        stats,
    )
    for reason, kind, text in (
        ("archive: the disk\nis full", ArchiveError, "the disk is full"),
        ("fault: KeyError: 'x'", broadsheet.CrawlError, "KeyError: 'x'"),
    ):
        with pytest.raises(kind) as caught:
            crawling._result_of(RunResult("/a.db", (), 1.0, {}, reason))
        assert str(caught.value) == text


def test_progress_is_sent_as_long_as_the_spider_is_open(monkeypatch):
    loops: list[Any] = []

    class Loop:
        def __init__(self, call: Any) -> None:
            self.call = call

        def start(self, interval: float, *, now: bool) -> None:
            loops.append((self.call, interval, now))

    monkeypatch.setattr("twisted.internet.task.LoopingCall", Loop)
    session = SimpleNamespace(queue=SimpleNamespace(counts=lambda: Counter(queued=4)))
    spider: Any = SimpleNamespace(parts=SimpleNamespace(session=session), on_stored=[], is_closed=False)
    messages: list[Any] = []
    crawling._report_progress(spider, 0.25, messages.append)
    [(send, *started)] = loops
    assert started == [0.25, False]
    [count] = spider.on_stored
    count(Outcome("http://a.example/1", "failed", "http_500"))  # type: ignore[arg-type]
    send()
    spider.is_closed = True
    send()
    [progress] = messages
    assert (progress.pages, progress.article_pages, progress.failed, progress.queued) == (0, 0, 1, 4)
    assert progress.latest_url == "http://a.example/1"
    assert 0 < progress.seconds < 60
