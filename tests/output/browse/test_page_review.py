"""Page review by its parts: the order of layouts."""

from typing import Any

import pytest

from broadsheet.output.browse.page_review import ReviewedLayout, find_judged_page, read_page_review
from broadsheet.output.write.person_verdicts import Review, store_review
from tests.internal_tables import BLOCK_TEXTS, LAYOUTS, PAGE_BLOCKS, SHELF
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


def test_mixed_layouts_go_first_then_the_largest_and_those_that_were_judged_last(db):
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
def test_a_layout_is_mixed_between_none_and_all(pages, articles, is_mixed):
    assert ReviewedLayout(1, "h", pages, articles, "", "").is_mixed is is_mixed


@pytest.mark.parametrize(("number", "kept", "why"), [(1, True, ""), (2, False, "a copy"), (6, False, "")])
def test_a_page_is_an_article_by_its_own_row(db, number, kept, why):
    assert find_judged_page(db, number) == Review(f"u{number}", "h", None, kept, "teaser", why, None, "", VERSION)
    assert find_judged_page(db, 99) is None
