"""`broadsheet report`."""

from __future__ import annotations

import sys

import pytest

from broadsheet.crawler.cli import run
from broadsheet.output.read import report_figures, report_text


@pytest.mark.parametrize(
    ("count", "named"),
    [(0, "no host"), (1, "h0"), (5, "h0, h1, h2, h3, h4"), (6, "h0, h1, h2, h3, h4 …")],
)
def test_hosts_are_named_where_the_one_asked_for_is_unknown(db, capsys, monkeypatch, count, named):
    hosts = [f"h{number}" for number in range(count)]
    monkeypatch.setattr(report_figures, "known_hosts", lambda _, host: [] if host else hosts)
    assert run(["report", str(db), "--host", "a.exampel"]) == 1
    assert capsys.readouterr().err == f"broadsheet: {db} has nothing of a.exampel; it has {named}\n"


@pytest.mark.parametrize(("is_terminal", "shown"), [(True, 20), (False, 1_000_000)])
def test_lists_are_whole_where_the_output_is_no_terminal(db, monkeypatch, is_terminal, shown):
    bounds: list[int] = []

    def render(_report: object, _looks: object, _width: int, max_lines: int) -> str:
        bounds.append(max_lines)
        return ""

    monkeypatch.setattr(report_text, "render", render)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert run(["report", str(db)]) == 0
    assert bounds == [shown]
