"""Which sites are due, with which words, and in which part of the fleet.

Telling a person of a result.

The summary of a turn: a line a site, the worst first.

One turn: every task has its record, and who is to be told is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.fleet_folder import RecordFolder
from broadsheet.crawler.fleet.fleet_turn import (
    FleetTurn,
    Shard,
    due_tasks,
    is_worth_telling,
    notify,
    result_line,
    results_table,
    running_text,
    summary_line,
    time_text,
    total_counts,
    turn_exit_code,
    worst_first,
)
from broadsheet.crawler.fleet.site_records import SiteRecord
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.sites_file import Site, SiteList

TURN = datetime(2026, 1, 1, 3, tzinfo=UTC)
SITE = Site(
    "news", ("https://n.example/",), ("n.example",), (), 86400.0, ("tell",), ("--", "u"), ("--delay=2",), "words"
)
FLEET = SiteList(Path("sites.toml"), Path("archives"), 0, 4, (SITE,))
RECORD = SiteRecord(
    SiteResult("news", SiteEnd.DONE, 0, Path("news.db")), TURN.isoformat(), "", "words", True, generation=7
)


def test_a_site_is_due_in_time_or_where_everything_is_asked_for() -> None:
    def due_count(hours: float, *, everything: bool = False) -> int:
        now = TURN + timedelta(hours=hours)
        return len(list(due_tasks(FLEET, FLEET.sites, lambda _name: RECORD, now, everything=everything)))

    assert (due_count(22.99), due_count(23), due_count(0, everything=True)) == (0, 1, 1)


def test_a_finished_site_is_updated_and_knows_the_hosts_that_other_sites_have_too() -> None:
    now = TURN + timedelta(days=2, microseconds=7)
    other = replace(SITE, name="blog", hosts=("b.example", "n.example"))
    fleet = replace(FLEET, sites=(SITE, other))
    task, _ = due_tasks(fleet, fleet.sites, lambda _name: RECORD, now)
    assert task == SiteTask(
        "news", Path("archives/news.db"), ("--", "u"), ("--delay=2",), True, "2026-01-02T02:00:00+00:00", ("tell",),
        ("n.example",), ("n.example",), 86400.0, "words", "2026-01-03T03:00:00+00:00", 7,
    )  # fmt: skip
    for record in (replace(RECORD, words_digest="other"), replace(RECORD, is_crawled=False), None):
        [again] = due_tasks(FLEET, FLEET.sites, lambda _name, record=record: record, now)
        assert (again.is_update, again.shared_hosts, again.after) == (False, (), 7 if record else 0)
    assert again.due_at == ""


def test_each_site_is_in_one_shard_and_stays_there() -> None:
    names = [f"site{number}" for number in range(1000)]
    shards = [[name for name in names if Shard(number, 20).holds(name)] for number in range(1, 21)]
    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert min(map(len, shards)) > 20
    assert [name for name in names[:12] if Shard(3, 5).holds(name)] == PINNED
    assert all(map(Shard().holds, names))


PINNED = ["site2", "site4", "site7", "site11"]
"""Worked out once: another version of the program must not move sites to other machines."""


def test_a_command_gets_the_result_as_text_and_as_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "tell.py"
    script.write_text(
        "import os, sys, pathlib\nprint('x')\nprint('y', file=sys.stderr)\n"
        f"pathlib.Path({str(tmp_path / 'told')!r}).write_text(sys.stdin.read() + os.environ['BROADSHEET_RESULT'])\n"
    )
    result = SiteResult("news", SiteEnd.FAILED, 1, Path("news.db"), SiteCounts(alarms=2), message="no article")
    assert (notify([f"{sys.executable} -I -S {script}"], result), capfd.readouterr()) == ([], ("", ""))
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


ORDER = ("alarms", "withdrawn", "failed", "changed", "new")


@pytest.mark.parametrize("place", range(5))
def test_of_two_that_ended_alike_the_first_count_in_this_order_decides(place: int) -> None:
    """The other has more of all that comes after it, and a name that comes first."""
    less = result("a", **dict.fromkeys(ORDER[place + 1 :], 9))
    more = result("b", **{ORDER[place]: 1})
    assert worst_first([less, more]) == [more, less]
    assert worst_first([result("b"), result("a")]) == [result("a"), result("b")]


def test_each_end_has_its_place_among_the_worst_and_its_words() -> None:
    ends = [site.end for site in worst_first([result(end, end) for end in reversed(SiteEnd)])]
    assert ends == [
        SiteEnd.KILLED, SiteEnd.FAILED, SiteEnd.BAD_OPTIONS, SiteEnd.UNSUITABLE_DISK, SiteEnd.IN_USE, SiteEnd.STOPPED,
        SiteEnd.NOT_STARTED, SiteEnd.DONE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "none"),
        (1, "s0 0 pages"),
        (3, "s0 0 pages, s1 1 page, s2 2 pages"),
        (4, "s0 0 pages, s1 1 page, s2 2 pages and 1 more"),
        (6, "s0 0 pages, s1 1 page, s2 2 pages and 3 more"),
    ],
)
def test_three_sites_are_named_that_run_with_their_pages(count: int, text: str) -> None:
    tasks = [SiteTask(f"s{number}", Path("x.db"), ()) for number in range(count)]
    assert running_text(tasks, lambda task: int(task.name[1:])) == text


TABLE = [
    "site  ended     new  changed  withdrawn  alarms  failed  pages  time",
    "dead  killed      0        0          0       0       0      0    1m  killed by signal 9[2J",
    "all   done        2        3          4       5       6      7    1m",
    "busy  done    1,200        3          0       0       0      0    1m",
    "… and 1 more: broadsheet fleet status shows all",
]


def test_a_line_a_site_and_no_control_character() -> None:
    assert results_table([*RESULTS[:2], RESULTS[4], result("all", new=2, changed=3, withdrawn=4, alarms=5, failed=6,
                                                         pages=7)], 200, 3).splitlines() == TABLE  # fmt: skip
    assert len(results_table(RESULTS[:2], 200, 2).splitlines()) == 3


def test_one_line_over_all() -> None:
    assert summary_line(RESULTS) == (
        "6 sites: 4 done, 1 failed, 1 killed; 1,202 new, 3 changed, 1 withdrawn, 1 alarms, 0 failed"
    )
    assert total_counts([]) == SiteCounts()


def test_a_result_is_told_in_a_line() -> None:
    assert result_line(RESULTS[1]) == "busy: done; 1,200 new, 3 changed, 1m"
    assert result_line(result("loud", alarms=1, pages=1, failed=2)) == "loud: done; 2 failed, 1 alarm, 1 page, 1m"
    assert result_line(RESULTS[5]) == "broken: failed (no article found); 1m"


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
    tasks = [
        SiteTask(name, tmp_path / f"{name}.db", ("u",), is_update=is_update, notify=commands, turn_at=TURN.isoformat())
        for name in names
    ]
    turn = FleetTurn(tasks, ScriptedEngine(), RecordFolder(tmp_path))
    return turn, turn.warnings


def test_each_end_has_its_record_but_those_that_say_nothing_new(tmp_path: Path) -> None:
    turn, warnings = turn_of(tmp_path, *(f"s-{end}" for end in SiteEnd))
    turn.run()
    recorded = {path.stem.partition("-")[2] for path in (tmp_path / ".fleet").glob("*.json")}
    assert recorded == {*SiteEnd} - {SiteEnd.IN_USE, SiteEnd.NOT_STARTED}
    assert not warnings
    record = turn.records.read("s-done")
    assert record is not None
    assert (record.is_crawled, record.turn_at, record.generation) == (True, TURN.isoformat(), 0)
    assert " ".join(signature(FleetTurn).parameters) == "tasks engine records count_pages"
    assert turn.progress_line() == "8 of 8 sites, 4 of them not well, 1 in use elsewhere; running: none"


def test_a_turn_with_a_store_leaves_records_to_who_has_the_lease(tmp_path: Path) -> None:
    turn, _ = turn_of(tmp_path, "s-done")
    turn.records = None
    turn.run()
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_written_costs_an_early_turn_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    turn, warnings = turn_of(tmp_path, "a-done", "b-in_use")
    monkeypatch.setattr(RecordFolder, "write", fail)
    turn.run()
    assert warnings == ["a-done: the record cannot be written, so its next turn comes early: No space left on device"]
    assert turn.progress_line() == "2 of 2 sites, 1 in use elsewhere; running: none"


def test_a_command_has_a_minute_and_its_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[object] = []

    def hang(words: list[str], **options: object) -> None:
        seconds.append(options["timeout"])
        raise subprocess.TimeoutExpired(words, 60.0)

    monkeypatch.setattr(subprocess, "run", hang)
    told = notify(["tell me"], SiteResult("news", SiteEnd.FAILED, 1, Path("news.db")))
    assert told == ["news: notify failed: Command '['tell', 'me']' timed out after 60.0 seconds"]
    assert seconds == [60.0]


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
