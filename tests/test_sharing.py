"""A shared folder is filled once; one whose filling failed is filled anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing import shared_folder
from tests.test_conftest import session

_TEST = """import os
import pytest
from tests.sharing import shared_folder

def fill(folder):
    (folder / "made").write_text("x")
    with open({log!r}, "a") as log:
        log.write("x")

@pytest.mark.parametrize("number", range(8))
def test_it(tmp_path_factory, number):
    assert (shared_folder(tmp_path_factory, "whole", fill) / "made").read_text() == "x"
"""


@pytest.mark.slow
def test_workers_fill_it_once(tmp_path: Path) -> None:
    log, tests = tmp_path / "log", tmp_path / "tests"
    tests.mkdir()
    ended = session(tests, _TEST.format(log=str(log)), "-p", "xdist", "-n", "2", "--basetemp", str(tmp_path / "base"))
    assert ended.returncode == 0, ended.stdout
    assert log.read_text() == "x"


def test_what_was_begun_is_made_anew(tmp_path_factory: pytest.TempPathFactory) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        shared_folder(tmp_path_factory, "begun", fail)
    folder = shared_folder(tmp_path_factory, "begun", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert shared_folder(tmp_path_factory, "begun", fail) == folder
