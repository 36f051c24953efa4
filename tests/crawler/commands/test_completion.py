"""Completion in shells: the scripts that are printed, and what they are answered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.cli import run
from tests.crawler.crawls import REPOSITORY


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_BROADSHEET_COMPLETE={shell}_complete" in script


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "answers"),
    [("broadsheet rep", ["report"]), ("broadsheet search --la", ["--language"]), ("broadsheet rules c", ["check"])],
)
def test_bash_is_answered_with_what_fits(words: str, answers: list[str]) -> None:
    environment = os.environ | {
        "_BROADSHEET_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")),
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-m", "crawler.cli"], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0
    assert [line.partition(",")[2] for line in ended.stdout.splitlines()] == answers


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a terminal's shell, bash")
def test_bash_takes_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "bash"]) == 0
    (tmp_path / "completion").write_text(capsys.readouterr().out)
    ended = subprocess.run(
        ["bash", "--norc", "-c", f". {tmp_path}/completion && complete -p broadsheet"], capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("complete ")
