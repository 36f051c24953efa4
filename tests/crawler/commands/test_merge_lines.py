"""What `broadsheet merge` says of each archive and of all, a row a clause."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.commands.merge import _print_total, result_text
from broadsheet.output.collections.archive_merge import MergeResult
from broadsheet.output.settle.settling import SettleResult


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((0, 0, 0, 0), "nothing new"),
        ((1, 0, 0, 0), "1 URL new, 0 pages stored"),
        ((0, 1, 0, 0), "0 URLs new, 1 page stored"),
        ((1234, 5678, 0, 0), "1,234 URLs new, 5,678 pages stored"),
        ((0, 0, 1_250_000, 0), "0 URLs new, 0 pages stored, 1.2 MB of raw responses copied"),
        ((0, 0, 0, 1), "0 URLs new, 0 pages stored, 1 takedown carried out"),
        ((0, 0, 0, 3), "0 URLs new, 0 pages stored, 3 takedowns carried out"),
    ],
)
def test_an_archive(counts: tuple[int, int, int, int], text: str) -> None:
    assert result_text(MergeResult(Path("a.db"), *counts)) == text


@pytest.mark.parametrize(
    ("takedowns", "copies", "backups", "lines"),
    [
        ((0, 0), 0, True, ["{}: 9 articles from 2 archives"]),
        ((0, 0), 1, True, ["{}: 9 articles from 2 archives, 1 page is a copy of another"]),
        ((0, 0), 1234, True, ["{}: 9 articles from 2 archives, 1,234 pages are copies of others"]),
        ((0, 2), 0, False, ["{}: 9 articles from 2 archives"]),
        ((0, 2), 0, True, ["{}: 9 articles from 2 archives", "What was taken down is still in: {}.backup-v3"]),
    ],
)
def test_all_of_them(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    takedowns: tuple[int, ...],
    copies: int,
    backups: bool,
    lines: list[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    target = str(tmp_path / "all.db")
    if backups:
        Path(f"{target}.backup-v3").touch()
    results = [MergeResult(Path("a.db"), 1, 1, 0, count) for count in takedowns]
    _print_total(target, results, SettleResult(9, copies, *[0] * 8))
    assert capsys.readouterr().out.splitlines() == [line.format(target) for line in lines]
