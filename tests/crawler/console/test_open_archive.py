"""What commands say of an archive that is none, or damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.cli import run


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
