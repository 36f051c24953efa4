from __future__ import annotations

import random

import pytest

from output.report.drift import LEAST, Share, chance_of_at_most, fell, rose


@pytest.mark.parametrize(
    ("now", "past", "alarmed"),
    [
        (Share(0, 20), [Share(39, 40)], True),
        (Share(10, 40), [Share(39, 40)], True),
        (Share(30, 40), [Share(39, 40)], False),  # not far enough
        (Share(0, LEAST - 1), [Share(400, 400)], False),  # too few pages to say anything
        (Share(2, LEAST), [Share(8, 10)], False),  # a past of ten pages is no firm ground
        (Share(2, 20), [Share(38, 40), Share(6, 40)], False),  # it has been as low before
        (Share(0, 20), [], False),
        (Share(0, 20), [Share(3, 3)], False),
    ],
)
def test_what_falls(now, past, alarmed):
    assert fell(now, past) is alarmed


def test_rising_is_falling_of_the_rest():
    assert rose(Share(30, 30), [Share(1, 40)])
    assert not rose(Share(3, 30), [Share(1, 40)])


def test_the_chance_is_binomial():
    assert chance_of_at_most(0, 10, 0.5) == pytest.approx(0.5**10)
    assert chance_of_at_most(4, 9, 0.5) == pytest.approx(0.5)
    assert chance_of_at_most(9, 9, 0.5) == 1.0
    assert chance_of_at_most(0, 9, 1.0) == 0.0
    assert chance_of_at_most(0, 5000, 0.9) == 0.0


def test_noise_raises_nothing():
    """Shares that come from one source, in runs of all sizes: none of 20,000 is called a fall or a rise."""
    rng = random.Random(1)

    def drawn(share):
        pages = rng.choice((8, 10, 20, 50, 200))
        return Share(sum(rng.random() < share for _ in range(pages)), pages)

    for _ in range(10_000):
        share = rng.random()
        past, now = [drawn(share) for _ in range(rng.randint(1, 5))], drawn(share)
        assert not fell(now, past)
        assert not rose(now, past)
