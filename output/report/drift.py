"""Whether a share fell out of line with its own past: bounds that follow from the counts, so that noise stays silent.

The past is each earlier run by itself, and the one least unlike the present decides: a site whose share swings from
run to run has a wide past. Its share is taken at its Wilson bound, three standard errors out, and the present must be
far from it, both in size and by the binomial distribution. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt

LEAST = 8
"""Pages without which a run says nothing."""

FAR = 0.25
"""Shares that differ by less are the same, however many pages stand behind them."""

RARE = 1e-5
"""Chance with which a run as unlike its past as this would come about by itself: some hundred tests are made a run."""

_ERRORS = 3.0  # standard errors between a past share and the bound that is taken for it


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many pages."""

    hits: int
    pages: int

    @property
    def share(self) -> float:
        """From 0 to 1; 0 of no pages."""
        return self.hits / self.pages if self.pages else 0.0


def fell(now: Share, past: Sequence[Share], far: float = FAR) -> bool:
    """Whether a share is lower than any of its past explains."""
    counted = _counted(past)
    if not counted or now.pages < LEAST:
        return False
    low = min(_bound(each, -_ERRORS) for each in counted)
    near = min(each.share for each in counted)
    return near - now.share >= far and chance_of_at_most(now.hits, now.pages, low) < RARE


def rose(now: Share, past: Sequence[Share], far: float = FAR) -> bool:
    """Whether a share is higher than any of its past explains."""
    return fell(_rest(now), [_rest(each) for each in past], far)


def chance_of_at_most(hits: int, pages: int, share: float) -> float:
    """The binomial chance of so many hits or fewer."""
    if share <= 0.0 or hits >= pages:
        return 1.0
    if share >= 1.0:
        return 0.0
    return min(1.0, sum(exp(_log_chance(each, pages, share)) for each in range(hits + 1)))


def _counted(past: Sequence[Share]) -> list[Share]:
    return [each for each in past if each.pages >= LEAST]


def _rest(share: Share) -> Share:
    return Share(share.pages - share.hits, share.pages)


def _bound(share: Share, errors: float) -> float:
    """Wilson's bound (1927) of a share, so many standard errors out; within 0 and 1 also for few pages."""
    square, pages = errors * errors, share.pages
    middle = share.share + square / (2 * pages)
    spread = errors * sqrt(share.share * (1 - share.share) / pages + square / (4 * pages * pages))
    return (middle + spread) / (1 + square / pages)


def _log_chance(hits: int, pages: int, share: float) -> float:
    ways = lgamma(pages + 1) - lgamma(hits + 1) - lgamma(pages - hits + 1)
    return ways + hits * log(share) + (pages - hits) * log(1 - share)
