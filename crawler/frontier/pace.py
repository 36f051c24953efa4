"""How soon a host may be asked again. Pure: times are passed in, in seconds on a steady clock.

The pace follows the host's own answers between a floor and a ceiling: an answer that takes long, or says that it
is too much, slows us down; quick good answers bring the pace back to the floor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CEILING = 60.0  # seconds between two requests at the slowest
LONGEST_ASKED = 600.0
"""Seconds between two requests to which a longer Crawl-delay or Request-rate is held: six requests an hour."""

LONGEST_RETRY_AFTER = 3600.0
"""Seconds to which a longer Retry-After is held."""

_PATIENCE = 1.0  # a host that needs L seconds to answer is asked every L seconds
_BACK_OFF = 2.0  # factor on the delay after 429, 503 and time-outs
_SMOOTH = 0.5  # weight of the newest latency


@dataclass(frozen=True, slots=True)
class Pace:
    """A host's pace: seconds between requests now, at least and at most, and when the next may go."""

    floor: float
    ceiling: float = CEILING
    delay: float = 0.0
    latency: float = 0.0
    next_at: float = 0.0

    @classmethod
    def start(cls, floor: float, asked: float | None = None) -> Pace:
        """A pace at its floor: the user's delay, or what robots.txt asks for (Crawl-delay) if that is longer.

        A floor of 0 turns pacing off; robots.txt then still counts, up to `LONGEST_ASKED`.
        """
        least = max(floor, min(asked or 0.0, LONGEST_ASKED))
        return cls(floor=least, ceiling=max(CEILING, least), delay=least)

    def from_floor(self, floor: float, asked: float | None = None) -> Pace:
        """This pace above the floor of `start`: what robots.txt asks for was read, perhaps for another time.

        Being told to slow down outlasts it, and so does a wait that the host asked for.
        """
        bounds = Pace.start(floor, asked)
        delay = min(bounds.ceiling, max(bounds.floor, self.delay if self.delay > self.floor else bounds.floor))
        return replace(self, floor=bounds.floor, ceiling=bounds.ceiling, delay=delay)

    def sent(self, now: float) -> Pace:
        """The pace after a request went out."""
        return replace(self, next_at=max(self.next_at, now + self.delay))

    def answered(self, latency: float) -> Pace:
        """The pace after a good answer that took `latency` seconds."""
        if not self.floor:
            return replace(self, delay=0.0)
        smooth = self.latency + _SMOOTH * (latency - self.latency) if self.latency else latency
        return replace(self, latency=smooth, delay=self._within(max(self.delay / _BACK_OFF, smooth * _PATIENCE)))

    def refused(self, now: float, retry_after: float | None = None) -> Pace:
        """The pace after an answer that says "too much" or none in time; `retry_after` in seconds."""
        wait = retry_after if retry_after is not None else max(self.delay, 1.0) * _BACK_OFF
        slower = self._within(max(self.delay, 1.0) * _BACK_OFF)
        return replace(self, delay=slower, next_at=max(self.next_at, now + min(wait, LONGEST_RETRY_AFTER)))

    def _within(self, delay: float) -> float:
        return min(self.ceiling, max(self.floor, delay))
