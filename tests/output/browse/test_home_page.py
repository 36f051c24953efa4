"""Front pages: the newest articles of an archive, and the archives of a folder."""

import sqlite3
import time

from broadsheet.output.browse import home_page, room
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, linked, visible_text


def test_the_newest_articles_stand_first_with_site_day_and_first_sentence(client, filled, monkeypatch):
    with sqlite3.connect(filled) as db:
        db.execute("UPDATE articles SET published_day = '2026-01-0' || substr(url, -1), text = text || ' More of it.'")
    page = client.json("a/index.json")
    assert [new["article"]["title"] for new in page["newest"]] == ["Three", "Two", "One"]
    text = visible_text(client.page("a/"))
    assert "a.example · 2026-01-03 Three The harbour opened again. a.example · 2026-01-02 Two Water ran short." in text
    assert "More of it" not in text
    monkeypatch.setattr(home_page, "NEWEST", 2)
    page = client.page("a/")
    assert "All articles" in visible_text(page)
    assert "1 of 3" in visible_text(client.page(linked(page, "Three")))  # it opens in the list that it begins


def test_what_needs_a_look_is_one_line_that_leads_there(client, filled, make, monkeypatch):
    with Archive.open(filled) as archive:
        archive.save([make.outcome(f"{SITE}/5", "Words of it.")])
        archive.db.execute("UPDATE pages SET certainty = 0.1")
    count = sum(look["needs_look"] for look in client.json("a/report.json")["looks"])
    assert (count > 0, client.json("a/index.json")["looks"]) == (True, count)
    words = f"{count} thing{'s need' if count > 1 else ' needs'} a look"
    assert "of low certainty" in client.page(linked(client.page("a/"), words))
    monkeypatch.setattr(room, "_FEW_URLS", 0)
    with Archive.open(filled) as archive:
        archive.save([make.outcome(f"{SITE}/6", "Words of another.")])
    client = RoomClient(filled)
    assert "what needs a look is being counted" in client.page("a/")
    for _ in range(500):
        if client.json("a/index.json")["looks"] is not None:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("it was never counted")


def test_an_empty_archive_has_a_front_page(file):
    Archive.open(file).close()
    page = visible_text(RoomClient(file).page("a/"))
    assert "0 articles from 0 hosts" in page
    assert "The archive has no article." in page


def test_a_folder_lists_an_archive_without_articles_and_one_that_cannot_be_read(tmp_path):
    for name in ("empty", "newer"):
        Archive.open(tmp_path / f"{name}.db").close()
    client = RoomClient(tmp_path)
    with sqlite3.connect(tmp_path / "newer.db") as db:
        db.execute("PRAGMA user_version = 99")
    empty, newer = client.json("index.json")["archives"]
    size = (tmp_path / "empty.db").stat().st_size
    assert empty == {
        "name": "empty", "path": str(tmp_path / "empty.db"), "size": size, "articles": 0, "hosts": "", "last_run": "",
        "fault": "",
    }  # fmt: skip
    assert "newer" in newer["fault"]
    assert newer | {"fault": "", "name": "empty", "path": empty["path"], "size": size} == empty
