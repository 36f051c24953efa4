"""Pages that were looked at are packed in a temporary table; `test_repeats.py` and `test_bodies.py` settle."""

from __future__ import annotations

from array import array

from output.settle.site_memory.page_table import (
    Looked,
    forget_looks,
    left_blocks,
    left_keys,
    note_look,
    numbers_of,
    seen_blocks,
)
from output.settle.site_memory.repeats import count_kept, forget_counts

KEY = 2**62 + 1
SEEN = [(0, 7, KEY, 0, 12, 1, 0, 1), (4, 8, 9, 1, 3, 0, 1, 0)]
NONE = array("q")
LEFT = [(5, 11, 12, 0)]


def test_what_is_packed_comes_back_by_page(archive):
    count_kept(archive.db)
    note_look(archive.db, Looked(2, False, NONE, NONE, NONE))
    note_look(archive.db, Looked(1, True, numbers_of(SEEN), numbers_of(LEFT), array("q", [KEY, 13])))
    assert list(seen_blocks(archive.db)) == [(1, True, SEEN), (2, False, [])]
    assert list(left_blocks(archive.db)) == [(1, LEFT), (2, [])]
    assert list(left_keys(archive.db)) == [(1, {12, 13, KEY}), (2, set())]


def test_another_host_begins_with_nothing_and_nothing_stays(archive):
    count_kept(archive.db)
    note_look(archive.db, Looked(1, True, numbers_of(SEEN), numbers_of(LEFT), NONE))
    forget_looks(archive.db)
    assert list(seen_blocks(archive.db)) == []
    forget_counts(archive.db)
    assert archive.db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []
