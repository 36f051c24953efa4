"""Kinds of pages by their layouts: which layouts are none of articles."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from broadsheet.cleaners.document import PageType, PageVerdict
from broadsheet.cleaners.site.page_kinds import LayoutPage, LayoutVerdict, weigh_kinds
from broadsheet.cleaners.site.site_judge import OwnPage, SiteEvidence, judge_page

SAME = {"text_digest": "same"}
NONE = PageType.EMPTY
ARTICLE, LIST, OTHER = PageType.ARTICLE, PageType.LIST, PageType.OTHER


def articles(first: int, count: int, words: int = 400, **facts: object) -> list[LayoutPage]:
    return [
        LayoutPage(**({"page_id": n, "page_type": ARTICLE, "words": words, "text_digest": f"t{n}"} | facts))  # type: ignore[arg-type]
        for n in range(first, first + count)
    ]


def lists(first: int, count: int) -> list[LayoutPage]:
    return [LayoutPage(n, LIST, 30) for n in range(first, first + count)]


def excerpts(first: int, count: int, of: int, words: int = 55) -> list[LayoutPage]:
    return [
        LayoutPage(first + n, ARTICLE, words, f"t{first + n}", quoted_pages=frozenset({of + n})) for n in range(count)
    ]


def judged(*groups: list[LayoutPage]) -> list[tuple[LayoutVerdict, dict[int, PageVerdict]]]:
    """Return of each group the verdict on its layout, and those on its pages."""
    pages = [[replace(page, layout=number) for page in group] for number, group in enumerate(groups)]
    kinds = weigh_kinds([page for group in pages for page in group])
    verdicts = [
        {page.page_id: judge_page(OwnPage(kind=page), SiteEvidence(kinds=kinds)).page for page in group}
        for group in pages
    ]
    out = [{page_id: verdict for page_id, verdict in found.items() if verdict} for found in verdicts]
    return [(kinds.layouts[number], found) for number, found in enumerate(out)]


def taken_out(*groups: list[LayoutPage]) -> set[int]:
    return {page for _, found in judged(*groups) for page in found}


MAIN = articles(1000, 40)


def authors(listed: int, like_articles: int, listed_addresses: int, words: int = 60) -> list[LayoutPage]:
    """Pages of authors, of which so many are lists by themselves, and so many have the address of a list."""
    pages = [*lists(1, listed), *articles(50, like_articles, words)]
    return [replace(page, has_list_address=n < listed_addresses) for n, page in enumerate(pages)]


@pytest.mark.parametrize(
    ("group", "kind", "evidence", "page_type", "count"),
    [
        ([*lists(1, 27), *articles(50, 3, words=60)], "list", "27 of 30 pages of this layout are lists", LIST, 3),
        (authors(26, 59, 85, words=200), "list", "85 of 85 addresses of this layout are lists'", LIST, 59),
        (excerpts(1, 20, of=1000), "list", "20 of 20 texts", LIST, 20),
        (articles(1, 5, words=12, **SAME), "other", "", OTHER, 5),
    ],
    ids=["few articles among lists", "addresses of lists", "excerpts", "a notice in place of pages"],
)
def test_a_layout_beside_that_of_the_articles_takes_its_pages_out(group, kind, evidence, page_type, count):
    [(main, _), (verdict, found)] = judged(MAIN, group)
    assert (main.kind, verdict.kind, len(found)) == ("article", kind, count)
    assert evidence in verdict.evidence
    assert {page.page_type for page in found.values()} == {page_type}


ROUND_UP = LayoutPage(1, ARTICLE, 300, "t1", quoted_pages=frozenset({1000, 1001, 1002}))


POSTS = [*articles(1000, 20, words=40), *excerpts(1020, 20, of=1)]


ARCHIVES = [LayoutPage(n, ARTICLE, 90, f"t{n}", quoted_pages=frozenset({1019 + n, 999 + n})) for n in range(1, 21)]


@pytest.mark.parametrize(
    ("groups", "out"),
    [
        ([MAIN, [*lists(1, 27), *articles(50, 3, words=500)]], set()),
        ([MAIN, authors(5, 15, 16, words=200)], set(range(50, 65))),
        ([MAIN, authors(5, 15, 15, words=200)], set()),
        ([MAIN, authors(5, 16, 21, words=200)], set()),
        ([MAIN, authors(5, 15, 20, words=400)], set()),
        ([[replace(page, has_list_address=True) for page in MAIN], authors(5, 15, 20, words=200)], set()),
        ([[*lists(1, 30), *articles(50, 1)]], set()),
        ([[*lists(1, 30), *articles(50, 1)], articles(60, 1)], set()),
        ([[*MAIN, *excerpts(1, 2, of=1000, words=300)]], set()),
        ([MAIN, excerpts(1, 2, of=1000)], set()),
        ([POSTS, ARCHIVES], set(range(1, 21))),
        ([articles(1, 5, words=12, **SAME)], set()),
        ([MAIN, articles(1, 5, has_date=True, **SAME)], set()),
        ([articles(1, 8, words=90), articles(500, 30, has_date=True)], set()),
        ([articles(1, 2), articles(500, 30, has_date=True), lists(700, 20)], set()),
        ([[*MAIN, ROUND_UP]], set()),
        ([[*MAIN, replace(ROUND_UP, is_patchwork=True)]], {1}),
        ([[*MAIN, replace(ROUND_UP, is_patchwork=True, quoted_pages=frozenset({1000, 1001}))]], set()),
        ([[*excerpts(2000, 1, of=2010), *articles(2010, 3)], [*excerpts(1, 2, of=2010), *articles(60, 2)]],
         {1, 2, 60, 61}),
        ([[*excerpts(2000, 2, of=2010), *articles(2010, 2)], [*excerpts(1, 2, of=2010), *articles(60, 2)]], set()),
        ([], set()),
    ],
    ids=["as long as the articles", "enough addresses", "too few addresses", "too few lists", "long texts",
         "articles with such addresses", "no main layout", "one article elsewhere", "a post that quotes another",
         "two excerpts", "short posts that archives show whole", "a site of notices", "a dated text", "a diary",
         "two layouts", "a round-up", "a patchwork of openings", "a patchwork of two", "an original's layout",
         "no original's layout", "nothing"],
)  # fmt: skip
def test_what_speaks_against_most_pages_takes_none_out(groups, out):
    assert taken_out(*groups) == out


def test_the_order_of_pages_and_layouts_makes_no_difference():
    groups = [MAIN, [*lists(1, 27), *articles(50, 3, words=60)], excerpts(100, 20, of=1000)]
    expected = {verdict.evidence: found for verdict, found in judged(*groups)}
    dice = random.Random(1)
    for _ in range(5):
        dice.shuffle(groups)
        shuffled = [dice.sample(group, len(group)) for group in groups]
        assert {verdict.evidence: found for verdict, found in judged(*shuffled)} == expected


SOME = articles(2000, 10, words=100)  # a main layout, whose articles have a hundred words


def others(first: int, count: int) -> list[LayoutPage]:
    return [LayoutPage(n, NONE) for n in range(first, first + count)]


@pytest.mark.parametrize(
    ("pages", "kind"),
    [
        ([*articles(0, 8), *others(50, 2)], "article"),
        ([*articles(0, 7), *others(50, 2)], ""),
        ([*articles(0, 8), *excerpts(8, 2, of=500)], "article"),
        ([*articles(0, 7), *excerpts(7, 3, of=500)], ""),
        (articles(0, 5), "article"),
        (articles(0, 4), ""),
        ([*articles(0, 5), *articles(5, 20, text_digest="t0")], "article"),
        ([*articles(0, 5), *articles(5, 21, text_digest="t0")], ""),
    ],
)
def test_a_main_layout_has_four_fifths_articles_few_excerpts_and_five_texts(pages, kind):
    """Of the pages of a large one, a fifth have a text of their own; under three tenths are excerpts."""
    assert judged(pages)[0][0].kind == kind


@pytest.mark.parametrize(
    ("pages", "out"),
    [
        ([*lists(1, 2), *articles(50, 1, words=24)], {50}),
        ([*lists(1, 2), *articles(50, 1, words=25)], set()),
        ([*lists(1, 1), *articles(50, 1, words=24)], set()),
        ([*lists(1, 2), *articles(50, 1, words=24), *others(60, 1)], {50}),
        ([*lists(1, 2), *articles(50, 1, words=24), *others(60, 2)], set()),
        ([*lists(1, 3), *articles(50, 1, words=99)], {50}),
        ([*lists(1, 3), *articles(50, 1, words=100)], set()),
        ([*lists(1, 3), *excerpts(50, 1, of=500, words=100)], {50}),
        ([*lists(1, 6), *articles(50, 2, words=25)], {50, 51}),
        ([*lists(1, 5), *articles(50, 2, words=25)], set()),
    ],
)
def test_a_layout_is_of_lists_from_half_of_three_pages_on(pages, out):
    """A quarter of articles, or articles of less than a quarter of the site's words; a longer one stays."""
    assert taken_out(SOME, pages) == out


