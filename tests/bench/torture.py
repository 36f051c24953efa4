"""Seeded damage to an archive, through every verb: `python -m tests.bench.torture [--trials 1000] [--first 0]`.

Each trial damages a copy of a crawled archive in one place: a flipped bit, a value cut off, broken JSON, a value of a
wrong type, a row that is gone, a flipped bit or an end of a file. Then every verb is run on it, each tenth time
`reclean` and `update`, or `import` and `crawl`, too. Nothing may end in a traceback, hang or take more than 2 GB, and
`verify` has to find what changes the output of a verb, but for what docs/reliability.md says that it cannot know.
Results, after each hundred trials: `results/torture.json`. Then `hostile.py` has its turn, with archives that are meant
to harm.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.damage.sample import sample_archive
from tests.bench.damage.trial import Trial, run_trial, view
from tests.bench.damage.verbs import VerbLines, verb_lines

RESULTS = Path(__file__).parent / "results" / "torture.json"
_IN_MEMORY = Path("/dev/shm")  # archives that are thrown away need no disk; on one a trial takes five times as long
_MEMORY = 2 << 30
_TRIALS_A_REPORT = 100  # after so many the results are written, so that a run that is stopped leaves some
_WALL_SECONDS = 900  # of one trial: whatever waits without using the processor hangs


def run_trials(numbers: Iterable[int]) -> Iterator[Trial]:
    """Make the archive, and run the trials of these numbers on copies of it, each in a process of its own."""
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as name:
        folder = Path(name)
        (folder / "sample").mkdir()
        with sample_archive(folder / "sample") as db:
            lines = verb_lines(db)
            baseline = _baseline(folder, lines)
            for number in numbers:
                yield _in_child(folder, number, lines, baseline)


def _baseline(folder: Path, lines: VerbLines) -> dict[str, object]:
    shutil.copytree(folder / "sample", folder / "baseline")
    here = Path.cwd()
    os.chdir(folder / "baseline")
    try:
        return dict(view(lines))
    finally:
        os.chdir(here)


def _in_child(folder: Path, number: int, lines: VerbLines, baseline: dict[str, object]) -> Trial:
    """The trial from a forked process; one that dies or hangs is a fault."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _be_child(writer, folder, number, lines, baseline)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder / str(number), ignore_errors=True)
    if answer:
        trial: Trial = pickle.loads(answer)
        return trial
    fault = f"the process ended with {os.waitstatus_to_exitcode(status)}"
    return Trial(number, "?", "?", (fault,), False, True, True, (), 0.0)


def _be_child(writer: int, folder: Path, number: int, lines: VerbLines, baseline: dict[str, object]) -> None:
    """Run the trial and send it; never returns."""
    os.setpgid(0, 0)
    signal.alarm(_WALL_SECONDS)
    limit = _virtual_bytes() + _MEMORY  # a process that has run other tests has taken addresses already
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with open(os.devnull, "r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    try:
        trial = run_trial(folder / "sample", folder / str(number), number, lines, baseline)
    except BaseException:  # noqa: BLE001 - the parent says it
        trial = Trial(number, "?", "?", (traceback.format_exc(),), False, True, True, (), 0.0)
    try:
        _send(writer, pickle.dumps(trial))
    finally:  # also where the parent is gone: the server that it would stop has no thread here
        os._exit(0)


def _virtual_bytes() -> int:
    """The addresses that this process has taken."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _send(writer: int, data: bytes) -> None:
    with os.fdopen(writer, "wb") as stream:
        stream.write(data)


def summary(trials: Iterable[Trial]) -> dict[str, Any]:
    """What is reported: counts by kind of damage, what verify missed, and the verbs that ended badly."""
    done = list(trials)
    unknowable = [trial for trial in done if trial.is_seen and not trial.is_found and not trial.is_knowable]
    return {
        "trials": len(done),
        "faults": [f"{trial.number}: {fault.strip().splitlines()[-1]}" for trial in done for fault in trial.faults],
        "found": sum(trial.is_found for trial in done),
        "seen_by_a_reader": sum(trial.is_seen for trial in done),
        "seen_and_found": sum(trial.is_seen and trial.is_found for trial in done),
        "missed": [f"{trial.number}: {trial.kind} {trial.location}" for trial in done if trial.is_missed],
        "cannot_be_known": len(unknowable),
        "cannot_be_known_by_column": dict(Counter(change for trial in unknowable for change in trial.changes)),
        "by_kind": {
            kind: {"trials": count, "found": sum(trial.is_found for trial in done if trial.kind == kind)}
            for kind, count in sorted(Counter(trial.kind for trial in done).items())
        },
        "slowest_verb_seconds": max(trial.slowest for trial in done),
    }


def main() -> None:
    """Run the trials, say what is wrong as it comes up, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    trials: list[Trial] = []
    for trial in run_trials(range(options.first, options.first + options.trials)):
        trials.append(trial)
        _print_trial(trial)
        if not options.first and (len(trials) % _TRIALS_A_REPORT == 0 or len(trials) == options.trials):
            RESULTS.write_text(json.dumps(summary(trials), indent=1) + "\n")
    result = summary(trials)
    print(json.dumps(result, indent=1))
    is_harmed = not options.first and subprocess.call([sys.executable, "-m", "tests.bench.hostile"])
    sys.exit(bool(result["faults"] or result["missed"] or is_harmed))


def _print_trial(trial: Trial) -> None:
    """Say what is wrong with a trial."""
    if trial.is_missed:
        print(trial.number, trial.kind, trial.location, trial.changes, "missed", flush=True)
    for fault in trial.faults:
        print(trial.number, trial.kind, trial.location, fault, flush=True)


if __name__ == "__main__":
    main()
