from __future__ import annotations

import json
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run


def test_metadata_are_json_about_this_file(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasette", str(db), "--print"]) == 0
    out = capsys.readouterr().out
    printed = json.loads(out)
    assert list(printed["databases"]) == ["made"]
    assert out == json.dumps(printed, ensure_ascii=False, indent=2) + "\n"


def test_datasette_starts_with_the_metadata_and_what_follows_is_its_own(db, monkeypatch, capfd):
    monkeypatch.setenv("PATH", str(db.parent))
    monkeypatch.setattr("sys.executable", str(db.parent / "python"))
    assert run(["datasette", str(db)]) == 2
    assert "pipx install datasette" in capfd.readouterr().err
    program = db.parent / "datasette"
    program.write_text('#!/bin/sh\necho "$1" "$4" "$5"; /bin/cat "$3"; exit 3\n')
    program.chmod(0o755)
    assert run(["datasette", str(db), "--", "--port", "0"]) == 3
    first, *rest = capfd.readouterr().out.splitlines()
    assert first == f"{db} --port 0"
    assert list(json.loads("\n".join(rest))["databases"]) == ["made"]
