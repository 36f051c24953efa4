"""layout_rules: which layouts are none of articles, and what must never be taken out."""

import random

from broadsheet.cleaners.compare.layout_rules import LayoutPage, judge_layouts
from broadsheet.cleaners.document import PageType

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
