"""Slack of a database file: bytes that no row uses, overwritten where they stand, so that no deleted text is left.

SQLite overwrites what it deletes where `secure_delete` is on, but not what a page held before its cells were moved:
their old places lie between a page's cell pointers and its cells, in its free blocks, and behind the end of a value
that goes on over further pages. After SQLite's file format, 1.5 to 1.8. None of these bytes has a meaning, so that a
process that is killed here leaves a whole file. VACUUM has the same effect, with as much room as the file takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from .archive_file import database_file, own_descriptor, wal_size

_PAGE = 4096  # bytes, of which SQLite uses all: the only size of archives
_MAPPED = _PAGE // 5  # pages whose kinds the page before them tells: a pointer map, with five bytes each
_ROOT, _FIRST_OVERFLOW, _INNER = 1, 3, 5  # kinds of pages there
_INDEX_INTERIOR, _TABLE_INTERIOR, _TABLE_LEAF = 2, 5, 13  # first bytes of B-tree pages; 10 is a leaf of an index
_INTERIOR_HEADER, _LEAF_HEADER = 12, 8
_FILE_HEADER = 100
_LEAST_INDEX_PAYLOAD = (_PAGE - 12) * 32 // 255 - 23  # bytes of a longer value that stay with its cell
_MOST_INDEX_PAYLOAD = (_PAGE - 12) * 64 // 255 - 23
_MOST_TABLE_PAYLOAD = _PAGE - 35
_LINK = 4  # bytes of the number of the page on which a value goes on
_ZEROS = bytes(_PAGE)

_Stretch = tuple[int, int]
"""Where unused bytes begin and end."""


def erase_slack(db: Database) -> bool:
    """Overwrite all slack of the archive's file, with its write lock held. Needs autocommit.

    Returns False where that cannot be: another program reads what is to go, or the file is laid out otherwise.
    """
    file = database_file(db)
    db.conn.executescript("PRAGMA incremental_vacuum")  # leaves no free page
    db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        return _erase_slack(db, file)
    except IndexError:  # a damaged page
        return False
    finally:
        db.conn.execute("ROLLBACK")
        db.conn.execute("PRAGMA shrink_memory")  # a page in the cache still has its slack


def _erase_slack(db: Database, file: Path) -> bool:
    descriptor = own_descriptor(file, os.O_RDWR)
    if descriptor is None or wal_size(file) or _is_laid_out_otherwise(db, os.pread(descriptor, _FILE_HEADER, 0)):
        return False
    parents = set()
    for number, page, parent in _pages(descriptor):
        parents.add(parent)
        _erase(descriptor, number, page, _unused_stretches(page, _FILE_HEADER if number == 1 else 0))
    for number in sorted(parents - {0}):
        for last, start in _long_values(descriptor, number):
            _erase(descriptor, last, _read_page(descriptor, last), [(start, _PAGE)])
    os.fsync(descriptor)
    return True


def _is_laid_out_otherwise(db: Database, header: bytes) -> bool:
    """Return whether a file has free pages, no pointer maps, other sizes, or bytes that SQLite leaves to others."""
    facts = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "freelist_count", "auto_vacuum")]
    return facts[:2] != [_PAGE, 0] or not facts[2] or header[20] != 0


def _read_page(descriptor: int, number: int) -> bytes:
    return os.pread(descriptor, _PAGE, (number - 1) * _PAGE)


def _erase(descriptor: int, number: int, page: bytes, stretches: list[_Stretch]) -> None:
    """Write zeros over stretches of a page that are not zeros."""
    for start, end in stretches:
        if page[start:end] != _ZEROS[start:end]:
            os.pwrite(descriptor, _ZEROS[start:end], (number - 1) * _PAGE + start)


def _pages(descriptor: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield each page that has cells, or begins the rest of a value: number, bytes, and of the latter the cell's page.

    Bytes are empty where the page has no cells.
    """
    yield 1, _read_page(descriptor, 1), 0
    first = 2
    while group := os.pread(descriptor, (_MAPPED + 1) * _PAGE, (first - 1) * _PAGE):
        for index in range(1, len(group) // _PAGE):
            entry = 5 * (index - 1)
            kind = group[entry]
            if kind in (_ROOT, _INNER):
                yield first + index, group[index * _PAGE : (index + 1) * _PAGE], 0
            elif kind == _FIRST_OVERFLOW:
                yield first + index, b"", int.from_bytes(group[entry + 1 : entry + 5])
        first += _MAPPED + 1


def _unused_stretches(page: bytes, header: int) -> list[_Stretch]:
    """Return what a B-tree page does not use: the gap before its cells, and its free blocks but for their heads."""
    if not page:
        return []
    is_interior = page[header] in (_INDEX_INTERIOR, _TABLE_INTERIOR)
    block, count, cells = (int.from_bytes(page[header + n : header + n + 2]) for n in (1, 3, 5))
    gap = header + (_INTERIOR_HEADER if is_interior else _LEAF_HEADER) + 2 * count
    stretches = [(gap, cells)] if gap < cells else []
    while cells <= block <= _PAGE - 4:
        following, size = (int.from_bytes(page[block + n : block + n + 2]) for n in (0, 2))
        stretches.append((block + 4, min(block + size, _PAGE)))
        if following <= block:
            break
        block = following
    return stretches


def _long_values(descriptor: int, number: int) -> Iterator[_Stretch]:
    """Yield of each value that goes on over further pages the last of them, and where in it the value ends."""
    page, header = _read_page(descriptor, number), _FILE_HEADER if number == 1 else 0
    kind, count = page[header], int.from_bytes(page[header + 3 : header + 5])
    start = header + (_INTERIOR_HEADER if kind == _INDEX_INTERIOR else _LEAF_HEADER)
    for pointer in range(start, start + 2 * count, 2) if kind != _TABLE_INTERIOR else ():
        cell = int.from_bytes(page[pointer : pointer + 2]) + (4 if kind == _INDEX_INTERIOR else 0)
        size, cell = _varint(page, cell)
        if kind == _TABLE_LEAF:
            _, cell = _varint(page, cell)
        most = _MOST_TABLE_PAYLOAD if kind == _TABLE_LEAF else _MOST_INDEX_PAYLOAD
        if size > most:
            kept = _LEAST_INDEX_PAYLOAD + (size - _LEAST_INDEX_PAYLOAD) % (_PAGE - _LINK)
            kept = kept if kept <= most else _LEAST_INDEX_PAYLOAD
            last, left = int.from_bytes(page[cell + kept : cell + kept + _LINK]), size - kept
            while left > _PAGE - _LINK:
                last, left = int.from_bytes(os.pread(descriptor, _LINK, (last - 1) * _PAGE)), left - _PAGE + _LINK
            yield last, _LINK + left


def _varint(page: bytes, start: int) -> tuple[int, int]:
    """Return SQLite's number of one to nine bytes that begins here, and where it ends."""
    value = 0
    for position in range(start, start + 8):
        value = value << 7 | page[position] & 0x7F
        if page[position] < 0x80:
            return value, position + 1
    return value << 8 | page[start + 8], start + 9
