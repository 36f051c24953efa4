"""Archives of a store, to be read: fetched once a state, and nobody's lease is touched."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from broadsheet.crawler.fleet.store.manifest import read_manifest
from broadsheet.crawler.fleet.store.object_store import NotInStore, ObjectStore
from broadsheet.crawler.fleet.store.reading_copies import ReadingCopies
from broadsheet.crawler.fleet.store.site_lease import acquire, read_site
from broadsheet.crawler.fleet.store.stored_run import run_stored
from broadsheet.output.db.open import open_database
from tests.crawler.fleet.store.sites import crawl_of, site_in


def urls(archive: Path | None) -> list[str]:
    assert archive
    with closing(open_database(archive, read_only=True)) as db:
        return [url.rpartition("/")[2] for (url,) in db.execute("SELECT url FROM articles ORDER BY url").fetchall()]


def test_an_archive_is_fetched_once_a_state(store: ObjectStore, tmp_path: Path) -> None:
    copies = ReadingCopies(store, "store-1", tmp_path / "copies")
    assert copies.archive("lamp") is None
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert urls(copies.archive("lamp")) == urls(copies.archive("lamp")) == ["one"]
    assert copies.fetched == ["lamp"]
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    lease = acquire(store, "lamp", "a runner")
    assert urls(ReadingCopies(store, "store-1", tmp_path / "copies").archive("lamp")) == ["one", "two"]
    assert read_site(store, "lamp") == lease.record
    assert copies.archive("lamp") == tmp_path / "copies/lamp/lamp.db"
    assert copies.fetched == ["lamp"]


def test_a_copy_of_another_store_is_not_read(store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    for identity in ("store-1", "store-2"):
        copies = ReadingCopies(store, identity, tmp_path / "copies")
        assert urls(copies.archive("lamp")) == ["one"]
        assert copies.fetched == ["lamp"]


def test_a_fetch_that_is_cut_off_leaves_no_old_archive_under_a_new_name(store: ObjectStore, tmp_path: Path) -> None:
    copies = ReadingCopies(store, "store-1", tmp_path / "copies")
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert urls(copies.archive("lamp")) == ["one"]
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    store.delete(read_manifest(store, read_site(store, "lamp").manifest).database.key)
    for _ in range(2):
        with pytest.raises(NotInStore):
            copies.archive("lamp")
