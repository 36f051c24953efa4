"""One task as a process: how it ends, and that it can be stopped."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from broadsheet.crawler.crawl.processes import Lifeline
from broadsheet.crawler.fleet import site_processes as module
from broadsheet.crawler.fleet.site_processes import RunningSite, run_site, start_site
from broadsheet.crawler.fleet.site_task import SiteEnd, SiteTask


@pytest.fixture
def lifeline(monkeypatch: pytest.MonkeyPatch) -> Lifeline:
    """A lifeline that starts the shell command that stands in place of a URL."""

    def start(
        lifeline: Lifeline, words: Sequence[str], output: IO[bytes], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sh", "-c", words[-1]], stdout=output, stderr=output)

    monkeypatch.setattr(Lifeline, "start", start)
    monkeypatch.setattr(module, "_PAUSE", 0.005)
    return Lifeline()


def test_a_task_runs_to_its_end_and_its_log_is_its_own(lifeline: Lifeline, tmp_path: Path) -> None:
    task, log = SiteTask("a", tmp_path / "a.db", ("echo first; exit 1",)), tmp_path / "logs" / "a.log"
    assert run_site(task, lifeline, log, lambda: False).message == "first"
    task = SiteTask("a", tmp_path / "a.db", ("exit 0",))
    assert run_site(task, lifeline, log, lambda: False).end is SiteEnd.DONE
    assert log.read_bytes() == b""


def test_a_task_that_is_stopped_is_asked_once(lifeline: Lifeline, tmp_path: Path) -> None:
    """Asked twice, a crawl would stop at once: the command says how often it was asked."""
    command = (
        "trap 'n=x$n' TERM; echo up > ready; while [ -z \"$n\" ]; do sleep 0.01; done; sleep 0.05; echo $n; exit 143"
    )
    task, log = SiteTask("a", tmp_path / "a.db", (f"cd {tmp_path}; {command}",)), tmp_path / "a.log"
    result = run_site(task, lifeline, log, lambda: (tmp_path / "ready").exists())
    assert (result.end, result.message) == (SiteEnd.STOPPED, "x")


def test_what_is_left_of_a_killed_runners_crawl_does_not_spoil_the_new_log(lifeline: Lifeline, tmp_path: Path) -> None:
    """It still holds the same file open, and goes on writing where it was."""
    log, wait = tmp_path / "a.log", "while [ ! -e go ]; do sleep 0.01; done"
    old = f"cd {tmp_path}; echo a long line of an earlier crawl; touch ready; {wait}; echo late"
    orphan = start_site(SiteTask("a", tmp_path / "a.db", (old,)), lifeline, log)
    assert isinstance(orphan, RunningSite)
    while not (tmp_path / "ready").exists():
        pass
    run_site(SiteTask("a", tmp_path / "a.db", (f"cd {tmp_path}; echo new; touch go",)), lifeline, log, lambda: False)
    orphan.process.wait()
    assert log.read_bytes() == b"new\nlate\n"


@pytest.mark.parametrize(("more", "message"), [(4080, "own"), (4081, "x" * 4080)])
def test_the_last_words_of_a_crawl_are_looked_for_at_the_end_of_its_log(
    lifeline: Lifeline, tmp_path: Path, more: int, message: str
) -> None:
    """In 4,096 bytes: of one more the line no longer begins as its own lines do."""
    task = SiteTask("a", tmp_path / "a.db", (f"echo broadsheet: own; printf x%.0s $(seq {more}); exit 1",))
    assert run_site(task, lifeline, tmp_path / "a.log", lambda: False).message.startswith(message[:40])
