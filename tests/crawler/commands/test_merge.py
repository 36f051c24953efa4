from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.crawler.commands.merge import result_text
from broadsheet.output.collections.archive_merge import MergeResult
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import command, rows, verb
from tests.internal_tables import BLOCK_TEXTS
from tests.output.conftest import Maker

URLS = "SELECT url FROM articles ORDER BY url"


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """An archive each of two hosts."""
    make, paths = Maker(), [tmp_path / "river.db", tmp_path / "tower.db"]
    for path in paths:
        with Archive.open(path, make.clock) as archive:
            text = " ".join(f"{path.stem}{number}" for number in range(60))
            archive.save([make.outcome(f"https://{path.stem}.example/story", text)])
    return paths


def test_an_archive_in_use_is_refused_before_another_is_merged(tmp_path, sources):
    with Archive.open(sources[1]):
        code, _, errors = command("merge", tmp_path / "all.db", *sources)
    assert (code, len(errors.splitlines())) == (75, 1)
    assert "tower.db is in use" in errors
    assert not (tmp_path / "all.db").exists()


@pytest.mark.parametrize(
    ("first", "second", "mode"), [(0o644, 0o600, 0o600), (0o640, 0o644, 0o640), (0o644, 0o644, 0o644)]
)
def test_a_new_archive_is_for_those_alone_who_may_read_all_that_is_merged(tmp_path, sources, first, second, mode):
    for source, own_mode in zip(sources, (first, second), strict=True):
        source.chmod(own_mode)
    assert command("merge", tmp_path / "all.db", *sources, "-q") == (0, "", "")
    assert (tmp_path / "all.db").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(("version", "message"), [(99, "schema 99, newer"), (4, "schema 4, newer")])
def test_an_archive_of_another_schema_is_refused(tmp_path, sources, version, message):
    connection = sqlite3.connect(sources[1])
    with connection:
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(version)])
    connection.close()
    code, _, errors = verb("merge", tmp_path / "all.db", *sources)
    assert (code, len(errors.splitlines())) == (1, 1)
    assert message in errors
    assert not (tmp_path / "all.db").exists()


@pytest.mark.slow
def test_two_merges_into_one_file_at_once(tmp_path, sources):
    target = tmp_path / "all.db"
    command("merge", target, sources[0])
    with Archive.open(target):
        code, _, errors = command("merge", target, *sources)
    assert (code, len(errors.splitlines())) == (75, 1)
    assert "all.db is in use" in errors
    assert rows(target, URLS) == [("https://river.example/story",)]
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".lock")] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_source_in_a_folder_that_cannot_be_written_is_merged(tmp_path, sources):
    locked = tmp_path / "locked"
    locked.mkdir()
    shutil.copy(sources[0], locked)
    locked.chmod(0o500)
    assert command("merge", tmp_path / "all.db", locked / "river.db")[0] == 0


@pytest.mark.parametrize("place", ["articles.sitename", f"{BLOCK_TEXTS}.text", "runs.options"])
def test_a_damaged_archive_is_refused_by_its_name_before_another_is_merged(tmp_path, sources, place):
    table, column = place.split(".")
    with Archive.open(sources[1]) as archive:
        archive.runs.start("crawl", {}, {})
        archive.db.execute(f"UPDATE {table} SET {column} = x'ff00'")
    for target in (tmp_path / "new.db", Path(shutil.copy(sources[0], tmp_path / "there.db"))):
        before = dump(target)
        code, out, errors = verb("merge", target, *sources)
        assert (code, out, errors.count("\n")) == (1, "", 1)
        assert f"{sources[1]} is damaged ({table}/{column} row" in errors
        assert dump(target) == before


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((0, 0, 0, 0), "nothing new"),
        ((1234, 1, 0, 0), "1,234 URLs new, 1 page stored"),
        ((0, 5678, 1_250_000, 0), "0 URLs new, 5,678 pages stored, 1.2 MB of raw responses copied"),
        ((0, 0, 0, 3), "0 URLs new, 0 pages stored, 3 takedowns carried out"),
    ],
)
def test_what_an_archive_brings_is_told(counts, text):
    assert result_text(MergeResult(Path("a.db"), *counts)) == text


def dump(file: Path) -> list[str]:
    """Every row of a file; none of one that is not there."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())
