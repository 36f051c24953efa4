"""Pairs of sketches that share enough are those that looking at each two gives, however they are counted."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from broadsheet.output.settle import candidate_pairs
from broadsheet.output.settle import candidate_pairs as common_hashes
from broadsheet.output.settle.candidate_pairs import (
    SketchedPages,
    SkippedHashes,
    find_candidate_pairs,
    frequency_classes,
)
from broadsheet.output.settle.likeness import pack_sketch

CROWD_LIMIT, CLASSES, RARE_PAGES, HASH_BITS = 24, 16, 32, 29


def index_pairs(
    sketches: list[list[int]], hosts: list[int] | None = None, hashes_per_range: int = 1_000
) -> list[tuple[int, int]]:
    """The pairs by the places of their sketches; the pages have other numbers."""
    packed_sketches = [pack_sketch(np.array(sorted(sketch), np.uint32)) for sketch in sketches]
    count = len(packed_sketches)
    pages = SketchedPages(
        array("q", range(1, 7 * count + 1, 7)), array("i", hosts or [0] * count), array("i", map(len, sketches))
    )
    return [
        ((first - 1) // 7, (second - 1) // 7)
        for first, second in find_candidate_pairs(pages, iter(packed_sketches), hashes_per_range)
    ]


def compare_all_pairs(sketches: list[list[int]], hosts: list[int]) -> list[tuple[int, int]]:
    """The same by looking at each two."""
    crowds = Counter((number, host) for sketch, host in zip(sketches, hosts, strict=True) for number in sketch)
    uncrowded = [
        {number for number in sketch if crowds[number, host] <= CROWD_LIMIT}
        for sketch, host in zip(sketches, hosts, strict=True)
    ]
    shared_counts = {(n, m): len(uncrowded[n] & uncrowded[m]) for n, m in combinations(range(len(uncrowded)), 2)}
    return [
        (n, m)
        for (n, m), count in shared_counts.items()
        if count >= max(2, 0.4 * min(len(uncrowded[n]), len(uncrowded[m])))
    ]


def test_what_many_pages_of_a_host_have_is_no_evidence_but_what_many_hosts_have_is() -> None:
    sketches = [[1, 2, 3] for _ in range(CROWD_LIMIT + 1)]
    assert index_pairs(sketches) == []
    assert len(index_pairs(sketches, list(range(CROWD_LIMIT + 1)))) == (CROWD_LIMIT + 1) * CROWD_LIMIT // 2


def test_nothing_is_alike_in_an_empty_archive() -> None:
    assert index_pairs([]) == []


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [10, 300, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_comparing_each_two_gives_however_few_hashes_are_held(seed: int, at_once: int) -> None:
    rng = random.Random(seed)
    numbers = [rng.randrange(2**HASH_BITS) for _ in range(400)]
    common = rng.sample(numbers, 8)
    sketches, hosts = [], []
    for _ in range(120):
        sketch = {rng.choice(numbers) for _ in range(rng.randint(1, 30))}
        sketches.append(sorted(sketch.union(common if rng.random() < 0.4 else ())))
        hosts.append(rng.randrange(2))
    pairs = compare_all_pairs(sketches, hosts)
    assert len(pairs) > 20
    assert index_pairs(sketches, hosts, at_once) == pairs


@pytest.mark.parametrize("rare_pages", [1, 3, 20])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_same_however_many_hashes_are_common(
    monkeypatch: pytest.MonkeyPatch, seed: int, rare_pages: int
) -> None:
    monkeypatch.setattr(common_hashes, "RARE_PAGES", rare_pages)
    monkeypatch.setattr(common_hashes, "_PAIRS_AT_ONCE", 50)
    rng = random.Random(seed)
    numbers = [rng.randrange(2**HASH_BITS) for _ in range(300)]
    sketches = []
    for _ in range(90):
        topic = rng.randrange(280)
        own_numbers = {rng.choice(numbers[topic : topic + 20]) for _ in range(rng.randint(0, 20))}
        phrases = {numbers[int(300 * rng.random() ** 4)] for _ in range(rng.randint(1, 30))}
        sketches.append(sorted(own_numbers | phrases))
    hosts = list(range(90))
    pairs = compare_all_pairs(sketches, hosts)
    assert 50 < len(pairs) < 2_000
    assert index_pairs(sketches, hosts, 400) == pairs


@pytest.mark.parametrize("at_once", [1, 10, 1_000_000])
def test_pairs_are_counted_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(candidate_pairs, "_PAIRS_AT_ONCE", at_once)
    sketches = [[number // 2, 1_000 + number // 2, 5_000 + number % 9] for number in range(40)]
    hosts = [number % 3 for number in range(40)]
    assert index_pairs(sketches, hosts) == compare_all_pairs(sketches, hosts) != []


@pytest.mark.parametrize("at_once", [50, 1, 10_000])
def test_sketches_are_read_once_however_many_ranges_there_are(at_once: int) -> None:
    numbers = [random.Random(n // 2).sample(range(2**HASH_BITS), 3) for n in range(100)]
    sketches = (pack_sketch(np.array(sorted(sketch), np.uint32)) for sketch in numbers)
    pages = SketchedPages(array("q", range(100)), array("i", [0] * 100), array("i", [3] * 100))
    assert find_candidate_pairs(pages, sketches, at_once) == [(n, n + 1) for n in range(0, 100, 2)]
    assert next(sketches, None) is None


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
