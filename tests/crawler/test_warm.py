"""A command in a fork of the warm process is what it is in an interpreter of its own."""

import os
import subprocess

import pytest

from tests.crawler.scripted_site import Reply
from tests.crawler.warm import REPOSITORY, WarmProcess, run

COMMANDS = (
    ["--version"],
    ["crawl", "--nonsense"],
    ["crawl", "http://127.0.0.1:9/", "--db", "a.db"],
    ["report", "none.db"],
)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_exit_code_and_words_are_the_same(monkeypatch, tmp_path, arguments):
    results = []
    for cold in ("0", "1"):
        monkeypatch.setenv("BROADSHEET_COLD", cold)
        results.append(run("broadsheet.crawler.cli", arguments, os.environ, tmp_path))
    assert results[0] == results[1]
    assert any(results[0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["3", "fault", "thread"])
def test_a_program_ends_as_it_ends_in_an_interpreter_of_its_own(monkeypatch, way):
    results = []
    for cold in ("0", "1"):
        monkeypatch.setenv("BROADSHEET_COLD", cold)
        code, out, errors = run("tests.crawler.endings", [way], os.environ)
        results.append((code, out, errors.splitlines()[-1:]))
    assert results[0] == results[1]
    assert results[0][1].endswith("at the end\n")


def test_a_command_finds_the_environment_that_it_is_given_and_no_more(monkeypatch):
    monkeypatch.setenv("BROADSHEET_CONTACT", "nobody")
    crawl = ["crawl", "http://127.0.0.1:9/"]
    assert "a contact must be" in run("broadsheet.crawler.cli", crawl, os.environ)[2]
    assert "loopback" in run("broadsheet.crawler.cli", crawl, {})[2]


@pytest.mark.slow
def test_a_command_that_hangs_is_killed_and_the_next_one_runs(site, tmp_path):
    site.routes["/robots.txt"] = Reply(wait=30)
    forks = WarmProcess()
    try:
        hanging = ["crawl", f"{site.url}/", "--allow-private"]
        with pytest.raises(subprocess.TimeoutExpired):
            forks.run("broadsheet.crawler.cli", hanging, os.environ, tmp_path, 1)
        code, out, _ = forks.run("broadsheet.crawler.cli", ["--version"], os.environ, REPOSITORY, 60)
    finally:
        forks.close()
    assert (code, out.startswith("broadsheet ")) == (0, True)
