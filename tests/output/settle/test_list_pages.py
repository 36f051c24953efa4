"""Which article pages only repeat other articles: a page of three stories in full, and all that is nearly one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlite_utils import Database

from broadsheet.output.settle.list_pages import (
    _count_covering_articles,
    create_pages_view,
    find_list_pages,
)
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.site_repeats import create_kept_view, find_common_texts
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

MAX_BLOCK_PAGES, MAX_STORY_PAGES = 50, 10

WHOLE = 9
"""The number of the page that may repeat the others."""


def paragraph(name: str, count: int = 20) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def story(name: str) -> list[str]:
    return [paragraph(f"{name}{part}") for part in "abc"]


STORIES = {1: story("one"), 2: story("two"), 3: story("three")}
ALL_STORIES = [text for texts in STORIES.values() for text in texts]
LETTER, ANSWER, REST = ALL_STORIES[:2], ALL_STORIES[2:3], ALL_STORIES[3:6]


def list_pages(archive: Archive, make: Maker, pages: dict[int, Sequence[str]], **changes: object) -> dict[int, int]:
    """By page number how many articles it repeats, of pages by number with their kept paragraphs."""
    urls = {number: f"http://a.test/{number}" for number in pages}
    archive.save(
        [make.outcome(urls[number], *texts, **(changes if number == WHOLE else {})) for number, texts in pages.items()]
    )
    ids = dict(archive.db.execute("SELECT url, id FROM urls").fetchall())
    numbers = {ids[url]: number for number, url in urls.items()}
    return {numbers[page]: count for page, count in result_of(archive.db, numbers, pages).items()}


def result_of(db: Database, numbers: dict[int, int], pages: dict[int, Sequence[str]]) -> dict[int, int]:
    create_kept_view(db)
    find_common_texts(db, in_whole_archive=True)
    db.execute("CREATE TEMP TABLE settle_layout_out (page_id INTEGER PRIMARY KEY, is_out INTEGER NOT NULL)")
    create_pages_view(db)
    return find_list_pages(db, in_whole_archive=True)


def test_a_page_of_several_stories_in_full_repeats_them(archive: Archive, make: Maker) -> None:
    assert list_pages(archive, make, {**STORIES, WHOLE: ALL_STORIES}) == {WHOLE: 3}


def test_a_page_that_repeats_one_story_is_no_list(archive: Archive, make: Maker) -> None:
    pages = {1: STORIES[1], WHOLE: [*STORIES[1], paragraph("own", 9)]}
    assert list_pages(archive, make, pages) == {}


@pytest.mark.parametrize(("own_words", "is_list"), [(40, True), (50, False)], ids=["40 of 220 words", "50 of 230"])
def test_what_the_page_has_of_its_own_may_be_a_fifth(
    archive: Archive, make: Maker, own_words: int, is_list: bool
) -> None:
    pages = {**STORIES, WHOLE: [*ALL_STORIES, paragraph("own", own_words)]}
    assert (WHOLE in list_pages(archive, make, pages)) is is_list


def test_short_lines_of_the_page_itself_do_not_count(archive: Archive, make: Maker) -> None:
    lines = [f"{day:02} May, {hour:02}:00 CET" for day in range(1, 29) for hour in range(10, 24)]
    assert all(len(line) < 20 for line in lines)
    assert sum(map(len, lines)) > sum(map(len, ALL_STORIES))
    assert list_pages(archive, make, {**STORIES, WHOLE: [*ALL_STORIES, *lines]}) == {WHOLE: 3}


def test_a_story_is_not_a_part_of_a_shorter_page(archive: Archive, make: Maker) -> None:
    pages = {1: [*ALL_STORIES, paragraph("more", 60)], 2: STORIES[2], WHOLE: ALL_STORIES[:3]}
    assert WHOLE not in list_pages(archive, make, pages)


def test_what_stands_on_many_pages_is_evidence_of_nothing(archive: Archive, make: Maker) -> None:
    repeated = ALL_STORIES[3:]
    others = {100 + number: [*repeated, paragraph(f"page{number}x")] for number in range(MAX_BLOCK_PAGES + 1)}
    assert WHOLE not in list_pages(archive, make, {**others, WHOLE: [*repeated, paragraph("last", 200)]})


@pytest.mark.parametrize(("others", "is_list"), [(MAX_STORY_PAGES - 1, True), (MAX_STORY_PAGES, False)])
def test_what_a_series_says_on_all_its_pages_is_no_story(
    archive: Archive, make: Maker, others: int, is_list: bool
) -> None:
    """Two notices, each on as many pages, which have next to nothing else."""
    notices = paragraph("licence"), paragraph("ideas")
    pages = {
        100 * kind + number: [notice, paragraph(f"day{kind}of{number}x", 3)]
        for kind, notice in enumerate(notices, 1) for number in range(others)
    }  # fmt: skip
    assert (WHOLE in list_pages(archive, make, {**pages, WHOLE: [*notices, paragraph("own", 7)]})) is is_list


@pytest.mark.parametrize(
    ("pages", "count"), [({1: LETTER + REST, 2: ANSWER + REST}, 0), ({1: LETTER, 2: ANSWER, 3: REST}, 3)]
)
def test_articles_that_say_mostly_the_same_are_one_story(
    archive: Archive, make: Maker, pages: dict[int, list[str]], count: int
) -> None:
    """A letter and its answer, each with the exchange before them, repeat one story; by themselves they are three."""
    whole = {WHOLE: LETTER + ANSWER + REST}
    assert list_pages(archive, make, pages | whole) == ({WHOLE: count} if count else {})


def test_a_story_that_adds_next_to_nothing_is_not_counted(archive: Archive, make: Maker) -> None:
    pages = {**STORIES, 4: [paragraph("tiny", 5)], WHOLE: [*ALL_STORIES, paragraph("tiny", 5)]}
    assert list_pages(archive, make, pages) == {WHOLE: 3}


def test_a_part_that_names_the_whole_as_its_canonical_is_no_story_of_its_own(archive: Archive, make: Maker) -> None:
    parts = {number: f"http://a.test/{number}" for number in STORIES}
    archive.save([make.outcome(parts[number], *STORIES[number], canonical="http://a.test/9") for number in STORIES])
    archive.save([make.outcome("http://a.test/9", *ALL_STORIES)])
    numbers = {page_id: int(url[-1]) for url, page_id in archive.db.execute("SELECT url, id FROM urls").fetchall()}
    assert result_of(archive.db, numbers, {**STORIES, WHOLE: ALL_STORIES}) == {}


def test_parts_with_the_title_of_the_whole_are_no_stories_of_their_own(archive: Archive, make: Maker) -> None:
    archive.save([make.outcome(f"http://a.test/{number}", *STORIES[number], title="The whole") for number in STORIES])
    archive.save([make.outcome("http://a.test/9", *ALL_STORIES, title="The whole")])
    numbers = {page_id: int(url[-1]) for url, page_id in archive.db.execute("SELECT url, id FROM urls").fetchall()}
    assert result_of(archive.db, numbers, {**STORIES, WHOLE: ALL_STORIES}) == {}


def test_no_temporary_table_is_left(archive: Archive, make: Maker) -> None:
    for number in range(2):
        archive.save([make.outcome(f"http://a.test/{number}", *STORIES[1 + number])])
        settle(archive.db, make.clock)
        assert archive.db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []


@pytest.mark.parametrize(
    ("words", "carriers", "stories", "count"),
    [
        ([40, 40, 20], [{1}, {2}], {1, 2}, 2),
        ([40, 40, 21], [{1}, {2}], {1, 2}, 0),
        ([40, 40], [{1, 2}], {1, 2}, 0),
        ([40, 40], [{1}, {2}], {1}, 0),
        ([48, 49, 3], [{1}, {2}, {3}], {1, 2, 3}, 3),
        ([49, 49, 2], [{1}, {2}, {3}], {1, 2, 3}, 2),
        ([40, 20, 20], [{1, 2}, {2, 3}], {1, 3}, 2),
        ([40, 21, 20], [{1, 2}, {2, 3}], {1, 3}, 0),
        ([40, 20, 20], [{1, 2}, {2, 3}], {1, 2}, 0),
        ([25] * 4, [{2, 3}, {1, 2}, {3, 4}], {1, 2, 3, 4}, 2),
        ([45, 10, 45], [{1, 2}, {2, 3}], {1, 2}, 2),
        ([], [], set(), 0),
    ],
)
def test_articles_are_counted_that_cover_four_fifths_and_add_three_hundredths(
    words: list[int], carriers: list[set[int]], stories: set[int], count: int
) -> None:
    assert _count_covering_articles(dict(enumerate(words, 1)), carriers, stories) == count
    assert _count_covering_articles(dict(enumerate(words, 1)), carriers[::-1], stories) == count
