"""Plan of a bulk run: the sources, or parts of large ones, that each task cleans to one file a table.

The plan stands in the target and only grows, each version by one conditional put. So whoever cleans a source, in this
run or after a kill, writes the same files: no record is there twice, and none is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..cli.command_line import CommandError
from ..fleet.object_store import ObjectStore, StoreError, VersionedRecord, VersionMoved
from .sources import Source

PLAN_KEY = "plan"
RANGE_BYTES = 128 * 2**20
"""Of a file on a disk that one task cleans: some five thousand pages, packed. Larger files are cut."""
_LEAST_BYTES = 4 * 2**20  # of a batch: ten seconds of a core, beside which the start of a process is little
_BATCHES = 64  # of a small run, so that many cores have work, and the last task is short
_DIGITS = 20  # of a digest of a batch: 80 bits
_TRIES = 50  # of runs that plan at once


class Piece(NamedTuple):
    """Source, or the records of it that begin from byte `start` up to `end`; None is the end of the file."""

    source: str
    start: int = 0
    end: int | None = None


Batch = tuple[Piece, ...]


class Plan(NamedTuple):
    """Plan of a target: its batches, and the number of parts in which it judges sites; 0 to judge pages alone."""

    batches: tuple[Batch, ...] = ()
    parts: int = 0


def batch_name(batch: Batch) -> str:
    """Return the name of a batch's files: a digest of its pieces."""
    return hashlib.sha256(json.dumps(batch).encode()).hexdigest()[:_DIGITS]


def new_batches(sources: Sequence[Source], planned: Iterable[Batch]) -> list[Batch]:
    """Return batches of the sources that are not planned yet, each of about the same size.

    >>> new_batches([Source("/a", 10), Source("/b", 10)], [(Piece("/b"),)])
    [(Piece(source='/a', start=0, end=None),)]
    """
    known = {piece.source for batch in planned for piece in batch}
    fresh = [source for source in sources if source.address not in known]
    limit = _batch_bytes(fresh)
    batches: list[Batch] = []
    waiting: list[Piece] = []
    size = 0
    for piece, length in ((piece, length) for source in fresh for piece, length in _pieces(source)):
        if waiting and size + length > limit:
            batches.append(tuple(waiting))
            waiting, size = [], 0
        waiting.append(piece)
        size += length
    return [*batches, *([tuple(waiting)] if waiting else [])]


def agreed_plan(store: ObjectStore, sources: Sequence[Source], *, is_by_site: bool = False) -> Plan:
    """Add new batches to the plan of a target, and return the whole plan. StoreError, CommandError.

    CommandError too if sites are judged and were not before, or the other way round.
    """
    for _ in range(_TRIES):
        record = store.read_record(PLAN_KEY)
        planned = _read_plan(store, record)
        if planned.batches and bool(planned.parts) != is_by_site:
            before = "with" if planned.parts else "without"
            raise CommandError(f"{store.address} was cleaned {before} --by-site; name another folder")
        new = new_batches(sources, planned.batches)
        if not new:
            return planned
        parts = planned.parts or (-(-sum(map(_bytes, sources)) // _batch_bytes(sources)) if is_by_site else 0)
        plan = Plan((*planned.batches, *new), parts)
        try:
            store.replace_record(PLAN_KEY, json.dumps(plan._asdict()).encode(), record.version if record else "")
        except VersionMoved:
            continue
        return plan
    raise StoreError(f"the plan of {store.address} changes faster than it can be read")


def _batch_bytes(sources: Sequence[Source]) -> int:
    return min(max(sum(map(_bytes, sources)) // _BATCHES, _LEAST_BYTES), RANGE_BYTES)


def _bytes(source: Source) -> int:
    return source.size or RANGE_BYTES  # a server that states no length may have a large one


def _pieces(source: Source) -> Iterator[tuple[Piece, int]]:
    """Cut a large file on a disk. The last part has no end, so that it includes records that are appended later."""
    count = max(1, round(source.size / RANGE_BYTES)) if source.is_local else 1
    for number in range(count):
        start, is_last = number * RANGE_BYTES, number == count - 1
        end = None if is_last else start + RANGE_BYTES
        yield Piece(source.address, start, end), _bytes(source) - start if is_last else RANGE_BYTES


def _read_plan(store: ObjectStore, record: VersionedRecord | None) -> Plan:
    try:
        if record is None:
            return Plan()
        values = json.loads(record.data)
        return Plan(tuple(tuple(Piece(*piece) for piece in batch) for batch in values["batches"]), values["parts"])
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError(f"{store.address}/{PLAN_KEY} is damaged; name another folder") from error
