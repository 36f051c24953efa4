"""excerpts: which pages are put together of others, and which have a text of their own."""

from __future__ import annotations

import random

from broadsheet.output.settle.layouts.excerpts import BlockText, OpeningIndex, Quotation, quotation_of


def words(seed: int, count: int) -> list[str]:
    dice = random.Random(seed)
    return ["".join(dice.choices("abcdefgh", k=5)) for _ in range(count)]


Lines = list[list[str]]
ARTICLES: dict[int, Lines] = {n: [words(n, 60), words(n + 100, 80)] for n in range(1, 6)}


def quotation(blocks: Lines, others: dict[int, Lines] | None = None, title: str = "a page") -> Quotation | None:
    lines = {**ARTICLES, **(others or {}), 99: blocks}
    pages = {page: [BlockText(" ".join(line)) for line in page_lines] for page, page_lines in lines.items()}
    index = OpeningIndex({page: f"story number {page}" for page in pages} | {99: title})
    for page, page_blocks in pages.items():
        index.add(page, page_blocks)
    return quotation_of(99, pages[99], index, pages.__getitem__)


def test_an_opening_cut_short_is_an_excerpt() -> None:
    assert quotation([words(1, 55)]) == Quotation(frozenset({1}), True)
    assert quotation([[*words(1, 55), "read", "more"]]) == Quotation(frozenset({1}), True)
    assert quotation([words(101, 50)]) == Quotation(frozenset({1}), True)


def test_an_excerpt_may_run_over_the_end_of_a_block() -> None:
    assert quotation([[*words(2, 60), *words(102, 20)]]) == Quotation(frozenset({2}), True)


def test_a_text_of_its_own_is_none() -> None:
    assert quotation([words(7, 55)]) is None
    assert quotation([words(1, 40), words(7, 200)]) is None
    assert quotation([[*words(1, 9), *words(7, 40)]]) is None
    assert quotation([]) is None


def test_a_whole_copy_is_no_excerpt() -> None:
    assert quotation(ARTICLES[1]) is None


def test_a_round_up_with_prose_of_its_own_is_not_all_openings() -> None:
    patchwork = [words(n, 30) for n in (1, 2, 3)]
    assert quotation(patchwork) == Quotation(frozenset({1, 2, 3}), True)
    assert quotation([*patchwork, words(7, 20)]) == Quotation(frozenset({1, 2, 3}), False)
    assert quotation([*patchwork, words(7, 90)]) is None


def test_titles_count_where_there_are_three() -> None:
    titles = [["story", "number", str(n)] for n in (1, 2, 3)]
    assert quotation(titles) == Quotation(frozenset({1, 2, 3}), True)
    assert quotation(titles[:2]) is None


def test_a_title_may_have_its_author_behind_it() -> None:
    contents = [["story", "number", str(n), "by", "ann", "lee"] for n in (1, 2, 3)]
    assert quotation([*contents, ["proof", "read", "by", "all"]]) == Quotation(frozenset({1, 2, 3}), False)
    assert quotation([[*line, "who", "wrote", "it"] for line in contents]) is None


def test_a_line_on_the_story_may_stand_below_its_title() -> None:
    contents = [["story", "number", str(n), "by", "ann\n", *words(n + 70, 12)] for n in (1, 2, 3)]
    assert quotation(contents) == Quotation(frozenset({1, 2, 3}), True)
    assert quotation([[*line, *words(9, 60)] for line in contents]) is None


def test_a_page_with_the_same_title_is_not_another() -> None:
    assert quotation([words(1, 55)], title="story number 1") is None


def test_an_opening_of_many_pages_is_the_site_s() -> None:
    series = {n: [[*words(50, 40)], words(n, 90)] for n in range(20, 26)}
    assert quotation([words(50, 40)], series) is None


def test_of_a_text_of_its_own_only_the_first_words_are_read() -> None:
    index = OpeningIndex({1: "story number 1", 2: "a story of its own"})
    article, own = ([BlockText(" ".join(line)) for line in (words(seed, 30), words(seed + 1, 90))] for seed in (10, 20))
    index.add(1, article)
    index.add(2, own)
    assert quotation_of(2, own, index, {1: article, 2: own}.__getitem__) is None
    assert not any("words" in vars(block) for block in (*article, *own))
