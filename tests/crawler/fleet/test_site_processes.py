"""Crawls as processes: how each ends, what it came to by its archive, and as many side by side as there is room for."""

from __future__ import annotations

import queue
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pytest

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet import site_processes
from broadsheet.crawler.fleet.site_processes import (
    LocalEngine,
    RunningSite,
    default_parallel,
    end_of,
    page_count,
    run_site,
    site_counts,
    start_site,
)
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask, WorkerLost
from tests.crawler.crawls import until
from tests.crawler.warm import PATIENCE


@pytest.fixture
def lifeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lifeline]:
    """A lifeline that starts, in place of a crawl, the shell command that stands in place of its URL."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        lifeline: Lifeline, words: Sequence[str], output: IO[bytes], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(["sh", "-c", words[-1]], stdout=output, stderr=output, env=environment))
        return started[-1]

    monkeypatch.setattr(Lifeline, "start", start)
    monkeypatch.setattr(site_processes, "_PAUSE", 0.005)
    yield Lifeline()
    for process in started:
        process.kill()
        process.wait()


def task(name: str, command: str, *hosts: str) -> SiteTask:
    return SiteTask(name, Path(f"{name}.db"), (command,), hosts=hosts)


def results_of(tmp_path: Path, tasks: list[SiteTask]) -> dict[str, SiteResult]:
    """The results of tasks that run side by side on this machine."""
    results: queue.SimpleQueue[SiteResult | WorkerLost] = queue.SimpleQueue()

    def run(task: SiteTask, lifeline: Lifeline, is_stopped: Callable[[], bool]) -> SiteResult:
        return run_site(task, lifeline, tmp_path / f"{task.name}.log", is_stopped)

    engine = LocalEngine(run, 4)
    assert (engine.room(), engine.lost_seconds) == (4, 0.0)
    for each in tasks:
        engine.start(each, results.put)
    ended = [results.get(timeout=PATIENCE) for _ in tasks]
    engine.close()
    return {result.name: result for result in ended if isinstance(result, SiteResult)}


@pytest.mark.usefixtures("lifeline")
def test_each_end_has_its_reason(tmp_path):
    ends = {
        "exit 0": (SiteEnd.DONE, 0, ""),
        "echo 'broadsheet: no article found'; echo bye; exit 1": (SiteEnd.FAILED, 1, "no article found"),
        "exit 2": (SiteEnd.BAD_OPTIONS, 2, ""),
        "exit 75": (SiteEnd.IN_USE, 75, ""),
        "kill -9 $$": (SiteEnd.KILLED, -9, "killed by signal 9; the same command goes on from there"),
        "kill -15 $$": (SiteEnd.STOPPED, -15, ""),
        "exit 143": (SiteEnd.STOPPED, 143, ""),
        "exit 130": (SiteEnd.STOPPED, 130, ""),
        "echo last words; echo '  '; exit 7": (SiteEnd.FAILED, 7, "last words"),
    }
    results = results_of(tmp_path, [task(f"t{number}", command) for number, command in enumerate(ends)])
    found = [results[f"t{number}"] for number in range(len(ends))]
    assert [(result.end, result.exit_code, result.message) for result in found] == [*ends.values()]
    assert all(0 < result.seconds < 60 for result in found)
    assert (end_of(-2), end_of(-11)) == (SiteEnd.STOPPED, SiteEnd.KILLED)


@pytest.mark.usefixtures("lifeline")
def test_what_the_system_kills_is_tried_again_some_times(tmp_path):
    count = f"echo >> {tmp_path}/$NAME; test $(wc -l < {tmp_path}/$NAME) -ge $ENOUGH || kill -9 $$"
    commands = {"recovers": f"NAME=first ENOUGH=3; {count}", "dies": f"NAME=second ENOUGH=9; {count}"}
    results = results_of(tmp_path, [task(name, command) for name, command in commands.items()])
    assert [results[name].end for name in commands] == [SiteEnd.DONE, SiteEnd.KILLED]
    assert [len((tmp_path / name).read_text().splitlines()) for name in ("first", "second")] == [3, 3]


def test_a_fault_of_ours_is_the_result_of_a_task_and_a_stop_reaches_all(tmp_path):
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run(task: SiteTask, lifeline: Lifeline, is_stopped: Callable[[], bool]) -> SiteResult:
        if task.name == "bad":
            raise ValueError("it is ours")
        until(is_stopped)
        return SiteResult(task.name, SiteEnd.STOPPED, 1, task.archive)

    engine = LocalEngine(run, 2)
    for name in ("bad", "good"):
        engine.start(task(name, ""), results.put)
    result = results.get(timeout=PATIENCE)
    assert (result.end, result.message) == (SiteEnd.FAILED, "ValueError: it is ours")
    engine.stop()
    assert results.get(timeout=PATIENCE).end is SiteEnd.STOPPED
    engine.close()


@pytest.mark.parametrize("error", [OSError(11, "no more"), OSError("no more")])
def test_what_cannot_be_started_has_a_result(tmp_path, monkeypatch, error):
    def refuse(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(Lifeline, "start", refuse)
    result = results_of(tmp_path, [task("a", "exit 0")])["a"]
    assert (result.end, result.message) == (SiteEnd.NOT_STARTED, "cannot be started: no more")


def test_a_machine_has_room_for_one_at_least(monkeypatch):
    for cores, memory, parallel in (
        (2, 0, 8), (2, 1_000_000, 1), (2, 3_000_000_000, 5), (2, 10**12, 8), (None, 0, 4)
    ):  # fmt: skip
        monkeypatch.setattr(site_processes.os, "cpu_count", lambda cores=cores: cores)
        monkeypatch.setattr(site_processes, "memory_bytes", lambda memory=memory: memory)
        assert default_parallel() == parallel


@pytest.mark.parametrize(("code", "articles"), [(0, 2), (1, 2), (75, 0)])
def test_a_crawl_that_found_its_archive_in_use_counts_nothing_of_it(lifeline, db, code, articles):
    running = start_site(SiteTask("a", db, (f"exit {code}",)), lifeline, db.with_name("a.log"))
    assert isinstance(running, RunningSite)
    running.process.wait()
    result = running.result()
    assert result is not None
    assert (result.counts.articles, result.archive) == (articles, db)


def test_a_task_that_is_stopped_is_asked_once(lifeline, tmp_path):
    """Asked twice, a crawl would stop at once: the command says how often it was asked."""
    command = (
        "trap 'n=x$n' TERM; echo up > ready; while [ -z \"$n\" ]; do sleep 0.01; done; sleep 0.05; echo $n; exit 143"
    )
    task, log = SiteTask("a", tmp_path / "a.db", (f"cd {tmp_path}; {command}",)), tmp_path / "a.log"
    result = run_site(task, lifeline, log, lambda: (tmp_path / "ready").exists())
    assert (result.end, result.message) == (SiteEnd.STOPPED, "x")


def test_what_is_left_of_a_killed_runners_crawl_does_not_spoil_the_new_log(lifeline, tmp_path):
    """It still holds the same file open, and goes on writing where it was."""
    log, wait = tmp_path / "logs/of/a.log", "while [ ! -e go ]; do sleep 0.01; done"
    old = f"cd {tmp_path}; echo a long line of an earlier crawl; touch ready; {wait}; echo late"
    orphan = start_site(task("a", old), lifeline, log)
    assert isinstance(orphan, RunningSite)
    until((tmp_path / "ready").exists)
    run_site(task("a", f"cd {tmp_path}; echo new; touch go"), lifeline, log, lambda: False)
    orphan.process.wait()
    assert log.read_bytes() == b"new\nlate\n"
    run_site(task("a", "exit 0"), lifeline, log, lambda: False)
    assert log.read_bytes() == b"", "each has its own"


@pytest.mark.parametrize(("more", "message"), [(4080, "own"), (4081, "x" * 4080)])
def test_the_last_words_of_a_crawl_are_looked_for_at_the_end_of_its_log(lifeline, tmp_path, more, message):
    """In 4,096 bytes: of one more the line no longer begins as its own lines do."""
    task = SiteTask("a", tmp_path / "a.db", (f"echo broadsheet: own; printf x%.0s $(seq {more}); exit 1",))
    assert run_site(task, lifeline, tmp_path / "a.log", lambda: False).message.startswith(message[:40])


LONG_AGO, NOW, LATER = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2999-01-02T00:00:00Z"


def test_edits_withdrawals_alarms_and_failures_of_the_run(db):
    """What was there is not counted. One article edited twice and one withdrawn twice; another that came in and was
    taken out again is not new."""
    assert (site_counts(db, LONG_AGO), site_counts(db, NOW)) == (SiteCounts(new=2, articles=2), SiteCounts(articles=2))
    with closing(sqlite3.connect(db)) as connection, connection:
        first, second = (row[0] for row in connection.execute("SELECT id FROM articles ORDER BY id"))
        connection.executemany(
            "INSERT INTO changes (article_id, at, change, kind) VALUES (?, ?, ?, ?)",
            [
                (first, NOW, "changed", "headline"), (first, NOW, "changed", "correction"),
                (second, NOW, "changed", "withdrawn"), (12345, NOW, "added", ""), (12345, NOW, "removed", ""),
                (second, NOW, "changed", ""), (second, NOW, "changed", "withdrawn"),
            ],
        )  # fmt: skip
        connection.execute("INSERT INTO alarms VALUES (1, ?, 'a.example', '', 'short', 'shorter')", [NOW])
        connection.executemany(
            """INSERT INTO urls (host, found_via, first_seen, url, kind, state, reason, fetched_at, http_status)
                VALUES (1, 2, 3, ?, ?, ?, ?, ?, ?)""",
            [("a", "page", "failed", "http_404", NOW, 404), ("b", "page", "done", "list", NOW, 200),
             ("c", "feed", "done", "feed", NOW, 200), ("d", "page", "queued", "", NOW, None),
             ("e", "page", "failed", "dns", LONG_AGO, None), ("f", "page", "done", "article", NOW, 304),
             ("g", "page", "done", "redirect", NOW, 301), ("h", "page", "done", "sitemap", NOW, 200)],
        )  # fmt: skip
    assert site_counts(db, NOW) == SiteCounts(changed=1, withdrawn=1, alarms=1, failed=1, pages=1, articles=2)
    assert site_counts(db, LATER) == SiteCounts(articles=2)
    assert page_count(db) == 4


@pytest.mark.parametrize("content", [None, b"", b"no database at all, but some text" * 20])
def test_an_archive_that_cannot_be_read_counts_nothing_and_is_not_made(tmp_path, content):
    archive = tmp_path / "a.db"
    if content is not None:
        archive.write_bytes(content)
    assert (site_counts(archive, LONG_AGO), page_count(archive)) == (SiteCounts(), 0)
    assert archive.exists() is (content is not None)
