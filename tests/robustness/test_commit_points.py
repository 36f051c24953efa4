"""The harness of commit points, a sample of its trials, and its stored result."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator

import pytest

from broadsheet.crawler.cli import cli
from broadsheet.output.archive.archive_file import open_database
from tests.robustness.commit_points import FULL, Trials, drawn, io_faults, kills, open_trials, sums
from tests.robustness.scenarios import ARCHIVE, SCENARIOS, Scenario, Words, Workshop
from tests.robustness.syscalls import DURABLE, Action, Injection, Kind, Step, missing_tool
from tests.sampling import SEED, sampled

needs_shim = pytest.mark.skipif(bool(missing_tool()), reason=missing_tool() or "nothing is missing")
VERBS, KILLS, FAULTS = 5, 4, 1  # verbs tried each time, the others in a night; of each so many kills and faults
WRITE_NO_ARCHIVE = frozenset(
    "search show changes diff report browse explain rules verify backup export clean datasette doctor demo".split()
)
"""`browse` writes what `remove`, `restore` and `correct` do, by the same functions; `demo` crawls."""

STEPS = (
    Step(Kind.OPEN, "a.db"), Step(Kind.WRITE, "a.db"), Step(Kind.WRITE, "a.db"), Step(Kind.SYNC, "a.db"),
    Step(Kind.COMMIT, "a.db-wal"),
)  # fmt: skip


def test_a_run_is_killed_before_and_after_each_durable_step() -> None:
    assert [(injection.action, injection.number) for injection in kills(STEPS)] == [
        (Action.KILL_BEFORE, 1), (Action.KILL_AFTER, 1), (Action.KILL_BEFORE, 2), (Action.KILL_AFTER, 2),
    ]  # fmt: skip


def test_calls_fail_at_each_step_and_at_chosen_writes() -> None:
    faults = io_faults(STEPS, [2])
    assert [fault.number for fault in faults if fault.error == errno.EIO] == [1, 3, 4, 5]
    assert [fault.number for fault in faults if fault.error == errno.ENOSPC] == [1, 3, 4], "a sync needs no room"


def test_each_verb_that_writes_an_archive_is_tried() -> None:
    tried = {name.split()[0] for name in SCENARIOS}
    assert {"undo", "waiting", "ruling"} < tried, "of reclean, of the room, of remove"
    assert set(cli.commands) - {"completion"} == WRITE_NO_ARCHIVE | (tried - {"undo", "waiting", "ruling"})


def test_injections_are_drawn_in_their_order() -> None:
    injections = [Injection(number=number) for number in range(40)]
    assert drawn(injections, None, random.Random(1)) == injections
    few = drawn(injections, 5, random.Random(1))
    assert len(few) == 5
    assert [one.number for one in few] == sorted(one.number for one in few)


def test_sums_are_of_durable_points_and_of_trials_that_were_reached() -> None:
    trials = {"possible": 9, "trials": 4, "reached": 3, "different": ["x"]}
    result = {"durable": 5, "points": {"write": 90}, "kills": trials, "faults": trials, "seconds": 5}
    assert sums([result, result]) == {
        "points": 10, "kills": 6, "kills_different": 2, "faults": 6, "faults_different": 2, "seconds": 10,
    }  # fmt: skip


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    with open_trials(tmp_path_factory.mktemp("points")) as opened:
        yield opened


def _prepare_careless(shop: Workshop) -> Words:
    open_database(shop.work / ARCHIVE).close()
    return (ARCHIVE,)


@needs_shim
@pytest.mark.slow
def test_a_verb_that_loses_a_step_is_found(trials: Trials) -> None:
    careless = Scenario("careless", _prepare_careless, module="tests.robustness.careless")
    prepared = trials.prepare(careless)
    durable = [step for step in prepared.steps if step.kind in DURABLE]
    commits = [number for number, step in enumerate(durable, 1) if step.kind is Kind.COMMIT]
    assert len(commits) == 2
    early, late = (trials.run(prepared, Injection(Action.KILL_AFTER, number)) for number in commits)
    assert early.is_reached
    assert [fault for fault in early.faults if fault.startswith("meta.")]
    assert late.faults == ()
    full = trials.run(prepared, Injection(Action.FAIL_ON, 1, FULL, errno.ENOSPC))
    assert any("traceback" in fault for fault in full.faults), "it says nothing of a full disk in a line"


@needs_shim
@pytest.mark.slow
@pytest.mark.parametrize("verb", sampled(SCENARIOS, VERBS))
def test_a_verb_survives_kills_and_faults(trials: Trials, verb: str) -> None:
    chance = random.Random(f"{SEED}/{verb}")
    prepared = trials.prepare(SCENARIOS[verb])
    chosen = drawn(kills(prepared.steps), KILLS, chance)
    if prepared.scenario.has_faults:
        chosen += drawn(io_faults(prepared.steps, ()), FAULTS, chance)
    found = [trials.run(prepared, injection) for injection in chosen]
    assert [str(trial) for trial in found if trial.faults] == []
    assert any(trial.is_reached for trial in found)
