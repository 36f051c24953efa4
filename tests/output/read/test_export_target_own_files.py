"""Which files belong to an archive."""

from pathlib import Path

import pytest

from broadsheet.output.read.export_target import OwnFiles, is_sqlite_file


@pytest.fixture
def own_files(tmp_path):
    (tmp_path / "a[1].db").write_bytes(b"")
    return OwnFiles(tmp_path / "a[1].db", ["a[1].db.warc/x.warc.gz", "/elsewhere/y.warc"])


@pytest.mark.parametrize(
    "ending",
    ["", "-wal", "-shm", "-journal", ".lock", ".backup-v3", ".backup-v3.part", ".warc", ".warc/b/c", "/../a[1].db"],
)
def test_its_own(own_files, tmp_path, ending):
    assert own_files.refusal(Path(f"{tmp_path}/a[1].db{ending}"))


@pytest.mark.parametrize("name", ["a.db", "a[1].db.csv", "a[1].db.warcs/x", "x/a[1].db", "a[1].db.wacz"])
def test_what_is_not(own_files, tmp_path, name):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a[1].db").write_bytes(b"")
    assert own_files.refusal(tmp_path / name) == ""


def test_another_name_of_a_file_counts(own_files, tmp_path):
    backup = tmp_path / "a[1].db.backup-v1"
    backup.write_bytes(b"")
    (tmp_path / "b").hardlink_to(backup)
    (tmp_path / "c").symlink_to("b")
    assert own_files.refusal(tmp_path / "c") == "belongs to the archive"
    assert own_files.name_refusal(tmp_path / "c") == ""
    assert own_files.status_refusal((tmp_path / "a[1].db").stat()) == "is the archive itself"


def test_a_sqlite_file_is_known_by_its_head(tmp_path):
    (tmp_path / "a").write_bytes(b"SQLite format 3\0...")
    (tmp_path / "b").write_bytes(b"SQLite format 3")
    assert is_sqlite_file(tmp_path / "a")
    assert not is_sqlite_file(tmp_path / "b")
