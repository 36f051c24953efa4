"""Run what only grows, damages or compares at length: `make nightly`, or `python -m tests.nightly tests torture`.

The parts run one after the other, each bounded in time: the tests that are marked `nightly`, in an order and with
random inputs drawn by a seed; all slow tests; a fourth of them, chosen by the seed, with each command in an
interpreter of its own and folders on disk; damage to archives; kills and faults at each commit point of each verb;
random steps over all verbs; faults put into the code; what verbs cost as an archive grows; a fleet whose workers and
store are in trouble. What came of a part is kept in `tests/bench/results/nightly.json` as soon as it has ended, with
its seed, date, commit and seconds; a part that was never run is listed there as such.
Exits with 1 if one of those that ran failed.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.tools import describe_commit

REPOSITORY = Path(__file__).resolve().parents[1]
BENCH_RESULTS = REPOSITORY / "tests" / "bench" / "results"
RESULTS = BENCH_RESULTS / "nightly.json"
SCRATCH = REPOSITORY / ".cache" / "nightly"
GROWTH_SIZES = (5_000, 20_000)
STEEPER = 1.5  # a verb's cost may grow so many times as much as the archive does: small costs are mostly noise
_NOISE_SECONDS = 1.0  # what a verb costs less than this on the larger archive says nothing of its growth

Counts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A command, its bound in seconds, and a reader of what it left: counts, and under `faults` what is wrong."""

    command: Callable[[int], Sequence[str]]
    max_seconds: float
    read: Callable[[], Counts]
    environment: Mapping[str, str]


def _tests_part(name: str, marks: str, max_seconds: int, environment: Mapping[str, str], sampled: int = 1) -> Part:
    """A session of pytest over the tests with these marks, or one of `sampled` parts of them.

    Where the evaluation data is, none of them may skip.
    """
    report = SCRATCH / f"{name}.xml"

    def command(seed: int) -> list[str]:
        seeds = [f"--randomly-seed={seed}", f"--hypothesis-seed={seed}", f"--sample={seed}/{sampled}"]
        return ["-m", "pytest", "-m", marks, "-n", "4", "--dist", "worksteal", *seeds, f"--junitxml={report}"]

    no_skip = {"BROADSHEET_NO_SKIP": "1"} if (REPOSITORY.parent / "shared").is_dir() else {}
    return Part(command, max_seconds, lambda: read_junit(report), no_skip | dict(environment))


def read_junit(file: Path) -> Counts:
    """Counts of a session of pytest, and the tests that failed."""
    suites = ElementTree.parse(file).getroot().findall("testsuite")
    numbers = {name: sum(int(suite.get(name, 0)) for suite in suites) for name in ("tests", "skipped")}
    cases = [case for suite in suites for case in suite.iter("testcase")]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return numbers | {"faults": sorted(f"{case.get('classname')}::{case.get('name')}" for case in failed)}


def read_mutants(file: Path) -> Counts:
    """Counts of the faults that were put into the code, and a line if the tests noticed too few."""
    run = json.loads(file.read_text())["runs"][-1]
    counts = {name: run[name] for name in ("seed", "quick", "with_slow", "equivalent")}
    return counts | {"mutants": run["faults"], "faults": run["too_few"]}


def read_torture(file: Path) -> Counts:
    """Counts of the trials, and those that ended badly or that verify missed."""
    result = json.loads(file.read_text())
    names = ("trials", "found", "seen_by_a_reader", "seen_and_found", "cannot_be_known", "slowest_verb_seconds")
    counts = {"seed": f"0 to {result['trials'] - 1}"} | {name: result[name] for name in names}
    hostile = file.with_name("hostile.json")
    hostile_faults = json.loads(hostile.read_text())["faults"] if hostile.exists() else []
    return counts | {"faults": result["faults"] + result["missed"] + hostile_faults}


def read_points(file: Path) -> Counts:
    """Counts of the points, kills and failing calls, and the trials that differ from an undisturbed run."""
    result = json.loads(file.read_text())
    trials = [verb[kind] for verb in result["verbs"].values() for kind in ("kills", "faults")]
    return result["sums"] | {"faults": [line for trial in trials for line in trial["different"]]}


def read_model(file: Path) -> Counts:
    """Counts of the walks and their steps, and what they found, each with its seed."""
    counts: Counts = json.loads(file.read_text())
    return counts


def read_growth(file: Path) -> Counts:
    """CPU seconds of each verb by the size of the archive, and the verbs that cost more than the archive grows."""
    sizes = json.loads(file.read_text())["sizes"]
    verbs = [name for name, value in sizes[0].items() if isinstance(value, dict)]
    costs = {name: [size[name]["cpu_s"] for size in sizes] for name in verbs}
    grown = STEEPER * sizes[-1]["articles"] / sizes[0]["articles"]
    steep = [name for name, cost in costs.items() if cost[-1] > max(_NOISE_SECONDS, grown * cost[0])]
    return {"articles": [size["articles"] for size in sizes], "cpu_s": costs, "faults": steep}


