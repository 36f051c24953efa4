"""The summary of a turn: a line a site, the worst first."""

from __future__ import annotations

from pathlib import Path

from broadsheet.crawler.fleet.overview import results_table, summary_line, time_text, total_counts, worst_first
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult


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
