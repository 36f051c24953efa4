"""The command line's own part: verbs, help, what is imported when."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from broadsheet.crawler.cli import _without_collecting, cli, run
from tests.crawler.crawls import REPOSITORY

VERBS = sorted(cli.commands)
HEAVY = ("scrapy", "twisted", "trafilatura", "lxml", "sqlite_utils", "rich")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--version"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys; from broadsheet.crawler.cli import run; code = run(sys.argv[1:]);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert ended.stderr.strip() == "[]"
    assert ended.stdout.startswith(("Usage: broadsheet", "broadsheet "))


@pytest.mark.parametrize("verb", VERBS)
def test_each_option_and_verb_says_what_it_is_for(verb: str) -> None:
    described = [option for option in cli.commands[verb].params if option.param_type_name == "option"]
    undescribed = [option.name for option in described if not option.help and option.name != "shape"]
    assert undescribed == []
    assert cli.commands[verb].help
    assert cli.commands[verb].short_help


def test_alone_it_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_while_modules_are_imported_no_garbage_is_collected() -> None:
    try:
        with _without_collecting():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
