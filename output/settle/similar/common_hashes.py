"""Hashes that so many sketches have that counting each two of these pages would take the square of an archive's pages.

Most of them are phrases of a language. Two sketches are alike only if they share so many hashes of the smaller one, so
of the smaller one a few may be skipped: a pair that is alike shares others too. Each sketch skips those that most pages
have, and what a pair has in common among the skipped ones is counted at the end, for the few pairs where it decides.
The result is that of counting all.

This is prefix filtering (Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data cleaning",
2006), with hashes ordered by how many pages have them, in powers of two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from broadsheet.output.settle.similar.likeness import Sketch

RARE_PAGES = 32
"""A hash that no more pages than these have is skipped by none."""
CLASSES = 16
"""Classes of hashes: rare ones are in class 0, those that up to 2**n times as many pages have in class n."""

_PAIRS_AT_ONCE = 250_000

IndexArray = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
HashRows = tuple[Sketch, IndexArray]
"""Hashes in order, and of each its owner: the index of a page."""


def frequency_classes(hashes: Sketch) -> Int64Array:
    """The class of each hash. They are in order, and all that are equal are there."""
    _, page_counts = np.unique(hashes, return_counts=True)
    classes = np.ceil(np.log2(np.maximum(page_counts, RARE_PAGES) / RARE_PAGES)).astype(np.int64)
    return np.repeat(np.minimum(classes, CLASSES - 1), page_counts)


@dataclass(frozen=True, slots=True)
class SkippedHashes:
    """What each page skips: all hashes of class `first_classes` and above, `counts` in number. By the index of a page;
    `sizes` are those of the sketches."""

    sizes: IndexArray
    first_classes: Int64Array
    counts: Int64Array

    @classmethod
    def choose(cls, class_counts: NDArray[np.uint16], sizes: IndexArray, most: Int64Array) -> Self:
        """`class_counts` says how many hashes of each class a page has (shape: pages, `CLASSES`), `most` how many it
        may skip."""
        higher_counts = np.zeros((len(sizes), CLASSES + 1), np.uint16)
        np.cumsum(class_counts[:, ::-1], axis=1, out=higher_counts[:, -2::-1])
        first_classes = 1 + np.argmax(higher_counts[:, 1:] <= most[:, np.newaxis], axis=1)
        counts = np.take_along_axis(higher_counts, first_classes[:, np.newaxis], axis=1)[:, 0]
        return cls(sizes, first_classes, counts.astype(np.int64))

    def smaller_first(self, firsts: IndexArray | Int64Array, seconds: IndexArray | Int64Array) -> BoolArray:
        """Whether the first page of each pair has the smaller sketch; of two as large it is the lower index."""
        sizes, other_sizes = self.sizes[firsts], self.sizes[seconds]
        return np.asarray((sizes < other_sizes) | ((sizes == other_sizes) & (firsts < seconds)))

    def unskipped_pairs(self, rows: HashRows, classes: Int64Array) -> Iterator[tuple[IndexArray, IndexArray]]:
        """The owners of each two equal hashes that the smaller of both does not skip, lower index first; the rows are
        those of common hashes, `classes` their classes."""
        hashes, owners = rows
        probes = np.flatnonzero(classes < self.first_classes[owners])
        starts, ends = np.searchsorted(hashes, hashes[probes]), np.searchsorted(hashes, hashes[probes], side="right")
        for part in _parts_of(ends - starts):
            places, partners = spread_ranges(starts[part], ends[part])
            firsts, seconds = owners[probes[part]][places], owners[partners]
            is_pair = self.smaller_first(firsts, seconds)
            firsts, seconds = firsts[is_pair], seconds[is_pair]
            yield np.minimum(firsts, seconds), np.maximum(firsts, seconds)

    def count_skipped(
        self, smaller: Int64Array, larger: Int64Array, read_rows: Callable[[], Iterator[HashRows]]
    ) -> Int64Array:
        """For each pair, how many hashes both have that the smaller one skips. `read_rows` reads all hashes anew, those
        that are equal together."""
        counts = np.zeros(len(smaller), np.int64)
        for start in range(0, len(smaller), _PAIRS_AT_ONCE):
            part = slice(start, start + _PAIRS_AT_ONCE)
            counts[part] = self._count_in_part(smaller[part], larger[part], read_rows())
        return counts

    def _count_in_part(self, smaller: Int64Array, larger: Int64Array, ranges: Iterator[HashRows]) -> Int64Array:
        owner_hashes, skipped = self._owned_hashes(np.union1d(smaller, larger), ranges)
        starts, ends = np.searchsorted(skipped, smaller << 32), np.searchsorted(skipped, (smaller + 1) << 32)
        pairs, rows = spread_ranges(starts, ends)
        wanted = (larger[pairs] << 32) | (skipped[rows] & 0xFFFFFFFF)
        places = np.minimum(np.searchsorted(owner_hashes, wanted), max(len(owner_hashes) - 1, 0))
        is_shared = owner_hashes[places] == wanted
        return np.bincount(pairs[is_shared], minlength=len(smaller))

    def _owned_hashes(self, pages: Int64Array, ranges: Iterator[HashRows]) -> tuple[Int64Array, Int64Array]:
        """The common hashes of these pages, and those that their owners skip; each as owner and hash in one number, in
        order."""
        is_wanted = np.zeros(len(self.sizes), bool)
        is_wanted[pages] = True
        common_parts, skipped_parts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for hashes, owners in ranges:
            classes = frequency_classes(hashes)
            is_common = is_wanted[owners] & (classes > 0)
            numbers = (owners[is_common].astype(np.int64) << 32) | hashes[is_common]
            common_parts.append(numbers)
            skipped_parts.append(numbers[classes[is_common] >= self.first_classes[owners[is_common]]])
        return np.sort(np.concatenate(common_parts)), np.sort(np.concatenate(skipped_parts))


def _parts_of(lengths: Int64Array) -> Iterator[slice]:
    """Slices of consecutive lengths whose sum is small enough, or that are one alone."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        reached = ends[start - 1] if start else 0
        end = max(int(np.searchsorted(ends, reached + _PAIRS_AT_ONCE, side="right")), start + 1)
        yield slice(start, end)
        start = end


def spread_ranges(starts: Int64Array, ends: Int64Array) -> tuple[Int64Array, Int64Array]:
    """All numbers of these ranges, one range after the other; before them, of which range each is."""
    lengths = ends - starts
    ranges = np.repeat(np.arange(len(lengths)), lengths)
    return ranges, np.arange(len(ranges)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
