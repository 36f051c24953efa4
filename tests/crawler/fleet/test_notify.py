"""Telling a person of a result."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.notify import is_worth_telling, notify
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult


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
