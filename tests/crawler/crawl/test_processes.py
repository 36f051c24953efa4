"""Processes of a crawl: too few descriptors are said or raised, and one whose starter is gone stops in good order."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading

import click
import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.crawl import processes as lifeline
from broadsheet.crawler.crawl.processes import Lifeline, watch_lifeline
from broadsheet.output.archive.archive_lock import is_owned
from tests.crawler.commands.test_export_targets import PROGRAM, shell_line
from tests.crawler.crawls import QUICK, until
from tests.crawler.scripted_site import page, stories
from tests.crawler.shell import environment, rows
from tests.crawler.warm import PATIENCE


@pytest.mark.slow
@pytest.mark.parametrize(
    "verb", ["crawl {url} --db {new} -q --allow-private", "import {warc} --db {new}", "reclean {db}"]
)
def test_too_few_are_a_line_and_nothing_is_made(serve, db, tmp_path, verb):
    site, new = serve({"/": page("start")}), tmp_path / "new.db"
    (tmp_path / "empty.warc").write_bytes(b"")
    line = verb.format(url=f"{site.url}/", new=new, db=db, warc=tmp_path / "empty.warc")
    code, errors = shell_line(f"ulimit -n 24; {PROGRAM} {line}")
    assert (code, errors.count("\n")) == (1, 1), errors
    assert "ulimit -n" in errors
    assert not new.exists()
    assert site.paths() == []


@pytest.mark.slow
def test_a_soft_limit_is_raised(serve, tmp_path):
    site, new = serve({"/": page("start", "/river"), **stories("river")}), tmp_path / "new.db"
    code, errors = shell_line(f"ulimit -S -n 24; {PROGRAM} crawl {site.url}/ --db {new} -q --allow-private --delay 0")
    assert (code, errors) == (0, "")


STARTER = """
import sys
from pathlib import Path
from broadsheet.crawler.crawl.processes import Lifeline
lifeline = Lifeline()
with open(sys.argv[1] + ".log", "wb") as log:
    crawls = [lifeline.start(["crawl", sys.argv[2], "--db", db], log) for db in sys.argv[1:2] + sys.argv[3:]]
print(*(crawl.pid for crawl in crawls), flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.parametrize("death", [signal.SIGKILL, None], ids=["kill -9", "its own end"])
def test_a_crawl_stops_when_its_starter_is_gone(serve, tmp_path, death):
    """The second crawl must not hold the first one's lifeline, nor may the processes that clean pages. The site takes a
    crawl longer than a test lasts."""
    names, archives = [f"/p{number}" for number in range(300)], (tmp_path / "a.db", tmp_path / "b.db")
    site = serve({"/": page("home", *names), **{name: page(name.strip("/")) for name in names}})
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(archives[0]), f"{site.url}/", str(archives[1])],
        env=environment() | QUICK | {"BROADSHEET_DELAY": "0.2"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        until(lambda: site.paths().count("/p3") == 2)  # both crawls are under way
        if death:
            process.send_signal(death)
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    for archive in archives:
        until(lambda archive=archive: not is_owned(archive))
        assert rows(archive, "SELECT outcome FROM runs") == [("stopped",)]
        assert rows(archive, "SELECT count(*) FROM urls WHERE state = 'queued'")[0][0] > 0


@pytest.mark.slow
def test_a_crawl_is_a_fork_in_a_session_of_its_own_with_the_variables_that_it_is_given(tmp_path):
    line, log, archive = Lifeline(), tmp_path / "crawl.log", tmp_path / "a.db"
    words = ["crawl", "http://127.0.0.1:9/", "--db", str(archive), "--allow-private"]
    with log.open("wb") as output:
        refused = line.start(words, output, {"BROADSHEET_ROBOTS_AGE": "soon"})
    until(lambda: refused.poll() is not None)
    assert (refused.poll(), archive.exists()) == (2, False)
    assert "BROADSHEET_ROBOTS_AGE cannot be 'soon'" in log.read_text()
    assert "BROADSHEET_ROBOTS_AGE" not in os.environ
    with log.open("wb") as output:
        killed = line.start(["crawl", *words[1:], "--wait", "1h"], output)
    assert os.getsid(killed.pid) in (killed.pid, os.getsid(0))  # until the fork has made its own
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: killed.poll() is not None)
    assert killed.poll() == -signal.SIGKILL
    line.close()
    for end in (line._read_end, line._write_end):
        assert end.closed


def test_a_lifeline_is_watched_and_passed_on_to_no_program(monkeypatch):
    """Its end is a signal, and what is written is not."""
    signals: list[int] = []
    monkeypatch.setattr(lifeline.signal, "pthread_kill", lambda thread, number: signals.append(number))
    line = lifeline.Lifeline()
    read_end = os.dup(line._read_end.fileno())
    os.set_inheritable(read_end, True)
    watch_lifeline(read_end)
    assert not os.get_inheritable(read_end)
    [watching] = [thread for thread in threading.enumerate() if thread.name == "lifeline"]
    os.write(line._write_end.fileno(), b"a byte")
    watching.join(0.01)
    assert (watching.daemon, watching.is_alive(), signals) == (True, True, [])
    line.close()
    watching.join(PATIENCE)
    os.close(read_end)
    assert signals == [signal.SIGTERM]


@pytest.mark.parametrize(
    ("soft", "raised_to", "refuses", "problem"),
    [
        (resource.RLIM_INFINITY, None, False, ""),
        (72, None, False, ""),
        (71, (72, 500), False, ""),
        (71, (72, 500), True, "only 71 files may be open, and this needs 72: ulimit -n 72 allows them"),
    ],
)
def test_files_for_the_archive_and_each_worker_may_be_open(soft, raised_to, refuses, problem, monkeypatch):
    asked: list[tuple[int, int]] = []

    def setrlimit(_: int, limits: tuple[int, int]) -> None:
        asked.append(limits)
        if refuses:
            raise ValueError("over the hard limit")

    monkeypatch.setattr(lifeline, "process_count", lambda count: 2 + count)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, 500))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert lifeline.open_files_problem() == problem
    assert asked == ([raised_to] if raised_to else [])
    if problem:
        with pytest.raises(click.ClickException, match="only 71 files"):
            lifeline.require_workers()


def test_workers_are_started_where_they_can_run(monkeypatch):
    started: list[str] = []
    monkeypatch.setattr(lifeline, "start_fork_server", lambda: started.append("server"))
    monkeypatch.setattr(lifeline, "open_files_problem", lambda: "")
    lifeline.start_workers()
    monkeypatch.setattr(lifeline, "workers_problem", lambda: "not on this system")
    with pytest.raises(CommandError, match="not on this system"):
        lifeline.start_workers()
    assert started == ["server"]
