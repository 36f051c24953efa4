"""WARC files that lie in a store: complete, never appended to, never said to be missing."""

from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import NotAnArchive
from broadsheet.output.raw.erasure import erase_records
from broadsheet.output.raw.warc_files import AwayFile, StoredPiece, away_path, read_away_files, write_away_files
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import store_pages
from tests.internal_tables import WARC_ERASURES

PIECES = (StoredPiece("sites/a/pieces/1-ab", 10, "ab"), StoredPiece("sites/a/pieces/2-cd", 5, "cd"))
FILE = AwayFile("a.db.warc/a-1.warc.gz", PIECES)


def test_a_list_is_read_as_it_was_written_and_an_empty_one_goes(tmp_path):
    database = tmp_path / "a.db"
    assert read_away_files(database) == {}
    write_away_files(database, [FILE])
    assert read_away_files(database) == {FILE.name: FILE}
    assert away_path(database).read_text().startswith('[\n{\n"name": "a.db.warc/a-1.warc.gz",\n"pieces": [\n{\n"key"')
    assert FILE.length == 15
    write_away_files(database, [])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_list_is_said_to_be(tmp_path):
    away_path(tmp_path / "a.db").write_text("[{}]")
    with pytest.raises(NotAnArchive, match=r"a\.db\.away is damaged"):
        read_away_files(tmp_path / "a.db")


def send_away(archive: Path) -> Path:
    """Have the archive's one WARC file be elsewhere; returns where it was."""
    (file,) = archive.parent.rglob("*.warc.gz")
    name = file.relative_to(archive.parent).as_posix()
    write_away_files(archive, [AwayFile(name, (StoredPiece("key", file.stat().st_size, "ab"),))])
    file.unlink()
    return file


def test_nothing_is_appended_to_a_file_that_is_away_and_it_is_not_missed(tmp_path):
    archive = tmp_path / "a.db"
    store_pages(archive, ["one"])
    file = send_away(archive)
    with Archive.open(archive) as opened:
        assert opened.recovery.short_names == ()
    store_pages(archive, ["two"])
    assert not file.exists()
    assert len(list(tmp_path.rglob("*.warc.gz"))) == 1


def test_what_is_to_be_erased_in_a_file_that_is_away_stays_noted(tmp_path):
    archive = tmp_path / "a.db"
    store_pages(archive, ["one"])
    file = send_away(archive)
    name = file.relative_to(tmp_path).as_posix()
    with Archive.open(archive) as opened:
        opened.db.execute(f"INSERT INTO {WARC_ERASURES} (file, offset, following) VALUES (?, 0, 9)", [name])
        assert erase_records(opened.db, tmp_path, lambda: "2026-01-01T00:00:00+00:00") == 0
        assert opened.db.execute(f"SELECT count(*) FROM {WARC_ERASURES}").fetchone() == (1,)
