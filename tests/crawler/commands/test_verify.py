"""`broadsheet verify`."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from broadsheet.crawler.cli import command_line, run
from broadsheet.output.raw import stored_credentials


def test_verify_names_what_is_broken(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(db)]) == 0
    assert capsys.readouterr().out == "in order: 2 articles\n"
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE articles SET text = 'other'")
    connection.close()
    assert run(["verify", str(db)]) == 1
    lines = capsys.readouterr().out.splitlines()
    texts = [line for line in lines if line.startswith("article_texts: ")]
    assert len(texts) == 2
    assert all(line.endswith(" is not its kept blocks") for line in texts)


def test_seven_days_in_a_row_read_everything_once(db, monkeypatch, capsys):
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE articles SET word_count = 5 WHERE url LIKE '%river'")
    connection.close()
    codes = []
    for day in range(1, 8):
        with monkeypatch.context() as patch:
            patch.setattr(command_line, "datetime", Mock(now=lambda zone, day=day: datetime(2026, 3, day, tzinfo=zone)))
            codes.append(run(["verify", str(db), "--sample", "7"]))
    assert sorted(codes) == [0] * 6 + [1]
    assert "in order: 2 articles; of texts and raw responses part " in capsys.readouterr().out
    explicit = [run(["verify", str(db), "--sample", f"{number}/7"]) for number in range(1, 8)]
    assert sorted(explicit) == sorted(codes)


def test_the_part_that_was_read_stands_in_the_json(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, part in ((["--sample", "3/7"], "3/7"), ([], None)):
        assert run(["verify", str(db), "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out) == {"articles": 2, "pictures": 0, "sample": part, "problems": []}


def test_credentials_in_raw_responses_are_a_warning(db, monkeypatch, capsys):
    monkeypatch.setattr(stored_credentials, "credentials_warning", lambda _, file: f"{file} tells\nall")
    assert run(["verify", str(db)]) == 0
    assert capsys.readouterr() == ("in order: 2 articles\n", f"broadsheet: {db} tells all\n")
