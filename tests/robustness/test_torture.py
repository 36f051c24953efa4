"""Damage to an archive, through every verb: no traceback, none hangs, and verify finds what a reader would see."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.output.read.file_checks import schema_tables
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker
from tests.robustness.mutations import Mutation, mutate
from tests.robustness.sample import NAME
from tests.robustness.torture import UNKNOWABLE, differing_columns, run_trials, summary


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The folder of a small archive."""
    folder, make = tmp_path / "sample", Maker()
    folder.mkdir()
    with Archive.open(folder / NAME, make.clock) as archive:
        archive.save([make.outcome(f"http://a.test/{n}", f"some words {n}", removed=("x",)) for n in range(3)])
    return folder


def damaged_copies(sample: Path, target: Path, count: int) -> list[tuple[Mutation, bytes]]:
    copies = []
    for number in range(count):
        shutil.copytree(sample, target / str(number))
        file = target / str(number) / NAME
        copies.append((mutate(file, number), file.read_bytes()))
    return copies


@pytest.mark.slow
def test_each_trial_damages_one_place_and_always_the_same(sample, tmp_path):
    first, second = (damaged_copies(sample, tmp_path / name, 60) for name in ("first", "second"))
    whole = (sample / NAME).read_bytes()
    assert [mutation for mutation, _ in first] == [mutation for mutation, _ in second]
    assert all(content != whole for _, content in first)
    kinds = {mutation.kind for mutation, _ in first}
    assert kinds >= {"flipped bit", "cut value", "wrong value", "deleted row", "flipped bit of file"}


def test_a_damaged_value_is_all_that_differs_and_what_cannot_be_known_is_in_the_schema(sample, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(sample, copy)
    assert differing_columns(sample / NAME, copy / NAME) == set()
    with closing(sqlite3.connect(copy / NAME)) as connection, connection:
        connection.execute("UPDATE pages SET evidence = '[' WHERE id = 2")
        connection.execute("DELETE FROM changes WHERE seq = 1")
    assert differing_columns(sample / NAME, copy / NAME) == {"pages/evidence", "changes"}
    tables = {table.name: {column.name for column in table.columns} | {"*"} for table in schema_tables()}
    named = (name.split("/") for name in UNKNOWABLE["columns"])
    assert [name for name in named if name[1] not in tables[name[0]]] == []
    assert set(UNKNOWABLE["rows"]) <= tables.keys()


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "least"), [(20, 1), pytest.param(60, 11, marks=pytest.mark.nightly)])
def test_kinds_of_damage_end_in_no_traceback_and_are_found(trials, least):
    result = summary(run_trials(range(5000, 5000 + trials)))
    assert (result["trials"], result["faults"], result["missed"]) == (trials, [], [])
    assert result["seen_and_found"] >= least
