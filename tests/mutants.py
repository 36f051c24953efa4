"""Measure of the tests: `make mutants` puts faults into the code, one at a time, and counts those that tests notice.

Each run draws anew from all packages, by a seed that it prints. What counts is the first try: no test was written for
these faults. A fault is put into a copy of the checkout, never into the checkout itself. The quick tests that execute
its line are run there, the nearest first and then the others, up to a bound. One run of the quick tests under coverage
tells which these are (`tests/executed_lines.py`); it is kept in `.cache/mutants` until the commit changes. It does not
tell what a worker process executes for a test: `--whole` tries all quick tests on what is left, as `make quick` would.
`--slow` tries the slow tests of the module then. Property-based tests draw the same inputs each time.
`tests/bench/results/mutants.json` keeps the runs, with counts by room and kind: noticed by the quick tests + by the
slow ones / drawn. `tests/mutants.toml` argues, one by one, that a fault changes nothing that an input could tell.
"""

import argparse
import ast
import importlib.metadata
import json
import math
import os
import random
import re
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

import hypothesis.stateful  # noqa: F401  # what takes long to import is imported once, before each fork
import lxml.html  # noqa: F401
import numpy as np  # noqa: F401
import pytest
import scrapy.http  # noqa: F401
import sqlite_utils  # noqa: F401
import trafilatura  # noqa: F401

from tests import tools
from tests.bench.figures import write_figures
from tests.faults import Fault, faults_of
from tests.tools import describe_commit

