"""Programs for tests are installed once, by their pins, and anew when the pins change."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import tools
from tests.tools import ToolsMissingError, programs


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pins; what is installed counts itself in the environment's own folder."""

    def counted(requirements: Path, folder: Path) -> None:
        if "broken" in requirements.read_text():
            raise ToolsMissingError("no such release")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "installations").open("a") as file:
            file.write(requirements.read_text())

    monkeypatch.setattr(tools, "install", counted)
    (tmp_path / "some.txt").write_text("thing==1\n")
    return tmp_path


def test_a_set_is_installed_once_also_when_several_ask_at_once(pins: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        folders = set(threads.map(lambda _: programs("some", pins, pins / "cache"), range(8)))
    (folder,) = folders
    assert folder.name == "bin"
    assert (folder.parent / "installations").read_text() == "thing==1\n"


def test_other_pins_are_another_environment(pins: Path) -> None:
    first = programs("some", pins, pins / "cache")
    (pins / "some.txt").write_text("thing==2\n")
    second = programs("some", pins, pins / "cache")
    assert first != second
    assert (second.parent / "installations").read_text() == "thing==2\n"


def test_what_could_not_be_installed_is_tried_again(pins: Path) -> None:
    (pins / "some.txt").write_text("broken==1\n")
    for _ in range(2):
        with pytest.raises(ToolsMissingError, match="no such release"):
            programs("some", pins, pins / "cache")


def test_uv_installs_all_others_and_without_it_pip_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    done = subprocess.CompletedProcess("", 0)
    monkeypatch.setattr(tools.subprocess, "run", lambda command, **named: commands.append([*map(str, command)]) or done)
    monkeypatch.setattr(tools, "programs", lambda name: tmp_path / name)
    for name in ("some", "uv"):
        tools.install(tmp_path / f"{name}.txt", tmp_path / "made")

    def missing(name: str) -> Path:
        raise ToolsMissingError("none")

    monkeypatch.setattr(tools, "programs", missing)
    tools.install(tmp_path / "some.txt", tmp_path / "made")
    assert [command[0] for command in commands[1::2]] == [f"{tmp_path}/uv/uv", *[f"{tmp_path}/made/bin/python"] * 2]
    assert ["--without-pip" in command for command in commands[::2]] == [True, False, False]


@pytest.mark.slow
def test_pip_says_why_a_set_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(f"{tmp_path}/nothing-here.whl\n")
    with pytest.raises(ToolsMissingError, match=r"nothing-here\.whl"):
        programs("some", tmp_path, tmp_path / "cache")


def test_a_name_without_pins_ends_in_one_line() -> None:
    command = [sys.executable, "-m", "tests.tools", "nothing"]
    process = subprocess.run(command, cwd=tools.REPOSITORY, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (1, "nothing: tests/pins/nothing.txt is not there\n")
