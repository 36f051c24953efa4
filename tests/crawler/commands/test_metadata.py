from __future__ import annotations

import json
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.demo import write_metadata
from broadsheet.crawler.commands.run_summary import next_steps


def test_metadata_are_json_about_this_file(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["metadata", str(db)]) == 0
    out = capsys.readouterr().out
    printed = json.loads(out)
    assert list(printed["databases"]) == ["made"]
    assert out == json.dumps(printed, ensure_ascii=False, indent=2) + "\n"


def test_the_demo_leaves_them_beside_its_file_and_the_next_step_names_them(db: Path) -> None:
    assert " -m " not in next_steps(str(db))
    write_metadata(db)
    assert f"datasette {db} -m {db.parent}/metadata.json" in next_steps(str(db))
    assert " -m " not in next_steps(str(db.with_name("other.db")))


def test_the_demo_leaves_another_file_of_that_name_alone(db: Path) -> None:
    file = db.with_name("metadata.json")
    file.write_text('{"title": "mine"}')
    write_metadata(db)
    assert file.read_text() == '{"title": "mine"}'
    assert " -m " not in next_steps(str(db))
