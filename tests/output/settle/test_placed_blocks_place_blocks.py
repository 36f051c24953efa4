"""The judged blocks of a page with numbers of their places: which take part, and how pages are numbered together."""

from __future__ import annotations

import pytest

from broadsheet.output.settle.page_table import IS_KEPT, IS_KEPT_ELSEWHERE, IS_LEFT_OUT, IS_SHARED, PageFacts
from broadsheet.output.settle.placed_blocks import (
    PlaceNumbers,
    clear_placed,
    count_places,
    place_page,
    read_placed_pages,
    renumber,
    store_placed_page,
)
from broadsheet.output.settle.site_repeats import create_kept_view, drop_site_tables

HEADING = 32  # its kind beside the flags
LAYOUT = [("body>div.t>p", 0, 0, [], ""), ("body>div#n-7>h2", 0, 9, [], ""), ("body>div#n-8>h2>a", 0, 4, [], "")]
BLOCKS = [
    (0, 70, IS_KEPT | IS_SHARED, "eight words", 2),
    (1, 71, IS_LEFT_OUT + HEADING, "nine chars", 2),
    (2, 72, IS_KEPT_ELSEWHERE, "gone", 1),
]


def facts(chances=b"\x01\x02\x03", layout_id=5):
    return PageFacts(1, b"", chances, layout_id, "", (), "", ())


def placed(numbers, **changes):
    return place_page(facts(**changes), LAYOUT, BLOCKS, numbers)


def test_blocks_that_are_kept_or_may_come_back_take_part():
    numbers = PlaceNumbers()
    page = placed(numbers)
    assert page.rows.tolist() == [[0, 70, 1, 2, 0, 1, 1, 0, 0, 1], [1, 71, 2, 2, 900, 0, 0, 1, 2, 3]]
    assert list(numbers.numbers) == [
        (5, "body>div.t>p"),
        (5, "body>div.t>"),
        (5, "body>div#n-0>h0"),
        (5, "body>div#n-0>"),
        (5, "body>div#n-0>h0>a"),
    ]
    assert page.emptied_places.tolist() == [2, 4]
    assert (page.layout_id, page.block_count) == (5, 3)
    assert page.blocks.link_shares.tolist() == [0, 900]


@pytest.mark.parametrize("changes", [{"chances": None}, {"chances": b""}, {"layout_id": None}])
def test_a_page_without_layout_or_probabilities_takes_no_part(changes):
    numbers = PlaceNumbers()
    assert placed(numbers, **changes) is None
    assert numbers.numbers == {}


def test_probabilities_that_are_not_those_of_the_blocks_are_a_fault():
    with pytest.raises(LookupError):
        placed(PlaceNumbers(), chances=b"\x01")


def test_pages_numbered_apart_have_the_same_numbers_together():
    apart, together = PlaceNumbers(), PlaceNumbers()
    assert together.place(6, "body>p") == 0
    page = placed(apart)
    assert renumber(page, together.renumbering(apart)).place_numbers.tolist() == [[1, 2], [3, 4]]
    assert renumber(page, together.renumbering(apart)).emptied_places.tolist() == [3, 5]
    assert page.place_numbers.tolist() == [[0, 1], [2, 3]]
    assert together.place(5, "body>div#n-99>h7") == 3


def test_pages_come_back_by_id_and_only_evidence_counts(archive):
    create_kept_view(archive.db)
    numbers = PlaceNumbers()
    for page_id, is_evidence in ((3, True), (1, False), (2, True)):
        store_placed_page(archive.db, page_id, placed(numbers), is_evidence=is_evidence)
    read = list(read_placed_pages(archive.db))
    assert [(page_id, is_evidence) for page_id, is_evidence, _ in read] == [(1, False), (2, True), (3, True)]
    assert all(page.rows.tolist() == placed(numbers).rows.tolist() for *_, page in read)
    assert count_places(archive.db).layout_pages == {5: 2}
    clear_placed(archive.db)
    assert list(read_placed_pages(archive.db)) == []
    drop_site_tables(archive.db)
    assert archive.db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []
