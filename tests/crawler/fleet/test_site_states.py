"""States of a site in a store: only new pieces travel, and pieces go when no state names them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from broadsheet.crawler.fleet import site_states
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import DamagedObject
from broadsheet.crawler.fleet.site_copies import LocalCopy, fetch_site, fetch_warc_files
from broadsheet.crawler.fleet.site_lease import acquire, read_site
from broadsheet.crawler.fleet.site_states import (
    DatabaseState,
    KnownState,
    SiteManifest,
    StateWriter,
    beside_prefix,
    collect_pieces,
    fetch_database,
    manifest_prefix,
    parse_manifest,
    piece_prefix,
    read_manifest,
)
from broadsheet.crawler.fleet.stored_run import run_stored
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import StoredPiece, read_away_files
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.output.conftest import Clock

PIECES = piece_prefix("lamp")


class CountingStore(FolderStore):
    """A folder that notes the keys of objects that are put and read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put: list[str] = []
        self.read: list[str] = []

    def put_bytes(self, key: str, data: bytes) -> None:
        self.put.append(key)
        super().put_bytes(key, data)

    def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
        self.read.append(key)
        return super().chunks(key, start)

    def taken(self, name: str) -> set[str]:
        """The pieces put or read since this was last asked."""
        keys = {key for key in getattr(self, name) if key.startswith(PIECES)}
        getattr(self, name).clear()
        return keys


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    (tmp_path / "store").mkdir()
    return CountingStore(tmp_path / "store")


def test_only_new_pieces_are_put_and_only_missing_ones_are_read(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    first = stored_manifest(store)
    assert store.taken("put") == first.keys
    store.taken("read")
    read_at_start: list[str] = []

    def update(archive: Path, is_lost: Event) -> None:
        read_at_start.extend(store.taken("read"))
        store_pages(archive, ["two"])

    run_stored(site_in(store, tmp_path), update)
    second = stored_manifest(store)
    assert read_at_start == []
    assert second.database.pieces[:-1] == first.database.pieces
    assert store.taken("put") == second.keys - first.keys
    assert second.database.pieces[-1].length < first.database.pieces[0].length / 4
    run_stored(site_in(store, tmp_path, "elsewhere"), crawl_of("three"))
    assert store.taken("read") >= {piece.key for piece in second.database.pieces}
    assert stored_names(store, tmp_path) == {"one", "two", "three"}


def test_a_run_without_anything_new_puts_no_piece(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    store.taken("put")
    run_stored(site_in(store, tmp_path), lambda archive, is_lost: None)
    weights = [piece.length for piece in stored_manifest(store).database.pieces]
    assert len(store.taken("put")) <= 1  # opening an archive may change a page of it
    assert sum(weights[1:]) < weights[0] / 20


def copy_in(folder: Path, *names: str) -> LocalCopy:
    copy = LocalCopy(folder / "here/lamp", "lamp", "store-1")
    copy.folder.mkdir(parents=True, exist_ok=True)
    store_pages(copy.archive, names)
    return copy


def test_a_warc_file_without_a_record_is_none_of_the_state(store: CountingStore, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, "one")
    (name,) = (path.relative_to(copy.folder).as_posix() for path in copy.folder.rglob("*.warc.gz"))
    (copy.folder / "lamp.db.warc/empty.warc.gz").touch()
    with closing(sqlite3.connect(copy.archive)) as db, db:
        db.execute("INSERT INTO _warc_files (name, length, begun_at) VALUES ('lamp.db.warc/empty.warc.gz', 0, '')")
    manifest = StateWriter(store, "lamp", 1).save(copy.archive, copy.archive, None)
    assert [file.name for file in manifest.warc_files] == [name]


def test_a_warc_file_that_grew_is_put_from_where_it_ended(store: CountingStore, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, "one")
    writer = StateWriter(store, "lamp", 1)
    first = writer.save(copy.archive, copy.archive, None)
    store_pages(copy.archive, ["two"])
    second = writer.save(copy.archive, copy.archive, KnownState(first))
    (file,), (grown,) = first.warc_files, second.warc_files
    assert grown.pieces[:1] == file.pieces
    assert [piece.length for piece in grown.pieces[1:]] == [grown.length - file.length]


def test_a_warc_file_with_other_bytes_is_put_anew(store: CountingStore, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, "one", "two")
    first = StateWriter(store, "lamp", 1).save(copy.archive, copy.archive, None)
    with Archive.open(copy.archive) as opened:
        take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))
    second = StateWriter(store, "lamp", 2).save(copy.archive, copy.archive, KnownState(first))
    (file,), (erased,) = first.warc_files, second.warc_files
    assert erased.length == file.length
    assert not {piece.key for piece in file.pieces} & {piece.key for piece in erased.pieces}


