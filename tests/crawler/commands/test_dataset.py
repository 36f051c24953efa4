from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from broadsheet.crawler.commands.dataset import _print_result
from broadsheet.output.collections.dataset_build import DatasetBuild, DatasetResult
from broadsheet.output.collections.dataset_files import Manifest, PartFile
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import command, verb
from tests.output.conftest import Maker


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an archive each of two hosts."""
    make, folder = Maker(), tmp_path / "archives"
    folder.mkdir()
    for name in ("river", "tower"):
        with Archive.open(folder / f"{name}.db", make.clock) as archive:
            text = " ".join(f"{name}{number}" for number in range(60))
            archive.save([make.outcome(f"https://{name}.example/story", text)])
    return folder


def test_a_folder_of_archives_becomes_a_data_set_and_again_nothing_is_new(tmp_path: Path, folder: Path) -> None:
    code, out, errors = verb("dataset", tmp_path / "data", folder)
    assert (code, errors) == (0, "")
    assert "2 articles of 2 hosts from 2 archives" in out
    assert pq.read_table(tmp_path / "data" / "articles").num_rows == 2
    assert "nothing new" in verb("dataset", tmp_path / "data", folder)[1]
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name.startswith(".")] == []


def test_a_list_of_sites_names_its_archives(tmp_path: Path, folder: Path) -> None:
    sites = "".join(f'[sites.{name}]\nurls = ["https://{name}.example/"]\n' for name in ("river", "not-yet"))
    (tmp_path / "sites.toml").write_text(f'[fleet]\nfolder = "{folder}"\n{sites}')
    code, out, errors = verb("dataset", tmp_path / "data", tmp_path / "sites.toml")
    assert (code, errors) == (0, "")
    assert "1 article of 1 host from 1 archive" in out


def test_a_list_without_archives_or_with_a_mistake_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "sites.toml").write_text('[sites.river]\nurls = ["https://river.example/"]\n')
    code, _, errors = verb("dataset", tmp_path / "data", tmp_path / "sites.toml")
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "has an archive yet" in errors
    (tmp_path / "sites.toml").write_text("[sites\n")
    code, _, errors = verb("dataset", tmp_path / "data", tmp_path / "sites.toml")
    assert (code, len(errors.splitlines())) == (2, 1)


def test_quiet_says_nothing(tmp_path: Path, folder: Path) -> None:
    assert verb("dataset", "-q", tmp_path / "data", folder / "river.db") == (0, "", "")


@pytest.mark.parametrize(
    ("target", "source", "message"),
    [
        ("data", "missing.db", "does not exist"),
        ("data", "empty", "holds no archive"),
        ("data", "text.db", "is not a SQLite database"),
        ("text.db", "archives", "is a file; name a folder"),
        ("archives", "archives", "holds other files"),
        ("nowhere://bucket/data", "missing.db", "does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    tmp_path: Path, folder: Path, target: str, source: str, message: str
) -> None:
    (tmp_path / "text.db").write_text("no archive")
    (tmp_path / "empty").mkdir()
    names = sorted(path.name for path in tmp_path.rglob("*"))
    code, _, errors = verb("dataset", tmp_path / target, folder, tmp_path / source)
    assert code == 1
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == names


def test_an_archive_in_use_or_of_a_newer_schema_is_refused(tmp_path: Path, folder: Path) -> None:
    with Archive.open(folder / "tower.db"):
        code, _, errors = command("dataset", tmp_path / "data", folder)
    assert (code, len(errors.splitlines())) == (75, 1)
    assert "tower.db is in use" in errors
    connection = sqlite3.connect(folder / "tower.db")
    with connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    connection.close()
    code, _, errors = verb("dataset", tmp_path / "data", folder)
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "schema 99, newer" in errors
    assert not (tmp_path / "data" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("articles/authors", "'no JSON'"),
        ("articles/sitename", "x'ff'"),
        ("_block_texts/text", "x'ff'"),
        ("urls/host", "x'ff'"),
    ],
)
def test_a_damaged_value_is_told_with_its_archive(tmp_path: Path, folder: Path, place: str, value: str) -> None:
    table, column = place.split("/")
    with closing(sqlite3.connect(folder / "tower.db")) as connection, connection:
        connection.create_function("fold_case", 1, str.casefold, deterministic=True)
        connection.execute(f"UPDATE {table} SET {column} = {value}")
    code, _, errors = verb("dataset", tmp_path / "data", folder)
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "tower.db is damaged" in errors
    assert place in errors
    assert not (tmp_path / "data" / "manifest.json").exists()


@pytest.mark.parametrize("error", [OSError("no room"), sqlite3.OperationalError("no room")])
def test_a_place_that_takes_no_more_is_told_and_left_without_scraps(
    tmp_path: Path, folder: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    scraps = tmp_path / "data" / ".writing-old"
    assert verb("dataset", "-q", tmp_path / "data", folder)[0] == 0
    names = {path.name for path in (tmp_path / "data").iterdir()}
    leftovers = [path.name for path in (tmp_path / "data").iterdir() if path.name.startswith(".")]
    assert leftovers == []
    scraps.mkdir()
    (scraps / "part").touch()

    def run(*_words: object) -> None:
        raise error

    monkeypatch.setattr(DatasetBuild, "run", run)
    assert verb("dataset", tmp_path / "data", folder) == (
        1, "", f"broadsheet: {tmp_path / 'data'} cannot be written: no room; the same command goes on from here\n",
    )  # fmt: skip
    assert {path.name for path in (tmp_path / "data").iterdir()} == names


def test_a_bucket_that_is_none_is_a_line_without_its_secrets(tmp_path: Path, folder: Path) -> None:
    code, out, errors = verb("dataset", "s3://user:secret@/data", folder)
    assert (code, out, errors.count("\n"), "secret" in errors) == (1, "", 1, False)
    assert "cannot be reached: " in errors


def test_a_run_is_summed_up_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    parts = (
        ("articles", "a.example", 2_000, 2_400_000),
        ("articles", "b.example", 1, 149_000),
        ("duplicates", "", 1, 1),
    )
    files = tuple(PartFile(f"{number}", *part, "") for number, part in enumerate(parts))
    manifest = Manifest("1", "", "", {}, files)
    for new_files, removed_files, told in ((0, 0, "nothing new"), (1, 1_000, "1 file new, 1,000 removed")):
        _print_result("s3://user:word@bucket/set", DatasetResult(manifest, new_files, removed_files, 0))
        said = "2,001 articles of 2 hosts from 0 archives, 1 pair alike, 2.5 MB"
        assert capsys.readouterr().out.replace("\n", " ").strip() == f"s3://bucket/set: {said}; {told}"
