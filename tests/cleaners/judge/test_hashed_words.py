"""What blocks and pages say and stand in, as sums over hashed words."""

from __future__ import annotations

from array import array
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.judge import hashed_words as module
from broadsheet.cleaners.judge.hashed_words import (
    PageWords,
    hash_block_words,
    load_page_word_weights,
    page_words,
    word_signs,
)
from tests.cleaners.building import holds_up_to

BODY = "html>body>main#content.story-body>p"


def blocks(*texts: str, path: str = BODY) -> list[Block]:
    return [Block(n, BlockKind.PARAGRAPH, text, path=path) for n, text in enumerate(texts)]


def numbers(hashes: bytes) -> set[int]:
    return set(array("I", hashes))


def said(*texts: str) -> list[set[int]]:
    return [numbers(hashes) for hashes in hash_block_words(blocks(*texts))["says"]]


def named(path: str) -> set[int]:
    return numbers(hash_block_words(blocks("x", path=path))["named"][0])


def test_capitals_and_which_number_it_is_make_no_difference():
    first, second = said("Posted 17 comments", "POSTED 38 Comments")
    assert first == second
    two_digits, four_digits = said("17 comments", "1017 comments")
    assert two_digits != four_digits


def test_what_stands_beside_what_counts_and_a_short_line_as_a_whole():
    first, second = said("read more stories here", "here stories more read")
    assert first & second, "the words"
    assert first - second, "their order"


def test_names_near_the_block_count_otherwise_than_far_ones():
    near, far = named("html>body>div>p.related"), named("html>body.related>div>div>div>p")
    assert near & far, "the name by itself"
    assert near - far
    assert named("p.post-title") > named("p.post_title") - named("p"), "hyphens and underscores are the same"


def test_the_last_heading_above_counts():
    heading = Block(1, BlockKind.HEADING, "Related stories", path=BODY)
    page = [*blocks("before"), heading, *blocks("after", "and after that")]
    before, own, after, later = hash_block_words(page)["heading_says"]
    assert (before, own) == (b"", b"")
    assert after == later == hash_block_words(blocks("Related stories"))["says"][0]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_text_has_the_words_that_it_has_beside_other_letters(text):
    assert module._text_words(f"{text} \u00e9") == [*module._text_words(text), "\u00e9".encode()]


REPORT = "The minister said on Monday that the council had voted against the plan."


def words(title: str, kept: list[Block], *left_out: str) -> PageWords:
    """The words of a page of which the first blocks are kept and lines below them are not."""
    page = [*kept, *blocks(*left_out)]
    return page_words(title, page, [Verdict(number < len(kept), "", "") for number in range(len(page))])


def signs(title: str, *texts: str) -> dict[str, float]:
    return word_signs(words(title, blocks(*texts)), load_page_word_weights())


def test_a_page_s_words_of_unspaced_scripts_count_by_pairs_of_characters():
    clause, part, other = (set(words("", blocks(text))["words_text"].buckets) for text in ("相关新闻", "相关", "磨坊"))
    assert len(clause) == 3  # 相关, 关新 and 新闻
    assert part < clause
    assert other.isdisjoint(clause)


def test_signs_of_lone_surrogates_are_numbers():
    assert np.isfinite(list(signs("\ud800 broken", "\udfff").values())).all()


@pytest.mark.parametrize(("count", "hashes"), [(1, 4), (2, 7), (6, 15), (7, 16), (40, 82), (41, 82), (90, 82)])
def test_what_is_hashed_of_words(count, hashes):
    assert len(said(" ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(count)))[0]) == hashes


@pytest.mark.parametrize(
    ("start", "length", "counts"), [(399, 501, True), (400, 501, False), (401, 501, True), (400, 500, True)]
)
def test_where_words_of_a_block_are_looked_for(start, length, counts):
    [hashes] = said(f"{'-' * (start - 1)} x ".ljust(length, "-"))
    assert len(hashes) == (4 if counts else 1)  # of no word there is the line


def test_all_hashes_of_a_page():
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


def test_thresholds():
    def counts(dots: int) -> bool:
        heading = Block(1, BlockKind.HEADING, "." * dots + "x")
        opening = [[*blocks("." * dots + "x")], [*blocks("." * (dots - 1), "x")], [*blocks("." * 1_600), heading]]
        found = {len(words("", kept)["words_text"].buckets) for kept in opening}
        assert len(found) == 1
        return found == {1}

    def weight(count: int) -> float:
        kept = blocks(" ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(count)))
        return float(np.abs(words("", kept)["words_text"].shares).max())

    assert holds_up_to(1_499, counts), "characters of the opening and of headings"
    assert holds_up_to(40, lambda n: len(words("", [], "sort by".ljust(n, "."))["words_around"].buckets) == 3)
    assert holds_up_to(80, lambda n: len(words("", [], "sort by".ljust(n, "."))["words_around"].buckets) >= 2)
    assert holds_up_to(32, lambda n: weight(n) == pytest.approx(32**-0.5)), "words of a page that weigh as much"
