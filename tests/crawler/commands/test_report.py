"""`broadsheet report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run


def test_report_for_people_and_for_programs(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(db)]) == 0
    assert capsys.readouterr().out.startswith("2 articles")
    assert run(["report", str(db), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["articles"] == 2


def test_report_on_one_host(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(db), "--host", "a.example"]) == 0
    assert capsys.readouterr().out.startswith("2 articles;")
    assert run(["report", str(db), "--host", "a.exampel"]) == 1
    assert "has nothing of a.exampel; it has a.example" in capsys.readouterr().err


def test_report_is_whole_where_the_output_is_no_terminal(
    db: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert run(["report", str(db)]) == 0
    assert "…" not in capsys.readouterr().out
