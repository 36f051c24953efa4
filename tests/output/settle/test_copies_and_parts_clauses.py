"""Copies and parts of articles as values: each clause that groups, chooses or numbers pages has a case of its own."""

from __future__ import annotations

from typing import Any

import pytest

from broadsheet.output.archive.page_rows import PageLead
from broadsheet.output.settle.copies_and_parts import PageIdentity, assign_parts, find_representatives, word_overlap
from broadsheet.output.write.assembled_text import ArticlePart

SITE = "http://a.test"
WORDS = [f"w{n}" for n in range(100)]
OWN = {"digest": "x", "canonical_url": "own"}


def page(page_id: int, url: str = "", **values: Any) -> PageIdentity:
    """A page with a text of its own, of a hundred words."""
    own = {"title": "The wall", "canonical_url": "", "digest": f"d{page_id}", "word_count": 100} | values
    return PageIdentity(page_id, url or f"{SITE}/{page_id}", **own)


def representatives(*pages: PageIdentity, texts: dict[int, str] | None = None) -> dict[int, int]:
    """The pages that others represent; a page has another text than all others, unless one is given."""
    return dict(find_representatives(pages, lambda page_id: (texts or {}).get(page_id, f"own{page_id} " * 100)))


@pytest.mark.parametrize(
    ("first", "second", "is_copy"),
    [
        ({"digest": "x"}, {"digest": "x"}, True),
        ({"digest": "x"}, {"digest": "y"}, False),
        ({"digest": ""}, {"digest": ""}, False),
        ({"digest": "x", "word_count": 40}, {"digest": "x", "word_count": 40, "title": "Other"}, True),
        ({"digest": "x", "word_count": 39}, {"digest": "x", "word_count": 39, "title": "Other"}, False),
        ({"digest": "x", "word_count": 39}, {"digest": "x", "word_count": 39}, True),
        (OWN | {"word_count": 100}, OWN | {"word_count": 100, "title": "Other"}, True),
        (OWN | {"word_count": 99}, OWN | {"word_count": 99, "title": "Other"}, False),
        (OWN | {"word_count": 99}, OWN | {"word_count": 99}, True),
        (OWN | {"word_count": 99}, {"digest": "x", "word_count": 99, "title": "Other"}, True),
        ({"digest": "x", "word_count": 1}, {"digest": "x", "word_count": 1, "canonical_url": f"{SITE}/1"}, True),
    ],
)
def test_one_text_is_one_article_from_forty_words_or_with_one_title(first: Any, second: Any, is_copy: bool) -> None:
    """From a hundred where both pages call themselves canonical."""
    first, second = (
        page | {"canonical_url": f"{SITE}/{number}"} if page.get("canonical_url") == "own" else page
        for number, page in enumerate((first, second), 1)
    )
    assert representatives(page(1, **first), page(2, **second)) == ({2: 1} if is_copy else {})


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("a b c d e f g h i j", "a b c d e f g h i x", 0.9), ("a b c d", "a b c d x y z w", 0.5),
        ("on and on and on", "on and off", 0.4), ("", "", 0.0),
    ],
)  # fmt: skip
def test_overlap_is_of_the_longer_text_and_counts_repeats(first: str, second: str, overlap: float) -> None:
    assert word_overlap(first, second) == word_overlap(second, first) == overlap


SAME = " ".join(WORDS)


@pytest.mark.parametrize(
    ("canonical", "words", "count", "is_copy"),
    [
        (f"{SITE}/1", WORDS[:90], 90, True),
        (f"{SITE}/1", WORDS[:89], 89, False),
        (f"{SITE}/1", WORDS[:89], 100, False),
        (f"{SITE}/1", WORDS, 89, False),
        (f"{SITE}/1", WORDS, 90, True),
        (f"{SITE}/other", WORDS, 100, False),
        ("", WORDS, 100, False),
    ],
)
def test_a_canonical_url_relates_pages_of_nine_words_in_ten(
    canonical: str, words: Any, count: int, is_copy: bool
) -> None:
    """By the words that they have and by the number of them."""
    pages = page(1), page(2, canonical_url=canonical, word_count=count)
    assert representatives(*pages, texts={1: SAME, 2: " ".join(words)}) == ({2: 1} if is_copy else {})


