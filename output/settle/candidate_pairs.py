"""Pairs of pages whose sketches have enough in common, found among all of an archive.

Sketches are read once, and their hashes put aside by ranges. Those of a range are sorted, so that equal ones are
adjacent. What two pages have in common is counted at the end, one part of the pages after the other. So memory is
bounded however many pages there are, and no index is kept in the archive, where each new text would change as many
places as it has hashes.

Hashes that very many sketches have are mostly phrases of a language. Counting each two of their pages would take the
square of the number of pages. Two sketches are alike only if they share many hashes of the smaller one, so a few of its
hashes may be skipped: a pair that is alike shares others too. Each sketch skips its most common hashes. What a pair has
in common among them is counted at the end, for the few pairs where it decides, so the result is that of counting all.
This is prefix filtering (Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data cleaning",
2006), with hashes ordered by how many pages have them, in powers of two.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from os import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import IO, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .likeness import HASH_BITS, Sketch, unpack_sketch

RARE_PAGES = 32
"""A hash that no more pages than these have is skipped by none."""
CLASSES = 16
"""Classes of hashes: rare ones are in class 0, those that up to 2**n times as many pages have in class n."""

_COMMON_PAIRS_AT_ONCE = 250_000

IndexArray = NDArray[np.int32]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
HashRows = tuple[Sketch, IndexArray]
"""Hashes in order, and of each its owner: the index of a page."""


def frequency_classes(hashes: Sketch) -> Int64Array:
    """Return the class of each hash. They are in order, and all that are equal are there."""
    _, page_counts = np.unique(hashes, return_counts=True)
    classes = np.ceil(np.log2(np.maximum(page_counts, RARE_PAGES) / RARE_PAGES)).astype(np.int64)
    return np.repeat(np.minimum(classes, CLASSES - 1), page_counts)


@dataclass(frozen=True, slots=True)
class SkippedHashes:
    """The hashes that each page skips: all of class `first_classes` and above, `counts` in number.

    Arrays are indexed by page; `sizes` are those of the sketches.
    """

    sizes: IndexArray
    first_classes: Int64Array
    counts: Int64Array

    @classmethod
    def choose(cls, class_counts: NDArray[np.uint16], sizes: IndexArray, most: Int64Array) -> Self:
        """Choose the hashes that each page may skip.

        `class_counts` has the number of a page's hashes of each class (shape: pages, `CLASSES`), `most` the number of
        hashes that it may skip.
        """
        higher_counts = np.zeros((len(sizes), CLASSES + 1), np.uint16)
        np.cumsum(class_counts[:, ::-1], axis=1, out=higher_counts[:, -2::-1])
        first_classes = 1 + np.argmax(higher_counts[:, 1:] <= most[:, np.newaxis], axis=1)
        counts = np.take_along_axis(higher_counts, first_classes[:, np.newaxis], axis=1)[:, 0]
        return cls(sizes, first_classes, counts.astype(np.int64))

    def smaller_first(self, firsts: IndexArray | Int64Array, seconds: IndexArray | Int64Array) -> BoolArray:
        """Return for each pair whether the first page has the smaller sketch; of equal ones, the lower index counts as
        smaller.
        """
        sizes, other_sizes = self.sizes[firsts], self.sizes[seconds]
        return np.asarray((sizes < other_sizes) | ((sizes == other_sizes) & (firsts < seconds)))

    def unskipped_pairs(self, rows: HashRows, classes: Int64Array) -> Iterator[tuple[IndexArray, IndexArray]]:
        """Yield the owners of each two equal hashes that the smaller of both does not skip, lower index first; the rows
        are those of common hashes, `classes` their classes.
        """
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
        """Count for each pair the hashes that both have and the smaller one skips.

        `read_rows` reads all hashes anew, equal ones together.
        """
        counts = np.zeros(len(smaller), np.int64)
        for start in range(0, len(smaller), _COMMON_PAIRS_AT_ONCE):
            part = slice(start, start + _COMMON_PAIRS_AT_ONCE)
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
        """Return the common hashes of these pages, and those that their owners skip; each as owner and hash in one
        number, in order.
        """
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
    """Yield slices of consecutive lengths whose sum is small enough, or that are one alone."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        reached = ends[start - 1] if start else 0
        end = max(int(np.searchsorted(ends, reached + _COMMON_PAIRS_AT_ONCE, side="right")), start + 1)
        yield slice(start, end)
        start = end


