"""The votes on an article's blocks come from whoever judges pages beside the room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from broadsheet.output.browse.application import make_app
from broadsheet.output.browse.page_trials import BlockVote, VotedBlock
from broadsheet.output.browse.strict_requests import NotHereError, loopback_authorities
from broadsheet.output.raw.raw_exchange import RawExchange
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import ORIGIN, PORT, SITE, RoomClient, article_id

ONE = article_id(f"{SITE}/1")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


@pytest.fixture
def client(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.keep_raw({"software": "tests"})
        outcome = make.outcome(f"{SITE}/1", "Words of it.")
        exchange = RawExchange(b"GET /1 HTTP/1.1\r\n\r\n", HEAD, b"<p>Words of it.</p>")
        archive.save([replace(outcome, capture=replace(outcome.capture, raw=exchange))])
        archive.save([make.outcome(f"{SITE}/2", "Without a record.")])
    return RoomClient(file)


def judged_by(client, judge):
    room = replace(client.room, judge_page=judge)
    client.http = TestClient(make_app(room, loopback_authorities(PORT)), base_url=ORIGIN)
    return client


async def judge(response):
    assert (response.url, response.record.file.endswith(".warc.gz")) == (f"{SITE}/1", True)
    votes = (BlockVote("model", False, "model/removed", "share buttons"), BlockVote("rule", True, "<b>", ""))
    return (VotedBlock(0, "Words <i>of</i> it.", False, "share buttons", "en/share", votes),)


def test_votes_are_shown_beside_each_block(client):
    client = judged_by(client, judge)
    assert client.json(f"a/article/{ONE}/votes.json")["blocks"][0]["votes"][0]["voter"] == "model"
    page = client.page(f"a/article/{ONE}/votes")
    assert "Words &lt;i&gt;of&lt;/i&gt; it." in page
    assert "&lt;b&gt;" in page
    assert f"/a/article/{ONE}/votes" in client.page(f"a/article/{ONE}?view=blocks")


def test_what_cannot_be_judged_is_said(client):
    async def refuse(_):
        raise NotHereError("the page cannot be judged: cleaning it broke the worker")

    assert client.get(f"a/article/{ONE}/votes").status_code == 404
    client = judged_by(client, refuse)
    answer = client.get(f"a/article/{ONE}/votes")
    assert answer.status_code == 404
    assert "broke the worker" in answer.text
    assert client.get(f"a/article/{article_id(f'{SITE}/2')}/votes").status_code == 404
    assert client.get("a/article/99999999999999999999/votes").status_code == 400
    assert client.get("a/article/99999999999999999999/votes.json").json()["status"] == 400
