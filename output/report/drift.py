"""Whether a share is out of line with its own past. The bounds follow from the counts, so that noise raises no alarm.

The past is each earlier run by itself, and the one that is nearest to the present decides: a site whose share swings
from run to run has a wide past. Its share is taken at its Wilson bound, three standard errors out, and the present must
be far from it, both in size and by the binomial distribution. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt

MIN_PAGES = 8
"""Pages that a run must have for its shares to say anything."""

MIN_DIFFERENCE = 0.25
"""Shares that differ by less count as the same, however many pages they are of."""

MAX_CHANCE = 1e-5
"""Chance with which a run as unlike its past as this would come about by itself: some hundred tests are made a run."""

_STANDARD_ERRORS = 3.0  # standard errors between a past share and the bound that is taken for it


@dataclass(frozen=True, slots=True)
class PageShare:
    """How many of so many pages have something."""

    hits: int
    pages: int

    @property
    def share(self) -> float:
        """From 0 to 1; 0 if there are no pages."""
        return self.hits / self.pages if self.pages else 0.0


def has_fallen(present: PageShare, past: Sequence[PageShare], min_difference: float = MIN_DIFFERENCE) -> bool:
    """Whether a share is lower than any of its past explains."""
    counted_shares = _with_enough_pages(past)
    if not counted_shares or present.pages < MIN_PAGES:
        return False
    lowest_bound = min(_wilson_bound(share, -_STANDARD_ERRORS) for share in counted_shares)
    lowest_share = min(share.share for share in counted_shares)
    return (
        lowest_share - present.share >= min_difference
        and chance_of_at_most(present.hits, present.pages, lowest_bound) < MAX_CHANCE
    )


def has_risen(present: PageShare, past: Sequence[PageShare], min_difference: float = MIN_DIFFERENCE) -> bool:
    """Whether a share is higher than any of its past explains."""
    return has_fallen(_complement(present), [_complement(share) for share in past], min_difference)


def chance_of_at_most(hits: int, pages: int, share: float) -> float:
    """The binomial probability of so many hits or fewer, if each page hits with the probability `share`."""
    if share <= 0.0 or hits >= pages:
        return 1.0
    if share >= 1.0:
        return 0.0
    return min(1.0, sum(exp(_log_probability(count, pages, share)) for count in range(hits + 1)))


def _with_enough_pages(past: Sequence[PageShare]) -> list[PageShare]:
    return [share for share in past if share.pages >= MIN_PAGES]


def _complement(share: PageShare) -> PageShare:
    """The share of the pages that do not hit."""
    return PageShare(share.pages - share.hits, share.pages)


def _wilson_bound(share: PageShare, errors: float) -> float:
    """Wilson's bound (1927) of a share, `errors` standard errors out (below it if negative); within 0 and 1 also for
    few pages."""
    square, pages = errors * errors, share.pages
    centre = share.share + square / (2 * pages)
    distance = errors * sqrt(share.share * (1 - share.share) / pages + square / (4 * pages * pages))
    return (centre + distance) / (1 + square / pages)


def _log_probability(hits: int, pages: int, share: float) -> float:
    log_combinations = lgamma(pages + 1) - lgamma(hits + 1) - lgamma(pages - hits + 1)
    return log_combinations + hits * log(share) + (pages - hits) * log(1 - share)
