"""Archives that are meant to harm, through every verb: nothing of them runs, hangs or reaches outside."""

import random
from itertools import takewhile
from pathlib import Path

import pytest

from broadsheet.crawler.cli import cli
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker
from tests.output.wires import fetched
from tests.robustness import hostile
from tests.robustness.hostile import run_trials, summary
from tests.robustness.hostile_files import HARMS, SECRET, HostilePlace, make_outside
from tests.robustness.sample import sample_archive
from tests.sampling import sampled

pytestmark = pytest.mark.slow
TAKE_NO_ARCHIVE = {"clean", "demo", "doctor", "fleet init", "rules check", "rules test"}


@pytest.fixture
def place(tmp_path: Path) -> HostilePlace:
    """A small archive with a raw response, and what is outside."""
    place, make = HostilePlace(tmp_path / "given", tmp_path / "outside"), Maker()
    place.given.mkdir()
    with Archive.open(place.db, make.clock) as archive:
        archive.keep_raw({"software": "test"})
        archive.save([fetched("http://a.test/1", 1, b"<p>page")])
    make_outside(place.outside)
    return place


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", HARMS)
def test_each_harm_changes_what_is_given_and_nothing_outside(place, name):
    inside, outside = hostile._contents(place.given), contents(place.outside)
    HARMS[name](place, random.Random(name))
    assert hostile._contents(place.given) != inside
    assert contents(place.outside) == outside
    assert any(SECRET.encode() in content for content in outside.values())


SQL_HARMS = list(takewhile(lambda name: name != "paths", HARMS))


@pytest.mark.parametrize("name", sampled(SQL_HARMS, 1, seed=5))
def test_each_verb_that_reads_takes_foreign_files(name):
    """Triggers, views, virtual tables, huge schemas, others' files under our names: through every verb that reads."""
    result = summary(run_trials(range(2), harm=name))
    assert (result["trials"], result["faults"]) == (2, [])


def test_no_verb_that_takes_an_archive_is_left_out(tmp_path):
    with sample_archive(tmp_path) as db:
        verbs = hostile.hostile_verbs(db, "https://a.example/")
    lines = (*verbs.readers, *verbs.sources, *verbs.writers)
    tried = {" ".join(line[: 1 + (line[0] == "fleet")]) for line in lines} - {"python", "room"}
    assert tried | {"browse"} == {words for words, _ in cli.verbs()} - TAKE_NO_ARCHIVE


def test_hostile_files_harm_nothing():
    result = summary(run_trials(random.Random("hostile").sample(range(5000), 4)))
    assert (result["trials"], result["faults"]) == (4, [])
