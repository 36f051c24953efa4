"""`broadsheet report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawler.cli import run


def test_report_for_people_and_for_programs(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(db)]) == 0
    assert capsys.readouterr().out.startswith("2 articles")
    assert run(["report", str(db), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["articles"] == 2
