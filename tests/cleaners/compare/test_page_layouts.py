"""layout_groups: connected components of alike signatures, whatever the order.

layout_rules: which layouts are none of articles, and what must never be taken out.

layout_signature: pages made alike have it in common, whatever they say.
"""

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


def test_alike_pages_are_one_group_and_others_are_not() -> None:
    one, alike, other = signature(range(40)), signature(range(40), 90), signature(range(100, 140))
    assert group_signatures([one, alike, other]) == sorted([sorted([one, alike]), [other]])


def test_a_page_between_two_joins_them() -> None:
    first, middle, last = signature(range(40)), signature(range(3, 43)), signature(range(6, 46))
    assert signature_similarity(unpack_signature(first), unpack_signature(last)) < MIN_SIMILARITY
    assert len(group_signatures([first, last])) == 2
    assert len(group_signatures([last, middle, first])) == 1


@pytest.mark.slow
def test_groups_are_those_of_all_pairs_in_any_order() -> None:
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


def test_nothing_gives_no_group() -> None:
    assert group_signatures([]) == []


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


def test_few_articles_in_a_layout_of_lists_are_lists() -> None:
    verdicts = judge_layouts([MAIN, [*lists(1, 27), *articles(50, 3, words=60)]])
    assert verdicts[0].kind == "article"
    assert verdicts[1].kind == "list"
    assert verdicts[1].evidence == "27 of 30 pages of this layout are lists"
    assert verdicts[1].taken_out.keys() == {50, 51, 52}
    assert {verdict.page_type for verdict in verdicts[1].taken_out.values()} == {LIST}


def test_a_text_as_long_as_the_articles_stays_in_a_layout_of_lists() -> None:
    assert taken_out(MAIN, [*lists(1, 27), *articles(50, 3, words=500)]) == set()


def authors(listed: int, like_articles: int, listed_addresses: int, words: int = 60) -> list[LayoutPage]:
    """Pages of authors, of which so many are lists by themselves, and so many have the address of a list."""
    pages = [*lists(1, listed), *articles(50, like_articles, words)]
    return [replace(page, has_list_address=n < listed_addresses) for n, page in enumerate(pages)]


def test_addresses_of_lists_tell_what_a_layout_of_some_lists_is() -> None:
    [_, verdict] = judge_layouts([MAIN, authors(26, 59, 85, words=200)])
    assert verdict.evidence == "85 of 85 addresses of this layout are lists'"
    assert len(verdict.taken_out) == 59
    assert {page.page_type for page in verdict.taken_out.values()} == {LIST}


@pytest.mark.parametrize(
    ("group", "is_taken_out"),
    [
        (authors(5, 15, 16, words=200), True),
        (authors(5, 15, 15, words=200), False),  # too few such addresses
        (authors(5, 16, 21, words=200), False),  # too few lists
        (authors(5, 15, 20, words=400), False),  # as long as the articles
    ],
)
def test_addresses_tell_nothing_where_most_pages_speak_against_it(group: list[LayoutPage], is_taken_out: bool) -> None:
    assert bool(taken_out(MAIN, group)) == is_taken_out


def test_addresses_tell_nothing_on_a_site_whose_articles_have_such_addresses() -> None:
    archive = [replace(page, has_list_address=True) for page in MAIN]
    assert taken_out(archive, authors(5, 15, 20, words=200)) == set()


def test_without_a_main_layout_no_list_takes_anything_along() -> None:
    """A site of one article, whose other pages are all lists, made alike."""
    assert taken_out([*lists(1, 30), *articles(50, 1)]) == set()
    assert taken_out([*lists(1, 30), *articles(50, 1)], articles(60, 1)) == set()


def test_a_layout_of_excerpts_is_a_list() -> None:
    verdicts = judge_layouts([MAIN, excerpts(1, 20, of=1000)])
    assert verdicts[1].kind == "list"
    assert len(verdicts[1].taken_out) == 20
    assert "20 of 20 texts" in verdicts[1].evidence


def test_one_post_that_quotes_another_stays() -> None:
    assert taken_out([*MAIN, *excerpts(1, 2, of=1000, words=300)]) == set()
    assert taken_out(MAIN, excerpts(1, 2, of=1000)) == set()


def test_short_posts_that_archives_show_whole_stay() -> None:
    """Half of the posts open the archive of their day, and all of the archives open posts."""
    posts = [*articles(1000, 20, words=40), *excerpts(1020, 20, of=1)]
    archives = [LayoutPage(n, ARTICLE, 90, f"t{n}", quoted_pages=frozenset({1019 + n, 999 + n})) for n in range(1, 21)]
    assert taken_out(posts, archives) == set(range(1, 21))


