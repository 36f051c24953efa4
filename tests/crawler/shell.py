"""Commands in processes of their own, as from a shell, and what they leave."""

from __future__ import annotations

import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from broadsheet.crawler import cli
from tests.crawler.scripted_site import ScriptedSite
from tests.crawler.warm import IMPATIENT, PATIENCE, REPOSITORY, is_cold, run
from tests.sharing import shared_folder

CONTACT = "crawls@tests.example"
HOSTILE = "Evil \x1b[2J\u202etxt\x07 title"
"""A title that would clear the screen, turn the text around and ring."""

ACTIVE = frozenset("\x1b\x07\u202e")
_REACTOR = "twisted.internet.reactor"
_PROGRESS = re.compile(
    r"^[\d,]+ (?:pages|of [\d,]+ records)  .*\n", re.MULTILINE
)  # a slow machine shows it, a quick one does not


def environment() -> dict[str, str]:
    """What a command finds around it."""
    paths = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    ours = {"PYTHONPATH": paths, "COLUMNS": "100", "BROADSHEET_CONTACT": CONTACT}
    return IMPATIENT | os.environ | ours


def start(*arguments: object, **changes: Any) -> subprocess.Popen[str]:
    """A command in a process of its own, as from a shell."""
    command = [sys.executable, "-m", "broadsheet.crawler.cli", *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **changes
    )


def command(*arguments: object, **changes: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, without the progress lines."""
    if changes:
        process = start(*arguments, **changes)
        out, errors = process.communicate(timeout=PATIENCE)
        code = process.returncode
    else:
        code, out, errors = run("broadsheet.crawler.cli", list(map(str, arguments)), environment(), Path.cwd())
    return code, out, _PROGRESS.sub("", errors)


def verb(*arguments: object) -> tuple[int, str, str]:
    """The same of a verb that does not crawl: run in this process, where that is quicker."""
    return command(*arguments) if is_cold() else verb_here(*arguments)


def verb_here(*arguments: object) -> tuple[int, str, str]:
    """The same, always in this process. What reaches Scrapy's process needs one of its own: a reactor runs once, and
    stays for all tests after it."""
    had_reactor = _REACTOR in sys.modules
    out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with mock.patch.dict(os.environ, environment()), redirect_stdout(out), redirect_stderr(errors):
        code = cli.run(list(map(str, arguments)))
    assert had_reactor or _REACTOR not in sys.modules, f"run this by command(): {arguments}"
    said, told = (stream.buffer.getvalue().decode() for stream in (out, errors))  # type: ignore[attr-defined]
    return code, said, _PROGRESS.sub("", told)


def crawl(site: ScriptedSite, db: Path, *options: object) -> tuple[int, str, str]:
    return command("crawl", f"{site.url}/", "--db", db, "--allow-private", "--delay", 0, *options)


def demo_archive(factory: pytest.TempPathFactory, folder: Path) -> Path:
    """The sample site's archive in a folder, a copy of the one that a session crawls."""
    shutil.copytree(shared_folder(factory, "demo-out", _crawl_demo), folder, dirs_exist_ok=True)
    return folder / "sample.db"


def _crawl_demo(folder: Path) -> None:
    code, _, errors = command("demo", "--keep", folder)
    assert code == 0, errors


def rows(db: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
