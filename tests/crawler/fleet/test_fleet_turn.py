"""Which sites are due, with which words, and in which part of the fleet.

Which sites are due, with which words, and in which part of the fleet.

Telling a person of a result.

The summary of a turn: a line a site, the worst first.

One turn: every task has its record, and who is to be told is told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.fleet_folder import RecordFolder, SiteRecord, digest_of
from broadsheet.crawler.fleet.fleet_turn import (
    FleetTurn,
    Shard,
    due_at,
    due_tasks,
    is_worth_telling,
    notify,
    results_table,
    summary_line,
    time_text,
    total_counts,
    turn_exit_code,
    worst_first,
)
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.sites_file import Site, SiteList

TURN = datetime(2026, 1, 1, 3, tzinfo=UTC)
SITE = Site("news", ("https://n.example/",), ("n.example",), (), 86400.0, (), ("--delay=2", "--", "u"), ("--delay=2",))
FLEET = SiteList(Path("sites.toml"), Path("archives"), 0, 4, (SITE,))


def record(end: SiteEnd = SiteEnd.DONE, words: tuple[str, ...] = SITE.crawl_words, turn: str = "") -> SiteRecord:
    result = SiteResult("news", end, 0, Path("archives/news.db"))
    return SiteRecord(result, turn or TURN.isoformat(), "", digest_of(words), is_crawled=end is SiteEnd.DONE)


@pytest.mark.parametrize(
    "earlier",
    [None, *map(record, (SiteEnd.KILLED, SiteEnd.STOPPED)), record(words=("other",)), record(turn="yesterday")],
)
def test_what_is_new_unfinished_or_changed_is_due_at_once(earlier: SiteRecord | None) -> None:
    assert due_at(SITE, earlier) is None
    [task] = due_tasks(FLEET, FLEET.sites, lambda name: earlier, TURN)
    assert task.is_update is (earlier is not None and earlier.turn_at == "yesterday")


@pytest.mark.parametrize(
    ("failures", "minutes"), [(1, 54), (2, 108), (3, 216), (5, 15 * 60), (6, 23 * 60), (5000, 23 * 60)]
)
def test_what_failed_is_tried_again_sooner_and_less_and_less_often(failures: int, minutes: int) -> None:
    failed = replace(record(SiteEnd.FAILED), failures=failures)
    assert due_at(SITE, failed) == TURN + timedelta(minutes=minutes)
    hourly = replace(SITE, every=60.0)
    assert due_at(hourly, failed) == TURN + timedelta(seconds=54)


def test_what_ended_is_due_after_its_time_and_a_daily_job_may_be_early() -> None:
    def due(now: datetime | None) -> int:
        return len(list(due_tasks(FLEET, FLEET.sites, lambda name: record(), now)))

    assert due(TURN + timedelta(hours=22)) == 0
    assert due(TURN + timedelta(hours=23, minutes=1)) == 1
    assert due(None) == 1


def test_a_finished_site_is_updated_with_the_words_of_an_update() -> None:
    [task] = due_tasks(FLEET, FLEET.sites, lambda name: record(), None)
    assert (task.is_update, task.update_words, task.archive) == (True, ("--delay=2",), Path("archives/news.db"))


def test_each_site_is_in_one_shard_and_stays_there() -> None:
    names = [f"site{number}" for number in range(1000)]
    shards = [[name for name in names if Shard(number, 20).holds(name)] for number in range(1, 21)]
    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert min(map(len, shards)) > 20
    assert [name for name in names[:12] if Shard(3, 5).holds(name)] == PINNED


PINNED = ["site2", "site4", "site7", "site11"]
"""Worked out once: another version of the program must not move sites to other machines."""


def test_a_command_gets_the_result_as_text_and_as_json(tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text(
        "import os, sys, pathlib\n"
        f"pathlib.Path({str(tmp_path / 'told')!r}).write_text(sys.stdin.read() + os.environ['BROADSHEET_RESULT'])\n"
    )
    result = SiteResult("news", SiteEnd.FAILED, 1, Path("news.db"), SiteCounts(alarms=2), message="no article")
    assert notify([f"{sys.executable} -I -S {script}"], result) == []
    text, _, values = (tmp_path / "told").read_text().partition("{")
    assert text == "news: failed\nno article\nalarms: 2\narchive: news.db\n"
    assert json.loads("{" + values)["counts"]["alarms"] == 2


@pytest.mark.parametrize(
    ("end", "counts", "is_told"),
    [
        (SiteEnd.DONE, SiteCounts(new=3, changed=2, failed=5), False), (SiteEnd.DONE, SiteCounts(withdrawn=1), True),
        (SiteEnd.DONE, SiteCounts(alarms=1), True), (SiteEnd.FAILED, SiteCounts(), True),
        (SiteEnd.KILLED, SiteCounts(), True), (SiteEnd.STOPPED, SiteCounts(), False),
        (SiteEnd.IN_USE, SiteCounts(), False),
    ],
)  # fmt: skip
def test_what_a_person_should_look_at(end: SiteEnd, counts: SiteCounts, is_told: bool) -> None:
    assert is_worth_telling(SiteResult("a", end, 0, Path("a.db"), counts)) is is_told


def result(name: str, end: SiteEnd = SiteEnd.DONE, message: str = "", **counts: int) -> SiteResult:
    return SiteResult(name, end, 0, Path(f"{name}.db"), SiteCounts(**counts), 61.0, message)


RESULTS = [
    result("calm", new=2),
    result("busy", new=1200, changed=3),
    result("gone", withdrawn=1),
    result("odd", alarms=1),
    result("dead", SiteEnd.KILLED, "killed by signal 9\x1b[2J"),
    result("broken", SiteEnd.FAILED, "no article found"),
]


def test_the_worst_comes_first() -> None:
    assert [site.name for site in worst_first(RESULTS)] == ["dead", "broken", "odd", "gone", "busy", "calm"]


def test_a_line_a_site_and_no_control_character() -> None:
    lines = results_table(RESULTS, 200, 50).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["dead", "broken", "odd", "gone", "busy", "calm"]
    assert "\x1b" not in lines[1]
    assert lines[5].split() == ["busy", "done", "1,200", "3", "0", "0", "0", "0", "1m"]
    assert results_table(RESULTS, 200, 2).splitlines()[3] == "… and 4 more: broadsheet fleet status shows all"


def test_one_line_over_all() -> None:
    assert summary_line(RESULTS) == (
        "6 sites: 4 done, 1 failed, 1 killed; 1,202 new, 3 changed, 1 withdrawn, 1 alarms, 0 failed"
    )
    assert total_counts([]) == SiteCounts()


def test_times_are_short() -> None:
    assert [time_text(seconds) for seconds in (0.4, 59, 61, 3600, 11400)] == ["0s", "59s", "1m", "1h00m", "3h10m"]


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
    assert turn.progress_line() == "8 of 8 sites, 4 of them not well, 1 in use elsewhere; running: none"


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
