"""What verbs cost as an archive grows, on small ones: every verb is measured, and the night can read the result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import growth
from tests.nightly import read_growth


@pytest.mark.slow
def test_each_verb_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "ADDED_PAGES", 5)
    commands = {name: growth.COMMANDS[name] for name in ("verify", "forget one URL")}
    monkeypatch.setattr(growth, "COMMANDS", commands)
    out = tmp_path / "growth.json"
    growth.main(["--articles", "60", "--hosts-of", "30", "--folder", str(tmp_path / "kept"), "--out", str(out)])
    sizes = json.loads(out.read_text())["sizes"]
    assert [(size["articles"], size["hosts"]) for size in sizes] == [(60, 2)]
    counts = read_growth(out)
    assert set(counts["cpu_s"]) == {*growth.STEPS, *commands}
    assert all(size[name]["peak_mb"] > 10 for size in sizes for name in counts["cpu_s"])
