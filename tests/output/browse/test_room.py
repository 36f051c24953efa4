"""The room's parts that all pages share: what was counted, the addresses of pages, the arguments of a feed."""

from itertools import count
from pathlib import Path

import pytest

from broadsheet.output.browse.library import ArchiveFile
from broadsheet.output.browse.room import Counted, address, without
from tests.internal_tables import URL_COUNTS
from tests.output.browse.conftest import SITE, RoomClient
from tests.output.filled_rows import put


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
