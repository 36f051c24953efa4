"""Trials: a command that is killed, or meets a fault, at a step, is run again and compared with an undisturbed run."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.points.comparison import (
    archive_faults,
    damages,
    file_faults,
    record_faults,
    store_faults,
    warc_faults,
)
from tests.bench.points.scenarios import NEXT_SECOND, Scenario, Words, Workshop
from tests.bench.points.syscalls import DURABLE, Action, Ended, InjectedCommands, Injection, Kind, Step
from tests.crawler.scripted_site import ScriptedSite

FAULTS = DURABLE | Kind.WRITE | Kind.OPEN
FULL = Kind.APPEND | Kind.COMMIT | Kind.WRITE | Kind.OPEN
"""Steps that fail on a disk without room."""
_IN_USE = 75
_TRIES = 40  # to run again while processes of a killed group still end
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Trial:
    """An action at a step of a verb's command, and what is wrong with what came of it. `seconds` are of the clock."""

    verb: str
    action: str
    number: int
    step: Step
    is_reached: bool
    faults: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        where = f"{self.verb}: {self.action} {self.number}, {self.step.kind.name} of {self.step.place}"
        return f"{where}{'' if self.is_reached else ' (not reached)'}: {'; '.join(self.faults) or 'the same'}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario made ready: its words, folders of what it finds and of what an undisturbed run leaves, and the steps.

    `calm_again` is what two undisturbed runs leave, where the second one begins anew.
    """

    scenario: Scenario
    words: Words
    base: Path
    calm: Path
    calm_again: Path | None
    steps: tuple[Step, ...]


class Trials:
    """Trials of scenarios in one folder. Use `open_trials`."""

    def __init__(self, folder: Path, commands: InjectedCommands, site: ScriptedSite) -> None:
        self._folder = folder
        self._commands = commands
        self._shop = Workshop(commands, site)

    def prepare(self, scenario: Scenario) -> Prepared:
        """Make what a scenario finds, and run its command undisturbed. RuntimeError if that does not succeed."""
        work, base = self._commands.work, self._folder / "base"
        for folder in (work, base):
            shutil.rmtree(folder, ignore_errors=True)
        work.mkdir()
        words = scenario.prepare(self._shop)
        shutil.copytree(work, base)
        scenario.serve(self._shop)
        time.sleep(NEXT_SECOND)  # a capture in the second of an earlier one is that one
        ended = self._commands.run(words, Injection(kinds=FAULTS), scenario.module)
        if ended.code:
            raise RuntimeError(f"{' '.join(words)}: {ended.code} {ended.errors}")
        calm, calm_again = self._folder / "calm", self._folder / "calm again"
        for folder in (calm, calm_again):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(work, calm)
        if scenario.begins_anew:
            time.sleep(NEXT_SECOND)
            self._shop.run(*words)
            shutil.move(work, calm_again)
        return Prepared(scenario, words, base, calm, calm_again if scenario.begins_anew else None, ended.steps)

    def run(self, prepared: Prepared, injection: Injection) -> Trial:
        """Run a scenario's command with an injection, run it again, and compare."""
        started = time.monotonic()
        work, scenario = self._commands.work, prepared.scenario
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(prepared.base, work)
        scenario.serve(self._shop)
        ended = self._commands.run(prepared.words, injection, scenario.module)
        faults = [*_end_faults(ended, injection)]
        faults += [fault for name in scenario.archives for fault in damages(work / name)]
        if scenario.begins_anew:
            time.sleep(NEXT_SECOND)
        again = self._run_again(prepared)
        if again.code not in scenario.codes or "Traceback" in again.errors:
            faults.append(f"run again it ended with {again.code}: {again.errors[-300:]}")
        faults += min((list(_differences(scenario, calm, work)) for calm in _calms(prepared)), key=len)
        step = ended.steps[injection.number - 1] if ended.is_reached else Step(Kind(0), "")
        action = injection.action.name.lower() + (f" {errno.errorcode[injection.error]}" if injection.error else "")
        seconds = round(time.monotonic() - started, 2)
        return Trial(scenario.name, action, injection.number, step, ended.is_reached, tuple(faults), seconds)

    def _run_again(self, prepared: Prepared) -> Ended:
        for _ in range(_TRIES):
            ended = self._commands.run(prepared.words, module=prepared.scenario.module)
            if ended.code != _IN_USE:
                break
            time.sleep(_PAUSE)
        return ended


@contextmanager
def open_trials(folder: Path) -> Iterator[Trials]:
    """Make trials in a folder while the context is open."""
    site = ScriptedSite()
    try:
        with InjectedCommands(folder, folder / "work") as commands:
            yield Trials(folder, commands, site)
    finally:
        site.close()


def _end_faults(ended: Ended, injection: Injection) -> Iterator[str]:
    """Yield what is wrong with how a command ended at its injection."""
    lines = [line for line in ended.errors.splitlines() if line.startswith("broadsheet: ")]  # others are no faults
    if "Traceback" in ended.errors:
        yield f"traceback: {ended.errors[-600:]}"
    elif ended.code < 0 and injection.action in (Action.FAIL_ONCE, Action.FAIL_ON):
        yield f"ended with {ended.code}"
    elif ended.code > 0 and len(lines) != 1:
        yield f"ended with {ended.code} and {len(lines)} lines: {ended.errors[-600:]}"


def _calms(prepared: Prepared) -> Iterator[Path]:
    yield prepared.calm
    if prepared.calm_again:
        yield prepared.calm_again


def _differences(scenario: Scenario, calm: Path, work: Path) -> Iterator[str]:
    for name in scenario.archives:
        yield from archive_faults(calm / name, work / name, scenario.may_differ)
    yield from warc_faults(work)
    yield from file_faults(calm, work)
    if (calm / "store").is_dir():
        yield from store_faults(calm / "store", work / "store", "town", scenario.may_differ)
    yield from record_faults(calm, work)


def kills(steps: Sequence[Step]) -> list[Injection]:
    """Return a kill before and after each durable step of a run."""
    count = sum(step.kind in DURABLE for step in steps)
    actions = (Action.KILL_BEFORE, Action.KILL_AFTER)
    return [Injection(action, number, DURABLE) for number in range(1, count + 1) for action in actions]


def io_faults(steps: Sequence[Step], plain_writes: Sequence[int]) -> list[Injection]:
    """Return one EIO, and a disk that is full from there on, at each step of a run; of plain writes, only at these."""
    chosen = set(plain_writes)
    injections = []
    for action, error, kinds in ((Action.FAIL_ONCE, errno.EIO, FAULTS), (Action.FAIL_ON, errno.ENOSPC, FULL)):
        counted = [step for step in steps if step.kind in kinds]
        writes = 0
        for number, step in enumerate(counted, 1):
            writes += step.kind is Kind.WRITE
            if step.kind is not Kind.WRITE or writes in chosen:
                injections.append(Injection(action, number, kinds, error))
    return injections


def work_folder() -> Path | None:
    """Return the folder in memory for trials; None if there is none."""
    return Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
