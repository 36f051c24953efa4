"""BROADSHEET_NO_SKIP makes a skip that nobody expects fail the session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def session(folder: Path, body: str, no_skip: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(f"import pytest\ndef test_it(): {body}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", str(folder), str(folder)]
    return subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | {"BROADSHEET_NO_SKIP": no_skip}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "no_skip", "code"),
    [
        ("pytest.skip('no seed here')", "1", 1),
        ("pytest.skip('no seed here')", "", 0),
        ("pytest.skip('root writes everywhere')", "1", 0),
        ("pass", "1", 0),
    ],
)
def test_an_unexpected_skip_fails_where_it_is_asked_for(tmp_path: Path, body: str, no_skip: str, code: int) -> None:
    ended = session(tmp_path, body, no_skip)
    assert ended.returncode == code, ended.stdout
    assert ("no seed here" in ended.stdout and "test_it.py::test_it" in ended.stdout) == bool(code)
