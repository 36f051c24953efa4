"""A room is over one archive or a folder of them, and holds none of them open."""

import os
import sqlite3

import pytest

from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.browse.library import Library, _free_name
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient


def test_a_folder_shows_every_archive_that_can_be_read(tmp_path, filled):
    (tmp_path / "broken.db").write_text("no database")
    (tmp_path / "notes.txt").write_text("x")
    Archive.open(tmp_path / "zweites archiv.db").close()
    library = Library.at(tmp_path)
    assert list(library.archives) == ["a", "zweites-archiv"]
    client = RoomClient(tmp_path)
    page = client.page("")
    assert 'href="/a/"' in page
    assert [archive["articles"] for archive in client.json("index.json")["archives"]] == [3, 0]
    assert client.get("zweites-archiv/articles").status_code == 200


def test_one_archive_is_shown_at_once(client):
    answer = client.get("")
    assert (answer.status_code, answer.headers["location"]) == (303, "/a/")


def test_a_path_without_an_archive_is_refused_in_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "none.db"):
        with pytest.raises(ArchiveError) as error:
            Library.at(path)
        assert "\n" not in str(error.value)


def test_two_files_of_one_name_have_two_addresses(tmp_path):
    for name in ("x.db", "x.sqlite"):
        Archive.open(tmp_path / name).close()
    assert list(Library.at(tmp_path).archives) == ["x", "x-2"]
    (tmp_path / "x.sqlite3").mkdir()
    assert list(Library.at(tmp_path).archives) == ["x", "x-2"]


@pytest.mark.parametrize(
    ("stem", "taken", "name"),
    [("a b_c-d.é", (), "a-b_c-d.é"), ("..a.", (), "a"), ("..", (), "archive"), ("a", ("a",), "a-2"),
     ("a", ("a", "a-2", "x"), "a-3")],
)  # fmt: skip
def test_a_name_for_addresses_is_of_letters_and_digits_and_free(stem, taken, name):
    assert _free_name(stem, dict.fromkeys(taken)) == name


def test_a_crawl_that_begins_and_ends_under_an_open_page_leaves_one_file(client, filled, make):
    client.page("a/articles")
    with Archive.open(filled, make.clock) as archive:
        assert "a crawl is at work" in client.page("a/articles") or not os.path.exists("/proc/locks")
        archive.save([make.outcome(f"{SITE}/9", "New words while a page is open.", title="Nine")])
        assert "Nine" in client.page("a/articles")
    assert sorted(path.name for path in filled.parent.iterdir()) == ["a.db"]
    with sqlite3.connect(filled) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_an_archive_that_vanishes_is_one_line(client, filled):
    filled.unlink()
    answer = client.get("a/articles")
    assert answer.status_code == 503
    assert "does not exist" in answer.text


def test_nothing_can_be_written_through_it(client):
    with client.room.archive("a").open() as db, pytest.raises(sqlite3.OperationalError):
        db.execute("DELETE FROM urls")
