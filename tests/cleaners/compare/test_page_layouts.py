"""Layouts of pages: signatures in common, groups of alike ones, and which layouts are none of articles."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from broadsheet.cleaners.compare.page_layouts import (
    MAX_HASHES,
    MIN_SIMILARITY,
    LayoutPage,
    group_signatures,
    judge_layouts,
    layout_signature,
    pack_signature,
    signature_similarity,
    unpack_signature,
)
from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.page.elements import index_tags
from broadsheet.cleaners.page.parsed_page import parse


def signature(names: range, *more: int) -> bytes:
    return pack_signature(sorted({*names, *more}))


def grouped_by_all_pairs(signatures: list[bytes]) -> list[list[bytes]]:
    """The same by comparing everything with everything."""
    groups = [{one} for one in set(signatures)]
    merged = True
    while merged:
        merged = False
        for number, group in enumerate(groups):
            for other in groups[number + 1 :]:
                pairs = ((unpack_signature(a), unpack_signature(b)) for a in group for b in other)
                if any(signature_similarity(a, b) >= MIN_SIMILARITY for a, b in pairs):
                    group |= other
                    groups.remove(other)
                    merged = True
                    break
    return sorted(sorted(group) for group in groups)


def test_a_page_between_two_joins_them():
    first, middle, last = signature(range(40)), signature(range(3, 43)), signature(range(6, 46))
    assert signature_similarity(unpack_signature(first), unpack_signature(last)) < MIN_SIMILARITY
    assert len(group_signatures([first, last])) == 2
    assert len(group_signatures([last, middle, first])) == 1
    assert group_signatures([]) == []
    alike, near, far = signature(range(20)), signature(range(17)), signature(range(16))
    assert group_signatures([alike, near]) == [sorted([alike, near])]
    assert group_signatures([alike, far]) == sorted([[alike], [far]])


@pytest.mark.slow
def test_groups_are_those_of_all_pairs_in_any_order():
    dice = random.Random(4)
    for _ in range(20):
        bases = [dice.sample(range(2**32), dice.choice([8, 30, 90])) for _ in range(4)]
        signatures = []
        for base in bases:
            for _ in range(12):
                kept = [name for name in base if dice.random() > 0.06]
                signatures.append(pack_signature(sorted({*kept, *dice.sample(range(2**32), dice.randint(0, 3))})))
        expected = grouped_by_all_pairs(signatures)
        assert group_signatures(signatures) == expected
        dice.shuffle(signatures)
        assert group_signatures(signatures) == expected


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


def taken_out(*groups: list[LayoutPage]) -> set[int]:
    return {page for verdict in judge_layouts(groups) for page in verdict.taken_out}


MAIN = articles(1000, 40)


def authors(listed: int, like_articles: int, listed_addresses: int, words: int = 60) -> list[LayoutPage]:
    """Pages of authors, of which so many are lists by themselves, and so many have the address of a list."""
    pages = [*lists(1, listed), *articles(50, like_articles, words)]
    return [replace(page, has_list_address=n < listed_addresses) for n, page in enumerate(pages)]


SAME = {"text_digest": "same"}


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
    [main, verdict] = judge_layouts([MAIN, group])
    assert (main.kind, verdict.kind, len(verdict.taken_out)) == ("article", kind, count)
    assert evidence in verdict.evidence
    assert {page.page_type for page in verdict.taken_out.values()} == {page_type}


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
    expected = {verdict.evidence: dict(verdict.taken_out) for verdict in judge_layouts(groups)}
    dice = random.Random(1)
    for _ in range(5):
        dice.shuffle(groups)
        shuffled = [dice.sample(group, len(group)) for group in groups]
        assert {verdict.evidence: dict(verdict.taken_out) for verdict in judge_layouts(shuffled)} == expected


PAGE = """<html><body class="single post-{number}"><header id="top"><nav class="menu main">
    <a class="item" href="/">Home</a></nav></header>
    <article id="post-{number}" class="entry"><h1 class="title">{words}</h1><p>{words}</p>
    <div class="meta"><time>May</time></div></article><footer class="foot"><p class="small">2024</p></footer></body>"""


def signature_of(html: str) -> frozenset[int]:
    tree = parse(html)
    assert tree is not None
    return unpack_signature(layout_signature(index_tags(tree)))


def test_words_and_numbers_make_no_difference():
    first = signature_of(PAGE.format(number=12, words="The mill burned down"))
    assert first == signature_of(PAGE.format(number=7, words="Rain"))
    assert len(first) == 12
    other = signature_of(PAGE.format(number=1, words="a").replace("entry", "teaser").replace("meta", "more"))
    assert signature_similarity(first, other) == 10 / 14


def test_spaces_around_names_and_an_empty_identity_make_no_difference():
    names = "<p class='{0}a{0}b {0}'></p><p id='{0}c{0}'></p><p class=d></p><p class=e></p><p class=f></p>{1}"
    plain = signature_of(names.format("", "").replace("ab", "a b"))
    assert len(plain) == 6
    assert signature_of(names.format(" ", "<p id=''></p>")) == plain


def test_a_page_with_hardly_a_name_has_no_signature():
    assert signature_of("<p class=a>x</p><script class='a b c d e f g h'></script>") == frozenset()


def test_a_large_page_is_sketched():
    names = [f"n{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]

    def page(chosen: list[str]) -> frozenset[int]:
        return signature_of("".join(f"<div class='{name}'>x</div>" for name in chosen))

    first, other = page(names[:550]), page(names[50:])
    assert len(first) == len(other) == MAX_HASHES
    assert abs(signature_similarity(first, other) - 500 / 600) < 0.08


NONE = PageType.EMPTY
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
    assert judge_layouts([pages])[0].kind == kind


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


@pytest.mark.parametrize(("names", "hashes"), [(5, 0), (6, 6), (128, 128), (129, 128)])
def test_a_signature_has_six_names_at_least_and_a_hundred_and_twenty_eight_at_most(names, hashes):
    classes = (f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(names))
    assert len(signature_of("".join(f"<div class='{name}'>x</div>" for name in classes))) == hashes


def test_pages_that_share_their_rarest_names_alone_are_no_group():
    one, other = signature(range(40), 90), signature(range(100, 140), 90)
    assert group_signatures([one, other]) == sorted([[one], [other]])


def test_an_excerpt_of_a_page_without_a_layout_is_one():
    excerpts = [LayoutPage(n, PageType.ARTICLE, 20, f"x{n}", quoted_pages=frozenset({99})) for n in range(3)]
    [verdict] = judge_layouts([excerpts])
    assert (verdict.kind, sorted(verdict.taken_out)) == ("list", [0, 1, 2])
    own = [LayoutPage(n, PageType.ARTICLE, 20, f"x{n}", quoted_pages=frozenset({0})) for n in range(3)]
    assert judge_layouts([own])[0].kind == ""
