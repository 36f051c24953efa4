"""Kills and faults at every commit point: `python -m tests.bench.commit_points [VERB...] [--kills N] [--faults N]`.

For each verb, an undisturbed run counts the durable steps of its command: commits of SQLite, syncs, renames, bytes
appended to WARC files, files cut and deleted (`points/syscalls.py`). Then, for each step, the process group is killed
before it, and after it. The same command is run again, and what it leaves is compared with what the undisturbed run
left: the rows of every table and view, WARC records (digests computed by fastwarc and warcio), SQLite's integrity,
`verify`, files left behind. Likewise a call fails, once with EIO, or with ENOSPC from there on: at each of these steps,
at each file opened to be written, and at some of the other writes, drawn by the seed. The command then has to succeed,
or to end with one line.

`--kills` and `--faults` bound the trials of a verb, drawn by the seed; for what crawls they are bounded by default.
Results: `results/commit_points.json`, a verb as soon as it is done.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.documents.figures import refresh_documents
from tests.bench.points.scenarios import SCENARIOS, Scenario
from tests.bench.points.syscalls import DURABLE, Injection, Kind, Step, missing_tool
from tests.bench.points.trial import FAULTS, Trial, Trials, io_faults, kills, open_trials, work_folder

RESULTS = Path(__file__).parent / "results" / "commit_points.json"
SEED = 31
_PLAIN_WRITES = 12  # of a verb at which calls fail: one is as the next, and there are hundreds
_MAX_LISTED = 20  # faults of a verb that the results list


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
