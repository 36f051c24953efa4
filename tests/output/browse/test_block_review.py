"""Review: proposes one block a rule, stores what the person says, and shows what is known then."""

from __future__ import annotations

import re
import tomllib

import pytest

from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.ruling_journal import journal_path
from tests.output.browse.conftest import RoomClient, article_id, visible_text


def judge(client, proposal, *, answer="right", **fields):
    reply = client.post(
        "a/reviews", article=proposal["article_id"], block=proposal["block_id"], answer=answer, **fields
    )
    assert reply.status_code == 303, reply.text
    return reply.headers["location"]


def proposal(client):
    return client.json("a/review.json")["proposal"]


def test_each_rule_is_judged_once_before_any_is_twice_and_then_it_ends(client):
    rules = []
    while (block := proposal(client)) and len(rules) < 20:
        rules.append((block["rule"], block["is_kept"]))
        judge(client, block)
    assert len(rules) == 5
    assert set(rules[:2]) == {("selected", True), ("share.icons", False)}
    assert "Nothing is left to judge" in client.page("a/review")


def test_what_stands_for_many_pages_is_proposed_first_with_what_is_around_it(client):
    block = proposal(client)
    texts = {near["position"]: near["text"] for near in block["blocks"]}
    assert (texts[block["position"]], block["pages"]) == ("Share this story", 2)
    assert len(texts) > 1


def test_judgements_are_counted_with_an_interval_and_taken_back(client):
    first = proposal(client)
    location = judge(client, first)
    assert "Noted as right" in client.page(location)
    second = proposal(client)
    assert second["block_id"] != first["block_id"]
    page = visible_text(client.page(judge(client, second, answer="wrong")))
    assert "Of 2 judged blocks 1 was right: 9 to 91 %." in page
    assert "Restore it elsewhere too" in page or "Remove it elsewhere too" in page
    judge(client, second, undo=1)
    view = client.json("a/review.json")
    assert (view["figures"]["overall"]["right"], view["figures"]["overall"]["judged"]) == (1, 1)
    assert view["proposal"]["block_id"] == second["block_id"]


def test_judgements_are_test_cases(client):
    blocks = []
    for answer in ("right", "wrong", "unsure"):
        blocks.append(proposal(client))
        judge(client, blocks[-1], answer=answer)
    cases = tomllib.loads(client.page("a/review/cases.toml"))["case"]
    assert [case["kept"] for case in cases] == [blocks[0]["is_kept"], not blocks[1]["is_kept"]]
    assert all(case["url"].startswith("https://a.example/") and case["text"] for case in cases)


def block_of(client, judged):
    blocks = client.json(f"a/article/{judged['article_id']}.json")["blocks"]
    return next(block for block in blocks if block["block_id"] == judged["block_id"])


@pytest.mark.parametrize("answer", ["right", "unsure"])
def test_what_is_right_or_cannot_be_told_changes_no_text(client, answer):
    block = proposal(client)
    before = block_of(client, block)
    judge(client, block, answer=answer)
    assert block_of(client, block) == before


def test_a_wrong_verdict_is_mended_in_the_same_step_and_taken_back_in_one(client):
    for judged in range(2):  # a block that was kept, and one that was removed
        block = proposal(client)
        before = block_of(client, block)
        page = visible_text(client.page(judge(client, block, answer="wrong")))
        mended = block_of(client, block)
        assert (mended["is_kept"], mended["ruled"]) == (not before["is_kept"], "article")
        assert f"Noted as wrong, and {'removed' if before['is_kept'] else 'restored'} in this article" in page
        judge(client, block, undo=1)
        assert block_of(client, block) == before
        assert client.json("a/review.json")["figures"]["overall"]["judged"] == judged
        judge(client, block)


def test_taking_a_judgement_back_leaves_a_ruling_that_was_made_before(client):
    block = proposal(client)
    judge(client, block)
    client.post("a/rulings", article=block["article_id"], block=block["block_id"], keep=int(not block["is_kept"]))
    ruled = block_of(client, block)
    judge(client, block, undo=1)
    assert block_of(client, block) == ruled
    assert ruled["is_kept"] is not block["is_kept"]


def test_cannot_tell_is_an_answer_that_moves_no_figure(client):
    block = proposal(client)
    page = visible_text(client.page(judge(client, block, answer="unsure")))
    assert "Noted as unsure." in page
    assert "“Cannot tell”: 1, in none of the figures" in page
    view = client.json("a/review.json")
    assert (view["figures"]["overall"]["judged"], view["latest"][0]["is_right"]) == (0, None)
    assert view["proposal"]["block_id"] != block["block_id"]


def test_error_bars_follow_the_judgements(client):
    judge(client, proposal(client))
    first = client.page("a/review")
    judge(client, proposal(client), answer="wrong")
    bars = re.compile(r'class="interval".*?<rect x="([0-9.]+)" y="2" width="([0-9.]+)"', re.S)
    assert bars.findall(first)[0] == ("20.7", "79.3")
    assert bars.findall(client.page("a/review"))[0] == ("9.5", "81.1")


def test_while_a_crawl_owns_the_file_judgements_wait_and_count_already(client, filled, make):
    blocks = []
    with Archive.open(filled, make.clock):
        for answer in ("right", "wrong"):
            blocks.append(proposal(client))
            page = visible_text(client.page(judge(client, blocks[-1], answer=answer)))
        assert blocks[0]["block_id"] != blocks[1]["block_id"]
        assert "Of 2 judged blocks 1 was right" in page
        assert "3 decisions of yours waiting" in page
        judge(client, blocks[1], undo=1)
        assert client.json("a/review.json")["figures"]["overall"]["judged"] == 1
        assert len(tomllib.loads(client.page("a/review/cases.toml"))["case"]) == 1
    with Archive.open(filled, make.clock):
        pass
    assert not journal_path(filled).exists()
    assert client.json("a/review.json")["figures"]["overall"]["judged"] == 1


def test_a_block_that_is_not_there_is_refused_and_read_only_shows_no_form(client, filled):
    reply = client.post("a/reviews", article=article_id("https://a.example/1"), block=5, answer="right")
    assert reply.status_code == 404
    page = RoomClient(filled, may_write=False).page("a/review")
    assert '<form method="post"' not in page
