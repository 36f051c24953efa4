"""Which articles may be alike of which one at least is on some hosts: what `candidate_pairs.py` finds, for these alone.

The sketches of the hosts are held in memory, by their hashes; those of the whole archive pass by, a batch at a time. A
sketch is in one batch, so that what two have in common is counted within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from output.settle.similar.candidate_pairs import MIN_SHARED_HASHES, MIN_SHARED_SHARE
from output.settle.similar.crowded_hashes import (
    StoredSketch,
    is_in,
    read_crowded_hashes,
    read_sketches,
    stored_sketch,
)
from output.settle.similar.likeness import Sketch

if TYPE_CHECKING:
    from sqlite_utils import Database

_SKETCHES_PER_BATCH = 1_000
_ALL_SKETCHES = "SELECT page_id, hashes, crowded, sketch FROM sketches WHERE hashes > 0 ORDER BY page_id"

_Int64Array = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _HashIndex:
    """Sketches without crowded hashes: page ids and sizes; and by hash, in order, which of these pages have it: those
    from a place in `owners` on, so many."""

    page_ids: list[int]
    sketches: list[Sketch]
    sizes: _Int64Array
    hashes: Sketch
    starts: _Int64Array
    counts: _Int64Array
    owners: _Int64Array


def find_pairs_of_hosts(db: Database, hosts: Iterable[str]) -> list[tuple[int, int]]:
    """The pairs of page ids whose sketches share enough and of which one is on these hosts, each from the lower id to
    the higher, in order. What is crowded has to be counted on all hosts."""
    index = _index_sketches(db, hosts)
    pairs: set[tuple[int, int]] = set()
    if index.page_ids:
        for rows in _row_batches(db):
            batch = [stored_sketch(row) for row in rows]
            for place, stored, needed in _similar_pairs(index, batch):
                page_id = index.page_ids[place]
                if _shares_enough(db, index.sketches[place], stored, needed):
                    pairs.add((min(page_id, stored.page_id), max(page_id, stored.page_id)))
    return sorted(pairs)


def _row_batches(db: Database) -> Iterator[list[tuple[int, int, int | None, bytes]]]:
    cursor = db.execute(_ALL_SKETCHES)
    while rows := cursor.fetchmany(_SKETCHES_PER_BATCH):
        yield rows


def _index_sketches(db: Database, hosts: Iterable[str]) -> _HashIndex:
    page_ids: list[int] = []
    sketches: list[Sketch] = []
    for host in hosts:
        crowded = read_crowded_hashes(db, host)
        for stored in read_sketches(db, host):
            page_ids.append(stored.page_id)
            sketches.append(stored.sketch[~is_in(stored.sketch, crowded)])
    sizes = np.array([len(sketch) for sketch in sketches], np.int64)
    all_hashes = np.concatenate([np.empty(0, np.uint32), *sketches])
    order = np.argsort(all_hashes, kind="stable")
    hashes, starts, counts = np.unique(all_hashes[order], return_index=True, return_counts=True)
    owners = np.repeat(np.arange(len(sketches)), sizes)[order]
    return _HashIndex(page_ids, sketches, sizes, hashes, starts, counts, owners)


def _similar_pairs(index: _HashIndex, batch: list[StoredSketch]) -> Iterator[tuple[int, StoredSketch, float]]:
    """Places in the index, sketches of the batch that share enough with them, and how many hashes are enough.

    Hashes that are crowded on the host of the latter count in what they share, but not in its size.
    """
    lengths = np.array([len(stored.sketch) for stored in batch], np.int64)
    sizes = lengths - np.array([stored.crowded_count or 0 for stored in batch], np.int64)
    hashes = np.concatenate([stored.sketch for stored in batch])
    members = np.repeat(np.arange(len(batch)), lengths)
    is_known = is_in(hashes, index.hashes)
    hashes, members = hashes[is_known], members[is_known]
    entries = np.searchsorted(index.hashes, hashes)
    counts = index.counts[entries]
    ends = np.cumsum(counts)
    offsets = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    owners = index.owners[np.repeat(index.starts[entries], counts) + offsets]
    pairs, shared = np.unique(owners * len(batch) + np.repeat(members, counts), return_counts=True)
    places, members = pairs // len(batch), pairs % len(batch)
    needed = np.maximum(MIN_SHARED_HASHES, MIN_SHARED_SHARE * np.minimum(index.sizes[places], sizes[members]))
    for number in np.flatnonzero(shared >= needed).tolist():
        place, stored = int(places[number]), batch[int(members[number])]
        if index.page_ids[place] != stored.page_id:
            yield place, stored, float(needed[number])


def _shares_enough(db: Database, uncrowded: Sketch, stored: StoredSketch, needed: float) -> bool:
    """Whether a sketch still shares enough with an indexed one without what is crowded on its host."""
    if not stored.crowded_count:
        return True
    (host,) = db.execute("SELECT host FROM urls WHERE id = ?", [stored.page_id]).fetchone()
    sketch = stored.sketch[~is_in(stored.sketch, read_crowded_hashes(db, host))]
    return bool(is_in(sketch, uncrowded).sum() >= needed)