def test_a_notice_in_place_of_pages_is_no_article() -> None:
    notices = articles(1, 5, words=12, text_digest="same")
    verdicts = judge_layouts([MAIN, notices])
    assert (verdicts[1].kind, len(verdicts[1].taken_out)) == ("other", 5)
    assert taken_out(notices) == set()
    assert taken_out(MAIN, articles(1, 5, text_digest="same", has_date=True)) == set()


def test_a_diary_and_two_layouts_of_one_host_lose_nothing() -> None:
    old, new = articles(1, 8, words=90), articles(500, 30, has_date=True)
    assert taken_out(old, new) == set()
    assert taken_out(articles(1, 2), new, lists(700, 20)) == set()


def test_a_page_put_together_of_openings_is_a_list_in_any_layout() -> None:
    round_up = LayoutPage(1, ARTICLE, 300, "t1", quoted_pages=frozenset({1000, 1001, 1002}))
    patchwork = LayoutPage(2, ARTICLE, 300, "t2", quoted_pages=frozenset({1000, 1001, 1002}), is_patchwork=True)
    assert taken_out([*MAIN, round_up, patchwork]) == {2}


def test_the_order_of_pages_and_layouts_makes_no_difference() -> None:
    groups = [MAIN, [*lists(1, 27), *articles(50, 3, words=60)], excerpts(100, 20, of=1000)]
    expected = {verdict.evidence: dict(verdict.taken_out) for verdict in judge_layouts(groups)}
    dice = random.Random(1)
    for _ in range(5):
        dice.shuffle(groups)
        shuffled = [dice.sample(group, len(group)) for group in groups]
        assert {verdict.evidence: dict(verdict.taken_out) for verdict in judge_layouts(shuffled)} == expected


def test_a_site_without_pages_has_no_layouts() -> None:
    assert judge_layouts([]) == []


PAGE = """<html><body class="single post-{number}"><header id="top"><nav class="menu main">
    <a class="item" href="/">Home</a></nav></header>
    <article id="post-{number}" class="entry"><h1 class="title">{words}</h1><p>{words}</p>
    <div class="meta"><time>May</time></div></article><footer class="foot"><p class="small">2024</p></footer></body>"""


def signature_of(html: str) -> frozenset[int]:
    tree = parse(html)
    assert tree is not None
    return unpack_signature(layout_signature(index_tags(tree)))


def test_words_and_numbers_make_no_difference() -> None:
    first = signature_of(PAGE.format(number=12, words="The mill burned down"))
    assert first == signature_of(PAGE.format(number=7, words="Rain"))
    assert len(first) == 12


def test_another_markup_makes_a_difference() -> None:
    first = signature_of(PAGE.format(number=1, words="a"))
    other = signature_of(PAGE.format(number=1, words="a").replace("entry", "teaser").replace("meta", "more"))
    assert signature_similarity(first, other) == 10 / 14


def test_spaces_around_names_and_an_empty_identity_make_no_difference() -> None:
    names = "<p class='{0}a{0}b {0}'></p><p id='{0}c{0}'></p><p class=d></p><p class=e></p><p class=f></p>{1}"
    plain = signature_of(names.format("", "").replace("ab", "a b"))
    assert len(plain) == 6
    assert signature_of(names.format(" ", "<p id=''></p>")) == plain


def test_a_page_with_hardly_a_name_has_no_signature() -> None:
    assert signature_of("<p class=a>x</p><script class='a b c d e f g h'></script>") == frozenset()


