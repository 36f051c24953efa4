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
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NoReturn

import pytest

import broadsheet.crawler.crawl.session
import broadsheet.crawler.fleet.fleet_takedowns
import broadsheet.crawler.fleet.stored_run
import broadsheet.output.collections.archive_merge  # noqa: F401 - these four take hold of what a test replaces
from broadsheet.crawler.cli import progress_line
from broadsheet.crawler.commands import (
    fleet,
    import_archives,
    reclean,
    restore,
    spider_run,
)
from broadsheet.crawler.commands.run_summary import RunResult
from broadsheet.crawler.fleet import fleet_folder, fleet_run, site_records
from broadsheet.crawler.fleet.object_store import StoreUnreachable
from broadsheet.crawler.fleet.store_address import make_store
from broadsheet.crawler.replay import importing, recleaning
from broadsheet.crawler.workers import settle_pool
from broadsheet.output.archive import stored_values
from broadsheet.output.archive.archive_lock import hold_lock
from broadsheet.output.write import archive_writer, takedowns
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


@pytest.fixture
def here(town: Path, tmp_path: Path, workers_here: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This folder, with an archive and what it was made of, in a zone that is not UTC."""
    monkeypatch.setattr(importing, "_RECORDS_PER_WORKER", 1)  # else records of several URLs are stored in any order
    monkeypatch.setenv("BROADSHEET_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    if not any(town.iterdir()):
        make_town(town)
    shutil.copytree(town, tmp_path, dirs_exist_ok=True)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-5")
        time.tzset()
        yield tmp_path
    time.tzset()


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
@pytest.mark.usefixtures("here")
def test_verbs_print_what_their_transcript_shows(file, monkeypatch):
    ticking = vars(stored_values) | {"utc_now": Clock()}  # rulings are listed by their time
    monkeypatch.setattr(restore, "stored_values", SimpleNamespace(**ticking))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    shown = file.read_text()
    printed = transcript(line.removeprefix("$ ") for line in shown.splitlines() if line.startswith("$ "))
    assert printed == expected_text(file, printed)


def full_disk(*_words: object, **_options: object) -> NoReturn:
    raise sqlite3.OperationalError("disk full")


GOES_ON = "cannot be written: disk full; the same command goes on from here"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("import other.warc --db new.db", f"new.db {GOES_ON}"),
        ("reclean town.db", f"town.db {GOES_ON}"),
        ("import --own --db town.db", f"town.db {GOES_ON}"),
        ("merge {}/new.db town.db", f"{{}}/new.db {GOES_ON}"),
    ],
)
def test_a_full_disk_is_a_line_that_says_how_to_go_on(command, line, here, monkeypatch):
    monkeypatch.setattr(settle_pool, "settle_in_processes", full_disk)
    code, _, errors = verb_here(*command.format(here).split())
    assert (code, errors) == (1, f"broadsheet: {line.format(here)}\n")


def test_a_takedown_on_a_full_disk_is_noted(here, monkeypatch):
    monkeypatch.setattr(takedowns, "take_down", full_disk)
    code, _, errors = verb_here("forget", "town.db", "https://a.example/river", "--yes")
    line = "the takedown is noted, and not finished: disk full; the next command that can finishes it"
    assert (code, errors) == (75, f"broadsheet: {line}\n")


class StoppedWorkers(WorkersHere):
    """Workers during whose second job somebody presses Ctrl-C."""

    jobs: ClassVar[list[object]] = []

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        self.jobs.append(function)
        if len(self.jobs) == 2:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0.01)
        return await super().run(function, *args)


STOPPING = "Stopping after the current work; Ctrl-C again stops at once."
STOPPED = "Stopped. {} is in order, and the same command goes on from here."


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "db", "lines"),
    [
        ("import town.warc --db new.db --quiet", "new.db",
         ["So far: 1 article; 2 pages read in 0 s; 0 URLs waiting."]),
        ("reclean town.db --all", "town.db", []),
    ],
)  # fmt: skip
def test_ctrl_c_stops_in_good_order(command, db, lines, monkeypatch):
    monkeypatch.setattr(StoppedWorkers, "jobs", [])
    for module in (importing, recleaning):
        monkeypatch.setattr(module, "WorkerPool", StoppedWorkers)
        monkeypatch.setattr(module, f"_{'RECORDS' if module is importing else 'PAGES'}_PER_WORKER", 1)
    code, out, errors = verb_here(*command.split())
    assert (code, out) == (130, "")
    assert re.sub(r"in \d+ s", "in 0 s", errors).splitlines() == [STOPPING, STOPPED.format(db), *lines]
    assert rows(Path(db), "SELECT outcome, reason FROM runs WHERE outcome <> 'finished'") == [("stopped", "signal 2")]
    assert len(StoppedWorkers.jobs) < 5, "what was not begun is left"
    monkeypatch.setattr(StoppedWorkers, "jobs", [None, None])
    assert verb_here(*command.split())[0] == 0


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "module", "elapsed", "line", "summary"),
    [
        ("import other.warc --db new.db", import_archives, 4.0, "2 of 2 records  0.5 records/s", "1 page read in 65 s"),
        ("import lost.warc --db new.db", import_archives, 0.0, "1 of 1 records  1000.0 records/s", "read in 65 s"),
        ("reclean town.db --site-rules rules", reclean, 4.0, "7 pages  3 articles changed  1.8 pages/s", "in 65 s"),
        ("import other.warc --db new.db -q", import_archives, 1.0, "2 of 2 records  2.0 records/s", ""),
        ("reclean town.db --all -q", reclean, 2.0, "7 pages  0 articles changed  3.5 pages/s", ""),
        ("reclean town.db --dry-run --all", reclean, 0.0, "7 pages  0 articles changed  7000.0 pages/s", "in 65 s"),
    ],
)  # fmt: skip
def test_the_progress_line_says_how_much_is_done_and_how_fast(command, module, elapsed, line, summary, monkeypatch):
    lines: list[tuple[str, bool]] = []

    @asynccontextmanager
    async def show_at_end(status_line: Callable[[], str], *, quiet: bool) -> AsyncIterator[Callable[[str], None]]:
        yield print
        lines.append((status_line(), quiet))

    times = iter((0.0, 100.0, 100.0 + elapsed, 65.0))  # the verb begins, its records do, the line is shown, the end
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=times.__next__))
    monkeypatch.setattr(progress_line, "show_progress", show_at_end)
    _, out, _ = verb_here(*command.split())
    assert lines == [(line, "-q" in command)]
    assert summary in out


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("fleet run fleet.toml", "no room in {}"),
        ("fleet run fleet.toml --store stored", "no room in {}/.fleet/work"),
        ("fleet run fleet.toml --store stored --work there", "no room in {}/there"),
        ("fleet forget https://a.example/ --sites fleet.toml --store stored --yes", "no room in {}/.fleet/work"),
    ],
)
def test_a_disk_that_cannot_hold_archives_is_told_before_anything_is_done(command, line, here, monkeypatch):
    make_store("stored")
    monkeypatch.setattr(fleet_folder, "disk_problem", lambda folder: f"no room in {folder}")
    files = sorted(here.rglob("*"))
    code, out, errors = verb_here(*command.split())
    assert (code, out, errors.replace("work/stored", "work")) == (1, "", f"broadsheet: {line.format(here)}\n")
    assert sorted(here.rglob("*")) == files


@pytest.mark.parametrize(
    ("command", "errors"),
    [
        ("fleet status --store stored", "the store is away"),
        ("fleet run fleet.toml --store stored --dry-run", "the store is away"),
        ("fleet run fleet.toml --store stored --work there", "the store is away"),
        ("fleet run fleet.toml", "the folder {}/.fleet cannot be made: File exists"),
    ],
)
def test_a_place_that_is_away_ends_a_fleet_s_verb_in_a_line(command, errors, here, monkeypatch):
    def fail(*_words: object, **_options: object) -> NoReturn:
        raise StoreUnreachable("the store is away")

    make_store("stored")
    for module in (site_records, fleet_run):
        monkeypatch.setattr(module, "read_states", fail)
    monkeypatch.setattr(fleet, "run_with_progress", fail)
    (here / ".fleet").touch()
    monkeypatch.setattr(fleet_folder, "disk_problem", lambda _: "")
    assert verb_here(*command.split()) == (1, "", f"broadsheet: {errors.format(here)}\n")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("command", "refusal", "signals", "code", "errors"),
    [
        ("fleet run fleet.toml --store stored", "the store is full", [], 1, "broadsheet: the store is full\n"),
        ("fleet run fleet.toml --store stored", "", [2], 130, ""),
        ("fleet run fleet.toml --store stored", "", [], 0,
         "Nothing is due among 2 sites; --all crawls all of them now.\n"),
        ("fleet run fleet.toml", "", [2], 130, ""),
        ("fleet run fleet.toml -q", "", [2], 130, ""),
    ],
)  # fmt: skip
def test_a_turn_that_was_stopped_or_refused_is_told_by_its_exit_code(
    command, refusal, signals, code, errors, monkeypatch
):
    def run(run: Any, *, quiet: bool) -> list[int]:
        assert quiet is ("-q" in command)
        run.refusal = refusal
        return signals

    make_store("stored")
    monkeypatch.setattr(fleet, "run_with_progress", run)
    assert verb_here(*command.split()) == (code, "", errors)
    assert not Path("new.db").exists()


BROKEN = "the stored data is intact, and the same command goes on from here"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("end", "options", "code", "summed", "errors"),
    [
        ({}, (), 0, True, ""),
        ({}, ("-q",), 0, False, ""),
        ({"signal": 15}, (), 143, False, "Stopped. town.db is in order, and the same command goes on from here.\n"),
        ({"end_reason": "fault: KeyError"}, (), 1, False, f"broadsheet: internal error: KeyError; {BROKEN}"),
        ({"end_reason": "fault: a.db is damaged"}, ("-q",), 1, False, "broadsheet: internal error: a.db is damaged; "),
        ({"end_reason": "archive: no room"}, (), 1, False, f"broadsheet: town.db cannot be written: no room; {BROKEN}"),
        ({"end_reason": "archive: town.db is damaged at x"}, (), 1, False, "broadsheet: town.db is damaged at x\n"),
    ],
)
def test_a_crawl_ends_with_its_summary_or_what_broke_or_stopped_it(end, options, code, summed, errors, monkeypatch):
    ended = RunResult("town.db", ("https://a.example/",), 3.0, {"page/done/article": 7}, **end)
    monkeypatch.setattr(spider_run, "run_spider", lambda *given, **more: ended)
    told = verb_here("crawl", "https://a.example/", "--db", "town.db", *options)
    assert (told[0], "7 pages fetched in 3 s" in told[1]) == (code, summed)
    assert (bool(told[1]), told[2][: len(errors)] if errors else told[2]) == (summed, errors)


@pytest.mark.usefixtures("here")
def test_pictures_are_kept_where_they_are_asked_for_also_of_files_that_are_in(monkeypatch):
    asked: list[tuple[str, bool]] = []

    def take(archive: archive_writer.Archive, *, obeys_directives: bool) -> Counter[str]:
        asked.append((archive.path.name, obeys_directives))
        return Counter({"picture/done/picture": 3})

    monkeypatch.setattr(importing, "take_pictures", take)
    command, keep = "import other.warc --db new.db", ("--keep", "pictures")
    printed = [verb_here(*command.split(), *words)[1] for words in (keep, keep, (), (*keep, "--obey-directives"))]
    assert "1 page read, 3 pictures in N s" in re.sub(r"in \d+ s", "in N s", printed[0])
    assert printed[1].startswith("Kept 3 pictures of files that were imported before.")
    assert printed[2] == "Nothing to do: 1 file is in the archive already.\n"
    assert asked == [("new.db", False), ("new.db", False), ("new.db", True)]
    counted = rows(Path("new.db"), """SELECT json_extract(counts, '$."picture/done/picture"') FROM runs""")
    assert counted[0] == (3,)


@pytest.mark.parametrize(
    ("command", "lock", "errors"),
    [
        ("fleet run fleet.toml --shard 2/3 --all", ".fleet/shard-2-of-3", "another fleet run is at work in {}"),
        ("fleet run fleet.toml", ".fleet/shard-1-of-1", "another fleet run is at work in {}"),
        ("demo --keep .", "sample.db", "sample.db is in use by another command"),
    ],
)
def test_what_another_process_writes_is_in_use(command, lock, errors, here):
    Path(lock).parent.mkdir(exist_ok=True)
    shutil.copy("town.db", "sample.db")
    with hold_lock(Path(lock)):
        assert verb_here(*command.split()) == (75, "", f"broadsheet: {errors.format(here)}\n")