def test_a_takedown_leaves_no_piece_of_an_earlier_state(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one", "two"))
    run_stored(site_in(store, tmp_path), crawl_of("three"))
    old_keys = stored_manifest(store).keys
    warc_keys = {piece.key for file in stored_manifest(store).warc_files for piece in file.pieces}
    kept = {key for key in warc_keys if key.startswith(f"{PIECES}00000002-")}
    assert len(warc_keys) == 2 * len(kept) == 2

    def forget(archive: Path, is_lost: Event) -> None:
        with Archive.open(archive) as opened:
            take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))

    run_stored(site_in(store, tmp_path), forget)
    state = stored_manifest(store)
    assert state.database.full_count == len(state.database.pieces)
    assert set(store.keys(PIECES)) == state.keys
    assert state.keys & old_keys == kept
    assert b"of one is told here" not in site_in(store, tmp_path).copy.base_path.read_bytes()
    with closing(open_database(site_in(store, tmp_path).copy.base_path, read_only=True)) as db:
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert stored_names(store, tmp_path) == {"two", "three"}


def test_a_database_begins_anew_when_its_changes_are_many(
    store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_states, "_MOST_DELTAS", 1)
    counts = []
    for name in ("one", "two", "three"):
        run_stored(site_in(store, tmp_path), crawl_of(name))
        database = stored_manifest(store).database
        counts.append((database.full_count, len(database.pieces)))
    assert counts == [(1, 1), (1, 2), (1, 1)]
    assert set(store.keys(PIECES)) == stored_manifest(store).keys
    assert stored_names(store, tmp_path) == {"one", "two", "three"}


@pytest.mark.parametrize("damage", ["other bytes", "gone"])
def test_a_base_that_is_not_what_it_was_costs_only_traffic(store: CountingStore, tmp_path: Path, damage: str) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    base = site_in(store, tmp_path).copy.base_path
    base.write_bytes(base.read_bytes()[:-4096]) if damage == "other bytes" else base.unlink()
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    assert stored_names(store, tmp_path) == {"one", "two"}


def test_a_base_that_changes_under_a_run_is_not_compared_with(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))

    def update(archive: Path, is_lost: Event) -> None:
        base = site_in(store, tmp_path).copy.base_path
        base.write_bytes(base.read_bytes()[:-4096])
        store_pages(archive, ["two"])

    run_stored(site_in(store, tmp_path), update)
    assert stored_manifest(store).database.full_count == len(stored_manifest(store).database.pieces)
    assert stored_names(store, tmp_path) == {"one", "two"}


def test_a_piece_with_other_bytes_is_noticed(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    state = stored_manifest(store)
    store.put_bytes(state.database.pieces[0].key, b"other bytes")
    with pytest.raises(DamagedObject, match="is not what was brought there"):
        fetch_database(store, state.database, tmp_path / "fetched.db")
    assert not (tmp_path / "fetched.db").exists()


def test_pieces_that_make_another_file_are_noticed(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    state = replace(stored_manifest(store).database, sha256="0" * 64)
    with pytest.raises(DamagedObject, match="do not make what was brought there"):
        fetch_database(store, state, tmp_path / "fetched.db")


def test_bytes_that_come_back_otherwise_are_noticed(tmp_path: Path) -> None:
    class Forgetful(FolderStore):
        def chunks(self, key: str, start: int = 0) -> Iterator[bytes]:
            yield b"something else"

    (tmp_path / "store").mkdir()
    copy = copy_in(tmp_path, "one")
    with pytest.raises(DamagedObject, match="does not give back"):
        StateWriter(Forgetful(tmp_path / "store"), "lamp", 1).save(copy.archive, copy.archive, None)


def test_a_manifest_is_read_as_it_was_written(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    state = stored_manifest(store)
    assert parse_manifest(state.to_json(), "it") == state
    assert isinstance(state, SiteManifest)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"site": "lamp", "database": {}}', "it has format 1, this version reads 2: use a new store"),
        (b'{"format": 2}', "it makes no sense as a list of pieces"),
        (
            b'{"format": 3, "of": "the future"}',
            r"it was stored by a newer version of Broadsheet \(format 3, this one reads 2\) and is left alone: "
            "update this machine",
        ),
        (b"[]", "it makes no sense as a list of pieces"),
    ],
)
def test_what_is_no_manifest_is_refused_in_a_line(data: bytes, message: str) -> None:
    with pytest.raises(DamagedObject, match=f"^{message}$"):
        parse_manifest(data, "it")


