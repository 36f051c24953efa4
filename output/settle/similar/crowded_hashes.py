"""Which hashes so many articles of a host have that they are evidence of nothing: those of a form, not of a story.

They are kept for each host, and for each sketch how many it has of them, so that the articles of one host can be
compared with those of others without counting these again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from broadsheet.output.db.errors import DamagedValue
from broadsheet.output.db.stored_values import location_of
from broadsheet.output.settle.similar.candidate_pairs import CROWD_LIMIT
from broadsheet.output.settle.similar.likeness import HASH_BITS, HASH_BYTES, Sketch, pack_sketch, unpack_sketch

if TYPE_CHECKING:
    from sqlite_utils import Database

_HASHES_AT_ONCE = 1_000_000  # about; of a host with more, ranges are counted one after the other

_SKETCHES_OF_HOST = """SELECT s.page_id, s.hashes, s.crowded, s.sketch FROM urls u
        CROSS JOIN sketches s ON s.page_id = u.id
    WHERE u.host = ? AND s.hashes > 0 ORDER BY s.page_id"""
_COUNT_HASHES = """SELECT coalesce(sum(s.hashes), 0) FROM urls u CROSS JOIN sketches s ON s.page_id = u.id
    WHERE u.host = ?"""
_STORED = "SELECT hashes FROM crowded_hashes WHERE host = ?"
_STORE = """INSERT INTO crowded_hashes (host, hashes) VALUES (?, ?)
    ON CONFLICT (host) DO UPDATE SET hashes = excluded.hashes WHERE hashes <> excluded.hashes"""


@dataclass(frozen=True, slots=True)
class StoredSketch:
    """A sketch that is not empty, with its page, and how many of its hashes were crowded, if that was counted."""

    page_id: int
    sketch: Sketch
    crowded_count: int | None


def stored_sketch(row: tuple[int, int, int | None, bytes]) -> StoredSketch:
    """The sketch in a row of page id, number of hashes, number of crowded ones, packed sketch."""
    page_id, hash_count, crowded_count, packed_sketch = row
    if len(packed_sketch) != hash_count * HASH_BYTES:
        raise DamagedValue(location_of("sketches", "sketch", page_id))
    return StoredSketch(page_id, unpack_sketch(packed_sketch), crowded_count)


def read_sketches(db: Database, host: str) -> Iterator[StoredSketch]:
    """The sketches of a host, in the order of their pages."""
    return map(stored_sketch, db.execute(_SKETCHES_OF_HOST, [host]))


def read_crowded_hashes(db: Database, host: str) -> Sketch:
    """The crowded hashes of a host, in order, as they are stored."""
    row = db.execute(_STORED, [host]).fetchone()
    packed_hashes = row[0] if row else b""
    if len(packed_hashes) % HASH_BYTES:
        raise DamagedValue(location_of("crowded_hashes", "hashes", host))
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
        db.execute("DELETE FROM crowded_hashes WHERE host = ?", [host])
    counts = [
        (int(is_in(stored.sketch, crowded).sum()), stored.page_id, stored.crowded_count)
        for stored in read_sketches(db, host)
    ]
    changes = [(count, page_id) for count, page_id, stored_count in counts if count != stored_count]
    db.conn.executemany("UPDATE sketches SET crowded = ? WHERE page_id = ?", changes)
    if not len(moved):
        return set()
    return {stored.page_id for stored in read_sketches(db, host) if is_in(stored.sketch, moved).any()}


def is_in(hashes: Sketch, ordered_hashes: Sketch) -> NDArray[np.bool_]:
    """Which of some hashes are among others, which are in order."""
    if not len(ordered_hashes):
        return np.zeros(len(hashes), bool)
    places = np.minimum(np.searchsorted(ordered_hashes, hashes), len(ordered_hashes) - 1)
    return np.asarray(ordered_hashes[places] == hashes)


def _find_crowded_hashes(db: Database, host: str) -> Sketch:
    """The hashes that more than `CROWD_LIMIT` pages of a host have, in order."""
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
