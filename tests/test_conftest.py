"""BROADSHEET_NO_SKIP makes a skip that nobody expects fail the session; a session says the order of its tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import keep_folders_in_memory, pytest_ignore_collect, sampled_part

REPOSITORY = Path(__file__).resolve().parents[1]


def session(folder: Path, source: str, *options: str, no_skip: str = "") -> subprocess.CompletedProcess[str]:
    """A session of its own over one file of tests, without the plugins that it does not ask for."""
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", folder, *options, folder]
    variables = {"BROADSHEET_NO_SKIP": no_skip, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | variables, capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "folder", "room", "root"),
    [
        ({}, "", 0, "."),
        ({"BROADSHEET_COLD": "0"}, "", 0, "."),
        ({"BROADSHEET_COLD": "1"}, "", 0, None),
        ({"PYTEST_DEBUG_TEMPROOT": "/given"}, "", 0, "/given"),
        ({}, "missing", 0, None),
        ({}, "", 1 << 62, None),
    ],
)
def test_folders_are_in_memory_where_there_is_room(
    tmp_path: Path, environment: dict[str, str], folder: str, room: int, root: str | None
) -> None:
    keep_folders_in_memory(environment, tmp_path / folder, room)
    assert environment.get("PYTEST_DEBUG_TEMPROOT") == (str(tmp_path) if root == "." else root)


def test_a_test_is_in_one_part_of_a_sample_and_always_in_the_same() -> None:
    names = [f"tests/test_{number}.py::test_it" for number in range(200)]
    parts = [sampled_part(names, f"{number}/4") for number in range(4)]
    assert sorted(name for part in parts for name in part) == sorted(names)
    assert min(map(len, parts)) > 25
    assert sampled_part(names, "739949/4") == parts[739949 % 4]
    assert sampled_part(names[50:], "1/4") == [name for name in parts[1] if name in names[50:]]


@pytest.mark.parametrize(
    "source", ["pytest.mark.slow", "marks=pytest.mark.nightly", "sampled(range(3), 1)", "slow = 1"]
)
def test_a_file_that_names_no_mark_is_left_out_where_slow_tests_alone_are_asked_for(tmp_path: Path, source: str):
    (file := tmp_path / "test_it.py").write_text(source)
    for marks in ("slow and not nightly", "nightly", "not slow", "slow or quick", ""):
        config: Any = SimpleNamespace(option=SimpleNamespace(markexpr=marks))
        is_alone = marks in ("slow and not nightly", "nightly")
        assert bool(pytest_ignore_collect(file, config)) is (is_alone and source == "slow = 1")
        assert not pytest_ignore_collect(tmp_path, config)


@pytest.mark.slow
def test_a_session_may_run_a_sample_of_its_tests(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.parametrize('n', range(40))\ndef test_it(n): pass\n"
    listed = session(tmp_path, source, "--sample=1/2", "--collect-only").stdout
    names = [f"test_it.py::test_it[{number}]" for number in range(40)]
    assert re.findall(r"^test_it\.py::.*", listed, re.MULTILINE) == sampled_part(names, "1/2")


@pytest.mark.slow
@pytest.mark.parametrize(("no_skip", "code"), [("1", 1), ("", 0)])
def test_an_unexpected_skip_fails_where_it_is_asked_for(tmp_path: Path, no_skip: str, code: int) -> None:
    reasons = ("no seed here", "root writes everywhere")
    skips = "".join(f"def test_{n}(): pytest.skip('{reason}')\n" for n, reason in enumerate(reasons))
    ended = session(tmp_path, f"import pytest\n{skips}def test_2(): pass\n", no_skip=no_skip)
    assert ended.returncode == code, ended.stdout
    assert re.findall(r"^test_it\.py::.*", ended.stdout, re.MULTILINE) == ["test_it.py::test_0: no seed here"] * code


@pytest.mark.slow
def test_a_session_says_how_to_have_its_order_again(tmp_path: Path) -> None:
    """Each of the tests fails, so that they are listed as they ran."""
    tests = "".join(f"def test_{number}(): assert 0\n" for number in range(12))
    first = session(tmp_path, tests, "-p", "pytest_randomly")
    (seed,) = re.findall(r"--randomly-seed=\d+", first.stdout)
    again = session(tmp_path, tests, "-p", "pytest_randomly", seed)
    orders = [re.findall(r"^FAILED .*::(test_\d+)", ended.stdout, re.MULTILINE) for ended in (first, again)]
    assert orders[0] == orders[1]
    assert len(orders[0]) == 12
    assert orders[0] != sorted(orders[0], key=lambda name: int(name[5:]))
