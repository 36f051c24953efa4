"""Review of pages: one of each layout in turn, mixed layouts and uncertain texts first; what is known then."""

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import LAYOUTS as LAYOUTS_TABLE
from tests.output.browse.conftest import SITE, RoomClient, visible_text
from tests.output.browse.test_pages import PAYLOADS, assert_inert

INSERT = (
    f"INSERT INTO {LAYOUTS_TABLE} (id, host, signature, pages, articles, kind, evidence) VALUES (?, ?, x'', ?, ?, ?, ?)"
)
LAYOUTS = ((1, 6, 3, "", "of several kinds"), (2, 3, 0, "list", "tables of contents"), (3, 1, 1, "article", ""))


@pytest.fixture
def filled(file, make):
    """Ten pages in three layouts, and one whose layout is not known."""
    with Archive.open(file, make.clock) as archive:
        for number in range(11):
            is_article = number % 2 == 0 and number not in (6, 8)
            changes = {} if is_article else {"page_type": PageType.LIST}
            archive.save([make.outcome(f"{SITE}/{number}", f"Words of {number}.", title=f"Page {number}", **changes)])
        for layout_id, pages, articles, kind, evidence in LAYOUTS:
            archive.db.execute(INSERT, [layout_id, "a.example", pages, articles, kind, evidence])
        for number in range(10):
            layout_id = 1 if number < 6 else 2 if number < 9 else 3
            f1 = 0.4 if number == 4 else 0.9
            changed = "UPDATE pages SET layout_id = ?, certainty = ? WHERE title = ?"
            archive.db.execute(changed, [layout_id, f1, f"Page {number}"])
    return file


def proposal(client):
    return client.json("a/review/pages.json")["proposal"]


def judge(client, page, answer="right", **fields):
    reply = client.post("a/reviews", page=page["page_id"], answer=answer, **fields)
    assert reply.status_code == 303, reply.text
    return reply.headers["location"]


def test_an_article_is_shown_with_its_blocks_and_another_page_with_what_it_stands_for(client):
    article = proposal(client)
    assert [block["text"] for block in article["blocks"]] == ["Words of 4."]
    page = visible_text(client.page("a/review/pages"))
    assert "Is this the article, and all of it?" in page
    assert "6 pages that are made alike, 3 of them articles: of several kinds" in page
    assert "expected F1 0.40" in page
    judge(client, article)
    page = visible_text(client.page("a/review/pages"))
    assert "Is this rightly no article?" in page
    assert "3 pages that are made alike, 0 of them articles: tables of contents" in page


def test_judgements_on_pages_are_counted_by_themselves_and_taken_back(client):
    page = proposal(client)
    assert "Noted as wrong" in client.page(judge(client, page, answer="wrong"))
    view = client.json("a/review/pages.json")
    assert (view["figures"]["overall"]["right"], view["figures"]["overall"]["judged"]) == (0, 1)
    assert list(view["figures"]["by_reason"]) == ["article"]
    assert client.json("a/review.json")["figures"]["overall"]["judged"] == 0
    judge(client, page, undo=1)
    assert client.json("a/review/pages.json")["figures"]["overall"]["judged"] == 0
    assert proposal(client)["page_id"] == page["page_id"]


def text_of(client, page):
    return client.json(f"a/article/{page['article_id']}.json")["markdown"]


def is_out(client, page):
    return client.json(f"a/article/{page['article_id']}.json")["shelving_reason"] == "withdrawn"


def test_a_page_that_is_no_article_is_taken_out_in_the_same_step_and_given_back(client):
    page = proposal(client)
    shown = visible_text(client.page(judge(client, page, answer="none")))
    assert "Noted as no article, and taken out." in shown
    assert (text_of(client, page), is_out(client, page)) == ("Words of 4.", True)
    assert client.json("a/review/pages.json")["figures"]["overall"] | {"low": 0, "high": 0} == {
        "right": 0, "judged": 1, "low": 0, "high": 0,
    }  # fmt: skip
    assert "a person says that it is no article" in client.page(f"a/article/{page['article_id']}")
    judge(client, page, undo=1)
    assert not is_out(client, page)


def test_a_text_that_is_wrong_is_left_for_the_person_to_mend(client):
    page = proposal(client)
    before = text_of(client, page)
    judge(client, page, answer="wrong")
    assert text_of(client, page) == before


def test_while_a_crawl_owns_the_file_it_waits_to_be_taken_out_and_so_does_the_undo(client, filled, make):
    with Archive.open(filled, make.clock):
        first = proposal(client)
        shown = visible_text(client.page(judge(client, first, answer="none")))
        assert "taken out once the crawl ends" in shown
        assert not is_out(client, first)
        second = next(page for page in iter(lambda: proposal(client), None) if skipped_until_article(client, page))
        judge(client, second, answer="none")
        judge(client, second, undo=1)
    with Archive.open(filled, make.clock) as archive:
        settle(archive.db)
    assert (is_out(client, first), is_out(client, second)) == (True, False)


def skipped_until_article(client, page):
    """Whether a proposed page is an article; any other is answered, so that the next one is proposed."""
    if not page["article_id"]:
        judge(client, page, answer="unsure")
    return page["article_id"] > 0


def test_a_page_that_is_not_there_is_refused_and_read_only_shows_no_form(client, filled):
    assert client.post("a/reviews", page=77, answer="right").status_code == 404
    assert '<form method="post"' not in RoomClient(filled, may_write=False).page("a/review/pages")


@pytest.mark.parametrize("payload", PAYLOADS[:6])
def test_text_of_the_web_is_text(file, make, payload):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(f"{SITE}/{payload}", payload, removed=(payload,) * 5, title=payload)])
        archive.db.execute("UPDATE pages SET layout_id = 1, evidence = json_array(?)", [payload])
        archive.db.execute(INSERT, [1, payload, 1, 1, "", payload])
    assert_inert(RoomClient(file).page("a/review/pages"))


def test_of_an_archive_without_pages_nothing_is_left_to_judge(file, make):
    Archive.open(file, make.clock).close()
    client = RoomClient(file)
    for path in ("a/review/pages", "a/review"):
        assert "Nothing is left to judge" in client.page(path)
