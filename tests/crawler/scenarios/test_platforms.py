"""Other systems than this one, as far as they can be had here: what they lack is taken away before anything runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crawler.scripted_site import page
from tests.crawler.warm import PATIENCE, REPOSITORY

MACOS = """
import resource
def refuse(*args):
    raise ValueError("current limit exceeds maximum limit")
resource.setrlimit = refuse
"""
WINDOWS = """
import os, signal, sys
for name in ("resource", "termios", "pwd", "grp", "pty", "tty", "syslog"):
    sys.modules[name] = None
for owner, names in ((os, "fork forkpty getpriority setsid"), (signal, "pthread_sigmask SIGKILL SIGHUP SIGALRM")):
    for name in names.split():
        delattr(owner, name)
import multiprocessing
multiprocessing.get_all_start_methods = lambda: ["spawn"]
"""


class System:
    """Runs commands as on another system."""

    def __init__(self, folder: Path, customisation: str) -> None:
        self.folder = folder
        (folder / "sitecustomize.py").write_text(customisation)

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        paths = f"{self.folder}{os.pathsep}{REPOSITORY}"
        environment = os.environ | {"PYTHONPATH": paths, "BROADSHEET_CONTACT": "crawls@tests.example"}
        done = subprocess.run(
            [sys.executable, "-m", "broadsheet.crawler.cli", *map(str, arguments)],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_pages_are_cleaned_where_a_processs_memory_cannot_be_bounded(tmp_path, serve):
    site = serve({"/mill": page("mill")})
    system = System(tmp_path, MACOS)
    code, out, errors = system("crawl", f"{site.url}/mill", "--allow-private", "--delay", 0, "--no-sitemaps", "-q")
    assert (code, out, errors) == (0, "", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("--help", "Crawl an article site"), ("search {db} river", "/river"), ("report {db}", "2 articles"),
        ("clean page.html", "The story of mill"), ("explain {db} https://a.example/river", "River"),
        ("export {db} --format csv", "/river"), ("export {db} --format markdown -o articles", ""),
        ("changes {db}", ""), ("verify {db}", "in order"), ("rulings {db}", ""), ("diff {db} 1", ""),
    ],
)  # fmt: skip
def test_the_verbs_that_read_work_without_what_windows_lacks(tmp_path, db, verb, said):
    (tmp_path / "page.html").write_text(page("mill"))
    code, out, errors = System(tmp_path, WINDOWS)(*verb.format(db=db).split())
    same = subprocess.run(
        [sys.executable, "-m", "broadsheet.crawler.cli", *verb.format(db=db).split()],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (code, out, errors) == (same.returncode, same.stdout, same.stderr)
    assert said in out
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    "verb",
    [
        "reclean {db}",
        *(pytest.param(verb, marks=pytest.mark.slow) for verb in ("crawl http://a.example/", "update {db}", "demo")),
    ],
)  # fmt: skip
def test_what_needs_workers_says_in_one_line_what_to_do(tmp_path, db, verb):
    code, out, errors = System(tmp_path, WINDOWS)(*verb.format(db=db).split())
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert "on Windows, install Broadsheet in WSL" in errors
