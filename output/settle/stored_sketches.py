"""Sketches in an archive: the crowded hashes of each host, and pairs of which one page has changed.

A hash is crowded on a host if so many of its articles have it that it tells of a form, not of a story. Crowded hashes
are kept for each host, and their number for each sketch, so that the articles of one host can be compared with those of
others without counting them again.

Pairs are those that `candidate_pairs.py` finds, limited to those with one of some pages. The sketches of these pages
are held in memory, by their hashes; those of the whole archive pass by, a batch at a time. A sketch is in one batch, so
what two have in common is counted within it. A hash that passes by is first looked up in a table of the upper bits of
the hashes held: of a few pages, that tells nearly all others apart.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..archive.archive_errors import DamagedValue
from ..archive.stored_values import location_of
from .candidate_pairs import (
    CROWD_LIMIT,
    MIN_SHARED_HASHES,
    MIN_SHARED_SHARE,
    BoolArray,
    Int64Array,
    spread_ranges,
)
from .likeness import HASH_BITS, HASH_BYTES, Sketch, pack_sketch, unpack_sketch

if TYPE_CHECKING:
    from sqlite_utils import Database


_HASHES_AT_ONCE = 1_000_000  # about; of a host with more, ranges are counted one after the other

_SKETCHES_OF_HOST = """SELECT s.page_id, s.hashes, s.crowded, s.sketch FROM urls u
        CROSS JOIN _sketches s ON s.page_id = u.id
    WHERE u.host = ? AND s.hashes > 0 ORDER BY s.page_id"""
_COUNT_HASHES = """SELECT coalesce(sum(s.hashes), 0) FROM urls u CROSS JOIN _sketches s ON s.page_id = u.id
    WHERE u.host = ?"""
_STORED = "SELECT hashes FROM _crowded_hashes WHERE host = ?"
_STORE = """INSERT INTO _crowded_hashes (host, hashes) VALUES (?, ?)
    ON CONFLICT (host) DO UPDATE SET hashes = excluded.hashes WHERE hashes <> excluded.hashes"""


class StoredSketch(NamedTuple):
    """A sketch that is not empty, with its page, and how many of its hashes were crowded, if that was counted."""

    page_id: int
    sketch: Sketch
    crowded_count: int | None


def stored_sketch(row: tuple[int, int, int | None, bytes]) -> StoredSketch:
    """Return the sketch in a row of page id, number of hashes, number of crowded ones, packed sketch."""
    page_id, hash_count, crowded_count, packed_sketch = row
    if len(packed_sketch) != hash_count * HASH_BYTES:
        raise DamagedValue(location_of("_sketches", "sketch", page_id))
    return StoredSketch(page_id, unpack_sketch(packed_sketch), crowded_count)


def read_sketches(db: Database, host: str) -> Iterator[StoredSketch]:
    """Read the sketches of a host, in the order of their pages."""
    return map(stored_sketch, db.execute(_SKETCHES_OF_HOST, [host]))


def read_crowded_hashes(db: Database, host: str) -> Sketch:
    """Read the crowded hashes of a host, in order, as they are stored."""
    row = db.execute(_STORED, [host]).fetchone()
    packed_hashes = row[0] if row else b""
    if len(packed_hashes) % HASH_BYTES:
        raise DamagedValue(location_of("_crowded_hashes", "hashes", host))
    return unpack_sketch(packed_hashes)


def count_crowded_hashes(db: Database, host: str) -> set[int]:
    """Count the hashes of a host's sketches, and store which are crowded, and of each sketch how many.

    Returns the pages whose sketches have a hash that is crowded now and was not before, or the other way round.
    """
    crowded = _find_crowded_hashes(db, host)
    moved = np.setxor1d(crowded, read_crowded_hashes(db, host), assume_unique=True)
    if len(crowded):
        db.execute(_STORE, [host, pack_sketch(crowded)])
    else:
        db.execute("DELETE FROM _crowded_hashes WHERE host = ?", [host])
    counts = [
        (int(is_in(stored.sketch, crowded).sum()), stored.page_id, stored.crowded_count)
        for stored in read_sketches(db, host)
    ]
    changes = [(count, page_id) for count, page_id, stored_count in counts if count != stored_count]
    db.conn.executemany("UPDATE _sketches SET crowded = ? WHERE page_id = ?", changes)
    if not len(moved):
        return set()
    return {stored.page_id for stored in read_sketches(db, host) if is_in(stored.sketch, moved).any()}


def is_in(hashes: Sketch, ordered_hashes: Sketch) -> NDArray[np.bool_]:
    """Mark the hashes that are among `ordered_hashes`, which are sorted."""
    if not len(ordered_hashes):
        return np.zeros(len(hashes), bool)
    places = np.minimum(np.searchsorted(ordered_hashes, hashes), len(ordered_hashes) - 1)
    return np.asarray(ordered_hashes[places] == hashes)


def _find_crowded_hashes(db: Database, host: str) -> Sketch:
    """Find the hashes that more than `CROWD_LIMIT` pages of a host have, in order."""
    (total,) = db.execute(_COUNT_HASHES, [host]).fetchone()
    ranges = -(-int(total) // _HASHES_AT_ONCE)
    edges = [(number << HASH_BITS) // max(ranges, 1) for number in range(ranges + 1)]
    crowded = [np.empty(0, np.uint32)]
    for low, high in pairwise(edges):
        parts = [
            stored.sketch[np.searchsorted(stored.sketch, low) : np.searchsorted(stored.sketch, high)]
            for stored in read_sketches(db, host)
        ]
        hashes, page_counts = np.unique(np.concatenate(parts), return_counts=True)
        crowded.append(hashes[page_counts > CROWD_LIMIT])
    return np.concatenate(crowded)


_SKETCHES_PER_BATCH = 1_000
_UPPER_BITS = 20
_SHIFT = np.uint32(HASH_BITS - _UPPER_BITS)
_ALL_SKETCHES = "SELECT page_id, hashes, coalesce(crowded, 0), sketch FROM _sketches WHERE hashes > 0 ORDER BY page_id"
_SKETCHES_OF_PAGES = """SELECT u.host, s.page_id, s.hashes, s.crowded, s.sketch
    FROM json_each(?) w CROSS JOIN _sketches s ON s.page_id = w.value CROSS JOIN urls u ON u.id = s.page_id
    WHERE s.hashes > 0 ORDER BY s.page_id"""


class _HashIndex(NamedTuple):
    """Sketches without crowded hashes: page ids and sizes; and by hash, in order, which of these pages have it: those
    from a place in `owners` on, so many. `upper_bits` says which upper bits the hashes have.
    """

    page_ids: list[int]
    sketches: list[Sketch]
    sizes: Int64Array
    hashes: Sketch
    starts: Int64Array
    counts: Int64Array
    owners: Int64Array
    upper_bits: BoolArray


@dataclass(frozen=True, slots=True)
class _SketchBatch:
    """Sketches one after the other, as parallel arrays: of each the page, how many hashes it has and how many of them
    are crowded on its host; and all their hashes.
    """

    page_ids: list[int]
    lengths: Int64Array
    crowded_counts: Int64Array
    hashes: Sketch

    def sketch(self, place: int) -> Sketch:
        """Return the sketch at a place of the batch."""
        end = int(self.lengths[: place + 1].sum())
        return self.hashes[end - int(self.lengths[place]) : end]


def find_pairs_of_pages(db: Database, page_ids: Collection[int]) -> list[tuple[int, int]]:
    """Find the pairs of page ids whose sketches share enough and of which one is among these, each from the lower id to
    the higher, in order. What is crowded has to be counted on all hosts.
    """
    index = _index_sketches(db, page_ids)
    pairs: set[tuple[int, int]] = set()
    if index.page_ids:
        for batch in _sketch_batches(db):
            for place, member, needed in _similar_pairs(index, batch):
                page_id, other_id = index.page_ids[place], batch.page_ids[member]
                if _shares_enough(db, index.sketches[place], batch, member, needed):
                    pairs.add((min(page_id, other_id), max(page_id, other_id)))
    return sorted(pairs)


def _sketch_batches(db: Database) -> Iterator[_SketchBatch]:
    cursor = db.execute(_ALL_SKETCHES)
    while rows := cursor.fetchmany(_SKETCHES_PER_BATCH):
        for page_id, hash_count, _, packed_sketch in rows:
            if len(packed_sketch) != hash_count * HASH_BYTES:
                raise DamagedValue(location_of("_sketches", "sketch", page_id))
        page_ids, lengths, crowded_counts, packed_sketches = zip(*rows, strict=True)
        yield _SketchBatch(
            list(page_ids),
            np.array(lengths, np.int64),
            np.array(crowded_counts, np.int64),
            unpack_sketch(b"".join(packed_sketches)),
        )


def _index_sketches(db: Database, page_ids: Collection[int]) -> _HashIndex:
    @lru_cache(maxsize=1_000)
    def crowded_hashes_of(host: str) -> Sketch:
        return read_crowded_hashes(db, host)

    indexed_pages: list[int] = []
    sketches: list[Sketch] = []
    for host, *row in db.execute(_SKETCHES_OF_PAGES, [json.dumps(sorted(page_ids))]):
        stored = stored_sketch((row[0], row[1], row[2], row[3]))
        indexed_pages.append(stored.page_id)
        sketches.append(stored.sketch[~is_in(stored.sketch, crowded_hashes_of(host))])
    sizes = np.array([len(sketch) for sketch in sketches], np.int64)
    all_hashes = np.concatenate([np.empty(0, np.uint32), *sketches])
    order = np.argsort(all_hashes, kind="stable")
    hashes, starts, counts = np.unique(all_hashes[order], return_index=True, return_counts=True)
    owners = np.repeat(np.arange(len(sketches)), sizes)[order]
    upper_bits = np.zeros(1 << _UPPER_BITS, bool)
    upper_bits[hashes >> _SHIFT] = True
    return _HashIndex(indexed_pages, sketches, sizes, hashes, starts, counts, owners, upper_bits)


def _similar_pairs(index: _HashIndex, batch: _SketchBatch) -> Iterator[tuple[int, int, float]]:
    """Yield places in the index, places in the batch of sketches that share enough with them, and how many hashes are
    enough.

    Hashes that are crowded on the host of the latter count in what they share, but not in its size.
    """
    hashes, members = _indexed_hashes(index, batch)
    entries = np.searchsorted(index.hashes, hashes)
    starts = index.starts[entries]
    matches, places_of_owners = spread_ranges(starts, starts + index.counts[entries])
    batch_size = len(batch.page_ids)
    numbers = index.owners[places_of_owners] * batch_size + members[matches]
    pairs, shared = np.unique(numbers, return_counts=True)
    places, members = pairs // batch_size, pairs % batch_size
    sizes = batch.lengths - batch.crowded_counts
    needed = np.maximum(MIN_SHARED_HASHES, MIN_SHARED_SHARE * np.minimum(index.sizes[places], sizes[members]))
    for number in np.flatnonzero(shared >= needed).tolist():
        place, member = int(places[number]), int(members[number])
        if index.page_ids[place] != batch.page_ids[member]:
            yield place, member, float(needed[number])


def _indexed_hashes(index: _HashIndex, batch: _SketchBatch) -> tuple[Sketch, Int64Array]:
    """Return the hashes of a batch that are in the index, and the place of each one's sketch in the batch."""
    likely = np.flatnonzero(index.upper_bits[batch.hashes >> _SHIFT])
    indexed = likely[is_in(batch.hashes[likely], index.hashes)]
    return batch.hashes[indexed], np.searchsorted(np.cumsum(batch.lengths), indexed, side="right")


def _shares_enough(db: Database, uncrowded: Sketch, batch: _SketchBatch, member: int, needed: float) -> bool:
    """Return whether a sketch shares enough with an indexed one, not counting the hashes crowded on its host."""
    if not batch.crowded_counts[member]:
        return True
    (host,) = db.execute("SELECT host FROM urls WHERE id = ?", [batch.page_ids[member]]).fetchone()
    sketch = batch.sketch(member)
    sketch = sketch[~is_in(sketch, read_crowded_hashes(db, host))]
    return bool(is_in(sketch, uncrowded).sum() >= needed)
