"""`broadsheet export`, and what the verbs that read an archive print."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from crawler.cli import run
from tests.crawler.shell import ACTIVE


def test_export_streams_to_standard_output(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", str(db), "--format", "jsonl"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {json.loads(line)["url"] for line in lines} == {"https://a.example/river", "https://a.example/Evil"}
    assert run(["export", str(db), "--format", "csv"]) == 0
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))) == 2


def test_export_to_files(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old")
    assert run(["export", str(db), "--format", "jsonl", "-o", str(target)]) == 0
    assert len(target.read_text().splitlines()) == 2
    assert run(["export", str(db), "--format", "markdown", "-o", str(tmp_path / "new" / "folder")]) == 0
    assert len(list((tmp_path / "new" / "folder").glob("*.md"))) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.db", "new", "out.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "markdown"], "name a folder with -o"),
        (["--format", "csv", "-o", "{db}"], "is the archive itself"),
        (["--format", "csv", "-o", "{folder}"], "is a folder"),
        (["--format", "csv", "-o", "{folder}/none/a.csv"], "cannot write"),
        (["--format", "markdown", "-o", "{db}"], "cannot make the folder"),
    ],
)
def test_export_to_no_place(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    filled = [argument.format(db=db, folder=tmp_path) for argument in arguments]
    assert run(["export", str(db), *filled]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert message in shown.err
    assert run(["verify", str(db)]) == 0


def test_titles_are_inert(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["search", "evil"], ["report"], ["report", "--json"], ["export", "--format", "jsonl"]):
        run([arguments[0], str(db), *arguments[1:]])
        assert not set(capsys.readouterr().out) & ACTIVE, arguments
