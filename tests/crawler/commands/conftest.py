"""An archive with blocks to rule on, and workers that need no process."""

from __future__ import annotations

import re
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from broadsheet.crawler.commands import spider_run
from broadsheet.crawler.commands.run_summary import RunResult
from broadsheet.crawler.crawl import processes
from broadsheet.crawler.fleet import site_processes
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.replay import importing, recleaning
from broadsheet.crawler.workers import pool, settle_pool
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.browse import application, raw_responses
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import rows, verb_here
from tests.output.conftest import Maker

T = TypeVar("T")

RIVER, TOWER = "https://a.example/river", "https://b.example/tower"
CAPTION = "The dredger has worked the inner channel since 2018."
PROMO = "Read our other 12 stories \x1b[2J about the \u202eharbour <<network>>, it's free (really)"
SAME_BUT_NUMBER = "Read our other 7 stories \x1b[2J about the \u202eharbour <<network>>, it's free (really)"
SIMILAR_WORDS = "He read our other stories about the harbour to the children of the village school."


class WorkersHere:
    """Pool that runs each job at once, in this process."""

    def __init__(self, worker_count: int, page_seconds: float = 0.0) -> None:
        self.worker_count = worker_count

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        try:
            return function(*args)
        except Exception as error:
            raise pool.WorkerError(OutcomeReason.WORKER_ERROR, f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        pass


@pytest.fixture
def workers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have verbs that start workers do all in this process: `shell.verb` then takes a fraction of the time."""
    for module in (importing, recleaning):
        monkeypatch.setattr(module, "WorkerPool", WorkersHere)
    monkeypatch.setattr(processes, "start_fork_server", lambda: None)
    monkeypatch.setattr(settle_pool.SettlePool, "_start_missing_workers", lambda _: None)


@pytest.fixture
def sample_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have crawls take in `town.warc` in place of a site."""

    def run_spider(db: str, arguments: Any, settings: Any, on_opened: Any = None) -> RunResult:
        assert verb_here("import", "town.warc", "--db", db, "-q")[0] == 0
        with closing(sqlite3.connect(db)) as connection, connection:
            connection.execute("UPDATE runs SET command = 'crawl http://127.0.0.1:1/'")
        told = {name: value for name, value in arguments.items() if name not in ("seeds", "site_rules")}
        print(re.sub(r":\d+", ":PORT", f"{arguments['seeds']} {told} {settings}"))
        return RunResult(
            db,
            arguments["seeds"],
            3.0,
            {"page/done/article": 7, "page/failed/http_410": 1},
            signal=SIGNALS.pop() if SIGNALS else 0,
        )

    monkeypatch.setattr(spider_run, "run_spider", run_spider)
    monkeypatch.setattr(sys.modules[__name__], "SIGNALS", [2, 0, 2])


SIGNALS: list[int] = []
"""Numbers of the signals that end the crawls of the sample, the last one first."""


class EngineHere:
    """Engine of a fleet that starts no process: the site `town` goes well, another says what it was started with."""

    lost_seconds = 0.0

    def __init__(self, _run: object, parallel: int, *_words: object) -> None:
        self._parallel = parallel

    def room(self) -> int:
        return 1

    def start(self, task: SiteTask, on_end: Callable[[SiteResult], object]) -> None:
        on_end(self._result(task))

    def pages(self, task: SiteTask) -> int:
        return 0

    def _result(self, task: SiteTask) -> SiteResult:
        if task.name != "town":
            said = f"{' '.join(task.command(task.archive))} {self._parallel}".replace(str(Path.cwd()), "…")
            return SiteResult(task.name, SiteEnd.FAILED, 1, task.archive, SiteCounts(failed=2), 3725.0, said)
        counts = SiteCounts(new=1200, changed=2, withdrawn=3, alarms=4, failed=5, pages=6, articles=7)
        return SiteResult(task.name, SiteEnd.DONE, 0, task.archive, counts, 95.0)

    def close(self) -> None:
        return


@pytest.fixture
def engine_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a fleet start no process."""
    monkeypatch.setattr(site_processes, "LocalEngine", EngineHere)
    monkeypatch.setattr(site_processes, "default_parallel", lambda: 8)


@pytest.fixture
def closed_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have `browse` print what it would serve, and end."""

    def make_app(room: Any, names: Sequence[str]) -> str:
        return f"pages for {' '.join(names)}, raw pages at {room.raw_origin}, may write: {room.may_write}"

    def make_raw_app(_room: Any, _read: Any, names: Sequence[str], own_names: Sequence[str]) -> str:
        return f"raw pages for {' '.join(names)} in frames of {' '.join(own_names)}"

    def serve(listeners: Sequence[application.Listener]) -> None:
        for listener in listeners:
            print(f"{listener.socket.getsockname()[0]}: {listener.app}")
            listener.socket.close()

    monkeypatch.setattr(application, "make_app", make_app)
    monkeypatch.setattr(raw_responses, "make_raw_app", make_raw_app)
    monkeypatch.setattr(application, "serve", serve)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def archive_path(tmp_path: Path) -> Path:
    """Two articles on two hosts: both keep a promotion, and one lost a caption."""
    file, make = tmp_path / "made.db", Maker()
    with Archive.open(file, make.clock) as archive:
        bodies = [" ".join(f"{name}{n}" for n in range(30)) for name in ("river", "tower")]
        archive.save(
            [
                make.outcome(
                    RIVER,
                    bodies[0],
                    PROMO,
                    SIMILAR_WORDS,
                    removed=(CAPTION, SAME_BUT_NUMBER),
                    title="Evil \x1b[2J title",
                )
            ]
        )
        archive.save([make.outcome(TOWER, bodies[1], PROMO, removed=("***",))])
    return file


def urls_containing(db: Path, text: str) -> set[str]:
    return {url for url, article in rows(db, "SELECT url, text FROM articles") if text in article}
