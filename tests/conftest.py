"""With BROADSHEET_NO_SKIP set, a skipped test whose reason nobody expects fails the session; a session says its order.

A test that needs what is not there skips with a reason. Where everything should be there, a skip would hide that
the test no longer runs.

Tests run in random order (pytest-randomly). The first line of a session says how to have the same order again.

Folders of tests are in memory where there is room for them: most tests make an archive, and a disk takes longer to take
it than the test does. With BROADSHEET_COLD set, as in `make nightly`, they are on disk.

A test that is marked `cause` runs before all others, and when it fails these are skipped with its name: what is wrong
with the schema would else fail a thousand tests that say less of it. It takes no fixture, because each worker asks it
once.

A test that is marked `nightly` is slow too, without a mark for it. Where only such tests are asked for, a file is
not even imported if neither it nor the conftest beside it names a mark.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import shutil
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, settings

import broadsheet.crawler.commands  # noqa: F401 - first, so that sqlite-utils is imported without pandas
from tests.new_archives import copied_schemas

# A busy machine decides no test.
settings.register_profile("broadsheet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("broadsheet")

# A command run in this process leaves the root logger open, and asyncio then tells each test of its loop.
logging.getLogger("asyncio").setLevel(logging.WARNING)

EXPECTED = re.compile(
    r"mend \S+ first:|root writes everywhere|needs? (?:git|a (?:terminal|browser|linter|count|checkout))|no IPv6",
    re.IGNORECASE,
)
"""Reasons that lie in the machine, not in what is missing beside the repository."""

_SLOW_ALONE = re.compile(r"(?:slow|nightly)(?: and not nightly)?")
_NAMES_A_MARK = re.compile(rb"\bmark\.(?:slow|nightly)\b|\bsampled\(")

_ID_CHARACTERS = 60

MEMORY_FOLDER = Path("/dev/shm")
ROOM = 1 << 30  # bytes that are to be free there: many times what the tests of a session leave
_TEMPORARY_ROOT = "PYTEST_DEBUG_TEMPROOT"


class _Causes:
    """Skips all tests but those of causes once one of these has failed."""

    def __init__(self) -> None:
        self._tests: list[pytest.Function] = []
        self._failure: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests of causes first, whatever the order of the others."""
        items.sort(key=lambda item: not is_cause(item))
        self._tests = [item for item in items if isinstance(item, pytest.Function) and is_cause(item)]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self._failure is None:
            self._failure = next(filter(None, map(self._failure_of, self._tests)), "")
        if self._failure and not is_cause(item):
            pytest.skip(self._failure)

    @staticmethod
    def _failure_of(test: pytest.Function) -> str:
        try:
            test.obj()
        except Exception as failure:  # noqa: BLE001 - the test itself shows it
            return f"mend {test.nodeid} first: {str(failure).partition(chr(10))[0]}"
        return ""


def is_cause(item: pytest.Item) -> bool:
    """Say whether a test is about what nearly all others rely on."""
    return item.get_closest_marker("cause") is not None


class _Skips:
    """Collects skips that nobody expects."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def note(self, report: Any) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            if not EXPECTED.search(reason):
                self.found.append(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Iterator[None]:
        yield
        if self.found and session.exitstatus in (0, pytest.ExitCode.OK):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.found:
            terminalreporter.section("skipped, and BROADSHEET_NO_SKIP is set")
            for line in self.found:
                terminalreporter.line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """In a quiet worker of xdist a test that passes is one report, not three and two messages: most tests take less
    time than telling of them so often."""
    if not hasattr(item.config, "workerinput") or item.config.option.verbose > 0:
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """What is imported and collected stays to the end: the collector of garbage need not look through it again and
    again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a file of another part of the sample, and one without slow tests where no others are asked for: its
    imports cost each worker time."""
    if not collection_path.match("test_*.py"):
        return None
    if (sample := config.getoption("sample", "")) and not is_sampled(collection_path, config.rootpath, sample):
        return True
    is_slow_alone = _SLOW_ALONE.fullmatch(config.option.markexpr)
    return True if is_slow_alone and not names_a_mark(collection_path) else None


def names_a_mark(file: Path) -> bool:
    """Say whether a file of tests, or the conftest beside it, names a mark of slow tests."""
    beside = file.with_name("conftest.py")
    return any(_NAMES_A_MARK.search(one.read_bytes()) for one in (file, beside) if one.exists())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of the night as slow, before those are left out that `-m` does not ask for."""
    for item in items:
        if item.get_closest_marker("nightly") is not None:
            item.add_marker("slow")
    slow_files = {item.path for item in items if item.get_closest_marker("slow") is not None}
    if hidden := [str(file) for file in slow_files if not names_a_mark(file)]:
        raise pytest.UsageError(f"slow by a mark that its file does not name: {', '.join(sorted(hidden))}")


def pytest_make_parametrize_id(val: object) -> str | None:
    """A text that is long, or of letters that an id spells as numbers, is named by its beginning."""
    if not isinstance(val, str) or (len(val) <= _ID_CHARACTERS and val.isascii()):
        return None
    beginning = val[: _ID_CHARACTERS if val.isascii() else _ID_CHARACTERS // 6]
    return f"<{beginning if beginning.isprintable() else ascii(beginning)[1:-1]}…>"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sample", default="", metavar="N/PARTS", help="run one part of the files of tests alone, as 2/4")


def is_sampled(file: Path, root: Path, sample: str) -> bool:
    """Say whether a file of tests is in one part of a sample, as `2/4`: each is in one of four, and always in the same.

    A number beyond the parts begins anew, so that a seed may choose: `10/4` is `2/4`. A file is not divided: its tests
    share what takes long to make.
    """
    number, parts = map(int, sample.split("/"))
    return crc32(file.relative_to(root).as_posix().encode()) % parts == number % parts


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of xdist nobody hears what the collector of garbage finds at the end, when pytest has it look through
    everything several times."""
    if hasattr(session.config, "workerinput"):
        gc.freeze()


def keep_folders_in_memory(
    environment: MutableMapping[str, str], memory: Path = MEMORY_FOLDER, room: int = ROOM
) -> None:
    """Have pytest make the folders of tests in a file system in memory, unless told otherwise or short of room."""
    is_cold = environment.get("BROADSHEET_COLD", "") not in ("", "0")
    if not is_cold and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= room:
        environment.setdefault(_TEMPORARY_ROOT, str(memory))


def pytest_configure(config: pytest.Config) -> None:
    keep_folders_in_memory(os.environ)
    config.pluginmanager.register(_Causes(), "causes")
    if os.environ.get("BROADSHEET_NO_SKIP", "") not in ("", "0"):
        config.pluginmanager.register(_Skips(), "no-unexpected-skips")


def pytest_sessionstart(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    seed = session.config.getoption("randomly_seed", None)
    if reporter is not None and seed is not None:
        reporter.write_line(f"This order again: pytest --randomly-seed={seed}")


@pytest.fixture(autouse=True, scope="module")
def quick_new_archives(request: pytest.FixtureRequest) -> Iterator[None]:
    """New archives get a copied schema."""
    with copied_schemas(request.path):
        yield