@pytest.mark.parametrize(
    ("excerpted", "whole", "out"), [(2, 1, 3), (1, 1, 0), (2, 2, 4), (2, 3, 0), (3, 0, 3), (2, 0, 0)]
)
def test_a_layout_is_of_excerpts_from_half_of_three_articles_on(excerpted, whole, out):
    pages = [*excerpts(1, excerpted, of=2000), *articles(60, whole, words=55)]
    assert len(taken_out(articles(2000, 4), pages)) == out


@pytest.mark.parametrize(
    ("same", "dated", "other", "out"),
    [(3, 1, 0, {0, 1, 2, 50}), (2, 2, 0, set()), (3, 0, 0, set()), (4, 0, 0, {0, 1, 2, 3}), (4, 0, 1, set())],
)
def test_one_text_on_four_pages_is_a_notice_unless_more_than_a_quarter_are_dated(same, dated, other, out):
    notices = [*articles(0, same, text_digest="same"), *articles(50, dated, text_digest="same", has_date=True)]
    assert taken_out(SOME, [*notices, *articles(90, other)]) == out


def test_an_excerpt_of_a_page_without_a_layout_is_one():
    excerpts = [LayoutPage(n, PageType.ARTICLE, 20, f"x{n}", quoted_pages=frozenset({99})) for n in range(3)]
    [(verdict, found)] = judged(excerpts)
    assert (verdict.kind, sorted(found)) == ("list", [0, 1, 2])
    own = [LayoutPage(n, PageType.ARTICLE, 20, f"x{n}", quoted_pages=frozenset({0})) for n in range(3)]
    assert judged(own)[0][0].kind == ""


