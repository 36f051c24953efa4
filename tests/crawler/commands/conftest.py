"""An archive with blocks to rule on, and workers that need no process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from broadsheet.crawler.crawl import processes
from broadsheet.crawler.replay import importing, recleaning
from broadsheet.crawler.workers import pool, settle_pool
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import rows
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
        pass

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
    for module in (importing, recleaning, pool):
        monkeypatch.setattr(module, "WorkerPool", WorkersHere)
    monkeypatch.setattr(processes, "start_fork_server", lambda: None)
    monkeypatch.setattr(settle_pool.SettlePool, "_start_missing_workers", lambda _: None)


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