REPOSITORY = Path(__file__).resolve().parents[1]
PLAN = REPOSITORY / "tests" / "mutants.toml"
RESULTS = REPOSITORY / "tests" / "bench" / "results" / "mutants.json"
FOLDER = REPOSITORY / ".cache" / "mutants"
PACKAGES = ("broadsheet", "cleaners", "crawler", "output")
KEPT_RUNS = 8
MIN_SHARES = {"quick": 0.72, "with_slow": 0.74}
FLOOR = 0.8
"""Share of faults that the quick tests notice at least, by all stored runs, but for what chance may take of them."""
# Seconds of the tests of one fault, as the run under coverage took for them: the nearest, and then the others.
BATCH_SECONDS = (25.0, 120.0)
FILE_SECONDS = 0.1  # what it costs to collect a file of tests
WHOLE_SECONDS = 600.0  # all quick tests may take so long
SLOW_SECONDS = 90.0  # the slow tests of one fault are ended after so long
PATIENCE = 60.0  # a fault's tests may take so long, and SLOWER times what they took without it
SLOWER = 6.0
_OPTIONS = ["-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", "-n", "0", "--hypothesis-profile=ci"]

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Fate of a fault: `noticed` is `quick`, `slow` or `no`, `by` the test that noticed, `tests` how many were run."""

    module: str
    line: str
    mutant: str
    kind: str
    noticed: str
    by: str
    tests: int

    @property
    def key(self) -> Key:
        """Return what the fault is known by."""
        return self.module, self.line, self.mutant


def reasons() -> Mapping[Key, str]:
    """Read why faults change nothing that an input could tell, by key."""
    rows = tomllib.loads(PLAN.read_text()).get("equivalent", [])
    return {(row["module"], row["line"], row["mutant"]): row["reason"] for row in rows}


def modules() -> list[str]:
    """List the modules of all packages, by their paths in the checkout."""
    paths = (path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))
    return sorted(str(path.relative_to(REPOSITORY)) for path in paths)


def room_of(module: str) -> str:
    """Return the folder of a module.

    >>> room_of("output/write/url_queue.py"), room_of("cleaners/clean.py")
    ('output/write', 'cleaners')
    """
    return str(Path(module).parent)


def defined_by(text: str, names: Iterable[str]) -> list[str]:
    """Return these names and those that a module's own assignments make of them, in the order of its text.

    >>> defined_by("A = 1\\nB = {A: 2}\\nC = 3\\nD = len(B)", ["A"])
    ['A', 'B', 'D']
    """
    found = list(names)
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            read = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
            if read.intersection(found):
                found += [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return found


def drawn_faults(names: Sequence[str], seed: int, count: int) -> list[Fault]:
    """Draw so many faults of these modules. A module is as likely as it is long, and each kind of fault that it can
    have as likely as another."""
    chance = random.Random(seed)
    texts = {name: (REPOSITORY / name).read_text() for name in names}
    weights = [len(text.splitlines()) for text in texts.values()]
    faults: dict[Key, Fault] = {}
    while len(faults) < count:
        name = chance.choices(names, weights)[0]
        by_kind = defaultdict(list)
        for fault in faults_of(name, texts[name]):
            by_kind[fault.kind].append(fault)
        if by_kind:
            fault = chance.choice(by_kind[chance.choice(sorted(by_kind))])
            if fault.key not in reasons() and fault.is_code(texts[name]):
                faults.setdefault(fault.key, fault)
    return list(faults.values())


class ExecutedLines:
    """Lines that each quick test executes, and how long it takes, from the run under coverage."""

    def __init__(self, folder: Path, copy: Path) -> None:
        self._folder, self._copy = folder, copy
        files = sorted(folder.glob("*/gw*.json"), key=lambda file: file.stat().st_mtime)
        runs = [json.loads(file.read_text()) for file in files]
        self.seconds: dict[str, float] = {
            test: seconds for run in runs for test, seconds in run["seconds"].items() if self._is_there(test)
        }
        self._users: defaultdict[str, set[str]] = defaultdict(set)
        for run in runs:
            for fixture, tests in run["users"].items():
                self._users[fixture].update(tests)

    def _is_there(self, test: str) -> bool:
        return (self._copy / test.partition("::")[0]).exists()

    def tests_of(self, module: str, is_executed: Any) -> set[str]:
        """Find the passing tests that execute a line of a module of which `is_executed` holds, themselves or in a
        fixture that they share."""
        found = set()
        for context, bits in self._bits(str(self._copy / module)):
            lines = (8 * byte + bit for byte, value in enumerate(bits) for bit in range(8) if value >> bit & 1)
            tests = self._users.get(context, {context}) & self.seconds.keys()
            if not tests <= found and any(map(is_executed, lines)):
                found |= tests
        return found

    def _bits(self, path: str) -> Iterator[tuple[str, bytes]]:
        query = """SELECT context.context, line_bits.numbits FROM line_bits JOIN file ON file.id = line_bits.file_id
            JOIN context ON context.id = line_bits.context_id WHERE file.path = ?"""
        for file in self._folder.glob("*/gw*.sqlite*"):
            with closing(sqlite3.connect(file)) as db, suppress(sqlite3.OperationalError):  # without a table: no part
                yield from db.execute(query, (path,))

    def tests_of_fault(self, fault: Fault) -> set[str]:
        """Find the tests that execute a fault's lines; for one that runs at import, those that execute a line that
        names what it defines, or what is defined by that."""
        first, last = fault.place.lines
        if first:
            return self.tests_of(fault.module, lambda line: first <= line <= last)
        names = defined_by((self._copy / fault.module).read_text(), fault.place.names)
        named = re.compile(rf"\b(?:{'|'.join(map(re.escape, names)) or '(?!)'})\b")
        found = set()
        for module in modules():
            texts = (self._copy / module).read_text().splitlines()
            lines = {number for number, text in enumerate(texts, 1) if named.search(text)}
            found |= self.tests_of(module, lines.__contains__) if lines else set()
        return found

    def nearest(self, module: str, tests: set[str], most_seconds: float) -> dict[str, list[str]]:
        """Choose tests by file: those of the module's own test files first, then of its room, its package, the others,
        and the quicker files first, up to a bound in seconds."""
        by_file = defaultdict(list)
        for test in sorted(tests):
            by_file[test.partition("::")[0]].append(test)
        own, parts = set(test_files(module)), Path(module).parts

        def distance(file: str) -> tuple[bool, int, float]:
            shared = list(takewhile(lambda pair: pair[0] == pair[1], zip(Path(file).parts[1:], parts, strict=False)))
            seconds = [self.seconds[test] for test in by_file[file]]
            return file not in own, -len(shared), sum(seconds) / len(seconds)

        chosen, spent = {}, 0.0
        for file in sorted(by_file, key=distance):
            names = []
            for test in sorted(by_file[file], key=self.seconds.__getitem__):
                if spent + self.seconds[test] <= most_seconds:
                    names.append(test)
                    spent += self.seconds[test]
            spent += FILE_SECONDS
            if names:
                chosen[file] = names
        return chosen


def test_files(module: str) -> list[str]:
    """List the test files that are named like a module, or, of a package itself, like its folder."""
    path = REPOSITORY / "tests" / module
    stem = path.parent.name if path.stem == "__init__" else path.stem
    files = {*path.parent.glob(f"test_{stem}.py"), *path.parent.glob(f"test_{stem}_*.py")}
    return sorted(str(file.relative_to(REPOSITORY)) for file in files)


class Copy:
    """Checkout beside the checkout, with faults put in and out, whose quick tests were run once under coverage."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder, self._copy = folder, folder / "copy"
        self._runs = folder / "executed"

    @cached_property
    def executed(self) -> ExecutedLines:
        """Lines that each quick test executes; the tests are run for that if they were not at this commit.

        Where only tests have changed since, those alone are run.
        """
        state = describe_commit(REPOSITORY)
        if not (self._runs / state / "is_whole").exists():
            changed = self._changed_tests(state)
            if changed is None:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._fill()
            if changed is None or changed:
                self._record(state, changed or ())
            (self._runs / state).mkdir(parents=True, exist_ok=True)
            (self._runs / state / "is_whole").touch()
        return ExecutedLines(self._runs, self._copy)

    def _changed_tests(self, state: str) -> list[str] | None:
        """List the test files that changed since the last run under coverage; None if what they run did too."""
        runs = sorted(self._runs.glob("*/is_whole"), key=lambda file: file.stat().st_mtime)
        if not runs or state.endswith("-dirty"):
            return None
        command = ["git", "diff", "--name-only", runs[-1].parent.name, state]
        diff = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False, text=True)
        paths = [Path(name) for name in diff.stdout.split()]
        tests = [path for path in paths if path.name.startswith("test_") and path.suffix == ".py"]
        others = [path for path in paths if path.parts[0] in PACKAGES or (path.suffix == ".py" and path not in tests)]
        if diff.returncode or others:
            return None
        return [str(path) for path in tests if (REPOSITORY / path).is_file()]

    def _fill(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=REPOSITORY,
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        names = {name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()}
        for name in names:
            (self._copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, self._copy / name)
        for path in (self._copy / "tests").rglob("*.py"):  # what is gone from the checkout would notice faults still
            if str(path.relative_to(self._copy)) not in names:
                path.unlink()
        links = {self._copy / "broadsheet" / room: self._copy / room for room in PACKAGES[1:]}
        links[self._folder / "shared"] = REPOSITORY.parent / "shared"  # the evaluation data, where it is
        for link, target in links.items():  # found here before the editable installation's hook finds the checkout's
            if not link.is_symlink():
                link.symlink_to(target)

    def _record(self, state: str, files: Sequence[str]) -> None:
        """Run the quick tests of these files, or all, under coverage: for all several minutes, in two processes."""
        run = self._runs / state
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(parents=True)
        library = next((tools.programs("coverage").parent / "lib").glob("python*/site-packages"))
        include = "".join(f"\n    {self._copy / package}/*" for package in PACKAGES)
        settings = "[run]\npatch = subprocess, fork, _exit\nparallel = true\ninclude ="
        (run / "rc").write_text(f"{settings}{include}\n")
        (run / "sitecustomize.py").write_text("import coverage\ncoverage.process_startup()\n")
        paths = os.pathsep.join(map(str, (self._copy, run, library)))
        options = ["-q", "-p", "tests.executed_lines", "-p", "no:randomly", "-n", "1" if files else "2"]
        subprocess.run(
            [sys.executable, "-m", "pytest", *options, "--dist=loadfile", "--hypothesis-profile=ci", "-m", "not slow",
             *files], cwd=self._copy, env=os.environ | {"PYTHONPATH": paths, "BROADSHEET_EXECUTED": str(run)},
            check=False,
        )  # fmt: skip

    def try_quick(self, fault: Fault) -> Outcome:
        """Run the quick tests that execute a fault's lines, until one fails."""
        left, by, count = self.executed.tests_of_fault(fault), "", 0
        for most_seconds in BATCH_SECONDS:
            chosen = self.executed.nearest(fault.module, left, most_seconds)
            tests = [test for names in chosen.values() for test in names]
            if by or not tests:
                break
            seconds = PATIENCE + SLOWER * sum(map(self.executed.seconds.__getitem__, tests))
            by, count = self._by(fault, ["-m", "not slow", *chosen], tests, seconds), count + len(tests)
            left -= set(tests)
        return Outcome(*fault.key, fault.kind, "quick" if by else "no", by, count)

    def try_whole(self, fault: Fault, outcome: Outcome) -> Outcome:
        """Run all quick tests until one fails, in two processes. What then fails alone too has noticed the fault."""
        by = self._by(fault, ["-m", "not slow", "-n", "2"], None, WHOLE_SECONDS)
        is_noticed = by in ("time", "collecting") or (by and self._by(fault, [by.partition("::")[0]], [by], PATIENCE))
        return replace(outcome, noticed="quick", by=by) if is_noticed else outcome

    def try_slow(self, fault: Fault, outcome: Outcome) -> Outcome:
        """Run the slow tests of a fault's own test files, or else of its room, for a while."""
        files = test_files(fault.module) or [f"tests/{room_of(fault.module)}"]
        by = self._by(fault, ["-m", "slow and not nightly", *files], None, SLOW_SECONDS)
        return replace(outcome, noticed="slow", by=by) if by not in ("", "time") else outcome

    def fails_without(self, tests: Sequence[str]) -> bool:
        """Return whether one of these tests fails without a fault."""
        return bool(self._run([*dict.fromkeys(test.partition("::")[0] for test in tests)], tests, 600.0))

    def _by(self, fault: Fault, arguments: Sequence[str], tests: Sequence[str] | None, seconds: float) -> str:
        path = self._copy / fault.module
        original = path.read_text()
        path.write_text(fault.source(original))
        try:
            return self._run(arguments, tests, seconds)
        finally:
            path.write_text(original)

    def _run(self, arguments: Sequence[str], tests: Sequence[str] | None, seconds: float) -> str:
        """Run tests in a fork of this process, which has imported what takes long and is nobody's under test. Return
        the first that failed, `time` if they did not end, or the empty text."""
        report = self._folder / "failed"
        report.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            _run_tests(self._copy, arguments, _Chosen(tests, report))
        try:
            code = _exit_code(child, time.monotonic() + seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        if code in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
            return ""
        return "time" if code is None else report.read_text() if report.exists() else "collecting"


class _Chosen:
    """Plugin that leaves out all tests but those chosen, and notes the one that fails."""

    def __init__(self, tests: Sequence[str] | None, report: Path) -> None:
        self._tests, self._report = None if tests is None else set(tests), report

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._tests is not None:
            items[:] = [item for item in items if item.nodeid in self._tests]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._report.write_text(report.nodeid)


def _run_tests(copy: Path, arguments: Sequence[str], chosen: _Chosen) -> NoReturn:
    """Run tests of the copy in this process, which is a fork, and end it with pytest's code."""
    code = 3
    try:
        os.setsid()
        silence = os.open(os.devnull, os.O_WRONLY)
        for fd in (1, 2):
            os.dup2(silence, fd)
        os.chdir(copy)
        sys.path[:] = [str(copy), *(path for path in sys.path if path not in ("", str(REPOSITORY)))]
        # Two faults within a second may have files of one size.
        os.environ.update(PYTHONPATH=str(copy), PYTHONDONTWRITEBYTECODE="1")
        sys.dont_write_bytecode = True
        for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "broadsheet")]:
            del sys.modules[name]
        code = int(pytest.main([*_OPTIONS, *arguments], plugins=[chosen]))
    finally:
        os._exit(code)


