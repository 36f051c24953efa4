"""Review: proposes one block a rule, stores what the person says, and shows what is known then."""

import pytest

from broadsheet.output.browse.block_review import NearbyBlock, Proposal, _rank, find_judged_block, read_review
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Review
from tests.internal_tables import BLOCK_TEXTS, PAGE_BLOCKS, REASONS
from tests.output.browse.conftest import visible_text
from tests.output.filled_rows import put


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
    assert "“Cannot tell”: 1, not counted in the figures" in page
    view = client.json("a/review.json")
    assert (view["figures"]["overall"]["judged"], view["latest"][0]["is_right"]) == (0, None)
    assert view["proposal"]["block_id"] != block["block_id"]


def test_while_a_crawl_owns_the_file_judgements_wait_and_count_already(client, filled, make):
    blocks = []
    with Archive.open(filled, make.clock):
        for answer in ("right", "wrong"):
            blocks.append(proposal(client))
            page = visible_text(client.page(judge(client, blocks[-1], answer=answer)))
        assert blocks[0]["block_id"] != blocks[1]["block_id"]
        assert "Of 2 judged blocks 1 was right" in page
        assert "1 decision of yours waiting" in page, "that on the block; judgements are stored at once"
        judge(client, blocks[1], undo=1)
        assert client.json("a/review.json")["figures"]["overall"]["judged"] == 1
    with Archive.open(filled, make.clock):
        pass
    assert client.json("a/review.json")["figures"]["overall"]["judged"] == 1


def test_rules_judged_least_go_first_then_doubtful_ones_then_what_stands_on_many_pages():
    rows = [
        ("a", "nothing speaks for it", "r", 0, 1, 1, 7, 7), ("a", "closing line", "r", 1, 3, 2, 7, 7),
        ("a", "above the article", "r", 0, 4, 2, 7, 7), ("a", "closing line", "s", 0, 2, 2, 7, 7),
        ("a", "closing line", "s", 0, 5, 2, 7, 7),
        ("a", "share buttons", "r", 0, 6, 9, 7, 7), ("b", "share buttons", "q", 0, 7, 1, 7, 7),
        ("a", "closing line", "judged", 0, 8, 9, 7, 7),
    ]  # fmt: skip
    judged = {("a", "closing line", "judged"): 1, ("b", "closing line", "r"): 1}
    placed = sorted(rows, key=lambda row: _rank(row, judged))
    assert [row[4] for row in placed] == [4, 3, 2, 5, 1, 6, 7, 8]


def test_a_block_is_shown_with_two_on_either_side(db):
    put(db, "articles", 1, id=11, page_id=1, url="u", host="h", title="T", text="It begins so. " * 90)
    put(db, REASONS, 1, id=1, reason="header", rule="r")
    put(db, REASONS, 2, id=2, reason="removed by hand", rule="person")
    for position in range(7):
        put(db, BLOCK_TEXTS, position, id=20 + position, text=f"Block {position}")
        reason = 1 if position == 3 else 2
        put(db, PAGE_BLOCKS, position, page_id=1, position=position, block_id=20 + position, kept=position % 2,
            kind=0, reason_id=reason)  # fmt: skip
    put(db, PAGE_BLOCKS, 8, page_id=1, position=9, block_id=23, kept=1, kind=0, reason_id=2)
    view = read_review(db)
    assert view.proposal == Proposal(
        23, 11, "T", "u", "h", 3, True, "header", "r", 1,
        tuple(NearbyBlock(number, bool(number % 2), f"Block {number}") for number in (1, 2, 3, 4, 5)),
        ("It begins so. " * 90)[:300],
    )  # fmt: skip
    verdict = find_judged_block(db, 11, 23)
    assert verdict == Review("u", "h", 23, True, "header", "r", None, "", "cleaner_version 1")
    assert find_judged_block(db, 11, 30) is find_judged_block(db, 12, 23) is None
