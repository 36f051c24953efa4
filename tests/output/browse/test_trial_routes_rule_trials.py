"""The page for site rules: tried on stored pages by whoever cleans beside the room; nothing is stored."""

from __future__ import annotations

import pytest

from broadsheet.output.browse.page_trials import (
    FieldChange,
    LineMatch,
    PageTrial,
    RuleFindings,
    TrialBlock,
    UntriedPage,
)
from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, article_id, save_sent, visible_text
from tests.output.browse.test_pages import PAYLOADS, assert_inert

HOST = "a.example"


def trial(response, **changes):
    match = LineMatch(1, "strip", 1, 2, "A box", "")
    blocks = (
        (TrialBlock("It is back", "share buttons", "share.icons"),),
        (TrialBlock("It goes", "a site rule of yours", "site:1"),),
    )
    fields = {
        "article_id": response.article_id, "url": response.url, "title": response.title, "kind": "changed",
        "words_before": 10, "words_after": 8, "restored": blocks[0], "removed": blocks[1], "fields": (),
        "matches": (match,),
    }  # fmt: skip
    return PageTrial(**{**fields, **changes})


class Trier:
    """Notes what it is asked to try."""

    def __init__(self):
        self.drafts, self.urls = [], []

    async def __call__(self, draft, responses):
        self.drafts.append(draft)
        self.urls += [response.url for response in responses]
        pages = tuple(trial(response) for response in responses[:1])
        return RuleFindings(("a.example.txt:3: bad",), pages, (UntriedPage(f"{SITE}/2", "it took too long"),))


@pytest.fixture
def trier():
    return Trier()


@pytest.fixture
def client(file, make, trier):
    save_sent(file, make, *(make.outcome(f"{SITE}/{number}", f"Words of {number}.") for number in (1, 2)))
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(f"{SITE}/3", "Without a record."), make.outcome("https://b.example/1", "Other.")])
    return RoomClient(file).change(try_rule=trier)


def test_rules_are_tried_on_the_pages_of_their_site_that_have_a_record(client, trier):
    answer = client.post("a/site-rules", host=HOST, rules="strip: //aside\r\n# done\r\n")
    assert answer.status_code == 200
    assert [(draft.host, draft.text, draft.file) for draft in trier.drafts] == [
        (HOST, "strip: //aside\n# done", "a.example.txt")
    ]
    assert trier.urls == [f"{SITE}/1", f"{SITE}/2"]
    page = visible_text(answer.text)
    assert "Of 1 page: 1 with another text" in page
    assert "a.example.txt:3: bad" in page
    assert "It is back back was share" in page
    assert "10 → 8 words" in page
    assert "it took too long" in page
    assert "strip: //aside" in answer.text  # to go on from


def test_the_twin_takes_the_same_form(client):
    values = client.post("a/site-rules.json", host=HOST, rules="strip: //aside").json()
    assert values["findings"]["pages"][0]["article_id"] == article_id(f"{SITE}/1")
    assert values["lines"] == [
        {"line": 1, "directive": "strip", "pages": 1, "matches": 2, "sample": "A box", "problem": ""}
    ]
    assert client.json("a/site-rules.json")["findings"] is None


def test_the_page_offers_the_sites_of_the_archive_the_largest_first(client):
    assert client.json("a/site-rules.json")["hosts"] == [HOST, "b.example"]
    assert "site-rules" in client.page("a/rules")
    assert client.get("a/site-rules?host=c.example").status_code == 404


def test_the_rules_can_be_saved_as_their_file(client, trier):
    answer = client.post("a/site-rules", host=HOST, rules="strip: //aside", download=1)
    assert (answer.text, trier.drafts) == ("strip: //aside\n", [])
    assert 'filename="a.example.txt"' in answer.headers["content-disposition"]


def test_what_may_not_or_cannot_be_tried_is_said(client):
    assert client.post("a/site-rules", host=HOST, rules="x", token="of another run").status_code == 403
    assert client.post("a/site-rules", host=HOST, rules="x" * 50_001).status_code == 400
    assert client.post("a/site-rules", host=HOST, rules="x" * 50_000).status_code == 200
    assert client.post("a/site-rules", {"origin": "http://127.0.0.1:1"}, host=HOST, rules="x").status_code == 403

    async def refuse(*_):
        raise NotHereError("the rules cannot be read: it took too long")

    answer = client.change(try_rule=refuse).post("a/site-rules", host=HOST, rules="x")
    assert (answer.status_code, "took too long" in answer.text) == (404, True)
    assert client.change(try_rule=None).post("a/site-rules", host=HOST, rules="x").status_code == 404
    assert "Nothing that cleans pages" in client.change(try_rule=None).page("a/site-rules")


def test_a_room_that_is_read_only_tries_nothing(client, file, trier):
    read_only = RoomClient(file, may_write=False).change(try_rule=trier)
    assert "read only: no rules are tried" in read_only.page("a/site-rules")
    assert read_only.post("a/site-rules", host=HOST, rules="x").status_code == 403


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_pages_and_rules_is_text(client, payload):
    async def hostile(_, responses):
        block, match = TrialBlock(payload, payload, payload), LineMatch(1, payload, 1, 1, payload, payload)
        page = trial(
            responses[0], title=payload, url=payload, restored=(block,), removed=(block,), matches=(match,),
            fields=(FieldChange(payload, payload, payload),),
        )  # fmt: skip
        return RuleFindings((payload,), (page,), (UntriedPage(payload, payload),))

    assert_inert(client.change(try_rule=hostile).post("a/site-rules", host=HOST, rules=payload).text)