def _exit_code(child: int, deadline: float) -> int | None:
    """Wait for a fork; None if it is not at its end at the deadline."""
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Count faults, those that the quick tests noticed, and those that these or the slow ones did."""
    counts = Counter(outcome.noticed for outcome in outcomes)
    explained = sum(outcome.noticed == "no" and outcome.key in reasons() for outcome in outcomes)
    quick, faults = counts["quick"], len(outcomes) - explained
    return {"faults": faults, "quick": quick, "with_slow": quick + counts["slow"], "equivalent": explained}


def share(outcomes: Sequence[Outcome]) -> str:
    """Return how many the quick tests noticed, how many more the slow ones, and of how many: `4+1/6`."""
    counts = summary(outcomes)
    return f"{counts['quick']}+{counts['with_slow'] - counts['quick']}/{counts['faults']}"


def run_record(seed: int, commit: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what the file keeps of a run: its seed, the code, the first-try counts by room and by kind of fault."""
    by_room, by_kind = defaultdict(list), defaultdict(list)
    for outcome in outcomes:
        by_room[room_of(outcome.module)].append(outcome)
        by_kind[outcome.kind].append(outcome)
    return {
        "seed": seed, "date": date.today().isoformat(), "commit": commit,
        "version": importlib.metadata.version("broadsheet"), **summary(outcomes),
        "rooms": {room: share(of_room) for room, of_room in sorted(by_room.items())},
        "kinds": {kind: share(of_kind) for kind, of_kind in sorted(by_kind.items())},
    }  # fmt: skip


