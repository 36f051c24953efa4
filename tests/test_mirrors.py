"""A module of forty lines of code or more has a test file that mirrors it; those that have none are listed.

`output/write/url_queue.py` is mirrored by `tests/output/write/test_url_queue.py`, or by files of a longer name.
"""

from __future__ import annotations

from pathlib import Path

from tests import mutants

LEAST_LINES = 40

UNMIRRORED = {
    "cleaners/rules/rule_files.py",
    "crawler/commands/__init__.py",
    "crawler/commands/verb_options.py",
    "crawler/demo/sample_pages.py",
    "crawler/demo/sample_stories.py",
    "crawler/demo/server.py",
    "crawler/demo/special_addresses.py",
    "crawler/demo/truth.py",
    "output/browse/review_mending.py",
    "output/write/outcome.py",
}
"""Modules that other tests run: whole crawls, the sample site, pages of the reading room. None is to be added."""


def code_lines(path: Path) -> int:
    """Count the lines that are neither empty nor a comment."""
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in path.read_text().splitlines())


def test_each_longer_module_has_a_test_file_of_its_own() -> None:
    unmirrored = {
        name
        for name in mutants.modules()
        if not name.startswith("broadsheet/")  # its tests are in the top folder
        if code_lines(mutants.REPOSITORY / name) >= LEAST_LINES and not mutants.test_files(name)
    }
    assert unmirrored - UNMIRRORED == set(), "write a test file"
    assert all(not mutants.test_files(name) for name in UNMIRRORED), "strike out what has a test file"
