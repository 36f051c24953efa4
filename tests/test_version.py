"""The version stands in four places: pyproject.toml, the package, what is installed, and the changelog."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.version import Version

from broadsheet.crawler import __version__

REPOSITORY = Path(__file__).resolve().parents[1]
_SECTION = re.compile(r"^## \[?(\d[^\s\]]*)", re.MULTILINE)


def released_versions(changelog: str) -> list[str]:
    """The versions that have a section of their own in a changelog, from the top."""
    return _SECTION.findall(changelog)


def test_pyproject_and_the_package_say_one_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == __version__


def test_the_installed_wheel_says_it_too() -> None:
    """`make` builds it again when pyproject.toml has changed; tests/test_wheel.py reads that of a fresh wheel."""
    assert metadata.version("broadsheet") == __version__


def test_the_changelog_s_first_section_of_a_version_is_that_of_the_package() -> None:
    versions = released_versions((REPOSITORY / "CHANGELOG.md").read_text("utf-8"))
    assert versions[0] == __version__
    assert versions == sorted(versions, key=Version, reverse=True)


def test_a_section_of_what_is_unreleased_is_no_version() -> None:
    assert released_versions("## Unreleased\n\n### 3 things\n\n## [1.10.0] - 2026-12-01\n\n## 1.9\n") == [
        "1.10.0",
        "1.9",
    ]
