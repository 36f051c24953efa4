"""Both ends of a crawl that a program runs, each with another in place of the other end: no crawl is made here."""

from __future__ import annotations

import io
import os
import pickle
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
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
from broadsheet.crawler.options import OptionError
from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.write.outcome import Outcome

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


def test_a_program_hears_of_progress_and_gets_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_settings_go_before_options_and_the_archive_s_revisit_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child(RESULT)
    crawled(monkeypatch, child, revisit="all", delay=2, interval=0.5, settings={"BROADSHEET_DELAY": 3})
    request = pickle.loads(child.request)
    assert (request.arguments["revisit"], request.settings, request.interval) == ("all", {"BROADSHEET_DELAY": 3}, 0.5)


def test_a_set_flag_stops_the_crawl_whose_result_comes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stop, child = threading.Event(), Child(*PROGRESS, RESULT)
    assert crawled(monkeypatch, child, stop=stop) == RESULT
    assert child.stops == 1, "at its end alone"
    stop.set()
    child.stops = 0
    assert crawled(monkeypatch, child, stop=stop) == RESULT
    assert child.stops == 3


def test_what_the_process_raises_and_that_it_is_gone_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_process_gets_the_request_and_is_stopped_and_waited_for(process: crawling._CrawlProcess) -> None:
    with process:
        assert next(process.messages()) == (
            b"request", f"/one{os.pathsep}/two", True, ["-P", "-m", "broadsheet.crawling"],
        )  # fmt: skip
        process.stop()
        assert list(process.messages()) == ["stopped"]
        process.stop()
    assert process.exit_code == 5
    assert process._pipe.closed


def test_a_second_interrupt_kills_it(process: crawling._CrawlProcess, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_process_that_cannot_be_started_leaves_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setattr(run_summary, "judge_run", lambda run: run.seeds)
    monkeypatch.setattr(
        run_summary, "failure_looks", lambda _, seeds: [SimpleNamespace(sentence=f"{seed} failed") for seed in seeds]
    )


REQUEST = crawling._CrawlRequest("/a.db", {"seeds": "http://a.example/"}, {"A": 1}, 0.5)


def sent(monkeypatch: pytest.MonkeyPatch, crawl_here: Any) -> list[Any]:
    """What the crawl's process sends when it crawls so."""
    read_end, write_end = os.pipe()
    monkeypatch.setattr(crawling, "_crawl_here", crawl_here)
    monkeypatch.setattr(processes, "watch_lifeline", lambda: os.write(write_end, pickle.dumps("watched")))
    monkeypatch.setattr(crawling.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(REQUEST.pickled())))
    monkeypatch.setattr(crawling.sys, "argv", ["crawling", str(write_end)])
    crawling._run_request()
    os.close(write_end)
    messages = []
    with os.fdopen(read_end, "rb") as pipe:
        while pipe.peek(1):
            messages.append(pickle.load(pipe))
    return messages


def test_the_process_sends_progress_and_the_result_or_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def crawl_here(request: Any, send: Any) -> broadsheet.CrawlResult:
        send(request)
        return RESULT

    def fail(*_: Any) -> Any:
        raise OptionError("no such option")

    def lose_the_program(*_: Any) -> Any:
        raise BrokenPipeError

    assert sent(monkeypatch, crawl_here) == ["watched", REQUEST, RESULT]
    watched, error = sent(monkeypatch, fail)
    assert (watched, type(error), str(error)) == ("watched", OptionError, "no such option")
    assert sent(monkeypatch, lose_the_program) == ["watched"]


@pytest.mark.usefixtures("judged")
def test_the_spider_runs_with_the_settings_and_its_errors_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(processes, "start_workers", lambda: calls.append("workers"))
    monkeypatch.setattr(crawling, "_report_progress", lambda *arguments: calls.append(arguments))

    def run_spider(db: str, arguments: Any, settings: Any, on_opened: Any) -> RunResult:
        calls.append((db, arguments, settings))
        on_opened("spider")
        return RunResult(
            "/a.db", (), 2.0, {"done/article": 1}, stats={"broadsheet/pages": 3, "broadsheet/article_pages": 1}
        )

    monkeypatch.setattr(spider_run, "run_spider", run_spider)
    result = crawling._crawl_here(REQUEST, print)
    assert result == broadsheet.CrawlResult(
        Path("/a.db"), "stopped", "shutdown", 2.0, 3, 1, {"done/article": 1}, (),
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
def test_the_result_of_a_run_or_what_broke_it() -> None:
    stats = {"broadsheet/outcome": "finished", "finish_reason": "max_pages", "other": 1}
    result = crawling._result_of(RunResult("/a.db", ("http://a.example/",), 1.5, {"done/article": 2}, stats=stats))
    assert result == broadsheet.CrawlResult(
        Path("/a.db"), "finished", "max_pages", 1.5, 0, 0, {"done/article": 2}, ("http://a.example/ failed",), stats
    )
    for reason, kind, text in (
        ("archive: the disk\nis full", ArchiveError, "the disk is full"),
        ("fault: KeyError: 'x'", broadsheet.CrawlError, "KeyError: 'x'"),
    ):
        with pytest.raises(kind) as caught:
            crawling._result_of(RunResult("/a.db", (), 1.0, {}, reason))
        assert str(caught.value) == text


def test_progress_is_sent_as_long_as_the_spider_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
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
