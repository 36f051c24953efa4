"""The verbs that read an archive."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest

from crawler.cli import run
from tests.crawler.shell import ACTIVE, start


def test_search_finds_with_snippet(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "river"]) == 0
    out = capsys.readouterr().out
    assert "https://a.example/river" in out
    assert "[river]" in out.lower()


def test_search_without_a_hit_is_1(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", str(db), "xylophone", "AND", '"']) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no article matches xylophone" in shown.err


def test_report_for_people_and_for_programs(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(db)]) == 0
    assert capsys.readouterr().out.startswith("2 articles")
    assert run(["report", str(db), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["articles"] == 2


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
    ("arguments", "said"),
    [
        (["--format", "markdown"], "name a folder with -o"),
        (["--format", "csv", "-o", "{db}"], "is the archive itself"),
        (["--format", "csv", "-o", "{folder}"], "is a folder"),
        (["--format", "csv", "-o", "{folder}/none/a.csv"], "cannot write"),
        (["--format", "markdown", "-o", "{db}"], "cannot make the folder"),
    ],
)
def test_export_to_no_place(
    db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    filled = [each.format(db=db, folder=tmp_path) for each in arguments]
    assert run(["export", str(db), *filled]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert said in shown.err
    assert run(["verify", str(db)]) == 0


def test_verify_names_what_is_broken(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(db)]) == 0
    assert capsys.readouterr().out == "in order: 2 articles\n"
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE articles SET text = 'other'")
    connection.close()
    assert run(["verify", str(db)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("article_texts: ") for line in lines)


@pytest.mark.parametrize("verb", [["search", "x"], ["report"], ["export", "--format", "csv"], ["verify"]])
def test_no_archive_is_one_line_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: list[str]) -> None:
    file = tmp_path / "text.db"
    file.write_text("no database, but a text of some length")
    name, *rest = verb
    for path in (file, tmp_path / "missing.db"):
        assert run([name, str(path), *rest]) == 1
        shown = capsys.readouterr()
        assert (shown.out, shown.err.count("\n")) == ("", 1)


def test_damage_met_while_reading_is_one_line(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = db.read_bytes()
    db.write_bytes(whole[: len(whole) // 8 // 4096 * 4096])
    for verb in (["report"], ["export", "--format", "jsonl"], ["search", "river"]):
        assert run([verb[0], str(db), *verb[1:]]) == 1
        assert capsys.readouterr().err.count("\n") == 1


def test_titles_are_inert(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["search", "evil"], ["report"], ["report", "--json"], ["export", "--format", "jsonl"]):
        run([arguments[0], str(db), *arguments[1:]])
        assert not set(capsys.readouterr().out) & ACTIVE, arguments


def test_a_reader_that_goes_away_is_no_error(db: Path) -> None:
    process = start("export", db, "--format", "jsonl")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 141
