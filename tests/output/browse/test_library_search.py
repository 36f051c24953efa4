"""Search over all archives of a folder: hits of titles and texts, archive by archive."""

import sqlite3

import pytest

from broadsheet.output.browse import home_page
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import RoomClient, visible_text


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