def test_a_large_page_is_sketched() -> None:
    names = [f"n{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]

    def page(chosen: list[str]) -> frozenset[int]:
        return signature_of("".join(f"<div class='{name}'>x</div>" for name in chosen))

    first, other = page(names[:550]), page(names[50:])
    assert len(first) == len(other) == MAX_HASHES
    assert abs(signature_similarity(first, other) - 500 / 600) < 0.08


def test_a_signature_is_packed_and_unpacked() -> None:
    assert pack_signature([1, 258]) == b"\x01\0\0\0\x02\x01\0\0"
    assert unpack_signature(b"\x01\0\0\0\x02\x01\0\0\x07") == {1, 258}


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
def test_a_main_layout_has_four_fifths_articles_few_excerpts_and_five_texts(pages: list[LayoutPage], kind: str) -> None:
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
def test_a_layout_is_of_lists_from_half_of_three_pages_on(pages: list[LayoutPage], out: set[int]) -> None:
    """A quarter of articles, or articles of less than a quarter of the site's words; a longer one stays."""
    assert taken_out(SOME, pages) == out


@pytest.mark.parametrize(
    ("excerpted", "whole", "out"), [(2, 1, 3), (1, 1, 0), (2, 2, 4), (2, 3, 0), (3, 0, 3), (2, 0, 0)]
)
def test_a_layout_is_of_excerpts_from_half_of_three_articles_on(excerpted: int, whole: int, out: int) -> None:
    pages = [*excerpts(1, excerpted, of=2000), *articles(60, whole, words=55)]
    assert len(taken_out(articles(2000, 4), pages)) == out


@pytest.mark.parametrize(("excerpts_there", "is_original"), [(1, True), (2, False)])
def test_an_original_s_layout_has_half_as_many_excerpts_at_most(excerpts_there: int, is_original: bool) -> None:
    """Of the four articles there one or two open others of that layout; here two of four do."""
    there = [*excerpts(2000, excerpts_there, of=2010), *articles(2010, 4 - excerpts_there)]
    here = [*excerpts(1, 2, of=2010), *articles(60, 2)]
    assert taken_out(there, here) == ({1, 2, 60, 61} if is_original else set())


@pytest.mark.parametrize(
    ("same", "dated", "other", "out"),
    [(3, 1, 0, {0, 1, 2, 50}), (2, 2, 0, set()), (3, 0, 0, set()), (4, 0, 0, {0, 1, 2, 3}), (4, 0, 1, set())],
)
def test_one_text_on_four_pages_is_a_notice_unless_more_than_a_quarter_are_dated(
    same: int, dated: int, other: int, out: set[int]
) -> None:
    notices = [*articles(0, same, text_digest="same"), *articles(50, dated, text_digest="same", has_date=True)]
    assert taken_out(SOME, [*notices, *articles(90, other)]) == out


@pytest.mark.parametrize(("quoted", "is_patchwork", "is_out"), [(3, True, True), (2, True, False), (3, False, False)])
def test_a_page_is_put_together_of_three_articles_at_least(quoted: int, is_patchwork: bool, is_out: bool) -> None:
    page = articles(1, 1, quoted_pages=frozenset(range(500, 500 + quoted)), is_patchwork=is_patchwork)
    assert taken_out([*SOME, *page]) == ({1} if is_out else set())


@pytest.mark.parametrize(("shared", "are_alike"), [(17, True), (16, False)])
def test_layouts_are_alike_from_eighty_five_of_a_hundred_names_on(shared: int, are_alike: bool) -> None:
    groups = group_signatures([signature(range(20)), signature(range(shared))])
    assert len(groups) == (1 if are_alike else 2)


@pytest.mark.parametrize(("names", "hashes"), [(5, 0), (6, 6), (128, 128), (129, 128)])
def test_a_signature_has_six_names_at_least_and_a_hundred_and_twenty_eight_at_most(names: int, hashes: int) -> None:
    classes = (f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(names))
    assert len(signature_of("".join(f"<div class='{name}'>x</div>" for name in classes))) == hashes


def test_pages_that_share_their_rarest_names_alone_are_no_group() -> None:
    one, other = signature(range(40), 90), signature(range(100, 140), 90)
    assert group_signatures([one, other]) == sorted([[one], [other]])


@pytest.mark.parametrize(("shared", "count"), [(34, 1), (33, 2)])
def test_names_that_two_pages_of_a_layout_share(shared: int, count: int) -> None:
    first = signature(range(40))
    second = pack_signature([*range(shared), *range(100, 140 - shared)])
    larger = shared / (80 - shared)
    assert len(group_signatures([first, second])) == (1 if larger >= 0.85 else 2)
    smaller = pack_signature([*range(shared)])
    assert len(group_signatures([first, smaller])) == count


def test_an_excerpt_of_a_page_without_a_layout_is_one() -> None:
    excerpts = [LayoutPage(n, PageType.ARTICLE, 20, f"x{n}", quoted_pages=frozenset({99})) for n in range(3)]
    [verdict] = judge_layouts([excerpts])
    assert (verdict.kind, sorted(verdict.taken_out)) == ("list", [0, 1, 2])
    own = [LayoutPage(n, PageType.ARTICLE, 20, f"x{n}", quoted_pages=frozenset({0})) for n in range(3)]
    assert judge_layouts([own])[0].kind == ""
