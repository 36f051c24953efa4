"""What blocks say and stand in, as sums over words.

The words of a page are hashed: the same words give the same points, and few or unknown ones say little.
"""

from __future__ import annotations

import subprocess
import sys
from array import array
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.judge import hashed_words as module
from broadsheet.cleaners.judge.hashed_words import (
    BLOCK_BUCKETS,
    FULL_WEIGHT_BLOCK_WORDS,
    PAGE_BUCKETS,
    WORD_FEATURES,
    PageWords,
    hash_block_words,
    load_block_word_weights,
    load_page_word_weights,
    page_words,
    word_columns,
    word_shares,
    word_signs,
)

BODY = "html>body>main#content.story-body>p"


def blocks_of(*texts: str, path: str = BODY) -> list[Block]:
    return [Block(n, BlockKind.PARAGRAPH, text, path=path) for n, text in enumerate(texts)]


def packed(*hashes: int) -> bytes:
    return array("I", hashes).tobytes()


def numbers(hashes: bytes) -> set[int]:
    return set(array("I", hashes))


def said(*texts: str) -> list[set[int]]:
    return [numbers(hashes) for hashes in hash_block_words(blocks_of(*texts))["says"]]


def named(path: str) -> set[int]:
    return numbers(hash_block_words(blocks_of("x", path=path))["named"][0])


def test_each_block_has_three_finite_sums() -> None:
    columns = word_columns(blocks_of("Sign up for our newsletter", "", "Die Mühle brannte in der Nacht."))
    assert tuple(columns) == WORD_FEATURES
    for column in columns.values():
        assert column.shape == (3,)
        assert np.isfinite(column).all()
    assert columns["says"][1] == word_columns(blocks_of("***"))["says"][0], "a line without words is a line"
    assert columns["heading_says"].tolist() == [0, 0, 0], "there is no heading above"


def test_words_speak_for_the_text_or_against_it() -> None:
    prose = "He said on Monday that the council had not yet decided whether the mill would be built again."
    menu, story = word_columns([*blocks_of("Sign up for our newsletter"), *blocks_of(prose)])["says"]
    assert menu < 0 < story
    around = word_columns([*blocks_of("x", path="html>body>footer.site-footer>p"), *blocks_of("x", path=BODY)])["named"]
    assert around[0] < 0 < around[1]


def test_capitals_and_which_number_it_is_make_no_difference() -> None:
    first, second = said("Posted 17 comments", "POSTED 38 Comments")
    assert first == second
    two_digits, four_digits = said("17 comments", "1017 comments")
    assert two_digits != four_digits


def test_what_stands_beside_what_counts_and_a_short_line_as_a_whole() -> None:
    first, second = said("read more stories here", "here stories more read")
    assert first & second, "the words"
    assert first - second, "their order"


def test_unspaced_scripts_count_by_pairs_of_characters() -> None:
    whole, part = said("相关新闻报道", "相关新闻")
    assert len(whole & part) >= 5
    assert said("新")[0]


def test_of_a_long_block_the_beginning_and_the_last_word_count() -> None:
    begin = " ".join(f"word{'abcdefghijklmnopqrstuvwxyz'[n % 26]}{'abcd'[n // 26]}" for n in range(80))
    first, second, other_end = said(f"{begin} {'middle ' * 99} end", f"{begin} {'centre ' * 88} end", f"{begin} stop")
    assert first == second
    assert len(first ^ other_end) == 2


def test_names_near_the_block_count_otherwise_than_far_ones() -> None:
    near, far = named("html>body>div>p.related"), named("html>body.related>div>div>div>p")
    assert near & far, "the name by itself"
    assert near - far
    assert named("p.post-title") > named("p.post_title") - named("p"), "hyphens and underscores are the same"


def test_the_last_heading_above_counts() -> None:
    heading = Block(1, BlockKind.HEADING, "Related stories", path=BODY)
    page = [*blocks_of("before"), heading, *blocks_of("after", "and after that")]
    before, own, after, later = hash_block_words(page)["heading_says"]
    assert (before, own) == (b"", b"")
    assert after == later == hash_block_words(blocks_of("Related stories"))["says"][0]


def test_a_few_words_weigh_no_more_each_than_eight() -> None:
    rows, buckets, shares = word_shares([packed(1, 2), b"", packed(*range(100))])
    assert np.bincount(rows).tolist() == [2, 0, 100]
    assert (buckets < BLOCK_BUCKETS).all()
    assert np.abs(shares[:2]) == pytest.approx(1 / np.sqrt(FULL_WEIGHT_BLOCK_WORDS))
    assert np.abs(shares[2:]) == pytest.approx(0.1)


