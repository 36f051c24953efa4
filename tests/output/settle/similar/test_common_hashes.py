from __future__ import annotations

import numpy as np
import pytest

from broadsheet.output.settle.similar import common_hashes
from broadsheet.output.settle.similar.common_hashes import CLASSES, RARE_PAGES, SkippedHashes, frequency_classes


@pytest.mark.parametrize(
    ("page_count", "frequency_class"),
    [(1, 0), (RARE_PAGES, 0), (RARE_PAGES + 1, 1), (2 * RARE_PAGES, 1), (2 * RARE_PAGES + 1, 2), (4 * RARE_PAGES, 2)],
)
def test_a_class_is_that_of_up_to_twice_as_many_pages(page_count: int, frequency_class: int) -> None:
    hashes = np.array([5] + [7] * page_count + [9], np.uint32)
    assert frequency_classes(hashes).tolist() == [0] + [frequency_class] * page_count + [0]


def test_there_are_no_more_classes_however_many_pages_have_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common_hashes, "RARE_PAGES", 1)
    assert set(frequency_classes(np.zeros(2**CLASSES, np.uint32)).tolist()) == {CLASSES - 1}


def test_no_hashes_have_no_classes() -> None:
    assert frequency_classes(np.empty(0, np.uint32)).tolist() == []


def choose(class_counts: list[dict[int, int]], most: list[int], sizes: list[int] | None = None) -> SkippedHashes:
    counts = np.zeros((len(class_counts), CLASSES), np.uint16)
    for page, page_counts in enumerate(class_counts):
        for frequency_class, count in page_counts.items():
            counts[page, frequency_class] = count
    return SkippedHashes.choose(counts, np.array(sizes or [50] * len(most), np.int32), np.array(most))


def test_a_page_skips_whole_classes_from_the_most_frequent_on_and_no_more_than_it_may() -> None:
    skipped = choose([{1: 2, 3: 4, 9: 1}] * 4 + [{}], [7, 6, 1, 0, 3])
    assert skipped.first_classes.tolist() == [1, 2, 4, 10, 1]
    assert skipped.counts.tolist() == [7, 5, 1, 0, 0]


def test_the_smaller_sketch_comes_first_and_of_two_as_large_the_lower_index() -> None:
    skipped = choose([{}] * 3, [0] * 3, sizes=[5, 3, 5])
    firsts, seconds = np.array([0, 1, 0, 2], np.int32), np.array([1, 0, 2, 0], np.int32)
    assert skipped.smaller_first(firsts, seconds).tolist() == [False, True, True, False]


@pytest.mark.parametrize("at_once", [1, 100, 100_000])
def test_a_skipped_hash_makes_no_pairs_and_is_counted_afterwards(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(common_hashes, "_PAIRS_AT_ONCE", at_once)
    page_count = RARE_PAGES + 1
    rows = np.full(page_count, 77, np.uint32), np.arange(page_count, dtype=np.int32)
    skipped = choose([{1: 1}] * page_count, [1] + [0] * (page_count - 1))
    pairs = {
        (int(first), int(second))
        for firsts, seconds in skipped.unskipped_pairs(rows, frequency_classes(rows[0]))
        for first, second in zip(firsts, seconds, strict=True)
    }
    assert pairs == {(n, m) for n in range(1, page_count) for m in range(n + 1, page_count)}
    smaller, larger = np.array([0, 0, 4]), np.array([3, 5, 5])
    assert skipped.count_skipped(smaller, larger, lambda: iter([rows])).tolist() == [1, 1, 0]
