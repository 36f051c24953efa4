"""What too many articles of a host share is counted for each host, and of each sketch how many it has of it."""

from __future__ import annotations

import pytest

from broadsheet.output.settle import stored_sketches as crowded_hashes
from broadsheet.output.settle.stored_sketches import count_crowded_hashes, read_crowded_hashes
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import CROWDED_HASHES, SKETCHES
from tests.output.settle.test_stored_sketches_pairs_of_pages import store_sketches

CROWD_LIMIT = 24

FORM = {5, 700_000, 2**28}


@pytest.mark.parametrize("at_once", [7, 1_000_000])
def test_what_more_than_so_many_pages_have_is_crowded(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(crowded_hashes, "_HASHES_AT_ONCE", at_once)
    store_sketches(archive, [("a.test", FORM | {1_000 + n}) for n in range(CROWD_LIMIT)])
    assert read_crowded_hashes(archive.db, "a.test").tolist() == []
    archive.db.execute("UPDATE urls SET host = 'b.test'")
    archive.db.execute("UPDATE urls SET id = id + 500, url = url || 'x'")
    archive.db.execute(f"UPDATE {SKETCHES} SET page_id = page_id + 500")
    store_sketches(archive, [("b.test", FORM | {1_000 + n, 9}) for n in range(3)])
    assert set(read_crowded_hashes(archive.db, "b.test").tolist()) == FORM
    assert archive.db.execute(f"SELECT DISTINCT crowded, hashes - crowded FROM {SKETCHES} ORDER BY 2").fetchall() == [
        (3, 1),
        (3, 2),
    ]


def test_what_is_crowded_no_more_is_forgotten(archive: Archive) -> None:
    store_sketches(archive, [("a.test", FORM) for _ in range(CROWD_LIMIT + 1)])
    assert archive.db[CROWDED_HASHES].count == 1
    archive.db.execute(f"DELETE FROM {SKETCHES} WHERE page_id = 1")
    count_crowded_hashes(archive.db, "a.test")
    assert archive.db[CROWDED_HASHES].count == 0
    assert archive.db.execute(f"SELECT DISTINCT crowded FROM {SKETCHES}").fetchall() == [(0,)]