def test_pages_that_name_one_url_that_was_not_fetched_are_compared_with_the_shortest() -> None:
    pages = [page(n, canonical_url=f"{SITE}/none", url=f"{SITE}/{'x' * n}") for n in (3, 1, 2)]
    assert representatives(*pages, texts=dict.fromkeys((1, 2, 3), SAME)) == {2: 1, 3: 1}
    parts = {1: SAME, 2: " ".join(WORDS[:90]), 3: " ".join(WORDS[10:])}  # the second is not like the third
    assert representatives(*pages, texts=parts) == {2: 1, 3: 1}
    assert representatives(*pages, texts=parts | {1: parts[2], 2: SAME}) == {2: 1}


def test_pages_that_name_one_url_are_compared_with_the_page_there() -> None:
    urls = {1: f"{SITE}/xx", 2: f"{SITE}/x", 3: f"{SITE}/xxx"}
    pages = [page(n, canonical_url=urls[3], url=url) for n, url in urls.items()]
    parts = {3: SAME, 1: " ".join(WORDS[:90]), 2: " ".join(WORDS[10:])}
    assert representatives(*pages, texts=parts) == {1: 3, 2: 3}


@pytest.mark.parametrize(
    ("pages", "chosen"),
    [
        ([page(1, f"{SITE}/b"), page(2, f"{SITE}/a")], 2),
        ([page(1, f"{SITE}/b"), page(2, f"{SITE}/aa")], 1),
        ([page(1, f"{SITE}/b"), page(2, f"{SITE}/aa", canonical_url=f"{SITE}/aa")], 2),
        ([page(1, f"{SITE}/b", canonical_url=f"{SITE}/aaa"), page(2, f"{SITE}/aaa")], 2),
        (
            [page(1, f"{SITE}/b", canonical_url=f"{SITE}/aaa"), page(2, f"{SITE}/aaa"),
             page(3, f"{SITE}/cc", canonical_url=f"{SITE}/cc")],
            2,
        ),
    ],
)  # fmt: skip
def test_the_representative_is_the_page_that_others_name_or_itself_or_the_shortest(pages: Any, chosen: int) -> None:
    same = [PageIdentity(p.page_id, p.url, p.title, p.canonical_url, "x", 100) for p in pages]
    assert set(representatives(*same).values()) == {chosen}


def lead(page_id: int, url: str, kind: str = "next", *, is_by_rule: bool = False) -> PageLead:
    return PageLead(page_id, kind, url, is_by_rule)


def parts(
    *leads: PageLead, pages: Any, awaited: Any = (), texts: Any = None, copies: Any = None
) -> dict[int, ArticlePart]:
    found = {page.page_id: page.page_id for page in pages} | (copies or {})
    return assign_parts(pages, leads, found, awaited, lambda page_id: (texts or {}).get(page_id, ""))


ONE, TWO = f"{SITE}/story", f"{SITE}/story?page=2"


@pytest.mark.parametrize(
    ("first", "second", "is_joined"),
    [
        (ONE, TWO, True),
        (ONE, f"{SITE}/story/2", True),
        (ONE, f"{SITE}/story-2.html", False),
        (f"{SITE}/story.html", f"{SITE}/story-2.html", True),
        (f"{SITE}/story-1.html", f"{SITE}/story-2.html", True),
        (f"{SITE}/top-12", f"{SITE}/top-12/page/2", True),
        (f"{SITE}/post/5", f"{SITE}/post/6", False),
        (f"{SITE}/weekly-news", f"{SITE}/more-news", False),
        (ONE, f"{SITE}/story/page/2/", True),
        (ONE, f"{SITE}/other?page=2", False),
        (ONE, "http://b.test/story?page=2", False),
        (f"{SITE}/story?page=1", TWO, True),
        (TWO, f"{SITE}/story?page=3", False),
        (TWO, ONE, False),
        (f"{SITE}/story?a=1", f"{SITE}/story?page=2&a=1", True),
        (f"{SITE}/story?a=1", f"{SITE}/story?a=1&page=2", True),
        (ONE, f"{SITE}/story?page=1000", False),
        (ONE, f"{SITE}/story?page=1", False),
    ],
)
def test_a_part_is_numbered_by_its_address(first: str, second: str, is_joined: bool) -> None:
    """The head is the first page of its article, by number."""
    pages = page(1, first), page(2, second)
    expected = {1: ArticlePart(1, 0), 2: ArticlePart(1, 1)} if is_joined else {}
    assert parts(lead(1, second), pages=pages) == expected


