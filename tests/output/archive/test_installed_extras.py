"""A missing extra is told with a command that works for the way in which this program was installed."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from broadsheet.output.archive import installed_extras

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("prefix", "start", "has_pip"),
    [
        ("/home/a/.local/share/pipx/venvs/broadsheet", "pipx inject broadsheet ", True),
        ("/home/a/.local/share/uv/tools/broadsheet", "uv pip install --python /b/python ", True),
        ("/home/a/checkout/.venv", "/b/python -m pip install ", True),
        ("/home/a/checkout/.venv", "uv pip install --python /b/python ", False),
    ],
)
def test_the_command_names_the_packages_and_this_environment(monkeypatch, prefix, start, has_pip):
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "executable", "/b/python")
    monkeypatch.setattr(installed_extras, "find_spec", lambda name: has_pip or None)
    lines = ["click>=8", 'pyarrow>=20; extra == "parquet"', "apprise<3; extra == 'notify'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: lines)
    assert installed_extras.install_command("parquet") == f"{start}'pyarrow>=20'"


def test_all_has_every_extra_for_users():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = {line for name in ("pandas", "parquet", "notify", "browser", "fleet") for line in extras[name]}
    assert sorted(extras["all"]) == sorted(named)


def test_no_message_names_an_extra_as_a_package_of_a_registry():
    sources = [path for room in ("broadsheet", "crawler", "cleaners", "output") for path in (ROOT / room).rglob("*.py")]
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    fixed = re.compile(r"install \S*broadsheet\[")
    assert [path for path in sources + documents if fixed.search(path.read_text("utf-8"))] == []
