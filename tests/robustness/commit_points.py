"""Kills and faults at every commit point: `python -m tests.robustness.commit_points [VERB…] [--kills N] [--faults N]`.

For each verb, an undisturbed run counts the durable steps of its command: commits of SQLite, syncs, renames, bytes
appended to WARC files, files cut and deleted (`syscalls.py`). Then, for each step, the process group is killed
before it, and after it. The same command is run again, and what it leaves is compared with what the undisturbed run
left: the rows of every table and view, WARC records (digests computed by fastwarc and warcio), SQLite's integrity,
`verify`, files left behind. Likewise a call fails, once with EIO, or with ENOSPC from there on: at each of these steps,
at each file opened to be written, and at some of the other writes, drawn by the seed. The command then has to succeed,
or to end with one line.

`--kills` and `--faults` bound the trials of a verb, drawn by the seed; for what crawls they are bounded by default.
Results: `results/commit_points.json`, a verb as soon as it is done.
"""

import argparse
import errno
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.documents.figures import refresh_documents
from tests.crawler.scripted_site import ScriptedSite
from tests.robustness.comparison import archive_faults, damages, file_faults, record_faults, store_faults, warc_faults
from tests.robustness.scenarios import NEXT_SECOND, SCENARIOS, Scenario, Words, Workshop
from tests.robustness.syscalls import DURABLE, Action, Ended, InjectedCommands, Injection, Kind, Step, missing_tool

RESULTS = Path(__file__).parents[1] / "bench" / "results" / "commit_points.json"
SEED = 31
_PLAIN_WRITES = 12  # of a verb at which calls fail: one is as the next, and there are hundreds
_MAX_LISTED = 20  # faults of a verb that the results list
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

    def leave(self, prepared: Prepared, injection: Injection) -> Path:
        """Run a scenario's command with an injection; return the archive as it leaves it."""
        work = self._commands.work
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(prepared.base, work)
        self._commands.run(prepared.words, injection)
        return work / prepared.scenario.archives[0]

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


def drawn(injections: Sequence[Injection], most: int | None, chance: random.Random) -> list[Injection]:
    """Draw so many injections, in their order; all of them if `most` is None."""
    if most is None or most >= len(injections):
        return list(injections)
    return [injections[place] for place in sorted(chance.sample(range(len(injections)), most))]


def draw_faults(steps: Sequence[Step], most: int | None, chance: random.Random) -> list[Injection]:
    """Draw the faults of a run with these steps: all but those of most plain writes, and of these at most so many."""
    writes = sum(step.kind is Kind.WRITE for step in steps)
    chosen = sorted(chance.sample(range(1, writes + 1), min(_PLAIN_WRITES, writes)))
    return drawn(io_faults(steps, chosen), most, chance)


def run_scenario(
    trials: Trials, scenario: Scenario, most_kills: int | None, most_faults: int | None, seed: int
) -> dict[str, Any]:
    """Run a verb's trials, print those that differ, and return the result."""
    started, chance = time.monotonic(), random.Random(f"{seed}/{scenario.name}")
    prepared = trials.prepare(scenario)
    steps = prepared.steps if scenario.has_faults else ()
    default = scenario.most and scenario.most // 2
    kinds = (
        drawn(kills(prepared.steps), scenario.most if most_kills is None else most_kills, chance),
        draw_faults(steps, default if most_faults is None else most_faults, chance),
    )
    killed, failed = ([_told(trials.run(prepared, injection)) for injection in kind] for kind in kinds)
    points = Counter(step.kind.name for step in prepared.steps if step.kind in FAULTS)
    durable = sum(step.kind in DURABLE for step in prepared.steps)
    return {
        "durable": durable,
        "points": {str(name).lower(): count for name, count in sorted(points.items(), key=str)},
        "kills": _summary(killed, len(kills(prepared.steps))),
        "faults": _summary(failed, len(draw_faults(steps, None, random.Random(seed)))),
        "different": sum(bool(trial.faults) for trial in (*killed, *failed)),
        "seconds": round(time.monotonic() - started),
    }


def _told(trial: Trial) -> Trial:
    if trial.faults:
        print(trial, flush=True)
    return trial


def _summary(trials: Sequence[Trial], possible: int) -> dict[str, Any]:
    """Return counts of trials, and those that differ; not reached are steps that this time the run did not have."""
    different = [str(trial) for trial in trials if trial.faults]
    reached = sum(trial.is_reached for trial in trials)
    return {"possible": possible, "trials": len(trials), "reached": reached, "different": different[:_MAX_LISTED]}


def keep(name: str, result: dict[str, Any], file: Path = RESULTS) -> None:
    """Write a verb's result beside what earlier runs left of the others, and the sums."""
    verbs = json.loads(file.read_text())["verbs"] if file.exists() else {}
    verbs[name] = result
    verbs = {verb: verbs[verb] for verb in SCENARIOS if verb in verbs}
    file.write_text(json.dumps({"sums": sums(verbs.values()), "verbs": verbs}, indent=1, ensure_ascii=False) + "\n")


def sums(results: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Add up the points at which commands were killed, the trials, and the differences."""
    found: Counter[str] = Counter()
    for result in results:
        found["points"] += result["durable"]
        for kind in ("kills", "faults"):
            found[kind] += result[kind]["reached"]
            found[f"{kind}_different"] += len(result[kind]["different"])
        found["seconds"] += result["seconds"]
    return dict(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verbs that are named, or all; 1 if a trial differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verbs", nargs="*", metavar="VERB", help=f"one of {', '.join(SCENARIOS)} (default: all)")
    parser.add_argument("--kills", type=int, metavar="N", help="at most so many kills of a verb")
    parser.add_argument("--faults", type=int, metavar="N", help="at most so many failing calls of a verb")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    if unknown := set(options.verbs) - set(SCENARIOS):
        parser.error(f"no such verb: {', '.join(sorted(unknown))}")
    if problem := missing_tool():
        parser.error(problem)
    is_same = True
    with tempfile.TemporaryDirectory(dir=work_folder()) as folder, open_trials(Path(folder)) as trials:
        for name in options.verbs or SCENARIOS:
            result = run_scenario(trials, SCENARIOS[name], options.kills, options.faults, options.seed)
            keep(name, result)
            is_same = is_same and not (result["kills"]["different"] or result["faults"]["different"])
            print(name, json.dumps(result), flush=True)
    if set(json.loads(RESULTS.read_text())["verbs"]) == set(SCENARIOS):
        refresh_documents(RESULTS)
    return int(not is_same)


if __name__ == "__main__":
    sys.exit(main())
