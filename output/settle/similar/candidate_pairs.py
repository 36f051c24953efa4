"""Which sketches have enough in common: pairs of pages whose texts may be alike, found among all of an archive.

Hashes are taken range by range, so many at a time, and those of a range sorted: equal ones then stand beside each
other. What two pages have in common is counted at the end, for some pages after the other. So memory is bounded however
many pages there are, and no index is kept in the archive, where each new text changes as many places as it has hashes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from tempfile import SpooledTemporaryFile
from typing import Self

import numpy as np
from numpy.typing import NDArray

from output.settle.similar.likeness import HASH_BITS, Sketch, unpacked

CROWD = 24
"""Articles of one host that may share a run of words; what stands in more is a form, and evidence of nothing."""

# Two sketches that share less than this are not of texts that are alike: it is a sample, so well below `NEAR`.
_LEAST_SHARED, _LEAST_SHARE = 2, 0.4

_AT_ONCE = 250_000  # hashes of a range, about
_SKETCHES_AT_ONCE = 1_000
_MOST_FILES = 64
_IN_MEMORY = 4 * 1024**2  # bytes of all files together that stay in memory

_Numbers = NDArray[np.int64]
_Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Sketched:
    """The pages that have a sketch, in the order of their numbers: of each its number, its host by number, and how many
    hashes its sketch has, one at least."""

    numbers: array[int]
    hosts: array[int]
    hashes: array[int]


def alike(pages: Sketched, sketches: Callable[[], Iterable[bytes]], at_once: int = _AT_ONCE) -> list[tuple[int, int]]:
    """The pairs of pages whose sketches share enough, each from the lower number to the higher, in order.

    The `sketches` are those of the pages, in their order, packed; they are asked for once a range, and a range holds
    about `at_once` hashes.
    """
    if not pages.numbers:
        return []
    hosts = np.array(pages.hosts, np.int32)
    sizes = np.array(pages.hashes, np.int32)
    own = sizes.copy()
    ranges = -(-int(sizes.sum()) // at_once)
    with _Met(len(sizes), ranges) as met:
        for hashes, at in _by_range(sketches, sizes, ranges):
            crowded = _crowded(hashes, hosts[at])
            own -= np.bincount(at[crowded], minlength=len(own)).astype(np.int32)
            for one, other in _beside_each_other(hashes[~crowded], at[~crowded]):
                met.meet(one, other)
        return [
            (pages.numbers[one], pages.numbers[other])
            for ones, others, times in met.counted()
            for one, other in _enough(ones, others, times, own)
        ]


def _enough(one: _Numbers, other: _Numbers, times: _Numbers, own: _Places) -> Iterator[tuple[int, int]]:
    """The pairs whose sketches share enough of the smaller one."""
    enough = (times >= _LEAST_SHARED) & (times >= _LEAST_SHARE * np.minimum(own[one], own[other]))
    return zip(one[enough].tolist(), other[enough].tolist(), strict=True)


def _by_range(sketches: Callable[[], Iterable[bytes]], sizes: _Places, ranges: int) -> Iterator[tuple[Sketch, _Places]]:
    """The hashes that several sketches have, in order, each with the place of its sketch; range by range."""
    bounds = [(number << HASH_BITS) // ranges for number in range(ranges + 1)]
    for least, most in pairwise(bounds):
        parts = [_within(some, at, least, most) for some, at in _some(sketches(), sizes)]
        hashes, at = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(hashes, kind="stable")
        hashes, at = hashes[order], at[order]
        equal = np.zeros(len(hashes) + 1, bool)
        np.equal(hashes[1:], hashes[:-1], out=equal[1:-1])
        several = equal[1:] | equal[:-1]
        yield hashes[several], at[several]


def _some(sketches: Iterable[bytes], sizes: _Places) -> Iterator[tuple[Sketch, _Places]]:
    """The hashes of some sketches, and the place of each one's sketch."""
    coming = iter(sketches)
    for first in range(0, len(sizes), _SKETCHES_AT_ONCE):
        its = sizes[first : first + _SKETCHES_AT_ONCE]
        places = np.arange(first, first + len(its), dtype=np.int32)
        yield unpacked(b"".join(islice(coming, len(its)))), np.repeat(places, its)


def _within(hashes: Sketch, at: _Places, least: int, most: int) -> tuple[Sketch, _Places]:
    inside = (hashes >= least) & (hashes < most)
    return hashes[inside], at[inside]


def _crowded(hashes: Sketch, hosts: _Places) -> NDArray[np.bool_]:
    """Which of the hashes more pages of a host have than may."""
    keys = (hosts.astype(np.int64) << HASH_BITS) | hashes
    _, which, pages = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(pages[which] > CROWD)


def _beside_each_other(hashes: Sketch, at: _Places) -> Iterator[tuple[_Places, _Places]]:
    """The places of sketches that have a hash in common, for each hash and each two of them; `hashes` are in order."""
    first, apart = np.arange(len(hashes)), 1
    while len(first):
        first = first[: np.searchsorted(first, len(hashes) - apart)]
        first = first[hashes[first] == hashes[first + apart]]
        yield at[first], at[first + apart]
        apart += 1


class _Met:
    """The pairs that were met, in a file for each part of the pages; what is small is in memory. Use it in a `with`."""

    def __init__(self, pages: int, parts: int) -> None:
        self._pages = pages
        firsts = np.linspace(0, self._pages, min(parts, _MOST_FILES) + 1).astype(np.int64)
        self._edges = firsts[1:-1] * self._pages
        self._files = [SpooledTemporaryFile(_IN_MEMORY // len(firsts)) for _ in firsts[1:]]  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def meet(self, one: _Places, other: _Places) -> None:
        """Meet pairs of places."""
        pairs = one * np.int64(self._pages) + other
        if len(self._edges):
            pairs = np.sort(pairs)
        for file, part in zip(self._files, np.split(pairs, np.searchsorted(pairs, self._edges)), strict=True):
            file.write(part.tobytes())

    def counted(self) -> Iterator[tuple[_Numbers, _Numbers, _Numbers]]:
        """The pairs in order, and how often each was met; some at a time."""
        for file in self._files:
            file.seek(0)
            pairs, times = np.unique(np.frombuffer(file.read(), np.int64), return_counts=True)
            yield pairs // self._pages, pairs % self._pages, times
