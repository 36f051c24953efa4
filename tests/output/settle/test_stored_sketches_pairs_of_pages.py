"""The pairs of some pages are those that looking at all of the archive gives, of which one is among these."""

from __future__ import annotations

import random

import numpy as np
import pytest

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.settle.likeness import pack_sketch
from broadsheet.output.settle.similar_articles import _find_all_pairs
from broadsheet.output.settle.stored_sketches import (
    count_crowded_hashes,
    find_pairs_of_pages,
    read_crowded_hashes,
    read_sketches,
)
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import CROWDED_HASHES, SKETCHES

CROWD_LIMIT, HASH_BITS = 24, 29

HOSTS = ("a.test", "b.test", "c.test")


def store_sketches(archive: Archive, sketches: list[tuple[str, set[int]]]) -> None:
    """Sketches of pages by host; the pages themselves are not needed."""
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for number, (host, hashes) in enumerate(sketches, 1):
        archive.db.execute(
            """INSERT INTO urls (id, url, host, kind, state, found_via, first_seen)
                VALUES (?, ?, ?, 'page', 'done', 'link', '')""",
            [number, f"http://{host}/{number}", host],
        )
        packed = pack_sketch(np.array(sorted(hashes), np.uint32))
        archive.db.execute(
            f"INSERT INTO {SKETCHES} (page_id, hashes, sketch) VALUES (?, ?, ?)", [number, len(hashes), packed]
        )
    for host in HOSTS:
        count_crowded_hashes(archive.db, host)


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_what_looking_at_all_of_them_finds(archive: Archive, seed: int) -> None:
    chance = random.Random(seed)
    numbers = [chance.randrange(2**HASH_BITS) for _ in range(300)]
    form = set(chance.sample(numbers, 6))
    sketches = [
        (chance.choice(HOSTS), set(chance.sample(numbers, chance.randint(1, 20))) | (form if n % 3 else set()))
        for n in range(150)
    ]
    store_sketches(archive, sketches)
    all_pairs = _find_all_pairs(archive.db)
    for count in (1, 7, 60, len(sketches)):
        pages = set(chance.sample(range(1, len(sketches) + 1), count))
        assert find_pairs_of_pages(archive.db, pages) == [pair for pair in all_pairs if not pages.isdisjoint(pair)]
    assert len(all_pairs) > 20
    assert set(read_crowded_hashes(archive.db, "a.test").tolist()) == form


def test_what_is_crowded_on_the_other_host_is_no_evidence(archive: Archive) -> None:
    store_sketches(archive, [("a.test", {1, 2, 3}), *[("b.test", {1, 2, 9 + n}) for n in range(CROWD_LIMIT)]])
    assert len(find_pairs_of_pages(archive.db, [1])) == CROWD_LIMIT
    archive.db.execute("DELETE FROM urls")
    archive.db.execute(f"DELETE FROM {SKETCHES}")
    store_sketches(archive, [("a.test", {1, 2, 3}), *[("b.test", {1, 2, 9 + n}) for n in range(CROWD_LIMIT + 1)]])
    assert find_pairs_of_pages(archive.db, [1]) == []


def test_pages_without_sketches_have_no_pairs(archive: Archive) -> None:
    store_sketches(archive, [("a.test", set()), *[("a.test", {1, 2})] * 2, ("a.test", set()), ("a.test", set())])
    crowded_counts = archive.db.execute(f"SELECT crowded FROM {SKETCHES} ORDER BY page_id").fetchall()
    assert crowded_counts == [(None,), (0,), (0,), (None,), (None,)]
    assert find_pairs_of_pages(archive.db, []) == []
    assert find_pairs_of_pages(archive.db, [6]) == []
    assert find_pairs_of_pages(archive.db, [1, 4]) == []
    assert find_pairs_of_pages(archive.db, [2]) == find_pairs_of_pages(archive.db, range(7)) == [(2, 3)]


def test_damaged_hashes_are_named(archive: Archive) -> None:
    archive.db.execute(f"INSERT INTO {CROWDED_HASHES} (host, hashes) VALUES ('a.test', x'010203')")
    with pytest.raises(DamagedValue, match=r"crowded_hashes.*a\.test"):
        read_crowded_hashes(archive.db, "a.test")


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_sketch_of_another_length_is_damage_wherever_it_is_read(archive: Archive, is_cut: bool) -> None:
    store_sketches(archive, [("a.test", {1, 2, 3}), ("b.test", {1, 2, 3})])
    assert find_pairs_of_pages(archive.db, [1]) == _find_all_pairs(archive.db) == [(1, 2)]
    changed = "substr(sketch, 1, 8)" if is_cut else "sketch || x'00000000'"
    archive.db.execute(f"UPDATE {SKETCHES} SET sketch = {changed} WHERE page_id = 2")
    for read in (
        lambda: find_pairs_of_pages(archive.db, [1]),
        lambda: _find_all_pairs(archive.db),
        lambda: list(read_sketches(archive.db, "b.test")),
    ):
        with pytest.raises(DamagedValue, match=f"{SKETCHES}/sketch row 2"):
            read()