@pytest.mark.parametrize(
    ("first", "second", "is_joined"),
    [
        ("The wall", "The wall", True),
        ("The wall", "The Wall, page 2", True),
        ("The wall", "The wall 2 of 3", True),
        ("The wall", "The bridge", False),
        ("", "", False),
        ("2", "3", False),
    ],
)
def test_parts_have_one_title_but_for_their_number(first: str, second: str, is_joined: bool) -> None:
    pages = page(1, ONE, title=first), page(2, TWO, title=second)
    assert bool(parts(lead(1, TWO), pages=pages)) is is_joined


def test_a_rule_joins_pages_of_any_address_of_the_host_and_goes_first() -> None:
    pages = page(1, ONE), page(2, TWO), page(3, f"{SITE}/zz"), page(4, "http://b.test/zz")
    by_rule = lead(1, f"{SITE}/zz", is_by_rule=True)
    assert parts(lead(1, TWO), by_rule, pages=pages).keys() == {1, 3}
    assert parts(lead(1, "http://b.test/zz", is_by_rule=True), pages=pages) == {}


@pytest.mark.parametrize(("awaited", "is_joined"), [((), True), ((f"{SITE}/story?page=3",), False)])
def test_an_article_is_joined_when_no_page_of_it_is_awaited(awaited: Any, is_joined: bool) -> None:
    leads = lead(1, TWO), lead(2, f"{SITE}/story?page=3")
    assert bool(parts(*leads, pages=(page(1, ONE), page(2, TWO)), awaited=awaited)) is is_joined


def test_pages_that_lead_to_one_another_end_and_one_page_follows_one_other() -> None:
    pages = page(1, ONE), page(2, TWO), page(3, f"{SITE}/story?page=3"), page(4, f"{SITE}/story/")
    leads = lead(1, TWO), lead(2, f"{SITE}/story?page=3"), lead(3, ONE, is_by_rule=True), lead(4, TWO)
    assert parts(*leads[:2], pages=pages) == {1: ArticlePart(1, 0), 2: ArticlePart(1, 1), 3: ArticlePart(1, 2)}
    assert parts(*leads[:2], leads[3], pages=pages).keys() == {1, 2, 3}
    assert parts(*leads[:3], pages=pages) == {}


def test_a_copy_of_a_part_stands_for_its_representative_and_leads_nowhere() -> None:
    pages = page(1, ONE), page(2, TWO), page(3, f"{SITE}/mirror?page=2")
    assert parts(lead(1, TWO), pages=pages, copies={2: 3}).keys() == {1, 3}
    assert parts(lead(1, TWO), pages=pages, copies={1: 3}) == {}


@pytest.mark.parametrize(("count", "parts_found"), [(100, 100), (101, 100)])
def test_an_article_has_a_hundred_parts_at_most(count: int, parts_found: int) -> None:
    urls = [ONE, *(f"{SITE}/story?page={n}" for n in range(2, count + 1))]
    pages = [page(n, url) for n, url in enumerate(urls, 1)]
    leads = [lead(n, url) for n, url in enumerate(urls[1:], 1)]
    assert len(parts(*leads, pages=pages)) == parts_found


WHOLE = f"{SITE}/print"


@pytest.mark.parametrize(
    ("part_words", "whole_words", "is_part"),
    [(10, 8, True), (10, 7, False), (0, 8, False)],
)
def test_the_whole_article_has_four_fifths_of_a_part_s_words(part_words: int, whole_words: int, is_part: bool) -> None:
    texts = {1: " ".join(WORDS[:part_words]), 2: " ".join(WORDS[:whole_words])}
    found = parts(lead(1, WHOLE, "whole"), pages=(page(1, ONE), page(2, WHOLE)), texts=texts)
    assert found == ({1: ArticlePart(2, -1)} if is_part else {})


def test_a_whole_page_leads_to_no_other_and_is_not_the_page_itself() -> None:
    texts = dict.fromkeys((1, 2, 3), SAME)
    pages = page(1, ONE), page(2, WHOLE), page(3, TWO)
    assert parts(lead(1, WHOLE, "whole"), lead(2, TWO, "whole"), pages=pages, texts=texts) == {2: ArticlePart(3, -1)}
    assert parts(lead(1, ONE, "whole"), pages=pages, texts=texts) == {}
    assert parts(lead(1, f"{SITE}/none", "whole"), pages=pages, texts=texts) == {}
    both = parts(lead(1, WHOLE, "whole"), lead(1, TWO), pages=pages, texts=texts)
    assert both == {1: ArticlePart(2, -1)}, "a part of a whole page is no head of others"
