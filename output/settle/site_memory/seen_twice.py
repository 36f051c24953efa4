"""Which numbers were added more than once, approximately: a table of fixed size in place of all the numbers.

A number that it does not contain was added at most once. One that it contains may have been added once, if another
number shares its slot: where the exact answer matters, the few that it contains are looked up in a table.
"""

from __future__ import annotations

from collections.abc import Iterable

_MIN_BITS, _MAX_BITS = 12, 23  # at most 8 MB: enough to tell half of ten million numbers apart


class SeenTwice:
    """A set of the numbers that were added at least twice, with false positives. Numbers must be evenly spread, as
    digests are; about `expected_numbers` of them are expected."""

    def __init__(self, expected_numbers: int) -> None:
        bits = min(max(expected_numbers.bit_length() + 1, _MIN_BITS), _MAX_BITS)
        self._mask = (1 << bits) - 1
        self._counts = bytearray(1 << bits)

    def add(self, numbers: Iterable[int]) -> None:
        """Add each of the numbers once."""
        counts, mask = self._counts, self._mask
        for number in numbers:
            slot = number & mask
            if counts[slot] < 2:
                counts[slot] += 1

    def __contains__(self, number: int) -> bool:
        return self._counts[number & self._mask] > 1
