"""`broadsheet fleet init`, and the lists that the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broadsheet.crawler.cli import cli, run
from broadsheet.crawler.fleet.sites.sites_file import read_sites
from tests.crawler.warm import REPOSITORY

EXAMPLES = re.findall(
    r"^```toml\n(?!\[cluster\])(.*?)^```$", (REPOSITORY / "docs/scale.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)


def test_init_writes_a_list_and_leaves_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["fleet", "init", "https://news.example/", "--contact", "you@example.org"]) == 0
    written = Path("sites.toml").read_text("utf-8")
    assert "sites.toml" in capsys.readouterr().out
    assert run(["fleet", "init", "https://blog.example/"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert Path("sites.toml").read_text("utf-8") == written
    assert run(["fleet", "init", "https://blog.example/", "-o", "-"]) == 0
    assert '[sites."blog.example"]' in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["ftp://a.example/"], ["https://a.example/", "-o", "no/such/folder/s.toml"]])
def test_what_cannot_be_written_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fleet", "init", *arguments]) in (1, 2)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0])
def test_the_lists_of_the_documentation_can_be_read(tmp_path: Path, example: str) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(example, "utf-8")
    assert read_sites(file, cli.commands["crawl"], cli.commands["update"]).sites
