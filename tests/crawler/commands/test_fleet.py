"""Engines that the options of `fleet run` ask for, and a turn that is shown, warns, and is stopped."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands.fleet import (
    _prepare_folder,
    check_engine_options,
    made_store_place,
    run_with_progress,
)
from broadsheet.crawler.fleet.sites_file import SiteList
from broadsheet.output.archive.archive_errors import NotReachable


@pytest.fixture
def fleet(tmp_path: Path) -> SiteList:
    return SiteList(tmp_path / "sites.toml", tmp_path / "archives", 3, 2, ())


def options(**changes: object) -> dict[str, object]:
    return {"store": None, "scheduler": None, "work": None, "parallel": None, "take_over": None, **changes}


def test_a_store_is_found_on_any_machine(fleet: SiteList, tmp_path: Path) -> None:
    asked = options(store=str(tmp_path / "store"), work="$TMPDIR/sites")
    here = made_store_place(fleet, asked)
    assert (here.per_address, here.address, here.work_folder) == (2, str(tmp_path / "store"), "$TMPDIR/sites")
    assert made_store_place(fleet, asked) == here


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheduler": "tcp://a:1"},
        {"work": "x"},
        {"take_over": 1800.0},
        {"store": "s", "scheduler": "tcp://a:1", "parallel": 3},
    ],
)
def test_options_that_do_not_go_together_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(CommandError):
        check_engine_options(options(**wrong))


def test_a_store_that_cannot_be_used_is_said_in_a_line(fleet: SiteList, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for address in (str(tmp_path / "file"), "ftp://a/b", str(tmp_path)):
        with pytest.raises(NotReachable) as caught:
            made_store_place(fleet, options(store=address))
        assert "\n" not in str(caught.value)


class StoppableRun:
    """A run that warns, and ends when it was stopped as often as it is to be."""

    def __init__(self, stops: int) -> None:
        self.lines: list[str] = []
        self._stops = threading.Semaphore(0)
        self._count = stops

    def stop(self) -> None:
        self._stops.release()

    def run(self) -> None:
        for line in ("the store is away", "the store is away", "it is back", "the store is away"):
            logging.getLogger("broadsheet.crawler.fleet").warning(line)
        self.lines.append("a notice failed")
        for _ in range(self._count):
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)
            assert self._stops.acquire(timeout=20)

    def progress_line(self) -> str:
        return "on its way"


@pytest.mark.parametrize("stops", [0, 1, 2])
def test_warnings_come_as_they_are_and_each_signal_stops_the_run_once(
    stops: int, capsys: pytest.CaptureFixture[str]
) -> None:
    signals = run_with_progress(StoppableRun(stops), quiet=True)  # type: ignore[arg-type]
    lines = capsys.readouterr().err.splitlines()
    told = ["the store is away", "it is back", "the store is away", "a notice failed"]
    assert [line for line in lines if line.startswith("broadsheet: ")] == [f"broadsheet: {text}" for text in told]
    assert signals == [signal.SIGINT] * stops
    said = ["Stopping when what is under way is done; again stops at once.",
            "Ending at once; the next run goes on from here."][:stops]  # fmt: skip
    assert [line for line in lines if not line.startswith("broadsheet: ")] == said


def test_the_folder_of_archives_is_made_with_those_above_it(tmp_path: Path) -> None:
    for _ in range(2):
        _prepare_folder(tmp_path / "far/archives")
    assert (tmp_path / "far/archives/.fleet").is_dir()