def test_pieces_that_nobody_names_go_after_a_day(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    for name in ("young", "old"):
        store.put_bytes(PIECES + name, b"of a killed runner")
        store.put_bytes(f"{manifest_prefix('lamp')}{name}.json", b"of a killed runner")
    day_ago = time.time() - 25 * 3600
    for key in (f"{PIECES}old", f"{manifest_prefix('lamp')}old.json"):
        os.utime(tmp_path / "store" / key, (day_ago, day_ago))
    current = read_site(store, "lamp").manifest
    for key in stored_manifest(store).keys:
        os.utime(tmp_path / "store" / key, (day_ago, day_ago))
    collect_pieces(store, "lamp", current)
    assert set(store.keys(PIECES)) == stored_manifest(store).keys | {f"{PIECES}young"}
    assert set(store.keys(manifest_prefix("lamp"))) == {current, f"{manifest_prefix('lamp')}young.json"}


def test_pieces_of_a_state_that_waits_beside_stay(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    copy = copy_in(tmp_path, "late")
    writer = StateWriter(store, "lamp", 1)
    beside = writer.put_manifest(writer.save(copy.archive, copy.archive, None), beside_prefix("lamp"))
    day_ago = time.time() - 25 * 3600
    for key in store.keys(PIECES):
        os.utime(tmp_path / "store" / key, (day_ago, day_ago))
    collect_pieces(store, "lamp", read_site(store, "lamp").manifest)
    assert set(store.keys(PIECES)) == stored_manifest(store).keys | read_manifest(store, beside).keys
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    assert set(store.keys(PIECES)) == stored_manifest(store).keys
    assert stored_names(store, tmp_path) == {"one", "late", "two"}


def test_a_state_beside_that_cannot_be_read_keeps_all_pieces(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    store.put_bytes(f"{beside_prefix('lamp')}1.json", b"{}")
    keys = stored_manifest(store).keys
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    assert set(store.keys(PIECES)) >= keys
    assert stored_names(store, tmp_path) == {"one", "two"}


def test_warc_files_are_fetched_of_their_pieces_and_a_stranger_of_the_name_is_set_aside(
    store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_states, "_PIECE_BYTES", 100)
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    (file,) = stored_manifest(store).warc_files
    assert len(file.pieces) > 3
    copy = LocalCopy(tmp_path / "fetched", "lamp", "store-1")
    fetch_site(store, stored_manifest(store), read_site(store, "lamp").manifest, copy)
    path = copy.folder / file.name
    path.parent.mkdir()
    path.write_bytes(b"of nobody knows whom")
    fetch_warc_files(store, copy.archive, [file.name])
    assert path.stat().st_size == file.length
    assert [tail.read_bytes() for tail in path.parent.glob("*.tail-*")] == [b"of nobody knows whom"]
    assert read_away_files(copy.archive) == {}
    store.taken("read")
    fetch_site(store, stored_manifest(store), read_site(store, "lamp").manifest, copy)
    store.taken("read")
    fetch_warc_files(store, copy.archive, [file.name])
    assert store.taken("read") == set()


def test_the_lease_is_of_who_collects(store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = []
    real = collect_pieces

    def collect(*words: object) -> None:
        owners.append(read_site(store, "lamp").owner)
        real(*words)

    monkeypatch.setattr("broadsheet.crawler.fleet.stored_run.collect_pieces", collect)
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert owners == ["first"]
    assert acquire(store, "lamp", "next").record.generation == 2


@pytest.mark.parametrize(
    ("lengths", "is_heavy"),
    [([4, 5], False), ([4, 5, 4, 4], False), ([4, 5, 4, 5], True), ([300, 5] + [1] * 255, False),
     ([300, 5] + [1] * 256, True)],
)  # fmt: skip
def test_a_state_begins_anew_with_changes_as_heavy_as_the_file_or_with_so_many(
    lengths: list[int], is_heavy: bool
) -> None:
    pieces = tuple(StoredPiece(f"piece {number}", length, "") for number, length in enumerate(lengths))
    assert DatabaseState(9, "", 2, pieces).is_heavy is is_heavy


def test_a_piece_that_is_no_delta_is_noticed(store: CountingStore, tmp_path: Path) -> None:
    store.put_bytes("junk", b"junk")
    state = DatabaseState(4, "", 1, (StoredPiece("junk", 4, hashlib.sha256(b"junk").hexdigest()),))
    with pytest.raises(DamagedObject) as caught:
        fetch_database(store, state, tmp_path / "fetched.db")
    assert str(caught.value).startswith(f"{store.address}/junk: it cannot be unpacked: ")
    assert not (tmp_path / "fetched.db").exists()


def test_keys_have_the_number_of_the_lease_and_digits_of_the_content(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    for piece in stored_manifest(store).database.pieces:
        assert piece.key == f"sites/lamp/pieces/00000001-{piece.sha256[:20]}"
    manifest_key = read_site(store, "lamp").manifest
    assert re.fullmatch(r"sites/lamp/manifests/00000001-[0-9a-f]{16}\.json", manifest_key)


def test_a_manifest_without_a_format_is_of_the_first(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    values = json.loads(stored_manifest(store).to_json())
    assert values.pop("format") == 2
    with pytest.raises(DamagedObject) as caught:
        parse_manifest(json.dumps(values).encode(), "it")
    assert str(caught.value) == "it has format 1, this version reads 2: use a new store"
