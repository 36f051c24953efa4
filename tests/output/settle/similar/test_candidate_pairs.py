from __future__ import annotations

import random
from array import array
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from output.settle.similar.candidate_pairs import CROWD, Sketched, alike
from output.settle.similar.likeness import HASH_BITS, packed


def found(sketches: list[list[int]], hosts: list[int] | None = None, at_once: int = 1_000) -> list[tuple[int, int]]:
    """The pairs by the places of their sketches; the pages have other numbers."""
    made = [packed(np.array(sorted(each), np.uint32)) for each in sketches]
    count = len(made)
    pages = Sketched(
        array("q", range(1, 7 * count + 1, 7)), array("i", hosts or [0] * count), array("i", map(len, sketches))
    )
    return [((one - 1) // 7, (other - 1) // 7) for one, other in alike(pages, lambda: made, at_once)]


def compared(sketches: list[list[int]], hosts: list[int]) -> list[tuple[int, int]]:
    """The same by looking at each two."""
    crowds = Counter((number, host) for each, host in zip(sketches, hosts, strict=True) for number in each)
    own = [
        {number for number in each if crowds[number, host] <= CROWD} for each, host in zip(sketches, hosts, strict=True)
    ]
    shared = {(n, m): len(own[n] & own[m]) for n, m in combinations(range(len(own)), 2)}
    return [(n, m) for (n, m), both in shared.items() if both >= max(2, 0.4 * min(len(own[n]), len(own[m])))]


def test_two_sketches_with_much_in_common_are_a_pair() -> None:
    assert found([[1, 2, 3, 4, 5], [9, 8, 7], [1, 2, 30, 40, 50], [1, 90, 91]]) == [(0, 2)]


def test_one_hash_in_common_is_chance() -> None:
    assert found([[1, 2], [1, 3]]) == []


def test_a_short_sketch_inside_a_long_one_is_a_pair() -> None:
    assert found([list(range(1_000)), [5, 6, 7, 2_000, 3_000]]) == [(0, 1)]


def test_what_many_pages_of_a_host_have_is_no_evidence_but_what_many_hosts_have_is() -> None:
    sketches = [[1, 2, 3] for _ in range(CROWD + 1)]
    assert found(sketches) == []
    assert len(found(sketches, list(range(CROWD + 1)))) == (CROWD + 1) * CROWD // 2


def test_nothing_is_alike_in_an_empty_archive() -> None:
    assert found([]) == []


@pytest.mark.parametrize("at_once", [10, 300, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_comparing_each_two_gives_however_few_hashes_are_held(seed: int, at_once: int) -> None:
    rng = random.Random(seed)
    numbers = [rng.randrange(2**HASH_BITS) for _ in range(400)]
    common = rng.sample(numbers, 8)
    sketches, hosts = [], []
    for _ in range(120):
        own = {rng.choice(numbers) for _ in range(rng.randint(1, 30))}
        sketches.append(sorted(own.union(common if rng.random() < 0.4 else ())))
        hosts.append(rng.randrange(2))
    pairs = compared(sketches, hosts)
    assert len(pairs) > 20
    assert found(sketches, hosts, at_once) == pairs


def test_sketches_are_read_once_for_each_range() -> None:
    made = [packed(np.array([n, n + 500], np.uint32)) for n in range(100)]
    reads = []

    def read() -> list[bytes]:
        reads.append(1)
        return made

    alike(Sketched(array("q", range(100)), array("i", [0] * 100), array("i", [2] * 100)), read, 50)
    assert len(reads) == 4
