"""Page review by its parts: the order of layouts, and what a judgement makes an annotated page say."""

from __future__ import annotations

from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.output.browse.page_review import (
    ReviewedLayout,
    annotated_pages,
    find_judged_page,
    read_page_review,
)
from broadsheet.output.browse.strict_requests import NotHereError
from broadsheet.output.raw.raw_exchange import RecordLocation
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Review, store_review
from tests.internal_tables import BLOCK_TEXTS, LAYOUTS, PAGE_BLOCKS, SHELF
from tests.output.filled_rows import put

AT, VERSION = "2026-01-02", "17"


@pytest.fixture
def db(archive: Archive) -> Database:
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
    put(
        db,
        "captures",
        90,
        id=90,
        warc_file="body",
        warc_offset=9,
        warc_length=90,
        payload_digest="sha1:9",
        refers_to=None,
    )
    put(db, "articles", 1, id=11, page_id=1, text="Text", title="One", language="en", cleaner_version="x")
    put(db, SHELF, 2, id=12, page_id=2, why="a copy", article="{}")
    for number, (pages, articles) in enumerate(((2, 2), (3, 1)), 1):
        put(db, LAYOUTS, number, id=number, host="h", pages=pages, articles=articles, kind="k", evidence="e")
    put(db, BLOCK_TEXTS, 1, id=5, text="A block")
    put(db, PAGE_BLOCKS, 1, page_id=1, position=3, block_id=5, kept=1, kind=0)
    return db


def judged(url: str, block: int | None = None, **changes: Any) -> Review:
    values = {
        "is_kept": True,
        "reason": "teaser",
        "rule": "",
        "is_right": True,
        "judged_at": AT,
        "cleaner_version": VERSION,
    }
    return Review(url, "h", block, **(values | changes))


def test_mixed_layouts_go_first_then_the_largest_and_those_that_were_judged_last(db: Database) -> None:
    proposals = []
    while page := read_page_review(db).proposal:
        assert page.capture_id == (0 if page.page_id == 4 else page.page_id), "the raw response of 4 was not kept"
        proposals.append((page.page_id, page.layout.id, page.layout.pages, page.layout.articles, page.layout.evidence))
        store_review(db, judged(page.url))
    first = [(3, 2, 3, 1, "e"), (1, 1, 2, 2, "e"), (8, 0, 2, 0, "list"), (6, 0, 2, 2, "teaser")]
    assert proposals[:4] == first
    assert [page_id for page_id, *_ in proposals[4:]] == [4, 2, 9, 7, 5]
    for n in range(1, 10):
        store_review(db, judged(f"u{n}", judged_at=f"2026-01-0{n}"))
    view = read_page_review(db)
    assert (view.proposal, len(view.latest), view.figures.overall.judged) == (None, 9, 9)
    assert [page.url for page in view.latest[:2]] == ["u9", "u8"]


@pytest.mark.parametrize(
    ("pages", "articles", "is_mixed"), [(3, 0, False), (3, 1, True), (3, 2, True), (3, 3, False), (0, 0, False)]
)
def test_a_layout_is_mixed_between_none_and_all(pages: int, articles: int, is_mixed: bool) -> None:
    assert ReviewedLayout(1, "h", pages, articles, "", "").is_mixed is is_mixed


@pytest.mark.parametrize(("number", "kept", "why"), [(1, True, ""), (2, False, "a copy"), (6, False, "")])
def test_a_page_is_an_article_by_its_own_row(db: Database, number: int, kept: bool, why: str) -> None:
    assert find_judged_page(db, number) == Review(f"u{number}", "h", None, kept, "teaser", why, None, "", VERSION)
    assert find_judged_page(db, 99) is None


ROW = {"id": "1", "url": "u1", "page_type": "article", "title": "One", "language": "en"}
BLOCK = judged("u1", 5, text="Words")


@pytest.mark.parametrize(
    ("reviews", "row"),
    [
        ([judged("u1")], {"text": "Text"}),
        ([judged("u1", is_kept=False)], {"text": "", "page_type": "teaser"}),
        ([judged("u1", judged_at="2026-01-01")], None),
        ([judged("u1", cleaner_version="16")], None),
        ([judged("u1", is_right=False)], None),
        ([judged("u1", is_right=None), BLOCK], {"must_contain": ["Words"], "must_not_contain": []}),
        ([BLOCK, judged("u1")], {"text": "Text"}),
        ([judged("u1", 5, text="Words", is_kept=False), judged("u1", 6, text="More", is_right=False)],
         {"must_contain": [], "must_not_contain": ["Words", "More"]}),
        ([judged("u1", 5, text="Words", is_kept=False, is_right=False)],
         {"must_contain": ["Words"], "must_not_contain": []}),
        ([judged("u1", 5), judged("u1", 6, text="x", is_right=None)], None),
    ],
)  # fmt: skip
def test_what_is_judged_says_this(db: Database, reviews: list[Review], row: dict[str, Any] | None) -> None:
    found = [page.row for page in annotated_pages(db, reviews, lambda *_: "<p>")]
    assert found == ([] if row is None else [ROW | row])


def test_pages_come_by_their_urls_with_the_record_that_each_has(db: Database) -> None:
    asked = []

    def read(record: RecordLocation, body: RecordLocation | None) -> str:
        asked.append((record.file, record.offset, record.length, body))
        if record.file == "f3":
            raise NotHereError("gone")
        return f"<p>{record.file}"

    reviews = [judged(f"u{number}") for number in (6, 4, 3, 1, 99)]
    assert [(page.row["url"], page.html) for page in annotated_pages(db, reviews, read)] == [
        ("u1", "<p>f1"), ("u6", "<p>f6"),
    ]  # fmt: skip
    assert asked == [("f1", 1, 10, RecordLocation("body", 9, 90, "sha1:9")), ("f3", 3, 30, None), ("f6", 6, 60, None)]
    (loose,) = annotated_pages(db, [judged("u6")], lambda *_: "")
    assert (loose.row["title"], loose.row["language"], loose.row["text"]) == ("", "", "")
