"""The votes on an article's blocks come from whoever judges pages beside the room."""

from __future__ import annotations

import pytest

from broadsheet.output.browse.page_trials import BlockVote, VotedBlock
from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, article_id, save_sent

ONE = article_id(f"{SITE}/1")


@pytest.fixture
def client(file, make):
    save_sent(file, make, make.outcome(f"{SITE}/1", "Words of it."))
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(f"{SITE}/2", "Without a record.")])
    return RoomClient(file)


async def judge(response):
    assert (response.url, response.record.file.endswith(".warc.gz")) == (f"{SITE}/1", True)
    votes = (BlockVote("model", False, "model/removed", "share buttons"), BlockVote("rule", True, "<b>", ""))
    return (VotedBlock(0, "Words <i>of</i> it.", False, "share buttons", "en/share", votes),)


def test_votes_are_shown_beside_each_block(client):
    client.change(judge_page=judge)
    assert client.json(f"a/article/{ONE}/votes.json")["blocks"][0]["votes"][0]["voter"] == "model"
    page = client.page(f"a/article/{ONE}/votes")
    assert "Words &lt;i&gt;of&lt;/i&gt; it." in page
    assert "&lt;b&gt;" in page
    assert f"/a/article/{ONE}/votes" in client.page(f"a/article/{ONE}?view=blocks")


def test_what_cannot_be_judged_is_said(client):
    async def refuse(_):
        raise NotHereError("the page cannot be judged: cleaning it broke the worker")

    assert client.get(f"a/article/{ONE}/votes").status_code == 404
    client.change(judge_page=refuse)
    answer = client.get(f"a/article/{ONE}/votes")
    assert answer.status_code == 404
    assert "broke the worker" in answer.text
    assert client.get(f"a/article/{article_id(f'{SITE}/2')}/votes").status_code == 404
    assert client.get("a/article/99999999999999999999/votes").status_code == 400
    assert client.get("a/article/99999999999999999999/votes.json").json()["status"] == 400
