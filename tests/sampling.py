"""A seeded sample of a test's cases runs with the slow tests; the others wait for the night."""

import random
from collections.abc import Iterable
from typing import Any

import pytest

SEED = 20261128


def sampled(values: Iterable[Any], count: int, seed: int = SEED) -> list[Any]:
    """The values for `pytest.mark.parametrize`: all but `count` of them, drawn by the seed, are marked `nightly`."""
    every = list(values)
    drawn = set(random.Random(seed).sample(range(len(every)), count))
    return [value if n in drawn else pytest.param(value, marks=pytest.mark.nightly) for n, value in enumerate(every)]
