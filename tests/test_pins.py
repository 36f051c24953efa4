"""What is pinned is all that pyproject.toml asks for, at versions that it allows; and what tests need beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tools import PINS, REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))


def requirements(lines: list[str]) -> list[Requirement]:
    """The requirements among the lines of a file of requirements."""
    return [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def read(file: Path) -> list[Requirement]:
    return requirements(file.read_text("utf-8").splitlines())


def asked() -> list[Requirement]:
    """What building, running, testing and training ask for. The benchmarks' extractors are not pinned."""
    project = PROJECT["project"]
    extras = [line for name in ("dev", "train") for line in project["optional-dependencies"][name]]
    return requirements([*PROJECT["build-system"]["requires"], *project["dependencies"], *extras])


def unpinned(wanted: list[Requirement], pins: list[Requirement]) -> list[str]:
    """What is wanted and has no pin, or one that it does not allow."""
    versions: dict[str, set[str]] = {}
    for pin in pins:
        versions.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier).removeprefix("=="))
    return [
        str(each)
        for each in wanted
        if not (known := versions.get(canonicalize_name(each.name)))
        or not all(each.specifier.contains(version, prereleases=True) for version in known)
    ]


def test_all_that_the_project_asks_for_is_pinned() -> None:
    assert unpinned(asked(), read(REPOSITORY / "constraints.txt")) == [], "make pins writes constraints.txt anew"


@pytest.mark.parametrize("wanted", sorted(PINS.glob("*.in")), ids=lambda path: path.stem)
def test_all_that_a_set_of_programs_asks_for_is_pinned(wanted: Path) -> None:
    assert unpinned(read(wanted), read(wanted.with_suffix(".txt"))) == [], "make pins writes it anew"


@pytest.mark.parametrize(
    "file", [REPOSITORY / "constraints.txt", *sorted(PINS.glob("*.txt"))], ids=lambda path: path.stem
)
def test_each_pin_is_one_version(file: Path) -> None:
    assert [str(pin) for pin in read(file) if not str(pin.specifier).startswith("==") or len(pin.specifier) != 1] == []


def test_a_missing_and_a_forbidden_pin_are_seen() -> None:
    wanted = requirements(["a>=2", "B_c<3", "d"])
    assert unpinned(wanted, requirements(["a==1", "b-c==2.9"])) == ["a>=2", "d"]
    assert unpinned(wanted, requirements(["a==2", "b-c==2.9", "d==1", "d==2 ; python_version < '3.12'"])) == []
