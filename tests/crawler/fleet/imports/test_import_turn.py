from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from broadsheet.crawler.fleet.imports.import_task import import_task
from broadsheet.crawler.fleet.imports.import_turn import ImportTurn
from broadsheet.crawler.fleet.run_site import unstarted
from broadsheet.crawler.fleet.site_task import SiteResult, SiteTask


@dataclass
class BusyEngine:
    """An engine that says what it runs, and starts nothing."""

    tasks: Sequence[SiteTask]

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        for task in tasks:
            on_result(unstarted(task, "not now"))

    def stop(self) -> None:
        self.tasks = ()

    def running(self) -> tuple[SiteTask, ...]:
        return tuple(self.tasks)


def test_the_progress_names_a_few_files() -> None:
    tasks = [import_task(Path(f"/{number}.warc.gz"), Path("/work"), []) for number in range(5)]
    turn = ImportTurn(tasks, BusyEngine(tasks))
    assert turn.progress_line() == "0 of 5 files; reading: 0.warc.gz, 1.warc.gz, 2.warc.gz and 2 more"
    turn.engine.stop()
    turn.run()
    assert turn.progress_line() == "5 of 5 files; reading: none"
    assert [result.message for result in turn.results] == ["not now"] * 5
