from __future__ import annotations

import random

import pytest

from broadsheet.output.read.alarms import MIN_PAGES, PageShare, chance_of_at_most, has_fallen, has_risen


@pytest.mark.parametrize(
    ("now", "past", "alarmed"),
    [
        (PageShare(0, 20), [PageShare(39, 40)], True),
        (PageShare(10, 40), [PageShare(39, 40)], True),
        (PageShare(30, 40), [PageShare(39, 40)], False),  # not far enough
        (PageShare(0, MIN_PAGES - 1), [PageShare(400, 400)], False),  # too few pages to say anything
        (PageShare(2, MIN_PAGES), [PageShare(8, 10)], False),  # a past of ten pages is no firm ground
        (PageShare(2, 20), [PageShare(38, 40), PageShare(6, 40)], False),  # it has been as low before
        (PageShare(0, 20), [], False),
        (PageShare(0, 20), [PageShare(3, 3)], False),
    ],
)
def test_what_falls(now, past, alarmed):
    assert has_fallen(now, past) is alarmed


def test_rising_is_falling_of_the_rest():
    assert has_risen(PageShare(30, 30), [PageShare(1, 40)])
    assert not has_risen(PageShare(3, 30), [PageShare(1, 40)])


def test_the_chance_is_binomial():
    assert chance_of_at_most(0, 10, 0.5) == pytest.approx(0.5**10)
    assert chance_of_at_most(4, 9, 0.5) == pytest.approx(0.5)
    assert chance_of_at_most(9, 9, 0.5) == 1.0
    assert chance_of_at_most(0, 9, 1.0) == 0.0
    assert chance_of_at_most(0, 5000, 0.9) == 0.0


@pytest.mark.slow
def test_noise_raises_nothing():
    """Shares that come from one source, in runs of all sizes: none of 20,000 is called a fall or a rise."""
    rng = random.Random(1)

    def drawn(share):
        pages = rng.choice((8, 10, 20, 50, 200))
        return PageShare(sum(rng.random() < share for _ in range(pages)), pages)

    for _ in range(10_000):
        share = rng.random()
        past, now = [drawn(share) for _ in range(rng.randint(1, 5))], drawn(share)
        assert not has_fallen(now, past)
        assert not has_risen(now, past)
