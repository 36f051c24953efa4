"""Copies that killed workers have left: brought to the store at the next start, whatever became of their sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.fleet.left_copies import bring_left_copies, left_copies
from broadsheet.crawler.fleet.object_store import Patience
from broadsheet.crawler.fleet.site_copies import LocalCopy, write_origin
from broadsheet.crawler.fleet.site_lease import LeaseTerms, acquire, read_site
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.stored_run import StorePlace, run_stored
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.fleet.sites import crawl_of, site_in, store_pages, stored_names


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    address = str(tmp_path / "store")
    return StorePlace(address, make_store(address), str(tmp_path / "work"), LeaseTerms(), Patience(seconds=0))


def left_copy(place: StorePlace, *names: str, store: str = "") -> LocalCopy:
    """A copy of the site lamp as a killed worker leaves one, made before the store had anything."""
    copy = LocalCopy(place.local_folder / "lamp", "lamp", store or place.identity)
    copy.folder.mkdir(parents=True)
    write_origin(copy, "")
    store_pages(copy.archive, names)
    return copy


@pytest.mark.parametrize("has_moved_on", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_copy_comes_home_and_is_merged_where_its_site_has_moved_on(
    tmp_path: Path, place: StorePlace, has_moved_on: bool
) -> None:
    if has_moved_on:
        run_stored(site_in(store_at(place.address), tmp_path, "elsewhere"), crawl_of("quick"))
    copy = left_copy(place, "left")
    (line,) = bring_left_copies(place)
    assert line == f"lamp: what a killed run left in {copy.folder} is in the store"
    assert not copy.archive.exists()
    assert stored_names(store_at(place.address), tmp_path) == {"left"} | ({"quick"} if has_moved_on else set())
    assert list(bring_left_copies(place)) == []


def test_a_copy_that_somebody_has_in_hand_stays(place: StorePlace) -> None:
    copy = left_copy(place, "left")
    with Archive.open(copy.archive):
        assert list(bring_left_copies(place)) == []
    assert read_site(store_at(place.address), "lamp").generation == 0, "it is awaited before the lease is taken"
    lease = acquire(store_at(place.address), "lamp", "another")
    assert list(bring_left_copies(place)) == []
    assert copy.is_left_over()
    lease.release()
    assert list(bring_left_copies(place, lambda: True)) == []
    assert read_site(store_at(place.address), "lamp").manifest == ""
    assert len(list(bring_left_copies(place))) == 1


def test_a_copy_of_another_store_is_left_alone(place: StorePlace) -> None:
    copy = left_copy(place, "left", store="another")
    assert left_copies(place) == []
    copy.archive.unlink()
    write_origin(LocalCopy(copy.folder, "lamp", place.identity), "")
    assert left_copies(place) == [], "one without an archive is none"


def test_a_copy_that_cannot_be_read_is_a_line_and_stays(place: StorePlace) -> None:
    copy = left_copy(place, "left")
    copy.archive.write_bytes(b"no database, but some bytes of it" * 9)
    (line,) = bring_left_copies(place)
    assert line.startswith(f"lamp: what a killed run left in {copy.folder} cannot be brought to the store: ")
    assert copy.archive.exists()
