"""Which numbers were met more than once, nearly: a table of fixed size in place of all the numbers.

A number that it does not name was met at most once. One that it names may have been met once, and another shares its
place: who needs to know asks a table of those that are named, which are few.
"""

from __future__ import annotations

from collections.abc import Iterable

_LEAST_BITS, _MOST_BITS = 12, 23  # at most 8 MB: of ten million numbers it still tells half apart


class Several:
    """The numbers that are met, of which about `expected` are expected. They must be evenly spread, as digests are."""

    def __init__(self, expected: int) -> None:
        bits = min(max(expected.bit_length() + 1, _LEAST_BITS), _MOST_BITS)
        self._mask = (1 << bits) - 1
        self._met = bytearray(1 << bits)

    def meet(self, numbers: Iterable[int]) -> None:
        """Meet each of the numbers once."""
        met, mask = self._met, self._mask
        for number in numbers:
            place = number & mask
            if met[place] < 2:
                met[place] += 1

    def __contains__(self, number: int) -> bool:
        return self._met[number & self._mask] > 1
