"""Review: proposes one block a rule, stores what the person says, and shows what is known then."""

from __future__ import annotations

import tomllib

from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.ruling_journal import journal_path
from tests.output.browse.conftest import RoomClient, article_id, visible_text


def judge(client, proposal, *, right=1, **fields):
    answer = client.post("a/reviews", article=proposal["article_id"], block=proposal["block_id"], right=right, **fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


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
    page = visible_text(client.page(judge(client, second, right=0)))
    assert "Of 2 judged blocks 1 was right: 9 to 91 %." in page
    assert "Restore the block too" in page or "Remove the block too" in page
    judge(client, second, undo=1)
    view = client.json("a/review.json")
    assert (view["figures"]["overall"]["right"], view["figures"]["overall"]["judged"]) == (1, 1)
    assert view["proposal"]["block_id"] == second["block_id"]


def test_judgements_are_test_cases(client):
    blocks = []
    for right in (1, 0):
        blocks.append(proposal(client))
        judge(client, blocks[-1], right=right)
    cases = tomllib.loads(client.page("a/review/cases.toml"))["case"]
    assert [case["kept"] for case in cases] == [blocks[0]["is_kept"], not blocks[1]["is_kept"]]
    assert all(case["url"].startswith("https://a.example/") and case["text"] for case in cases)


def test_a_judgement_changes_no_text(client):
    block = proposal(client)
    before = client.json(f"a/article/{block['article_id']}.json")["blocks"]
    judge(client, block, right=0)
    assert client.json(f"a/article/{block['article_id']}.json")["blocks"] == before


def test_while_a_crawl_owns_the_file_judgements_wait_and_count_already(client, filled, make):
    blocks = []
    with Archive.open(filled, make.clock):
        for right in (1, 0):
            blocks.append(proposal(client))
            page = visible_text(client.page(judge(client, blocks[-1], right=right)))
        assert blocks[0]["block_id"] != blocks[1]["block_id"]
        assert "Of 2 judged blocks 1 was right" in page
        assert "2 decisions of yours waiting" in page
        judge(client, blocks[1], undo=1)
        assert client.json("a/review.json")["figures"]["overall"]["judged"] == 1
        assert len(tomllib.loads(client.page("a/review/cases.toml"))["case"]) == 1
    with Archive.open(filled, make.clock):
        pass
    assert not journal_path(filled).exists()
    assert client.json("a/review.json")["figures"]["overall"]["judged"] == 1


def test_a_block_that_is_not_there_is_refused_and_read_only_shows_no_form(client, filled):
    answer = client.post("a/reviews", article=article_id("https://a.example/1"), block=5, right=1)
    assert answer.status_code == 404
    page = RoomClient(filled, may_write=False).page("a/review")
    assert "<button" not in page
