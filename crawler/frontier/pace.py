"""How long to wait between two requests to a host. Pure: times are passed in, in seconds of a monotonic clock.

The delay adapts to the host's responses, between a floor and a ceiling: slow ones, and those that say "too many
requests", make it longer; quick good ones bring it back to the floor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CEILING = 60.0  # seconds between two requests at the slowest
MAX_ROBOTS_DELAY = 600.0
"""Seconds to which a longer Crawl-delay or Request-rate is cut: six requests an hour."""

MAX_RETRY_AFTER = 3600.0
"""Seconds to which a longer Retry-After is cut."""

_LATENCY_FACTOR = 1.0  # a host that needs L seconds for a response gets a request every L seconds
_BACKOFF_FACTOR = 2.0  # factor on the delay after 429, 503 and time-outs
_LATENCY_WEIGHT = 0.5  # weight of the newest latency


@dataclass(frozen=True, slots=True)
class Pace:
    """A host's pace: the `delay` in seconds, its bounds, the smoothed latency, and when the next request may go."""

    floor: float
    ceiling: float = CEILING
    delay: float = 0.0
    latency: float = 0.0
    next_request_at: float = 0.0

    @classmethod
    def at_floor(cls, floor: float, robots_delay: float | None = None) -> Pace:
        """A pace at its floor: the user's delay, or the `robots_delay` that robots.txt asks for if that is longer.

        A floor of 0 turns pacing off; robots.txt still counts then, up to `MAX_ROBOTS_DELAY`.
        """
        min_delay = max(floor, min(robots_delay or 0.0, MAX_ROBOTS_DELAY))
        return cls(floor=min_delay, ceiling=max(CEILING, min_delay), delay=min_delay)

    def with_floor(self, floor: float, robots_delay: float | None = None) -> Pace:
        """This pace with the floor of `at_floor`, as when a robots.txt is read for the first time or again.

        A delay above the old floor is kept, and so is a wait that the host asked for.
        """
        bounds = Pace.at_floor(floor, robots_delay)
        delay = min(bounds.ceiling, max(bounds.floor, self.delay if self.delay > self.floor else bounds.floor))
        return replace(self, floor=bounds.floor, ceiling=bounds.ceiling, delay=delay)

    def after_request(self, now: float) -> Pace:
        """The pace after a request was sent."""
        return replace(self, next_request_at=max(self.next_request_at, now + self.delay))

    def after_answer(self, latency: float) -> Pace:
        """The pace after a good response that took `latency` seconds."""
        if not self.floor:
            return replace(self, delay=0.0)
        smoothed_latency = self.latency + _LATENCY_WEIGHT * (latency - self.latency) if self.latency else latency
        delay = self._clamped(max(self.delay / _BACKOFF_FACTOR, smoothed_latency * _LATENCY_FACTOR))
        return replace(self, latency=smoothed_latency, delay=delay)

    def after_refusal(self, now: float, retry_after: float | None = None) -> Pace:
        """The pace after a response that says "too many requests", or none in time; `retry_after` is in seconds."""
        wait = retry_after if retry_after is not None else max(self.delay, 1.0) * _BACKOFF_FACTOR
        slower_delay = self._clamped(max(self.delay, 1.0) * _BACKOFF_FACTOR)
        next_request_at = max(self.next_request_at, now + min(wait, MAX_RETRY_AFTER))
        return replace(self, delay=slower_delay, next_request_at=next_request_at)

    def _clamped(self, delay: float) -> float:
        return min(self.ceiling, max(self.floor, delay))
