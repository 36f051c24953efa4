"""The stream of edits, and a diff word by word with what did not change folded away."""

import sqlite3

import pytest

from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import REVISION_BLOCKS
from tests.output.browse.conftest import RoomClient, article_id

URL = "http://a.test/story"
STORY = article_id(URL)
ONE = "The council of the harbour town voted on Tuesday to keep the second dredger in service until spring."
TWO = "Its harbour master had told the members that the first one would be in the yard for eleven weeks."
THREE = "Nobody spoke against it, and the chair closed the sitting after less than a quarter of an hour."
MONDAY = ONE.replace("Tuesday", "Monday")
NOTICE = "Correction: An earlier version of this article said that the vote was on Monday."


@pytest.fixture
def client(file, make):
    with Archive.open(file, make.clock) as archive:
        for texts, title in (
            ((ONE, TWO, THREE), "Dredger stays"),
            ((MONDAY, TWO, THREE, NOTICE), "Dredger stays"),
            ((MONDAY, TWO, NOTICE), "Dredger stays for a year"),
        ):
            archive.save([make.outcome(URL, *texts, title=title, removed=(f"Share {title}",))])
            settle(archive.db, make.clock)
    return RoomClient(file)


def test_a_diff_stands_side_by_side_too(client):
    page = client.page(f"a/article/{STORY}/diff?from=1&to=3&layout=beside")
    assert page.count('class="pair"') == 3
    assert "<ins>" in page.split("<h1")[1].split("</h1>")[0]


@pytest.mark.parametrize("path", ["article/5/diff", f"article/{STORY}/diff?to=9", f"article/{STORY}/diff?to=1"])
def test_what_cannot_be_compared_is_said(client, path):
    assert client.get(f"a/{path}").status_code == 404


def test_a_revision_whose_text_was_not_kept_is_not_compared(client, file):
    with sqlite3.connect(file) as db:
        db.execute(f"DELETE FROM {REVISION_BLOCKS} WHERE number = 1")
    assert client.get(f"a/article/{STORY}/diff?to=2").status_code == 404
    assert client.get(f"a/article/{STORY}/diff").status_code == 200
