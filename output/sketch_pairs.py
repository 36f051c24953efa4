"""Which sketches have enough in common: pairs of pages whose texts may be alike, found among all of an archive.

Hashes are taken range by range, so many at a time, and those of a range sorted: equal ones then stand beside each
other. What two pages have in common is counted at the end, for some pages after the other. So memory is bounded however
many pages there are, and no index is kept in the archive, where each new text changes as many places as it has hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from tempfile import SpooledTemporaryFile
from typing import Self

import numpy as np
from numpy.typing import NDArray

from output.similar_text import HASH_BITS, Sketch

CROWD = 24
"""Articles of one host that may share a run of words; what stands in more is a form, and evidence of nothing."""

# Two sketches that share less than this are not of texts that are alike: it is a sample, so well below `NEAR`.
_LEAST_SHARED, _LEAST_SHARE = 2, 0.4

_AT_ONCE = 1_000_000  # hashes of a range, about
_MOST_FILES = 64
_IN_MEMORY = 16 * 1024**2  # bytes of all files together that stay in memory

_Numbers = NDArray[np.int64]
_Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Sketched:
    """The page of a sketch, its host by number, and how many hashes the sketch has."""

    page_id: int
    host: int
    hashes: int


def alike(
    pages: list[Sketched], sketches: Callable[[], Iterable[Sketch]], at_once: int = _AT_ONCE
) -> list[tuple[int, int]]:
    """The pairs of pages whose sketches share enough, each from the lower number to the higher, in order.

    `pages` are in the order of their numbers, and so are the `sketches`, which are asked for once a range: a range
    holds about `at_once` hashes.
    """
    hosts = np.array([page.host for page in pages], np.int64)
    own = np.array([page.hashes for page in pages], np.int64)
    ranges = max(1, -(-int(own.sum()) // at_once))
    with _Met(len(pages), ranges) as met:
        for hashes, at in _by_range(sketches, ranges):
            crowded = _crowded(hashes, hosts[at])
            own -= np.bincount(at[crowded], minlength=len(pages))
            for one, other in _beside_each_other(hashes[~crowded], at[~crowded]):
                met.meet(one, other)
        return [
            (pages[one].page_id, pages[other].page_id)
            for ones, others, times in met.counted()
            for one, other in _enough(ones, others, times, own)
        ]


def _enough(one: _Numbers, other: _Numbers, times: _Numbers, own: _Numbers) -> Iterator[tuple[int, int]]:
    """The pairs whose sketches share enough of the smaller one."""
    enough = (times >= _LEAST_SHARED) & (times >= _LEAST_SHARE * np.minimum(own[one], own[other]))
    return zip(one[enough].tolist(), other[enough].tolist(), strict=True)


def _by_range(sketches: Callable[[], Iterable[Sketch]], ranges: int) -> Iterator[tuple[NDArray[np.uint32], _Places]]:
    """The hashes that several sketches have, in order, each with the place of its sketch; range by range."""
    bounds = [(number << HASH_BITS) // ranges for number in range(ranges + 1)]
    for least, most in pairwise(bounds):
        parts = [_within(sketch, least, most) for sketch in sketches()] if ranges > 1 else list(sketches())
        hashes = np.concatenate(parts) if parts else np.empty(0, np.uint32)
        at = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
        order = np.argsort(hashes, kind="stable")
        hashes, at = hashes[order], at[order]
        equal = np.zeros(len(hashes) + 1, bool)
        np.equal(hashes[1:], hashes[:-1], out=equal[1:-1])
        several = equal[1:] | equal[:-1]
        yield hashes[several], at[several]


def _within(sketch: Sketch, least: int, most: int) -> Sketch:
    first, end = np.searchsorted(sketch, (least, most))
    return sketch[first:end]


def _crowded(hashes: NDArray[np.uint32], hosts: _Numbers) -> NDArray[np.bool_]:
    """Which of the hashes more pages of a host have than may."""
    keys = (hosts << HASH_BITS) | hashes
    _, which, pages = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(pages[which] > CROWD)


def _beside_each_other(hashes: NDArray[np.uint32], at: _Places) -> Iterator[tuple[_Places, _Places]]:
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
        self._pages = max(pages, 1)
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