def read_fleet(file: Path) -> Counts:
    """Counts of the fleet in trouble, and what of it is a fault, each with its number."""
    result = json.loads(file.read_text())
    counts = {name: result[name] for name in ("sites", "articles", "kills", "states", "requests")}
    return counts | {"faults": [f"{name}: {result[name]}" for name in result["counted_faults"] if result[name]]}


def _program_part(max_seconds: int, read: Callable[[Path], Counts], result: Path, words: str) -> Part:
    """A module of ours with its arguments, in which `{seed}` stands for the seed, and its file of results."""
    return Part(lambda seed: ["-m", *words.format(seed=seed).split()], max_seconds, lambda: read(result), {})


PARTS = {
    "tests": _tests_part("tests", "nightly", 2400, {}),
    "slow": _tests_part("slow", "slow and not nightly", 2400, {}),
    "cold": _tests_part("cold", "slow and not nightly", 1800, {"BROADSHEET_COLD": "1"}, sampled=4),
    "torture": _program_part(1800, read_torture, BENCH_RESULTS / "torture.json", "tests.robustness.torture"),
    "points": _program_part(
        3600, read_points, BENCH_RESULTS / "commit_points.json", "tests.robustness.commit_points --seed={seed}"
    ),
    "model": _program_part(
        4000, read_model, SCRATCH / "model.json",
        f"tests.robustness.model --first={{seed}}00 --seconds=3600 --out {SCRATCH}/model.json",
    ),
    "mutants": _program_part(
        2400, read_mutants, BENCH_RESULTS / "mutants.json",
        "tests.mutants --faults=100 --slow --seconds=2100 --seed={seed}",
    ),
    "growth": _program_part(
        1200, read_growth, SCRATCH / "growth.json",
        f"tests.bench.growth --articles {' '.join(map(str, GROWTH_SIZES))} --out {SCRATCH}/growth.json",
    ),
    "fleet": _program_part(
        1200, read_fleet, SCRATCH / "fleet_faults.json",
        f"tests.bench.fleet_faults --seed={{seed}} --out {SCRATCH}/fleet_faults.json",
    ),
}  # fmt: skip
"""In the order in which they run."""

MAX_SECONDS = 6 * 3600  # of a night; the bounds of the parts together are less


def run_bounded(arguments: Sequence[str], seconds: float, environment: Mapping[str, str]) -> int | None:
    """Run this Python with arguments from the root of the repository; None if it was ended at its bound."""
    command = [sys.executable, *arguments]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | environment, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run_part(part: Part, seed: int) -> Counts:
    """What came of a part; of one that was ended at its bound, or left nothing to read, only that."""
    began, commit = time.monotonic(), describe_commit(REPOSITORY)
    arguments = part.command(seed)
    code = run_bounded(arguments, part.max_seconds, part.environment)
    seconds = round(time.monotonic() - began)
    command = " ".join(["python", *arguments]).replace(f"{REPOSITORY}/", "")
    outcome: Counts = {"command": command, "date": _today(), "commit": commit, "seconds": seconds}
    if f"={seed}" in command:
        outcome["seed"] = seed
    if code is None:
        return outcome | {"faults": [f"ended after {part.max_seconds} seconds"]}
    try:
        outcome |= part.read()
    except FileNotFoundError as error:
        return outcome | {"faults": [f"exit code {code}, and no {Path(error.filename).name}"]}
    return outcome | {"faults": outcome["faults"] or [f"exit code {code}"] * bool(code)}


def _today() -> str:
    return datetime.date.today().isoformat()


def keep(name: str, outcome: Counts, file: Path = RESULTS) -> None:
    """Write what came of a part beside what earlier runs left of the others."""
    parts = json.loads(file.read_text())["parts"] if file.exists() else {}
    parts[name] = outcome
    result = {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "not_run": [part for part in PARTS if part not in parts],
        "parts": {part: parts[part] for part in PARTS if part in parts},
    }
    file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that are named, or all; 1 if one of them found a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.nightly", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--seed", type=int, default=datetime.date.today().toordinal(), help="by default the day's")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    is_whole = True
    for name in options.parts or PARTS:
        print(f"== {name}", flush=True)
        outcome = run_part(PARTS[name], options.seed)
        keep(name, outcome)
        is_whole = is_whole and not outcome["faults"]
        print(f"== {name}: {outcome['seconds']} s", *outcome["faults"], sep="\n   ", flush=True)
    return int(not is_whole)


if __name__ == "__main__":
    sys.exit(main())
