"""`broadsheet search`."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.cli import run


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
