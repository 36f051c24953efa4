"""Check of a site's state in a store: each piece is there, and has its bytes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from broadsheet.crawler.fleet import stored_checks
from broadsheet.crawler.fleet.object_store import ObjectStore, StoreUnreachable
from broadsheet.crawler.fleet.site_head import read_head
from broadsheet.crawler.fleet.site_states import SiteManifest, read_manifest
from broadsheet.crawler.fleet.stored_checks import state_faults
from broadsheet.crawler.fleet.stored_run import forget_stored, run_stored
from broadsheet.output.archive.row_sample import WHOLE, RowSample
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, stored_manifest


@pytest.fixture
def manifest(run_store: ObjectStore, tmp_path: Path) -> SiteManifest:
    """The state of a site of two pages, in a store."""
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    return stored_manifest(run_store)


def test_a_state_that_is_whole_has_no_fault(run_store: ObjectStore, manifest: SiteManifest) -> None:
    assert state_faults(run_store, manifest.site, WHOLE) == []
    assert state_faults(run_store, "nosuchsite", WHOLE) == []


def test_a_piece_that_is_missing_or_short_is_found_with_every_sample(
    run_store: ObjectStore, manifest: SiteManifest
) -> None:
    warc_piece, database_piece = manifest.warc_files[0].pieces[0], manifest.database.pieces[0]
    run_store.delete(warc_piece.key)
    run_store.put_bytes(database_piece.key, b"few")
    damaged = f"lamp.db: {run_store.address}/{database_piece.key}"
    missing, name = f"{run_store.address}/{warc_piece.key} is not there", manifest.warc_files[0].name
    for is_held, faults in (
        (False, [f"{damaged} has 3 of {database_piece.length:,} bytes", f"{name}: {missing}"]),
        (True, [f"{damaged} is not what was brought there", f"{name}: {run_store.address} holds no {warc_piece.key}"]),
    ):
        sample: Any = SimpleNamespace(holds=lambda _number, is_held=is_held: is_held)
        assert state_faults(run_store, manifest.site, sample) == faults


def test_a_piece_with_other_bytes_is_found_in_its_part(run_store: ObjectStore, manifest: SiteManifest) -> None:
    piece = manifest.warc_files[0].pieces[0]
    run_store.put_bytes(piece.key, bytes(piece.length))
    found = [len(state_faults(run_store, manifest.site, RowSample(number, 3))) for number in (1, 2, 3)]
    assert sorted(found) == [0, 0, 1]
    assert len(state_faults(run_store, manifest.site, WHOLE)) == 1


def test_a_state_that_is_replaced_meanwhile_is_no_fault(
    run_store: ObjectStore, manifest: SiteManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A takedown removes the pieces between the look at the manifest and that at them."""
    read_keys: list[str] = []

    def read_late(store: ObjectStore, key: str) -> SiteManifest:
        read_keys.append(key)
        found = read_manifest(store, key)
        if len(read_keys) == 1:
            forget_stored(site_in(store, tmp_path), [f"{HOST}/one"], "")
        return found

    monkeypatch.setattr(stored_checks, "read_manifest", read_late)
    assert state_faults(run_store, manifest.site, WHOLE) == []
    assert len(read_keys) == 2
    assert all(run_store.length(piece.key) is None for piece in manifest.database.pieces)


def test_a_manifest_that_is_missing_is_a_line(run_store: ObjectStore, manifest: SiteManifest) -> None:
    key = read_head(run_store, "lamp").manifest
    run_store.delete(key)
    (line,) = state_faults(run_store, manifest.site, WHOLE)
    assert key in line


def test_a_store_that_is_away_is_a_line(
    run_store: ObjectStore, manifest: SiteManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise StoreUnreachable("it is away")

    monkeypatch.setattr(type(run_store), "read_record", unreachable)
    assert state_faults(run_store, manifest.site, WHOLE) == ["it is away"]