def floor_of(faults: int) -> int:
    """Return how many of so many faults have to be noticed: FLOOR of them, less two standard deviations.

    >>> floor_of(100), floor_of(1000)
    (72, 775)
    """
    return math.ceil(FLOOR * faults - 2 * math.sqrt(faults * FLOOR * (1 - FLOOR)))


def too_few(counts: Mapping[str, Any], is_slow: bool) -> list[str]:
    """Return a line for each share of noticed faults that is lower than it may be."""
    shares = MIN_SHARES if is_slow else {"quick": MIN_SHARES["quick"]}
    return [
        f"{name}: {counts[name]} of {counts['faults']} faults are noticed, at least {share:.0%} should be"
        for name, share in shares.items()
        if counts[name] < share * counts["faults"]
    ]


def write_run(record: Mapping[str, Any]) -> None:
    """Write a run to the results, in place of an earlier state of it; the newest few are kept."""
    runs = json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() else []
    others = [run for run in runs if (run["seed"], run["commit"]) != (record["seed"], record["commit"])]
    write_figures(RESULTS, {"runs": [*others, record][-KEPT_RUNS:]})


def try_faults(copy: Copy, faults: Sequence[Fault], deadline: float, is_whole: bool) -> dict[Key, Outcome]:
    """Try faults with the quick tests. A test that fails without a fault too has noticed none."""
    outcomes = {}
    for number, fault in enumerate(faults, 1):
        if time.monotonic() > deadline:
            break
        outcome = copy.try_quick(fault)
        if is_whole and not outcome.by:
            outcome = copy.try_whole(fault, outcome)
        if outcome.by not in ("", "time", "collecting") and copy.fails_without([outcome.by]):
            outcome = replace(outcome, noticed="no", by=f"{outcome.by} fails without it")
        outcomes[fault.key] = outcome
        print(f"{number} {outcome.noticed:6}{outcome.tests:5} {fault.kind}: {fault.module}: {fault.line}", flush=True)
        print(f"   ->  {fault.mutant}   [{outcome.by}]", flush=True)
    return outcomes


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw faults, try them and keep the run; 1 if too few of them are noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--faults", type=int, default=60, help="how many (default: 60)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32), help="by default another at each run")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no more after so long")
    parser.add_argument("--whole", action="store_true", help="try all quick tests on those that the chosen missed")
    parser.add_argument("--slow", action="store_true", help="try the slow tests on those that no quick one noticed")
    parser.add_argument("--rooms", nargs="*", help="of these folders alone: a way to write tests, which no file keeps")
    options = parser.parse_args(arguments)
    print(f"This run again: python -m tests.mutants --seed {options.seed} --faults {options.faults}", flush=True)
    commit, copy, deadline = describe_commit(REPOSITORY), Copy(), time.monotonic() + options.seconds
    names = [name for name in modules() if not options.rooms or room_of(name) in options.rooms]
    faults = drawn_faults(names, options.seed, options.faults)
    outcomes = try_faults(copy, faults, deadline, options.whole)
    for fault in faults if options.slow else ():
        if fault.key in outcomes and outcomes[fault.key].noticed == "no" and time.monotonic() < deadline:
            outcomes[fault.key] = copy.try_slow(fault, outcomes[fault.key])
    record = run_record(options.seed, commit, list(outcomes.values()))
    record["too_few"] = too_few(record, options.slow)
    if not options.rooms:
        write_run(record)
    print(", ".join(f"{name} {record[name]}" for name in ("faults", "quick", "with_slow", "equivalent")))
    print("noticed by the quick tests + by the slow ones / drawn:")
    print(*(f"{counts:>8}  {kind}" for kind, counts in record["kinds"].items()), sep="\n")
    print(*record["too_few"], sep="\n")
    return len(record["too_few"])


if __name__ == "__main__":
    sys.exit(main())
