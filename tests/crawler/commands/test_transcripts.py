"""All that verbs print for an archive with rows of all kinds, as files of `transcripts` show it.

Where a verb is to print another thing, `make expected` writes the files anew: read the difference.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NoReturn

import pytest
from sqlite_utils import Database

import broadsheet.crawler.crawl.session
import broadsheet.crawler.fleet.fleet_takedowns
import broadsheet.crawler.fleet.stored_run
import broadsheet.output.collections.archive_merge  # noqa: F401 - these four take hold of what a test replaces
from broadsheet.crawler.commands import restore
from broadsheet.crawler.replay import importing, recleaning
from broadsheet.crawler.workers import settle_pool
from broadsheet.output.archive import stored_values
from broadsheet.output.write import takedowns
from tests.crawler.commands.conftest import WorkersHere
from tests.crawler.commands.town import make_town, transcript
from tests.crawler.shell import rows, verb_here
from tests.expected_texts import expected_text
from tests.output.conftest import Clock

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
pytestmark = pytest.mark.usefixtures("workers_here", "engine_here", "closed_room", "sample_here")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("town")


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_verbs_print_what_their_transcript_shows(
    file: Path, town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = vars(stored_values) | {"utc_now": Clock()}  # rulings are listed by their time
    monkeypatch.setattr(restore, "stored_values", SimpleNamespace(**ticking))
    monkeypatch.setattr(importing, "_RECORDS_PER_WORKER", 1)  # else records of several URLs are stored in any order
    monkeypatch.setenv("BROADSHEET_WORKERS", "1")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    if not any(town.iterdir()):
        make_town(town)
    shutil.copytree(town, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    shown = file.read_text()
    printed = transcript(line.removeprefix("$ ") for line in shown.splitlines() if line.startswith("$ "))
    assert printed == expected_text(file, printed)


def full_disk(*_words: object, **_options: object) -> NoReturn:
    raise sqlite3.OperationalError("disk full")


def settle_no_target(db: Database) -> None:
    """Settle no archive but those of single files, which a fleet's import merges."""
    (_, _, file), *_ = db.execute("PRAGMA database_list").fetchall()
    if "new.db.import" not in file:
        full_disk()


GOES_ON = "cannot be written: disk full; the same command goes on from here"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("import other.warc --db new.db", f"new.db {GOES_ON}"),
        ("reclean town.db", f"town.db {GOES_ON}"),
        ("adopt town.db", f"town.db {GOES_ON}"),
        ("merge {}/new.db town.db", f"{{}}/new.db {GOES_ON}"),
        ("fleet import other.warc --db new.db", f"{{}}/new.db {GOES_ON}"),
        (
            "forget town.db https://a.example/river --yes",
            "town.db cannot be written: disk full; words of it may still stand in its files: the same command finishes"
            " it, with as much room as it takes",
        ),
    ],
)
def test_a_full_disk_is_a_line_that_says_how_to_go_on(
    command: str, line: str, town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if not any(town.iterdir()):
        make_town(town)
    shutil.copytree(town, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(settle_pool, "settle_in_processes", settle_no_target)
    monkeypatch.setattr(takedowns, "take_down", full_disk)
    code, _, errors = verb_here(*command.format(tmp_path).split())
    assert (code, errors) == (1, f"broadsheet: {line.format(tmp_path)}\n")


class StoppedWorkers(WorkersHere):
    """Workers during whose second job somebody presses Ctrl-C."""

    jobs: ClassVar[list[object]] = []

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        self.jobs.append(function)
        if len(self.jobs) == 2:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0.01)
        return await super().run(function, *args)


STOPPING = "Stopping when what is under way is done; Ctrl-C again stops at once."
STOPPED = "Stopped. {} is in order, and the same command goes on from here."


@pytest.mark.parametrize(
    ("command", "db", "lines", "run"),
    [
        ("import town.warc --db new.db --quiet", "new.db",
         ["So far: 1 article; 2 pages read in 0 s; 0 URLs waiting."], ("stopped", "signal 2")),
        ("reclean town.db --all", "town.db", [], ("stopped", "signal 2")),
    ],
)  # fmt: skip
def test_ctrl_c_stops_in_good_order(
    command: str, db: str, lines: list[str], run: tuple[str, str], town: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if not any(town.iterdir()):
        make_town(town)
    shutil.copytree(town, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(StoppedWorkers, "jobs", [])
    monkeypatch.setenv("BROADSHEET_WORKERS", "1")
    for module in (importing, recleaning):
        monkeypatch.setattr(module, "WorkerPool", StoppedWorkers)
        monkeypatch.setattr(module, f"_{'RECORDS' if module is importing else 'PAGES'}_PER_WORKER", 1)
    code, out, errors = verb_here(*command.split())
    assert (code, out) == (130, "")
    assert re.sub(r"in \d+ s", "in 0 s", errors).splitlines() == [STOPPING, STOPPED.format(db), *lines]
    assert rows(Path(db), "SELECT outcome, reason FROM runs WHERE outcome <> 'finished'") == [run]
    monkeypatch.setattr(StoppedWorkers, "jobs", [None, None])
    assert verb_here(*command.split())[0] == 0
