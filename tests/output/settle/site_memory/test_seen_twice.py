from __future__ import annotations

import random

from broadsheet.output.settle.site_memory.seen_twice import SeenTwice


def test_what_was_met_twice_is_named_and_of_the_rest_little():
    source = random.Random(7)
    numbers = [source.getrandbits(63) for _ in range(4_000)]
    seen_twice = SeenTwice(4_000)
    seen_twice.add(numbers)
    seen_twice.add(numbers[:100])
    assert all(number in seen_twice for number in numbers[:100])
    assert sum(number in seen_twice for number in numbers[100:]) < 2_000


def test_meeting_often_is_as_meeting_twice():
    seen_twice = SeenTwice(1)
    for _ in range(300):
        seen_twice.add([5])
    assert 5 in seen_twice
    assert 6 not in seen_twice
