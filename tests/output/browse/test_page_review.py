"""Review of pages: one of each layout in turn, mixed layouts and uncertain texts first; what is known then."""

from typing import Any

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.browse.page_review import ReviewedLayout, find_judged_page, read_page_review
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Review, store_review
from tests.internal_tables import BLOCK_TEXTS, LAYOUTS, PAGE_BLOCKS, SHELF
from tests.output.browse.conftest import SITE, RoomClient, visible_text
from tests.output.browse.test_pages import PAYLOADS, assert_inert
from tests.output.filled_rows import put

AT, VERSION = "2026-01-02", "17"


@pytest.fixture
def db(archive):
    """Pages 1 to 9: an article that a revisit's body holds, one that is shelved, and others; two layouts."""
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    for number in range(1, 10):
        layout = {1: 1, 2: 1, 3: 2, 4: 2, 5: 2}.get(number)
        put(db, "urls", number, id=number, url=f"u{number}", host="h", kind="page", state="done")
        page_type = "teaser" if number < 8 else "list"
        put(db, "pages", number, id=number, capture_id=number, layout_id=layout, page_type=page_type, evidence="[]",
            cleaner_version=VERSION, certainty=number / 10)  # fmt: skip
        put(db, "captures", number, id=number, warc_file=None if number == 4 else f"f{number}", warc_offset=number,
            warc_length=10 * number, fetched_at=AT, refers_to=90 if number == 1 else None)  # fmt: skip
    body = {"warc_file": "body", "warc_offset": 9, "warc_length": 90, "payload_digest": "sha1:9", "refers_to": None}
    put(db, "captures", 90, id=90, **body)
    put(db, "articles", 1, id=11, page_id=1, text="Text", title="One", language="en", cleaner_version="x")
    put(db, SHELF, 2, id=12, page_id=2, why="a copy", article="{}")
    for number, (pages, articles) in enumerate(((2, 2), (3, 1)), 1):
        put(db, LAYOUTS, number, id=number, host="h", pages=pages, articles=articles, kind="k", evidence="e")
    put(db, BLOCK_TEXTS, 1, id=5, text="A block")
    put(db, PAGE_BLOCKS, 1, page_id=1, position=3, block_id=5, kept=1, kind=0)
    return db


def review_of(url: str, block: int | None = None, **changes: Any) -> Review:
    values = {"is_kept": True, "reason": "teaser", "rule": "", "is_right": True, "judged_at": AT}
    values["cleaner_version"] = VERSION
    return Review(url, "h", block, **(values | changes))


def test_mixed_layouts_go_first_then_the_largest_and_those_that_were_judged_last(db):
    proposals = []
    while page := read_page_review(db).proposal:
        assert page.capture_id == (0 if page.page_id == 4 else page.page_id), "the raw response of 4 was not kept"
        proposals.append((page.page_id, page.layout.id, page.layout.pages, page.layout.articles, page.layout.evidence))
        store_review(db, review_of(page.url))
    first = [(3, 2, 3, 1, "e"), (1, 1, 2, 2, "e"), (8, 0, 2, 0, "list"), (6, 0, 2, 2, "teaser")]
    assert proposals[:4] == first
    assert [page_id for page_id, *_ in proposals[4:]] == [4, 2, 9, 7, 5]
    for n in range(1, 10):
        store_review(db, review_of(f"u{n}", judged_at=f"2026-01-0{n}"))
    view = read_page_review(db)
    assert (view.proposal, len(view.latest), view.figures.overall.judged) == (None, 9, 9)
    assert [page.url for page in view.latest[:2]] == ["u9", "u8"]


@pytest.mark.parametrize(
    ("pages", "articles", "is_mixed"), [(3, 0, False), (3, 1, True), (3, 2, True), (3, 3, False), (0, 0, False)]
)
def test_a_layout_is_mixed_between_none_and_all(pages, articles, is_mixed):
    assert ReviewedLayout(1, "h", pages, articles, "", "").is_mixed is is_mixed


@pytest.mark.parametrize(("number", "kept", "why"), [(1, True, ""), (2, False, "a copy"), (6, False, "")])
def test_a_page_is_an_article_by_its_own_row(db, number, kept, why):
    assert find_judged_page(db, number) == Review(f"u{number}", "h", None, kept, "teaser", why, None, "", VERSION)
    assert find_judged_page(db, 99) is None


INSERT = f"INSERT INTO {LAYOUTS} (id, host, signature, pages, articles, kind, evidence) VALUES (?, ?, x'', ?, ?, ?, ?)"
MADE_LAYOUTS = ((1, 6, 3, "", "of several kinds"), (2, 3, 0, "list", "tables of contents"), (3, 1, 1, "article", ""))


@pytest.fixture
def filled(file, make):
    """Ten pages in three layouts, and one whose layout is not known."""
    with Archive.open(file, make.clock) as archive:
        for number in range(11):
            is_article = number % 2 == 0 and number not in (6, 8)
            changes = {} if is_article else {"page_type": PageType.LIST}
            archive.save([make.outcome(f"{SITE}/{number}", f"Words of {number}.", title=f"Page {number}", **changes)])
        for layout_id, pages, articles, kind, evidence in MADE_LAYOUTS:
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
