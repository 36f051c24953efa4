"""Random steps over all verbs that write: a walk finds what it should, and a few steps of one find nothing."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_file import open_database
from tests.robustness import model
from tests.robustness.model import Town, Walk, walk
from tests.robustness.syscalls import missing_tool
from tests.sampling import SEED

needs_shim = pytest.mark.skipif(bool(missing_tool()), reason=missing_tool() or "nothing is missing")
_STEPS = 12  # in some twenty seconds


def test_the_same_seed_changes_the_site_in_the_same_way():
    towns = [Town(random.Random(7)) for _ in range(2)]
    told = [[town.change() for _ in range(60)] for town in towns]
    pages = [
        {path: str(reply).replace(town.site.url, "") for path, reply in town.site.routes.items()} for town in towns
    ]
    for town in towns:
        town.site.close()
    assert (told[0], pages[0]) == (told[1], pages[1])
    assert {line.split()[0] for line in told[0]} >= {"add", "note", "gone", "moved", "canonical"}


def _lose_correction(one: Walk) -> None:
    name = one._any()
    one._run("correct", name, one._article(name)[1], "--title", "Corrected")
    one._learn(name)
    with closing(open_database(one._path(name))) as db, db:
        db.execute("DELETE FROM corrections")


@needs_shim
@pytest.mark.slow
def test_a_lost_correction_is_found_and_the_steps_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model, "_STEPS", {_lose_correction: 1})
    walked = walk(1, 5, tmp_path)
    assert (walked.steps, "'title') is None" in walked.finding) == (1, True)
    assert "-- 1 lose_correction" in walked.told


@needs_shim
@pytest.mark.slow
def test_a_walk_finds_nothing(tmp_path: Path):
    walked = walk(SEED, _STEPS, tmp_path)
    assert walked.finding == "", "\n".join(walked.told)
    assert walked.steps == _STEPS
