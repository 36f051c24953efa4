"""Completion in shells: the scripts that are printed, and what they are answered."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from broadsheet.crawler.cli import cli, run
from tests.crawler.warm import PATIENCE, REPOSITORY


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell, monkeypatch, capsys):
    script = printed_script(shell, monkeypatch, capsys)
    assert f"_BROADSHEET_COMPLETE={shell}_complete" in script


def printed_script(shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setenv("_BROADSHEET_COMPLETE", f"{shell}_source")
    assert run([]) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a terminal's shell, bash")
def test_bash_takes_the_script(tmp_path, monkeypatch, capsys):
    (tmp_path / "completion").write_text(printed_script("bash", monkeypatch, capsys))
    ended = subprocess.run(
        ["bash", "--norc", "-c", f". {tmp_path}/completion && complete -p broadsheet"], capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("complete ")


PATH_WORDS = {"ARCHIVE", "ARC", "DB", "DIR", "FILE", "FOLDER", "PAGE", "PATH", "TARGET", "TOML", "WACZ", "WARC"}


def test_names_of_files_are_completed_wherever_a_file_is_meant():
    """The Tab key once gave nothing for an archive, nor the names of files that a shell completes by itself."""
    meant, completed = set(), set()
    for name, command in cli.verbs():
        context = command.make_context(name, [], resilient_parsing=True)
        for parameter in command.params:
            if PATH_WORDS & set(re.findall(r"[A-Z]+", parameter.metavar or "")):
                meant.add((name, parameter.name))
            if {"file", "dir"} & {item.type for item in parameter.shell_complete(context, "ne")}:
                completed.add((name, parameter.name))
    assert completed == meant
    assert ("report", "db") in meant


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fish") is None, reason="needs a terminal's shell, fish")
def test_fish_completes_verbs_options_and_files(tmp_path, command_folder):
    (tmp_path / "news.db").touch()
    lines = ["env _BROADSHEET_COMPLETE=fish_source broadsheet | source"]
    lines += [
        f"complete -C 'broadsheet {words}'" for words in ("sear", "export --form", "export --format json", "report ne")
    ]
    ended = subprocess.run(
        ["fish", "--no-config", "-c", "; ".join(lines)], cwd=tmp_path, env=shell_environment(tmp_path, command_folder),
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    words = [line.partition("\t")[0] for line in ended.stdout.splitlines()]
    assert words == ["search", "--format", "jsonl", "json-feed", "news.db"], ended.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs a terminal's shell, zsh")
@pytest.mark.parametrize(
    ("words", "completed"),
    [("sear", "search "), ("export --form", "export --format "), ("report ne", "report news.db ")],
)
def test_zsh_completes_verbs_options_and_files(tmp_path, command_folder, words, completed):
    (tmp_path / "news.db").touch()
    (tmp_path / "ask").write_text(
        f"""zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D'
zpty -w shell 'eval "$(_BROADSHEET_COMPLETE=zsh_source broadsheet)"; echo is"-"ready'
zpty -r shell text '*is-ready*'
zpty -w -n shell 'broadsheet {words}'$'\\t'
zpty -r shell text '*broadsheet {completed}*'
print -r -- $text
""", "utf-8")  # fmt: skip
    environment = shell_environment(tmp_path, command_folder)
    ended = subprocess.run(
        ["zsh", "-f", tmp_path / "ask"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=PATIENCE,
    )  # fmt: skip
    assert f"broadsheet {completed}" in ended.stdout, ended.stderr


@pytest.fixture
def command_folder(tmp_path: Path) -> Path:
    """A folder with the command, for a shell's path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "broadsheet"
    file.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m broadsheet.crawler.cli \"$@\"\n")
    file.chmod(0o755)
    return folder


def shell_environment(home: Path, command_folder: Path) -> dict[str, str]:
    path = f"{command_folder}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "HOME": str(home), "PYTHONPATH": str(REPOSITORY), "TERM": "dumb"}
