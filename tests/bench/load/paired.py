"""Conditions of a benchmark of speed: a quiet machine before it starts, sides in turn, and the spread of pairs."""

import os
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

QUIET = 1.5  # the load of a machine on which nothing else works; two runs of one side differed by 25 % above it
PAIRS = 5  # the fewest that show a spread
_PATIENCE = 300  # seconds in which the load of what ran before falls
_BUSY = "BROADSHEET_BUSY_BENCH"


class Spread(NamedTuple):
    """Ratios of the pairs of a benchmark: the median one, the least, the greatest, and how many there are."""

    median: float
    least: float
    most: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}–{self.most:.2f}, {self.pairs} pairs)"


def quiet_load(patience: float = _PATIENCE) -> float:
    """Return the load of the machine once it is quiet; end the program in a line where it does not become so."""
    end = time.monotonic() + patience
    while (load := os.getloadavg()[0]) > QUIET and not os.environ.get(_BUSY) and time.monotonic() < end:
        time.sleep(min(10, patience))
    if load > QUIET and not os.environ.get(_BUSY):
        sys.exit(f"the load is {load:.1f}, above {QUIET}: figures of speed would be of it too. {_BUSY}=1 takes them")
    return round(load, 1)


def in_turn(sides: Sequence[str], number: int) -> Sequence[str]:
    """Return the sides in the order of a round: each is as often first."""
    return sides if number % 2 == 0 else sides[::-1]


def spread_of(ours: Sequence[float], others: Sequence[float]) -> Spread:
    """Return the ratios of what one side took to what the other did, round by round.

    >>> str(spread_of([2, 3, 8], [1, 1, 2]))
    '3.00 (2.00–4.00, 3 pairs)'
    """
    ratios = [mine / theirs for mine, theirs in zip(ours, others, strict=True)]
    return Spread(median(ratios), min(ratios), max(ratios), len(ratios))