def spread_ranges(starts: Int64Array, ends: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return all numbers of these ranges, one range after the other; before them, of which range each is."""
    lengths = ends - starts
    ranges = np.repeat(np.arange(len(lengths)), lengths)
    return ranges, np.arange(len(ranges)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)


CROWD_LIMIT = 24
"""Articles of one host that may share a run of words; what stands in more is a form, and evidence of nothing."""

# Two sketches that share less are not of texts that are alike. A sketch is a sample, so the share is well below
# `relation.MIN_NEAR_SIMILARITY`.
MIN_SHARED_HASHES, MIN_SHARED_SHARE = 2, 0.4

_HASHES_PER_RANGE = 250_000  # about
_SKETCHES_PER_BATCH = 1_000
_MAX_FILES = 64
_PAIRS_AT_ONCE = 1_000_000
_MAX_MEMORY = 4 * 1024**2  # bytes of all files together that stay in memory

_OWNED_HASH = np.dtype([("hash", np.uint32), ("owner", np.int32)])


class SketchedPages(NamedTuple):
    """The pages that have a sketch, as parallel arrays in the order of page ids: the id, a number for the host, and how
    many hashes the sketch has, one at least.
    """

    page_ids: array[int]
    host_numbers: array[int]
    hash_counts: array[int]


def find_candidate_pairs(
    pages: SketchedPages, sketches: Iterable[bytes], hashes_per_range: int = _HASHES_PER_RANGE
) -> list[tuple[int, int]]:
    """Find the pairs of page ids whose sketches share enough, each from the lower id to the higher, in order.

    `sketches` gives the packed sketches of the pages, in their order. About `hashes_per_range` hashes are held at a
    time, more where there are very many. Within this module a page is its index in these arrays.
    """
    if not pages.page_ids:
        return []
    range_count = min(-(-sum(pages.hash_counts) // hashes_per_range), _MAX_FILES)
    with _HashRanges(range_count) as shared_hashes, _PairCounter(len(pages.page_ids), range_count) as counter:
        sizes, class_counts = _put_shared_hashes(pages, sketches, shared_hashes)
        least_shared = np.maximum(np.ceil(MIN_SHARED_SHARE * sizes), MIN_SHARED_HASHES).astype(np.int64)
        skipped = SkippedHashes.choose(class_counts, sizes, least_shared // 2)
        for rows in shared_hashes.read():
            for firsts, seconds in _counted_pairs(rows, skipped):
                counter.add(firsts, seconds)
        similar_pairs = _find_similar_pairs(counter, least_shared, skipped, shared_hashes)
    return [(pages.page_ids[first], pages.page_ids[second]) for first, second in similar_pairs]


def _find_similar_pairs(
    counter: _PairCounter, least_shared: Int64Array, skipped: SkippedHashes, shared_hashes: _HashRanges
) -> list[tuple[int, int]]:
    """Find the pairs of indexes that share at least as many hashes as the smaller one needs, in order."""
    similar_pairs: list[tuple[int, int]] = []
    doubtful_parts = []
    for firsts, seconds, counts in counter.pair_counts():
        is_smaller = skipped.smaller_first(firsts, seconds)
        smaller, larger = np.where(is_smaller, firsts, seconds), np.where(is_smaller, seconds, firsts)
        missing = least_shared[smaller] - counts
        similar_pairs += _index_pairs(firsts, seconds, missing <= 0)
        is_doubtful = (missing > 0) & (missing <= skipped.counts[smaller])
        doubtful_parts.append(np.stack([smaller, larger, missing])[:, is_doubtful])
    smaller, larger, missing = np.concatenate(doubtful_parts, axis=1)
    is_similar = skipped.count_skipped(smaller, larger, shared_hashes.read) >= missing
    similar_pairs += _index_pairs(np.minimum(smaller, larger), np.maximum(smaller, larger), is_similar)
    return sorted(similar_pairs)


def _index_pairs(firsts: Int64Array, seconds: Int64Array, is_wanted: BoolArray) -> Iterator[tuple[int, int]]:
    return zip(firsts[is_wanted].tolist(), seconds[is_wanted].tolist(), strict=True)


def _put_shared_hashes(
    pages: SketchedPages, sketches: Iterable[bytes], shared_hashes: _HashRanges
) -> tuple[IndexArray, NDArray[np.uint16]]:
    """Put aside, in order, the hashes that more than one page has and that no host's pages are crowded with.

    Returns how many hashes that are not crowded each page has, and how many of them are shared in each class.
    """
    hosts, sizes = np.array(pages.host_numbers, np.int32), np.array(pages.hash_counts, np.int32)
    class_counts = np.zeros((len(sizes), CLASSES), np.uint16)
    uncrowded_sizes = sizes.copy()
    for hashes, owners in _shared_hashes_by_range(sketches, sizes, shared_hashes.count):
        crowded = _crowded_mask(hashes, hosts[owners])
        uncrowded_sizes -= np.bincount(owners[crowded], minlength=len(sizes)).astype(np.int32)
        hashes, owners = hashes[~crowded], owners[~crowded]
        np.add.at(class_counts, (owners, frequency_classes(hashes)), 1)
        shared_hashes.add(hashes, owners)
    class_counts[:, 0] = 0
    return uncrowded_sizes, class_counts


def _counted_pairs(rows: HashRows, skipped: SkippedHashes) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Yield the owners of each two equal hashes, as two parallel arrays, lower index first; of a common hash only where
    the smaller of both does not skip it.
    """
    hashes, owners = rows
    classes = frequency_classes(hashes)
    is_rare = classes == 0
    yield from _pairs_with_equal_hash(hashes[is_rare], owners[is_rare])
    yield from skipped.unskipped_pairs((hashes[~is_rare], owners[~is_rare]), classes[~is_rare])


def _shared_hashes_by_range(
    sketches: Iterable[bytes], sizes: IndexArray, range_count: int
) -> Iterator[tuple[Sketch, IndexArray]]:
    """Yield range by range the hashes that more than one sketch has, in order, each with its owner: the index of a
    page.
    """
    with _HashRanges(range_count) as ranges:
        for batch, batch_owners in _hash_batches(sketches, sizes):
            ranges.add(batch, batch_owners)
        for hashes, owners in ranges.read():
            order = np.argsort(hashes, kind="stable")
            hashes, owners = hashes[order], owners[order]
            equals_previous = np.zeros(len(hashes) + 1, bool)
            np.equal(hashes[1:], hashes[:-1], out=equals_previous[1:-1])
            is_shared = equals_previous[1:] | equals_previous[:-1]
            yield hashes[is_shared], owners[is_shared]


def _hash_batches(sketches: Iterable[bytes], sizes: IndexArray) -> Iterator[tuple[Sketch, IndexArray]]:
    """Yield the hashes of so many sketches at a time, and the owner of each hash."""
    remaining = iter(sketches)
    for start in range(0, len(sizes), _SKETCHES_PER_BATCH):
        batch_sizes = sizes[start : start + _SKETCHES_PER_BATCH]
        indexes = np.arange(start, start + len(batch_sizes), dtype=np.int32)
        yield unpack_sketch(b"".join(islice(remaining, len(batch_sizes)))), np.repeat(indexes, batch_sizes)


def _crowded_mask(hashes: Sketch, hosts: IndexArray) -> BoolArray:
    """Mark the hashes that more than `CROWD_LIMIT` pages of one host have; `hosts` are those of the hashes' owners."""
    keys = (hosts.astype(np.int64) << HASH_BITS) | hashes
    _, key_indexes, page_counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(page_counts[key_indexes] > CROWD_LIMIT)


def _pairs_with_equal_hash(hashes: Sketch, owners: IndexArray) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Yield the owners of each two equal hashes, as two parallel arrays; `hashes` are in order."""
    starts, distance = np.arange(len(hashes)), 1
    while len(starts):
        starts = starts[: np.searchsorted(starts, len(hashes) - distance)]
        starts = starts[hashes[starts] == hashes[starts + distance]]
        yield owners[starts], owners[starts + distance]
        distance += 1


class _HashRanges:
    """A store of hashes with their owners, one file for each range of hashes; small files stay in memory.

    Use it in a `with` block.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._edges = np.array([(number << HASH_BITS) // count for number in range(1, count)], np.uint32)
        self._files = [SpooledTemporaryFile(_MAX_MEMORY // count) for _ in range(count)]  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def add(self, hashes: Sketch, owners: IndexArray) -> None:
        """Put each hash with its owner into the file of its range."""
        order = np.argsort(hashes, kind="stable")
        rows = np.empty(len(hashes), _OWNED_HASH)
        rows["hash"], rows["owner"] = hashes[order], owners[order]
        for file, part in zip(self._files, np.split(rows, np.searchsorted(rows["hash"], self._edges)), strict=True):
            file.write(part.tobytes())

    def read(self) -> Iterator[tuple[Sketch, IndexArray]]:
        """Read the hashes of each range and their owners, a file at a time; equal hashes in the order in which they
        came.
        """
        for file in self._files:
            file.seek(0)
            rows = np.frombuffer(file.read(), _OWNED_HASH)
            yield rows["hash"].copy(), rows["owner"].copy()


class _PairCounter:
    """A counter of how often each pair of pages is added, one file for each part of the pages; small files stay in
    memory.

    Use it in a `with` block.
    """

    def __init__(self, pages: int, parts: int) -> None:
        self._pages = pages
        self._edges = np.linspace(0, self._pages, min(parts, _MAX_FILES) + 1).astype(np.int64) * self._pages
        self._files = [SpooledTemporaryFile(_MAX_MEMORY // parts) for _ in self._edges[1:]]  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def add(self, firsts: IndexArray, seconds: IndexArray) -> None:
        """Count each pair of page indexes once more."""
        pairs = firsts * np.int64(self._pages) + seconds
        inner_edges = self._edges[1:-1]
        if len(inner_edges):
            pairs = np.sort(pairs)
        for file, part in zip(self._files, np.split(pairs, np.searchsorted(pairs, inner_edges)), strict=True):
            file.write(part.tobytes())

    def pair_counts(self) -> Iterator[tuple[Int64Array, Int64Array, Int64Array]]:
        """Yield the pairs in order as (first indexes, second indexes, how often each was added); a file at a time, and
        of a large one a range of pairs after the other.
        """
        for file, low, high in zip(self._files, self._edges, self._edges[1:], strict=False):
            file.seek(0, SEEK_END)
            passes = max(1, -(-file.tell() // (_PAIRS_AT_ONCE * np.dtype(np.int64).itemsize)))
            for start, end in pairwise(np.linspace(low, high, passes + 1).astype(np.int64)):
                parts = [part[(part >= start) & (part < end)] for part in _read_numbers(file)]
                pairs, counts = np.unique(np.concatenate([np.empty(0, np.int64), *parts]), return_counts=True)
                yield pairs // self._pages, pairs % self._pages, counts


def _read_numbers(file: IO[bytes]) -> Iterator[Int64Array]:
    """Read the numbers in a file, so many at a time."""
    file.seek(0)
    while data := file.read(_PAIRS_AT_ONCE * np.dtype(np.int64).itemsize):
        yield np.frombuffer(data, np.int64)
