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

from tests.conftest import is_sampled, keep_folders_in_memory, pytest_ignore_collect
from tests.expected_texts import compared, difference

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


def test_a_file_is_in_one_part_of_a_sample_and_always_in_the_same() -> None:
    files = [REPOSITORY / f"tests/test_{number}.py" for number in range(200)]
    parts = [[file for file in files if is_sampled(file, REPOSITORY, f"{number}/4")] for number in range(4)]
    assert sorted(file for part in parts for file in part) == sorted(files)
    assert min(map(len, parts)) > 25
    assert [file for file in files if is_sampled(file, REPOSITORY, "739949/4")] == parts[739949 % 4]
    here, there = (is_sampled(root / "t/test_1.py", root, "1/2") for root in (Path("/a"), Path("/b")))
    assert here == there


@pytest.mark.parametrize(
    "source", ["pytest.mark.slow", "marks=pytest.mark.nightly", "sampled(range(3), 1)", "slow = 1"]
)
def test_a_file_that_names_no_mark_is_left_out_where_slow_tests_alone_are_asked_for(tmp_path: Path, source: str):
    (file := tmp_path / "test_it.py").write_text(source)
    for marks in ("slow and not nightly", "nightly", "not slow", "slow or quick", ""):
        config: Any = SimpleNamespace(option=SimpleNamespace(markexpr=marks), getoption=lambda name, default: default)
        is_alone = marks in ("slow and not nightly", "nightly")
        assert bool(pytest_ignore_collect(file, config)) is (is_alone and source == "slow = 1")
        assert not pytest_ignore_collect(tmp_path, config)


@pytest.mark.slow
def test_a_session_may_run_a_sample_of_its_files(tmp_path: Path) -> None:
    source = "def test_it(): pass\n"
    printed = [session(tmp_path, source, f"--sample={number}/2", "--collect-only").stdout for number in range(2)]
    listed = [re.findall(r"^test_it\.py::.*", text, re.MULTILINE) for text in printed]
    assert sorted(listed) == [[], ["test_it.py::test_it"]]


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


@pytest.mark.parametrize(
    ("expected", "told", "shown"),
    [
        ("a\nb\nc\nd\n", "a\nb\nx\nd\n", ["@@ -2,3 +2,3 @@", " b", "-c", "+x", " d"]),
        (f"{'a' * 99}b{'c' * 99}", f"{'a' * 99}d{'c' * 99}", [
            "@@ -1 +1 @@", f"-…{'a' * 60}b{'c' * 60}…", f"+…{'a' * 60}d{'c' * 60}…"]),
        ("aba", "abababa", ["@@ -1 +1 @@", "-aba", "+abababa"]),
        ("a\nb\n", "a\n", ["@@ -1,2 +1 @@", " a", "-b"]),
    ],
)  # fmt: skip
def test_what_is_told_otherwise_is_shown_by_its_row_and_where_it_differs(expected: str, told: str, shown: list[str]):
    lines = difference(expected, told, "f.txt === urls")
    assert lines[:2] == ["--- f.txt === urls, expected", "+++ f.txt === urls, told"]
    assert lines[2:-1] == shown
    with pytest.raises(pytest.fail.Exception, match=r"f\.txt"):
        compared(expected, told, "f.txt")
    assert compared(told, told, "f.txt") == told
