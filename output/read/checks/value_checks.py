"""Whether each value that is decoded when it is read can be: JSON columns, packed layouts, sketches, old readings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
from sqlite_utils import Database

from broadsheet.output.db.errors import DamagedValue
from broadsheet.output.db.stored_values import decoding, json_object, json_texts
from broadsheet.output.read.checks.finding import Finding, value_finding
from broadsheet.output.reclean.own_reading import unpack_reading
from broadsheet.output.settle.similar.likeness import HASH_BITS, HASH_BYTES, unpack_sketch
from broadsheet.output.store.ledger import read_layout
from broadsheet.output.store.metadata_columns import JSON_COLUMNS, SOURCES_COLUMN
from broadsheet.output.store.revisions import RevisionMark, StatedMetadata

_METADATA = {name: json_object if name == SOURCES_COLUMN else json_texts for name in sorted(JSON_COLUMNS)}
_JSON_COLUMNS: Mapping[str, Mapping[str, Callable[[object], object]]] = {
    "runs": {"options": json_object, "versions": json_object, "counts": json_object},
    "captures": {"directives": json_texts},
    "pages": {"evidence": json_texts, "robots": json_texts},
    "articles": dict(_METADATA),
    "shelved": dict(_METADATA),
    "revisions": {"kinds": json_texts},
    "recleans": {"options": json_object, "counts": json_object},
    "imports": {"options": json_object, "records": json_object},
}
"""The columns that hold JSON, by table, with what decodes them."""

_ROW_NAMES = {"revisions": "article_id || '/' || number", "imports": "file"}
"""SQL for what names a row where it is not its `id`."""

_LAYOUTS = "SELECT l.page_id, l.layout, l.chances, p.blocks FROM page_layout l LEFT JOIN pages p ON p.id = l.page_id"
_READINGS = """SELECT b.page_id, b.reclean_id, b.before, coalesce(u.url, '') FROM reclean_before b
    LEFT JOIN urls u ON u.id = b.page_id"""
_PENDING_NOTES = f"SELECT article_id || '/' || number, note FROM revisions WHERE change = '{RevisionMark.PENDING}'"


def stored_values(db: Database) -> Iterator[Finding]:
    """Every value that readers decode can be decoded."""
    for table in _JSON_COLUMNS:
        yield from _json_faults(db, table)
    yield from _pending_note_faults(db)
    yield from _layout_faults(db)
    yield from _sketch_faults(db)
    yield from _reading_faults(db)


def _json_faults(db: Database, table: str) -> Iterator[Finding]:
    decoders = _JSON_COLUMNS[table]
    rows = db.conn.execute(f"SELECT {_ROW_NAMES.get(table, 'id')}, {', '.join(decoders)} FROM {table}")
    for row_name, *values in rows:
        for (column, decode), value in zip(decoders.items(), values, strict=True):
            if value is not None:
                yield from _fault_of(partial(decode, value), table, column, row_name)


def _pending_note_faults(db: Database) -> Iterator[Finding]:
    for row_name, note in db.conn.execute(_PENDING_NOTES):
        yield from _fault_of(partial(StatedMetadata.from_json, note), "revisions", "note", row_name)


def _layout_faults(db: Database) -> Iterator[Finding]:
    for page_id, layout, chances, block_count in db.conn.execute(_LAYOUTS):
        yield from _fault_of(partial(check_layout, layout, block_count), "page_layout", "layout", page_id)
        yield from _fault_of(partial(check_chances, chances, block_count), "page_layout", "chances", page_id)


def _sketch_faults(db: Database) -> Iterator[Finding]:
    for page_id, sketch, hash_count in db.conn.execute("SELECT page_id, sketch, hashes FROM sketches"):
        if hash_count is not None:
            yield from _fault_of(partial(check_sketch, sketch, hash_count), "sketches", "sketch", page_id)
    for host, hashes in db.conn.execute("SELECT host, hashes FROM crowded_hashes"):
        yield from _fault_of(partial(check_sketch, hashes, len(hashes) // HASH_BYTES), "crowded_hashes", "hashes", host)


def _reading_faults(db: Database) -> Iterator[Finding]:
    for page_id, run_id, packed, url in db.conn.execute(_READINGS):
        yield from _fault_of(
            partial(unpack_reading, db, url, packed),
            "reclean_before",
            "before",
            f"{page_id}/{run_id}",
        )


def check_layout(layout: bytes, block_count: int) -> None:
    """ValueError or TypeError if a layout is not one of so many blocks."""
    rows = read_layout(layout)
    if len(rows) != block_count:
        raise ValueError(f"has {len(rows)} blocks, its page {block_count}")
    for path, level, link_chars, landmarks, markdown in rows:
        if not (isinstance(path, str) and isinstance(markdown, str) and isinstance(landmarks, list)):
            raise TypeError("no layout of a block")
        if not (isinstance(level, int) and isinstance(link_chars, int)):
            raise TypeError("no layout of a block")


def check_chances(chances: bytes | None, block_count: int) -> None:
    """ValueError if chances are not those of so many blocks."""
    if chances is not None and len(chances) != block_count:
        raise ValueError(f"has {len(chances)} blocks, its page {block_count}")


def check_sketch(packed_sketch: bytes, hash_count: int) -> None:
    """ValueError if a sketch is not one of so many hashes, each once and in order."""
    if len(packed_sketch) != hash_count * HASH_BYTES:
        raise ValueError(f"has {len(packed_sketch)} bytes, its row says {hash_count} hashes")
    hashes = unpack_sketch(packed_sketch).astype(np.int64)
    if hash_count and (np.any(np.diff(hashes) <= 0) or hashes[-1] >= 1 << HASH_BITS):
        raise ValueError("has hashes that are no sketch's")


def _fault_of(decode: Callable[[], object], table: str, column: str, row: object) -> Iterator[Finding]:
    """The finding if a value cannot be decoded."""
    try:
        with decoding(table, column, row):
            decode()
    except DamagedValue as error:
        cause = error.__cause__
        yield value_finding(table, column, row, f"cannot be read: {type(cause).__name__}: {cause}")
