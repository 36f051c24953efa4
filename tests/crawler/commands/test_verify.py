"""`broadsheet verify`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from crawler.cli import run


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
