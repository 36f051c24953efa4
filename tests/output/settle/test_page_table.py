"""Pages that were looked at are packed in a temporary table; `test_repeats.py` and `test_bodies.py` settle."""

from __future__ import annotations

from array import array

from broadsheet.output.settle.page_table import (
    StoredScan,
    clear_scans,
    flatten_rows,
    read_candidates,
    read_left_out,
    read_left_out_keys,
    store_scan,
)
from broadsheet.output.settle.site_repeats import create_kept_view, drop_site_tables

KEY = 2**62 + 1
SEEN = [(0, 7, KEY, 0, 12, 1, 0, 1), (4, 8, 9, 1, 3, 0, 1, 0)]
NONE = array("q")
LEFT = [(5, 11, 12, 0)]


def test_what_is_packed_comes_back_by_page(archive):
    create_kept_view(archive.db)
    store_scan(archive.db, StoredScan(2, False, NONE, NONE, NONE))
    store_scan(archive.db, StoredScan(1, True, flatten_rows(SEEN), flatten_rows(LEFT), array("q", [KEY, 13])))
    assert list(read_candidates(archive.db)) == [(1, True, SEEN), (2, False, [])]
    assert list(read_left_out(archive.db)) == [(1, LEFT), (2, [])]
    assert list(read_left_out_keys(archive.db)) == [(1, {12, 13, KEY}), (2, set())]


def test_another_host_begins_with_nothing_and_nothing_stays(archive):
    create_kept_view(archive.db)
    store_scan(archive.db, StoredScan(1, True, flatten_rows(SEEN), flatten_rows(LEFT), NONE))
    clear_scans(archive.db)
    assert list(read_candidates(archive.db)) == []
    drop_site_tables(archive.db)
    assert archive.db.execute("SELECT name FROM temp.sqlite_master").fetchall() == []
