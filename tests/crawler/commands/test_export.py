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


def test_the_name_says_the_format(db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jsonl", "a.CSV"):
        assert run(["export", str(db), "-o", str(tmp_path / name)]) == 0
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])["url"]
    assert len(list(csv.DictReader(io.StringIO((tmp_path / "a.CSV").read_text(), newline="")))) == 2
    assert run(["export", str(db), "-o", f"{tmp_path}/folder/"]) == 0
    assert len(list((tmp_path / "folder").glob("*.md"))) == 2


@pytest.mark.parametrize("shape", ["jsonl", "csv", "markdown"])
def test_filters_are_those_of_search(db: Path, tmp_path: Path, shape: str, capsys: pytest.CaptureFixture[str]) -> None:
    for host, count in (("a.example", 2), ("example", 2), ("b.example", 0)):
        target = tmp_path / f"{host}.out"
        assert run(["export", str(db), "--format", shape, "-o", str(target), "--host", host]) == 0
        assert f"{count} articles written" in capsys.readouterr().err
    assert run(["export", str(db), "--format", "wacz", "-o", str(tmp_path / "a.wacz"), "--host", "a.example"]) == 2
    assert "cannot be chosen by article" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say which format with --format"),
        (["-o", "{folder}/a.pdf"], "say which format with --format"),
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
