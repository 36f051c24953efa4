"""`broadsheet verify`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run


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
