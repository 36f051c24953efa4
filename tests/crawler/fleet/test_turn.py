"""One turn: every task has its record, and who is to be told is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.records import RecordFolder
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.turn import FleetTurn, turn_exit_code


class ScriptedEngine:
    """Gives each task the end that its name has after the dash."""

    def run(self, tasks: Sequence[SiteTask], on_result: Callable[[SiteResult], None]) -> None:
        for task in tasks:
            end = SiteEnd(task.name.partition("-")[2])
            on_result(SiteResult(task.name, end, 0, task.archive, SiteCounts(withdrawn=end is SiteEnd.DONE)))

    def stop(self) -> None:
        return

    def running(self) -> tuple[SiteTask, ...]:
        return ()


def turn_of(tmp_path: Path, *names: str, notify: str = "", is_update: bool = False) -> tuple[FleetTurn, list[str]]:
    commands = (notify,) if notify else ()
    tasks = [SiteTask(name, tmp_path / f"{name}.db", ("u",), is_update=is_update, notify=commands) for name in names]
    warnings: list[str] = []
    return FleetTurn(tasks, ScriptedEngine(), RecordFolder(tmp_path), warnings.append), warnings


def test_each_end_has_its_record_but_those_that_say_nothing_new(tmp_path: Path) -> None:
    turn, warnings = turn_of(tmp_path, *(f"s-{end}" for end in SiteEnd))
    turn.run()
    recorded = {path.stem.partition("-")[2] for path in (tmp_path / ".fleet").glob("*.json")}
    assert recorded == {*SiteEnd} - {SiteEnd.IN_USE, SiteEnd.NOT_STARTED}
    assert not warnings
    record = turn.records.read("s-done")
    assert record is not None
    assert (record.is_crawled, record.turn_at[:10]) == (True, turn.started_at.isoformat()[:10])
    assert turn.progress_line() == "8 of 8 sites, 7 of them not well; running: none"


def test_failures_in_a_row_are_counted(tmp_path: Path) -> None:
    for count in (1, 2, 3):
        turn, _ = turn_of(tmp_path, "s-failed")
        turn.run()
        record = turn.records.read("s-failed")
        assert record is not None
        assert record.failures == count
    turn, _ = turn_of(tmp_path, "s-done")
    turn.records.write(replace(record, result=replace(record.result, name="s-done")))
    turn.run()
    record = turn.records.read("s-done")
    assert record is not None
    assert record.failures == 0


@pytest.mark.parametrize("is_update", [True, False])
def test_a_killed_update_is_an_update_again(tmp_path: Path, is_update: bool) -> None:
    turn, _ = turn_of(tmp_path, "s-killed", is_update=is_update)
    turn.run()
    record = turn.records.read("s-killed")
    assert record is not None
    assert record.is_crawled is is_update


@pytest.mark.parametrize("command", ["/no/such/program", "'unclosed", " ", "false"])
def test_a_command_that_fails_is_a_line_and_the_turn_goes_on(tmp_path: Path, command: str) -> None:
    turn, warnings = turn_of(tmp_path, "a-done", "b-failed", "c-stopped", notify=command)
    turn.run()
    assert [line.partition(":")[0] for line in warnings] == ["a-done", "b-failed"]
    assert len(turn.results) == 3


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([], 0), ([SiteEnd.DONE], 0), ([SiteEnd.DONE, SiteEnd.IN_USE], 75), ([SiteEnd.STOPPED], 75),
        ([SiteEnd.IN_USE, SiteEnd.FAILED], 1), ([SiteEnd.KILLED], 1),
    ],
)  # fmt: skip
def test_the_exit_code_says_whether_all_is_well(ends: list[SiteEnd], code: int) -> None:
    assert turn_exit_code([SiteResult("x", end, 0, Path("x.db")) for end in ends]) == code
