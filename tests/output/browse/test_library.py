"""A room is over one archive or a folder of them, holds none open, and all can be searched."""

import os
import sqlite3
from itertools import count
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.browse import home_page
from broadsheet.output.browse.library import ArchiveFile, Library, _free_name
from broadsheet.output.browse.room import Counted, address, without
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import URL_COUNTS
from tests.output.browse.conftest import SITE, RoomClient, visible_text
from tests.output.filled_rows import put


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


@pytest.fixture
def folder(tmp_path, make):
    """Two archives: one article of the first and two of the second are about a harbour."""
    for name, texts in {"east": ("The harbour.", "A river."), "west": ("Harbour again.", "In the harbour.")}.items():
        with Archive.open(tmp_path / f"{name}.db", make.clock) as archive:
            archive.save([
                make.outcome(f"https://{name}.example/{number}", text, title=f"{name} {number}")
                for number, text in enumerate(texts)
            ])  # fmt: skip
    return tmp_path


def test_archives_with_hits_are_listed_most_hits_first_texts_included(folder):
    found = RoomClient(folder).json("search.json?q=harbour")
    assert found["total"] == 3
    assert [(line["archive"], line["total"]) for line in found["archives"]] == [("west", 2), ("east", 1)]
    parts = found["archives"][1]["hits"][0]["snippet_parts"]
    assert [text for is_match, text in parts if is_match] == ["harbour"]


def test_a_hit_opens_in_the_list_of_its_archive(folder, monkeypatch):
    monkeypatch.setattr(home_page, "SHOWN_HITS", 1)
    client = RoomClient(folder)
    page = client.page("search?q=harbour")
    assert "All of west" in visible_text(page)
    assert "All of east" not in visible_text(page)
    address = page.split("<h3")[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert "1 of 2" in visible_text(client.page(address))


def test_the_front_page_has_the_search_and_the_feeds_of_each_archive(folder):
    page = RoomClient(folder).page("")
    assert 'action="/search"' in page
    for name in ("east", "west"):
        assert f'href="/{name}/articles.atom"' in page


def test_nothing_found_and_nothing_asked_are_said(folder):
    client = RoomClient(folder)
    assert "No article of any archive" in visible_text(client.page("search?q=nowhere"))
    assert client.json("search.json?q=")["archives"] == []
    assert client.json("search.json?q=%22(")["total"] == 0
    assert client.get(f"search?q={'x' * 1001}").status_code == 400


def test_an_archive_that_cannot_be_read_is_named(folder):
    client = RoomClient(folder)
    with sqlite3.connect(folder / "east.db") as db:
        db.execute("PRAGMA user_version = 99")
    found = client.json("search.json?q=harbour")
    assert [(line["archive"], line["total"], bool(line["fault"])) for line in found["archives"]] == [
        ("west", 2, False), ("east", 0, True),
    ]  # fmt: skip


def test_a_search_is_narrowed_over_all_archives(folder):
    """Counts add up over the archives, and the list of an archive is narrowed as the search is."""
    client = RoomClient(folder)
    [host] = [facet for facet in client.json("search.json?q=harbour")["facets"] if facet["name"] == "host"]
    assert {(choice["value"], choice["articles"]) for choice in host["choices"]} == {
        ("east.example", 1), ("west.example", 2),
    }  # fmt: skip
    narrowed = client.json("search.json?q=harbour&host=west.example")
    assert [(line["archive"], line["total"]) for line in narrowed["archives"]] == [("west", 2)]
    page = client.page("search?q=harbour&host=west.example")
    assert 'href="/search?q=harbour"' in page  # the way back
    assert 'href="/west/articles?q=harbour&amp;sort=best&amp;host=west.example"' in page


@pytest.fixture
def db(archive):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    put(db, "changes", 1, seq=5, change="changed", kind="body")
    put(db, "runs", 1, id=1, started_at="2026-01-02", finished_at="2026-01-04")
    put(db, "runs", 2, id=2, started_at="2026-01-03", finished_at=None)
    db.execute(f"DELETE FROM {URL_COUNTS}")
    put(db, URL_COUNTS, 1, state="done", urls=3)
    put(db, URL_COUNTS, 2, state="failed", urls=2)
    return db


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ("UPDATE articles SET title = title", 1),
        ("UPDATE changes SET seq = 6", 2),
        ("INSERT INTO changes SELECT 4, article_id, at, change, kind, revision FROM changes", 1),
        (f"UPDATE {URL_COUNTS} SET urls = urls + 1 WHERE state = 'failed'", 2),
        (f"UPDATE {URL_COUNTS} SET urls = CASE state WHEN 'done' THEN 4 ELSE 1 END", 2),
        ("UPDATE runs SET finished_at = '2026-01-05' WHERE id = 2", 2),
        ("UPDATE runs SET started_at = '2026-01-05' WHERE id = 2", 2),
        ("UPDATE runs SET started_at = '2026-01-01' WHERE id = 2", 1),
    ],
)
def test_what_was_counted_holds_until_the_archive_changes(db, change, counted):
    numbers, values = count(1), Counted()
    archive = ArchiveFile("a", Path("a.db"))
    assert values.get(db, archive, "one", lambda _: next(numbers)) == 1
    db.execute(change)
    assert values.get(db, archive, "one", lambda _: next(numbers)) == counted
    assert values.get(db, archive, "two", lambda _: -1) == values.get(
        db, ArchiveFile("b", Path("b.db")), "one", lambda _: -1
    )


def test_an_address_leaves_out_what_is_none():
    assert address("a b", "x") == "/a%20b/x"
    assert address("a", "x", n=0, none=None, empty="", q="a b&c") == "/a/x?n=0&empty=&q=a+b%26c"
    assert without({"a": "1", "b": "2"}, "a") == {"b": "2"}


@pytest.mark.parametrize(
    ("asked", "feed"),
    [
        ("", ""),
        ("?q=harbour&host=a.example", "?q=harbour&amp;host=a.example"),
        ("?q=...&year=&kind=article", ""),
        ("?q=a&language=en&section=s&year=2020&author=x", "?q=a&amp;language=en&amp;section=s&amp;year=2020"),
    ],
)
def test_a_list_names_the_feed_that_follows_it(client, asked, feed):
    assert f'href="/a/articles.atom{feed}"' in client.page(f"a/articles{asked}")


@pytest.mark.parametrize("path", ["nowhere/", f"nowhere/article/1?back={SITE}"])
def test_an_archive_that_is_not_there_is_said(client, path):
    answer = client.get(path)
    assert (answer.status_code, "there is no archive of that name here" in answer.text) == (404, True)


def test_each_run_of_a_room_has_three_tokens_that_nobody_guesses(client, filled):
    rooms = client.room, RoomClient(filled).room
    tokens = {token for room in rooms for token in (room.token, room.raw_token, room.replay_token)}
    assert (len(tokens), {len(token) for token in tokens}) == (6, {32})
