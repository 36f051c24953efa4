"""Recorder of the lines of the packages that each test executes, its own processes included: `-p tests.executed_lines`.

Needs coverage (`tests/pins/coverage.in`). BROADSHEET_EXECUTED names the folder that gets, for each worker of
pytest-xdist, databases of coverage (`line_bits` by test), the seconds of the tests that passed, and the tests that use
each shared fixture. Lines that a process of a test executes count for the test in which that process ends, lines of a
fixture that tests share for all that use it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from coverage import Coverage, CoverageData
from coverage.exceptions import DataError

FOLDER = "BROADSHEET_EXECUTED"


class Recorder:
    """Plugin of one worker."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._seconds: dict[str, float] = {}
        self._users: defaultdict[str, list[str]] = defaultdict(list)
        self._contexts: list[str] = []
        self._failed: set[str] = set()
        self._results = folder / f"{worker}.json"
        self._parts = folder / f"{worker}.parts"
        self._parts.mkdir(parents=True)
        self._of_processes = CoverageData(str(folder / f"{worker}.processes.sqlite"))
        self._coverage = Coverage(data_file=str(folder / f"{worker}.tests.sqlite"), config_file=str(folder / "rc"))
        self._coverage.start()
        self._coverage.config.data_file = str(self._parts / "part")
        os.environ["COVERAGE_PROCESS_CONFIG"] = self._coverage.config.serialize()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        for name in getattr(item, "fixturenames", ()):
            self._users[_context(name, item.nodeid)].append(item.nodeid)
            self._users[_context(name, "")].append(item.nodeid)
        with self._context_of(item.nodeid):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
    ) -> Iterator[None]:
        test = self._contexts[0]
        with (
            nullcontext()
            if fixturedef.scope == "function"
            else self._context_of(_context(fixturedef.argname, "" if fixturedef.scope == "session" else test))
        ):
            return (yield)

    @contextmanager
    def _context_of(self, name: str) -> Iterator[None]:
        self._contexts.append(name)
        self._coverage.switch_context(name)
        try:
            yield
        finally:
            self._take_parts(self._contexts.pop())
            if self._contexts:
                self._coverage.switch_context(self._contexts[-1])

    def _take_parts(self, test: str) -> None:
        self._of_processes.set_context(test)
        for file in self._parts.glob("part.*"):
            with suppress(DataError, OSError, sqlite3.Error):  # being written, or left by a process that was killed
                data = CoverageData(str(file))
                data.read()
                self._of_processes.add_lines({name: data.lines(name) or () for name in data.measured_files()})
                data.close()
                file.unlink()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        report = yield
        self._seconds[item.nodeid] = self._seconds.get(item.nodeid, 0.0) + report.duration
        if not report.passed:
            self._failed.add(item.nodeid)
        return report

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        self._coverage.save()
        passed = {name: round(value, 3) for name, value in self._seconds.items() if name not in self._failed}
        self._results.write_text(json.dumps({"seconds": passed, "users": self._users}))


def _context(fixture: str, test: str) -> str:
    """Return the name under which a fixture's lines are recorded: of a test's file, or of the session."""
    return f"{test.partition('::')[0]} {fixture}"


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        worker = config.workerinput["workerid"]
        config.pluginmanager.register(Recorder(Path(os.environ[FOLDER]), worker), "executed-lines")