def test_the_highest_bit_is_the_sign() -> None:
    _, buckets, shares = word_shares([packed(5, 5 + (1 << 31))])
    assert buckets.tolist() == [5, 5]
    assert shares[0] == -shares[1] > 0


def test_the_sums_are_the_same_in_every_process() -> None:
    code = """
from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.judge.hashed_words import word_columns
text = "The mill on the river burned down in the night, said nobody in the village"
columns = word_columns([Block(0, BlockKind.PARAGRAPH, text, path="main.a>p#b")])
print({name: column.tolist() for name, column in columns.items()})
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_there_is_a_weight_for_each_bucket() -> None:
    weights = load_block_word_weights()
    assert tuple(weights) == WORD_FEATURES
    for column in weights.values():
        assert column.shape == (BLOCK_BUCKETS,)
        assert np.isfinite(column).all()
        assert np.abs(column).max() > 0.1


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_text_has_the_words_that_it_has_beside_other_letters(text: str) -> None:
    assert module._text_words(f"{text} \u00e9") == [*module._text_words(text), "\u00e9".encode()]


def test_a_heading_speaks_for_the_blocks_below_it() -> None:
    blocks = [Block(n, BlockKind.HEADING if n in (1, 3) else BlockKind.PARAGRAPH, f"word{n}") for n in range(5)]
    headings, own = hash_block_words(blocks)["heading_says"], hash_block_words(blocks)["says"]
    assert headings == [b"", b"", own[1], own[1], own[3]]


def test_remembered_texts_are_short() -> None:
    module._hash_short_text.cache_clear()
    said("word " * 1000, "word")
    assert module._hash_short_text.cache_info().currsize == 1


OFFER = "Our company offers affordable services. Contact us today for a free quote."
REPORT = "The minister said on Monday that the council had voted against the plan."
SIGNS = {"words_text", "words_around", "words_names"}
SHOP_LINES = ("Add to cart", "Sort by price", "Shipping & returns", "Shop all", "Wishlist")
BLOG_LINES = ("Older posts", "Leave a comment", "Filed under", "About the author", "Related posts")


def blocks(*texts: str, path: str = "body>p") -> list[Block]:
    return [Block(position, BlockKind.PARAGRAPH, text, path=path) for position, text in enumerate(texts)]


def words(title: str, kept: list[Block], *left_out: str) -> PageWords:
    """The words of a page of which the first blocks are kept and lines below them are not."""
    page = [*kept, *blocks(*left_out)]
    return page_words(title, page, [Verdict(number < len(kept), "", "") for number in range(len(page))])


def signs(title: str, *texts: str, path: str = "body>p", around: tuple[str, ...] = ()) -> dict[str, float]:
    return word_signs(words(title, blocks(*texts, path=path), *around), load_page_word_weights())


def test_an_offer_reads_less_like_an_article_than_a_report() -> None:
    offer, report = signs("Moving Services", OFFER), signs("Council votes against plan", REPORT)
    assert set(offer) == SIGNS
    assert offer["words_text"] < 0 < report["words_text"]


def test_classes_of_a_shop_speak_less_for_an_article_than_those_of_a_post() -> None:
    shop = signs("", REPORT, path="body>div.product-grid.cart>div.price>p")
    post = signs("", REPORT, path="body>article.post>div.entry-content>p")
    assert shop["words_names"] < post["words_names"]


def test_lines_around_the_text_tell_a_shop_from_a_blog() -> None:
    shop, blog = signs("", REPORT, around=SHOP_LINES), signs("", REPORT, around=BLOG_LINES)
    assert shop["words_around"] < blog["words_around"]
    assert shop["words_text"] == blog["words_text"]


def test_long_lines_around_the_text_and_kept_ones_do_not_count_as_around_it() -> None:
    assert signs("", REPORT, around=(REPORT * 2,))["words_around"] == 0.0
    assert signs("", REPORT, *SHOP_LINES)["words_around"] == 0.0


def test_a_line_counts_by_its_words_and_as_a_whole() -> None:
    one_line, two_lines = (words("", [], *lines)["words_around"] for lines in (("Sort by",), ("Sort", "by")))
    assert len(one_line.buckets) == 3  # "sort", "by" and "sort by"
    assert len(two_lines.buckets) == 4  # each also as a line


def test_a_page_s_words_of_unspaced_scripts_count_by_pairs_of_characters() -> None:
    clause, part, other = (set(words("", blocks(text))["words_text"].buckets) for text in ("相关新闻", "相关", "磨坊"))
    assert len(clause) == 3  # 相关, 关新 and 新闻
    assert part < clause
    assert other.isdisjoint(clause)


@pytest.mark.parametrize("title", ["2019", "1984"])
def test_of_a_number_only_its_length_counts(title: str) -> None:
    assert signs(title)["words_text"] == signs("2024")["words_text"]
    assert signs(title)["words_text"] != signs("24")["words_text"]


def test_a_page_without_words_gets_no_points() -> None:
    assert signs("") == dict.fromkeys(SIGNS, 0.0)


def test_of_few_words_each_says_no_more_than_of_many() -> None:
    few, more = (words("", blocks(text))["words_text"].shares for text in ("a b", "a b c d e f g h"))
    many = words("", blocks(REPORT * 2 + OFFER + "".join(map(" {0}word".format, "abcdefghijklmnop"))))
    assert np.abs(few).max() == np.abs(more).max()
    assert np.abs(many["words_text"].shares).max() < np.abs(few).max()


def test_signs_of_lone_surrogates_are_numbers() -> None:
    assert np.isfinite(list(signs("\ud800 broken", "\udfff").values())).all()


def test_the_weights_that_ship_are_whole() -> None:
    weights = load_page_word_weights()
    assert set(weights) == SIGNS
    assert all(column.shape == (PAGE_BUCKETS,) and np.isfinite(column).all() for column in weights.values())


@pytest.mark.parametrize(("count", "hashes"), [(1, 4), (2, 7), (6, 15), (7, 16), (40, 82), (41, 82), (90, 82)])
def test_what_is_hashed_of_words(count: int, hashes: int) -> None:
    assert len(said(" ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(count)))[0]) == hashes


@pytest.mark.parametrize(
    ("start", "length", "counts"), [(399, 501, True), (400, 501, False), (401, 501, True), (400, 500, True)]
)
def test_where_words_of_a_block_are_looked_for(start: int, length: int, counts: bool) -> None:
    [hashes] = said(f"{'-' * (start - 1)} x ".ljust(length, "-"))
    assert len(hashes) == (4 if counts else 1)  # of no word there is the line


@pytest.mark.parametrize(("length", "words_around"), [(40, 3), (41, 2), (80, 2), (81, 0)])
def test_characters_of_a_line_around_the_text(length: int, words_around: int) -> None:
    assert len(words("", [], "sort by".ljust(length, "."))["words_around"].buckets) == words_around


@pytest.mark.parametrize(("dots", "count"), [(1_499, 1), (1_500, 0)])
def test_characters_of_the_opening_and_of_headings(dots: int, count: int) -> None:
    assert len(words("", blocks("." * dots + "x"))["words_text"].buckets) == count
    assert len(words("", blocks("." * (dots - 1), "x"))["words_text"].buckets) == count
    heading = Block(1, BlockKind.HEADING, "." * dots + "x")
    assert len(words("", [*blocks("." * 1_600), heading])["words_text"].buckets) == count


@pytest.mark.parametrize(("count", "share"), [(31, 32), (32, 32), (33, 33)])
def test_words_of_a_page_that_weigh_as_much_as_thirty_two(count: int, share: int) -> None:
    kept = blocks(" ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(count)))
    assert np.abs(words("", kept)["words_text"].shares) == pytest.approx(np.full(count, share**-0.5))


def test_all_hashes_of_a_page() -> None:
    """Learned weights are of these buckets: another hash needs other weights."""
    page = [Block(0, BlockKind.HEADING, "Die Mühle brannte 2024", path="html>body.home>main#content.story-body>h1"),
            *blocks("The mill burned down on 3 May.", "相关新闻 x", path="a#b-c>div.x>div.d_e.f12gh>p")]  # fmt: skip
    of_blocks = {name: [sorted(numbers(one)) for one in hashes] for name, hashes in hash_block_words(page).items()}
    of_page = words("The mill burned", page, "Sort by", "Read more about this")
    pairs = {
        name: [*zip(one.buckets.tolist(), np.sign(one.shares).tolist(), strict=True)] for name, one in of_page.items()
    }
    digests = [sha256(repr(found).encode()).hexdigest()[:16] for found in (of_blocks, pairs)]
    assert digests == ["e5cc2a1bfe234bad", "d5ce41aa9149989f"]
