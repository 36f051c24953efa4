from __future__ import annotations

import random

from output.settle.site_memory.seen_twice import Several


def test_what_was_met_twice_is_named_and_of_the_rest_little():
    source = random.Random(7)
    numbers = [source.getrandbits(63) for _ in range(4_000)]
    several = Several(4_000)
    several.meet(numbers)
    several.meet(numbers[:100])
    assert all(number in several for number in numbers[:100])
    assert sum(number in several for number in numbers[100:]) < 2_000


def test_meeting_often_is_as_meeting_twice():
    several = Several(1)
    for _ in range(300):
        several.meet([5])
    assert 5 in several
    assert 6 not in several
