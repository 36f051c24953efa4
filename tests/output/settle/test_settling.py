"""What settling takes out of the articles, pages that only repeat others first, and how it comes back."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from broadsheet.cleaners.document import PageType, PageVerdict
from broadsheet.output.archive.shelf import ShelvingReason
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.copies_and_parts import ArticlePart, Representatives
from broadsheet.output.settle.list_pages import _count_covering_articles, create_pages_view, find_list_pages
from broadsheet.output.settle.second_look import EmptiedPage, LateCopy, SecondLook
from broadsheet.output.settle.settled_rows import PageFindings
from broadsheet.output.settle.settling import SettleResult, settle
from broadsheet.output.settle.site_repeats import create_kept_view, find_common_texts
from broadsheet.output.settle.unsettled import note_settled
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.cleaned_pages import page_rows
from tests.output.conftest import Maker
from tests.output.filled_rows import put

MAX_BLOCK_PAGES, MAX_STORY_PAGES = 50, 10


def paragraph(name: str, count: int = 20) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


STORIES = {name: [paragraph(f"{name}{part}") for part in "abc"] for name in ("one", "two", "three")}
ALL = [text for texts in STORIES.values() for text in texts]
LETTER, ANSWER, REST = ALL[:2], ALL[2:3], ALL[3:6]
LINES = [f"{day:02} May, {hour:02}:00 CET" for day in range(1, 29) for hour in range(10, 24)]
SERIES = [paragraph("licence"), paragraph("ideas")]
Pages = dict[str, list[str]]


def numbered(repeated: Sequence[list[str]], count: int, words: int) -> Pages:
    """So many pages with each of these texts, which have as many words of their own."""
    kinds = enumerate(repeated)
    return {
        f"{kind}/{n}": [*texts, paragraph(f"day{kind}of{n}x", words)] for kind, texts in kinds for n in range(count)
    }


def own(count: int) -> str:
    return paragraph("own", count)


MENU, NOTICES = [ALL[3:]], [[text] for text in SERIES]
LISTS: dict[str, tuple[Pages, list[str], dict[str, str], int]] = {
    "three stories in full": (STORIES, ALL, {}, 3),
    "one story": ({"one": STORIES["one"]}, [*STORIES["one"], own(9)], {}, 0),
    "40 of 220 words are its own": (STORIES, [*ALL, own(40)], {}, 3),
    "50 of 230 words are its own": (STORIES, [*ALL, own(50)], {}, 0),
    "short lines do not count": (STORIES, [*ALL, *LINES], {}, 3),
    "a shorter page": ({"more": [*ALL, own(60)], "two": STORIES["two"]}, ALL[:3], {}, 0),
    "what stands on many pages": (numbered(MENU, MAX_BLOCK_PAGES + 1, 20), [*ALL[3:], own(200)], {}, 0),
    "notices of few pages": (numbered(NOTICES, MAX_STORY_PAGES - 1, 3), [*SERIES, own(7)], {}, 2),
    "notices of a series": (numbered(NOTICES, MAX_STORY_PAGES, 3), [*SERIES, own(7)], {}, 0),
    "articles that say mostly the same": ({"1": LETTER + REST, "2": ANSWER + REST}, LETTER + ANSWER + REST, {}, 0),
    "a letter by itself": ({"1": LETTER, "2": ANSWER, "3": REST}, LETTER + ANSWER + REST, {}, 3),
    "a story that adds next to nothing": ({**STORIES, "tiny": [own(5)]}, [*ALL, own(5)], {}, 3),
    "parts that name the whole canonical": (STORIES, ALL, {"canonical": "http://a.test/whole"}, 0),
    "parts with the title of the whole": (STORIES, ALL, {"title": "The whole"}, 0),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_page_is_a_list_that_repeats_several_articles_in_full(archive, make, name):
    """Pages, one more, by what their pages are changed, and how many of them that one repeats."""
    pages, whole, changes, repeats = LISTS[name]
    outcomes = [make.outcome(f"http://a.test/{name}", *texts, **changes) for name, texts in pages.items()]
    archive.save([*outcomes, make.outcome("http://a.test/whole", *whole, title=changes.get("title", ""))])
    create_kept_view(archive.db)
    find_common_texts(archive.db, in_whole_archive=True)
    archive.db.execute("CREATE TEMP TABLE settle_layout_out (page_id INTEGER PRIMARY KEY, is_out INTEGER NOT NULL)")
    create_pages_view(archive.db)
    urls = {row["id"]: row["url"] for row in archive.db["urls"].rows}
    found = {urls[page]: count for page, count in find_list_pages(archive.db, in_whole_archive=True).items()}
    assert found.get("http://a.test/whole", 0) == repeats


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
def test_articles_are_counted_that_cover_four_fifths_and_add_three_hundredths(words, carriers, stories, count):
    assert _count_covering_articles(dict(enumerate(words, 1)), carriers, stories) == count
    assert _count_covering_articles(dict(enumerate(words, 1)), carriers[::-1], stories) == count


ISSUE, MIRROR = "http://a.test/issue", "http://a.test/mirror/one"


def issue(make: Maker, *more: str) -> list[Outcome]:
    """A page that repeats three articles, and the three."""
    parts = [make.outcome(f"http://a.test/{name}", *texts) for name, texts in STORIES.items()]
    return [make.outcome(ISSUE, "Issue seven", *ALL, *more), *parts]


def settled(archive: Archive, make: Maker, *outcomes: Outcome) -> SettleResult:
    archive.save(outcomes)
    result = settle(archive.db, make.clock)
    assert archive.db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []
    return result


def pages(archive: Archive) -> dict[str, tuple[str, str, str, str]]:
    """By URL its reason, the types of its page and their evidence."""
    sql = "SELECT url, reason, page_type, own_type, evidence FROM pages JOIN urls USING (id) ORDER BY url"
    return {url: tuple(row) for url, *row in archive.db.execute(sql)}  # type: ignore[misc]


def test_settling_again_or_after_a_fetch_of_the_same_changes_nothing(archive, make):
    settled(archive, make, *issue(make), make.outcome(MIRROR, *STORIES["one"]))
    dump_before = list(archive.db.iterdump())
    result = settled(archive, make)
    assert (result.removed_articles, result.returned_articles, result.rewritten_rows) == (0, 0, 0)
    assert list(archive.db.iterdump()) == dump_before
    before, changes = pages(archive), archive.db["changes"].count
    articles = list(archive.db["articles"].rows)
    archive.save(issue(make)[:1])
    assert [row["url"] for row in archive.db["articles"].rows] == [row["url"] for row in articles]
    settled(archive, make)
    assert (pages(archive), archive.db["changes"].count) == (before, changes)


def test_the_evidence_says_how_many_articles_a_list_repeats_now_until_it_is_an_article_again(archive, make):
    fourth, other = paragraph("fourth", 30), paragraph("other", 30)
    archive.save(outcomes := issue(make, fourth))
    [row_before] = archive.db["articles"].rows_where("url = ?", [ISSUE])
    for text, count in (("", 3), (fourth, 4), (other, 3)):
        settled(archive, make, *[make.outcome("http://a.test/d", text)] * bool(text))
        assert pages(archive)[ISSUE] == ("list", "list", "article", f'["words=9", "repeats={count} articles"]')
    gone = [make.cleaned(part.url, "x", page_type=PageType.OTHER) for part in outcomes[1:]]
    rejudged = [replace(part, page=page_rows(page)) for part, page in zip(outcomes[1:], gone, strict=True)]
    assert settled(archive, make, *rejudged).returned_articles == 1  # the same captures, judged again
    assert list(archive.db["articles"].rows_where("url = ?", [ISSUE])) == [row_before]
    assert pages(archive)[ISSUE] == ("article", "article", "article", '["words=9"]')
    assert verify(archive.db) == []


def test_copies_of_an_article_are_not_evidence_against_it_and_are_counted_again(archive, make):
    urls = ("http://a.test/story", MIRROR, "http://a.test/p?id=1")
    first = settled(archive, make, *(make.outcome(url, *STORIES["one"], "Read our paper") for url in urls))
    archive.save([make.outcome(f"http://a.test/{n}", paragraph(f"n{n}x"), "Read our paper") for n in range(3)])
    again = [settled(archive, make), settled(archive, make)]
    counts = [(of.articles, of.list_pages, of.duplicate_pages, of.repeated_blocks) for of in (first, *again)]
    assert counts == [(1, 0, 2, 0), (4, 0, 2, 6), (4, 0, 2, 6)]
    assert [of.rejudged_pages for of in again] == [6, 0]


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::17])
def test_the_order_of_the_crawl_does_not_matter(tmp_path, make, order):
    def result(name: str, order: Sequence[int], between: bool) -> Any:
        with Archive.open(tmp_path / name, make.clock) as archive:
            outcomes = [*issue(make), make.outcome(MIRROR, *STORIES["one"], canonical="http://a.test/one")]
            for index in order:
                archive.save([outcomes[index]])
                if between:
                    settle(archive.db, make.clock)
            settle(archive.db, make.clock)
            return archive.db.execute("SELECT id, url, text FROM articles ORDER BY id").fetchall(), pages(archive)

    assert result("one.db", range(5), False) == result("two.db", order, True)


@pytest.mark.parametrize(
    ("url", "page_type", "held_reason", "reason"),
    [
        ({}, "list", "list", "list"),
        ({"fetched_at": "u"}, "list", "list", "article"),
        ({"held_at": None, "fetched_at": None}, "list", "list", "list"),
        ({"state": "failed"}, "list", "list", "article"),
        ({"held_reason": "teaser"}, "article", "article", "article"),
        ({"held_reason": "gallery"}, "other", "other", "other"),
        ({"held_reason": "redirect"}, "list", "redirect", "article"),
        ({}, "article", "article", "article"),
    ],
)
def test_a_url_has_the_settled_type_as_reason_where_its_page_is_what_it_gave_last(
    archive, url, page_type, held_reason, reason
):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    row = {"kind": "page", "state": "done", "reason": "article", "held_reason": "article", "held_at": "t"}
    put(db, "urls", 1, id=1, **(row | {"fetched_at": "t"} | url))
    put(db, "urls", 2, id=2, **(row | {"fetched_at": "t"}))
    put(db, "pages", 1, id=1, own_type="article", page_type=page_type)
    put(db, "pages", 2, id=2, own_type="list", page_type="list")
    note_settled(db)
    db.conn.commit()
    settle(db)
    found = db.execute("SELECT held_reason, reason FROM urls ORDER BY id").fetchall()
    assert found == [(held_reason, reason), ("article", "article")]


COPY, ORIGINAL, PART, HEAD, LIST, NOTICE, EMPTIED, LATE, EARLIER, PLAIN, PART_COPY, NOTICE_COPY = range(12)
OTHER = PageVerdict(PageType.OTHER, ())
FINDINGS = PageFindings(
    representatives=Representatives([(COPY, ORIGINAL), (PART_COPY, PART), (NOTICE_COPY, ORIGINAL)]),
    repeat_counts={LIST: 3, NOTICE_COPY: 3},
    parts={PART: ArticlePart(HEAD, 2)},
    layout_verdicts={NOTICE: OTHER, NOTICE_COPY: OTHER},
    second_look=SecondLook({EMPTIED: EmptiedPage("a.test", OTHER)}, {LATE: LateCopy("a.test", EARLIER)}),
    is_whole=True,
)


@pytest.mark.parametrize(
    ("page", "reason", "head"),
    [
        (COPY, ShelvingReason.DUPLICATE, ORIGINAL),
        (ORIGINAL, None, ORIGINAL),
        (PART, ShelvingReason.PART, HEAD),
        (PART_COPY, ShelvingReason.DUPLICATE, HEAD),
        (HEAD, None, HEAD),
        (LIST, ShelvingReason.LIST, LIST),
        (NOTICE, ShelvingReason.LAYOUT, NOTICE),
        (NOTICE_COPY, ShelvingReason.LAYOUT, ORIGINAL),
        (EMPTIED, ShelvingReason.EMPTIED, EMPTIED),
        (LATE, ShelvingReason.COPY, EARLIER),
        (EARLIER, None, EARLIER),
        (PLAIN, None, PLAIN),
    ],
)
def test_a_page_is_taken_out_for_one_reason_and_its_text_is_at_its_head(page, reason, head):
    assert (FINDINGS.shelving_reason(page), FINDINGS.head_page(page)) == (reason, head)
    assert reason is None or page in FINDINGS.shelvable_pages
    assert PLAIN not in FINDINGS.shelvable_pages
