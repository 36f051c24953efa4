"""Which sites are due, with which words, and in which part of the fleet.

Telling a person of a result.

The summary of a turn: a line a site, the worst first.

One turn: every task has its record, and who is to be told is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.fleet_turn import (
    Shard,
    exit_code_of,
    is_worth_telling,
    notify,
    result_line,
    results_table,
    running_text,
    site_task,
    summary_line,
    tell,
    time_text,
    total_counts,
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
RECORD = SiteRecord(SiteResult("news", SiteEnd.DONE, 0, Path("news.db")), TURN.isoformat(), "then", "words", True)


def test_a_finished_site_is_updated() -> None:
    now = TURN + timedelta(days=2, microseconds=7)
    assert site_task(FLEET, SITE, RECORD, now) == SiteTask(
        "news", Path("archives/news.db"), ("--", "u"), ("--delay=2",), True, "2026-01-02T02:00:00+00:00", ("tell",),
        ("n.example",), 86400.0, "words", "2026-01-03T03:00:00+00:00", "then",
    )  # fmt: skip
    for record in (replace(RECORD, words_digest="other"), replace(RECORD, is_crawled=False), None):
        again = site_task(FLEET, SITE, record, now)
        assert (again.is_update, again.after) == (False, "then" if record else "")
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
        SiteEnd.KILLED, SiteEnd.FAILED, SiteEnd.BAD_OPTIONS, SiteEnd.UNSUITABLE_DISK, SiteEnd.IN_USE,
        SiteEnd.OVERTAKEN, SiteEnd.STOPPED, SiteEnd.NOT_STARTED, SiteEnd.DONE,
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
def test_a_command_that_fails_is_a_line(tmp_path: Path, command: str) -> None:
    task = SiteTask("a", tmp_path / "a.db", ("u",), notify=(command,))
    ends = {end: tell(task, SiteResult("a", end, 0, task.archive)) for end in (SiteEnd.FAILED, SiteEnd.STOPPED)}
    assert [len(lines) for lines in ends.values()] == [1, 0]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([], 0), ([SiteEnd.DONE], 0), ([SiteEnd.DONE, SiteEnd.IN_USE], 75), ([SiteEnd.STOPPED], 75),
        ([SiteEnd.IN_USE, SiteEnd.FAILED], 1), ([SiteEnd.KILLED], 1),
    ],
)  # fmt: skip
def test_the_exit_code_says_whether_all_is_well(ends: list[SiteEnd], code: int) -> None:
    assert exit_code_of(ends) == code
