"""Each page of the room with its JSON twin, over a small archive with each kind of row and over one that has more."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from sqlite_utils import Database

from broadsheet.output.browse import room as reading_room
from broadsheet.output.browse.room import Counted
from tests.internal_tables import REVIEWS, URL_COUNTS
from tests.output.browse.conftest import RoomClient
from tests.output.crowd import fill_crowd
from tests.output.harbour import fill_harbour
from tests.output.told import as_json, expected, page_text, sections, told

EXPECTED = Path(__file__).with_name("whole_pages.txt")


@pytest.fixture(scope="module")
def harbour(tmp_path_factory):
    file = tmp_path_factory.mktemp("room") / "ebb.db"
    fill_harbour(file)
    with mock.patch("broadsheet.output.read.archive_facts.utc_now", return_value="2026-01-20T12:00:00Z"):
        yield RoomClient(file)


@pytest.mark.parametrize("path", sections(EXPECTED))
def test_a_page_and_its_twin_say_all_of_this(harbour, path):
    address, _, arguments = path.partition("?")
    twin = f"{address}index" if address.endswith("/") else address
    folder = next(iter(harbour.room.library.archives.values())).path.parent
    lines = [page_text(harbour.page(path))]
    is_told = "sort=" in arguments or (arguments == "view=blocks" and address in sections(EXPECTED))
    if not is_told:  # the twin is the same for each view, and says no more of a list in another order
        lines.append(as_json(harbour.json(f"{twin}.json?{arguments}")))
    text = told(lines, TOKEN=harbour.room.token, FOLDER=folder)
    assert text == expected(EXPECTED, path, text)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("crowd") / "c.db"
    fill_crowd(path)
    return path


@pytest.fixture(scope="module")
def client(file):
    return RoomClient(file)


@pytest.fixture
def db(file):
    with closing(Database(file)) as db:
        yield db


def part(value: Any, names: str) -> Any:
    """The part of a page's value that the names lead to; the length of a list."""
    for name in filter(None, names.split("/")):
        value = value[int(name) if name.lstrip("-").isdigit() else name]
    return len(value) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("articles.json", {"articles": 30, "page_size": 30, "page_count": 67, "total": 2002, "facets/0/choices": 12,
                           "facets/0/others": 190, "facets/2/others": 4, "facets/3/choices": 41, "facets/3/others": 2,
                           "facets/5/choices": 12, "facets/5/others": 1, "facets/6/others": 2}),
        ("articles.json?page=67", {"articles": 22, "page": 67}),
        ("articles.json?page=68", {"articles": 22, "page": 67}),
        ("articles.json?kind=article", {"total": 2001, "facets/5/choices": 0, "facets/7/choices": 0}),
        ("articles.json?q=tide", {"total": 1000, "is_cut": True, "facets/5/choices": 12}),
        ("article/1.json", {"captures": 50, "addresses": 50, "copies": 0, "place": None}),
        ("article/1.json?list=sort%3Dshortest&at=31&of=2002", {"place/position": 31, "place/total": 2002}),
        ("capture/1.json", {"url": "https://big.example/1"}),
        ("url/1.json", {"captures": 50}),
        ("coverage/urls.json?source=sitemap&state=failed&reason=http_404", {"urls": 100, "following": 3100}),
        ("coverage/urls.json?source=sitemap&state=failed&reason=http_404&after=3100", {"urls": 1, "following": 0}),
        ("coverage/urls.json?source=sitemap&state=failed&reason=http_404&after=3001", {"urls": 100, "following": 3101}),
        ("changes.json", {"edits": 50, "following": 2, "edits/0/seq": 51}),
        ("changes.json?before=51", {"edits": 50, "following": 1}),
        ("changes.json?before=50", {"edits": 49, "following": 0}),
        ("report.json", {"reasons/0/blocks": 700, "runs": 40,
                        "runs/0/started_at": "2026-01-01T00:22:00"}),
        ("review.json", {"latest": 10, "proposal/pages": 150, "proposal/blocks": 3, "latest/0/text": "text 611"}),
        ("review/pages.json", {"proposal/layout/pages": 1000, "proposal/page_id": 1, "latest": 0}),
    ],
)  # fmt: skip
def test_a_page_takes_so_many(client, path, expected):
    value = client.json(f"c/{path}")
    assert {names: part(value, names) for names in expected} == expected


def test_of_a_layout_the_least_certain_of_its_first_pages_is_proposed(client, db):
    ((block_id,),) = db.execute(f"SELECT block_id FROM {REVIEWS} WHERE id = 1").fetchall()
    try:
        db.execute(f"UPDATE {REVIEWS} SET block_id = NULL WHERE id = 1")
        db.conn.commit()
        proposal = client.json("c/review/pages.json")["proposal"]
    finally:
        db.execute(f"UPDATE {REVIEWS} SET block_id = ? WHERE id = 1", [block_id])
        db.conn.commit()
    assert (proposal["page_id"], proposal["layout"]["pages"]) == (1301, 301)


def test_a_search_over_archives_shows_five_hits_of_a_thousand(client):
    (found,) = client.json("search.json?q=tide")["archives"]
    assert (found["total"], found["is_cut"], len(found["hits"])) == (1000, True, 5)


@pytest.mark.parametrize("feed", ["articles", "changes"])
def test_a_feed_has_fifty_entries(client, feed):
    assert client.page(f"c/{feed}.atom").count("<entry>") == 50


class Clock:
    """Time, and the threads that are begun in it."""

    def __init__(self) -> None:
        self.now, self.begun = 100.0, 0

    def monotonic(self) -> float:
        return self.now

    def Thread(self, **_: object):  # noqa: N802 - stands for threading.Thread
        return self

    def start(self) -> None:
        self.begun += 1


def test_a_large_archive_is_counted_beside_the_page_and_not_again_for_a_minute(file, tmp_path, monkeypatch):
    copy = shutil.copy(file, tmp_path / "c.db")
    clock, counted, archive, db = Clock(), Counted(), RoomClient(copy).room.archive("c"), Database(copy)
    monkeypatch.setattr(reading_room, "time", clock)
    monkeypatch.setattr(reading_room.threading, "Thread", clock.Thread)
    db.execute(f"UPDATE {URL_COUNTS} SET urls = CASE state WHEN 'done' THEN 20000 ELSE 0 END")
    assert counted.get_soon(db, archive, "one", lambda _: 1) == 1
    db.execute(f"UPDATE {URL_COUNTS} SET urls = 20001 WHERE state = 'done'")
    assert counted.get_soon(db, archive, "one", lambda _: 2) == 1, "the value of before"
    assert counted.get_soon(db, archive, "two", lambda _: 2) is None
    assert clock.begun == 2
    for now, begun in ((159.9, 2), (160.0, 3), (161.0, 3)):
        clock.now = now
        counted.get_soon(db, archive, "one", lambda _: 2)
        assert clock.begun == begun
