"""A sample of the trials of commit points, and a verb that loses a step, which they find."""

import errno
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.crawler.cli import cli
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from tests.robustness.commit_points import FULL, Trials, drawn, io_faults, kills, open_trials
from tests.robustness.scenarios import ARCHIVE, SCENARIOS, Scenario, Words, Workshop
from tests.robustness.syscalls import DURABLE, Action, Injection, Kind, missing_tool
from tests.sampling import SEED, sampled

needs_shim = pytest.mark.skipif(bool(missing_tool()), reason=missing_tool() or "nothing is missing")
VERBS, KILLS, FAULTS = 5, 4, 1  # verbs tried each time, the others in a night; of each so many kills and faults
WRITE_NO_ARCHIVE = frozenset(
    "search show changes diff report browse explain rules verify backup export clean datasette doctor demo".split()
)
"""`browse` writes what `remove`, `restore` and `correct` do, by the same functions; `demo` crawls."""


def test_each_verb_that_writes_an_archive_is_tried():
    tried = {name.split()[0] for name in SCENARIOS}
    assert {"undo", "waiting", "ruling"} < tried, "of reclean, of the room, of remove"
    assert set(cli.commands) - {"completion"} == WRITE_NO_ARCHIVE | (tried - {"undo", "waiting", "ruling"})


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    with open_trials(tmp_path_factory.mktemp("points")) as opened:
        yield opened


def _prepare_careless(shop: Workshop) -> Words:
    open_database(shop.work / ARCHIVE).close()
    return (ARCHIVE,)


@needs_shim
@pytest.mark.slow
def test_a_verb_that_loses_a_step_is_found(trials):
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
def test_a_verb_survives_kills_and_faults(trials, verb):
    chance = random.Random(f"{SEED}/{verb}")
    prepared = trials.prepare(SCENARIOS[verb])
    chosen = drawn(kills(prepared.steps), KILLS, chance)
    if prepared.scenario.has_faults:
        chosen += drawn(io_faults(prepared.steps, ()), FAULTS, chance)
    found = [trials.run(prepared, injection) for injection in chosen]
    assert [str(trial) for trial in found if trial.faults] == []
    assert any(trial.is_reached for trial in found)


TEXT_OF_RIVER = (b"river0word", b"River paragraph", b"story of river")


def _stored_bytes(archive: Path) -> bytes:
    files = (Path(f"{archive}{ending}") for ending in ("", "-wal", "-journal"))
    return b"".join(file.read_bytes() for file in files if file.exists())


@needs_shim
@pytest.mark.slow
def test_after_a_kill_at_any_step_the_next_command_leaves_nothing_of_a_takedown(trials):
    """In the bytes of the file and its log, once the takedown is noted."""
    prepared = trials.prepare(SCENARIOS["forget"])
    assert TEXT_OF_RIVER[0] in _stored_bytes(prepared.base / ARCHIVE)
    noted = 0
    for injection in drawn(kills(prepared.steps), 25, random.Random(SEED)):
        archive = trials.leave(prepared, injection)
        Archive.open(archive).close()
        with closing(open_database(archive, read_only=True)) as db:
            (is_noted,) = db.execute("SELECT EXISTS (SELECT 1 FROM takedowns)").fetchone()
            (has_article,) = db.execute("SELECT EXISTS (SELECT 1 FROM articles WHERE url LIKE '%/river')").fetchone()
            assert verify(db) == []
        assert is_noted != has_article
        assert not is_noted or [text for text in TEXT_OF_RIVER if text in _stored_bytes(archive)] == [], injection
        noted += is_noted
    assert noted