def posts(first: int, count: int, **facts: object) -> list[LayoutPage]:
    return articles(first, count, **({"has_date": True, "has_sure_day": True, "folder": "/blog/#/"} | facts))


def cards(count: int, words: int = 46, **facts: object) -> list[LayoutPage]:
    return articles(1, count, words, **({"folder": "/resources/", "kept_blocks": 1} | facts))


@pytest.mark.parametrize(
    ("group", "out"),
    [
        (cards(20), 20),
        (cards(19), 0),
        (cards(20, words=139), 20),
        (cards(20, words=140), 0),
        (cards(20, kept_blocks=4), 20),
        ([*cards(18, kept_blocks=9), *articles(100, 2, 60, folder="/resources/", kept_blocks=9)], 20),
        ([*cards(17, kept_blocks=4), *articles(100, 3, 60, folder="/resources/", kept_blocks=4)], 0),
        (cards(20, folder=""), 0),
        ([*cards(20), *cards(1, page_id=21, has_sure_day=True)], 20),
        ([*cards(20), *cards(2, page_id=21, has_sure_day=True)], 0),
        ([*cards(20), *cards(1, page_id=21, words=400)], 20),
    ],
)
def test_cards_of_a_directory_are_short_alike_and_undated_beside_dated_articles(group, out):
    assert len(taken_out([*posts(1000, 40), *group])) == out
    assert not taken_out([*posts(1000, 40, has_sure_day=False), *group])


@pytest.mark.parametrize(
    ("listed", "others", "words", "out"), [(6, 4, 60, 4), (5, 4, 60, 0), (6, 4, 400, 0), (3, 1, 60, 0)]
)
def test_a_folder_of_lists_takes_along_its_pages_with_less_text_than_articles_have(listed, others, words, out):
    shown = [replace(page, folder="/tags/") for page in lists(1, listed)]
    assert len(taken_out([*posts(1000, 60), *articles(100, others, words, folder="/tags/"), *shown])) == out


def test_a_page_of_the_menu_without_a_day_is_none_where_the_articles_have_one():
    menu = articles(1, 3, 300, is_in_menu=True)
    assert taken_out([*posts(1000, 40), *menu]) == {1, 2, 3}
    assert not taken_out([*posts(1000, 40), *(replace(page, has_sure_day=True) for page in menu)])
    assert not taken_out([*posts(1000, 40), *articles(100, 11), *menu]), "a fifth of the articles have no day"


def test_a_person_s_word_comes_before_what_the_site_says():
    pages = [replace(page, layout=0) for page in MAIN] + [replace(page, layout=1) for page in lists(1, 27)]
    page = replace(articles(50, 1, words=60)[0], layout=1)
    site = SiteEvidence(kinds=weigh_kinds([*pages, page]))
    found = [judge_page(OwnPage(kind=page), site, person).page for person in (None, True, False)]
    assert [verdict and verdict.page_type for verdict in found] == [LIST, None, None]
