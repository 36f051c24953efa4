"""States of a site in a store: only new pieces travel, and pieces go when no state names them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import folder_store, site_states
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
from broadsheet.output.raw.warc_files import AwayFile, StoredPiece, read_away_files
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
    assert second.database.length == site_in(store, tmp_path).copy.base_path.stat().st_size
    run_stored(site_in(store, tmp_path, "elsewhere"), crawl_of("three"))
    assert store.taken("read") >= {piece.key for piece in second.database.pieces}
    assert stored_names(store, tmp_path) == {"one", "two", "three"}


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


def test_a_database_without_a_change_is_the_state_that_it_was(store: CountingStore, tmp_path: Path) -> None:
    copy, writer = copy_in(tmp_path, "one"), StateWriter(store, "lamp", 1)
    first = writer.save(copy.archive, copy.archive, None)
    second = writer.save(copy.archive, copy.archive, KnownState(first, Path(shutil.copy(copy.archive, tmp_path / "b"))))
    assert second.database == first.database


def test_a_warc_file_that_is_missing_is_told_and_left_out(
    store: CountingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = copy_in(tmp_path, "one")
    (path,) = copy.folder.rglob("*.warc.gz")
    path.unlink()
    assert StateWriter(store, "lamp", 1).save(copy.archive, copy.archive, None).warc_files == ()
    name = path.relative_to(copy.folder)
    assert caplog.messages == [f"{name} is missing beside {copy.archive}, and cannot be brought to the store"]


def test_of_a_warc_file_the_bytes_are_put_that_are_committed_and_not_known(store: FolderStore, tmp_path: Path) -> None:
    path, writer = tmp_path / "a.warc.gz", StateWriter(store, "lamp", 1)
    path.write_bytes(b"0123456789")
    (whole,) = writer._save_warc_file(path, 10, None)
    known, later = AwayFile("a", (whole,)), StateWriter(store, "lamp", 2)
    assert list(later._save_warc_file(path, 10, known)) == [whole]
    assert [(piece.key[18:26], piece.length) for piece in later._save_warc_file(path, 5, known)] == [("00000002", 5)]


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


DAMAGES: dict[str, Callable[[LocalCopy], object]] = {
    "other bytes": lambda copy: copy.base_path.write_bytes(copy.base_path.read_bytes()[:-4096]),
    "gone": lambda copy: copy.base_path.unlink(),
    "no manifest": lambda copy: copy.base_manifest_path.unlink(),
    "no JSON": lambda copy: copy.base_manifest_path.write_bytes(b"{"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("is_under_way", [False, True])
def test_a_base_that_is_not_what_it_was_costs_only_traffic(
    store: CountingStore, tmp_path: Path, damage: str, is_under_way: bool
) -> None:
    """Where it is damaged when the run ends, it is not compared with: then all of the database is put."""
    run_stored(site_in(store, tmp_path), crawl_of("one"))

    def update(archive: Path, is_lost: Event) -> None:
        if is_under_way:
            DAMAGES[damage](site_in(store, tmp_path).copy)
        store_pages(archive, ["two"])

    if not is_under_way:
        DAMAGES[damage](site_in(store, tmp_path).copy)
    run_stored(site_in(store, tmp_path), update)
    database = stored_manifest(store).database
    assert (database.full_count == len(database.pieces)) is (is_under_way or damage == "other bytes")
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
    assert state.to_json().startswith(b'{"format":2,"site":"lamp","generation":1,')
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


def test_pieces_that_nobody_names_go_after_a_day(
    store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that another runner is quicker to remove is passed over, and so is a state that has gone."""
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    current, now = read_site(store, "lamp").manifest, 2_000_000_000
    store.put_bytes(current, replace(stored_manifest(store), replaces=("gone.json",)).to_json())
    ages = dict.fromkeys(stored_manifest(store).keys, 99_999)
    for name, age in (("young", 86_400), ("old", 86_401)):
        for key in (PIECES + name, f"{manifest_prefix('lamp')}{name}.json"):
            store.put_bytes(key, b"of a killed runner")
            ages[key] = age
    for key, age in ages.items():
        os.utime(tmp_path / "store" / key, (now - age, now - age))
    monkeypatch.setattr(folder_store, "time", SimpleNamespace(time=lambda: float(now)))
    with monkeypatch.context() as patch:
        patch.setattr(store, "age", lambda key: None)
        collect_pieces(store, "lamp", current)
    assert len(store.keys(PIECES)) == len(stored_manifest(store).keys) + 2
    collect_pieces(store, "lamp", current)
    assert set(store.keys(PIECES)) == stored_manifest(store).keys | {f"{PIECES}young"}
    assert set(store.keys(manifest_prefix("lamp"))) == {current, f"{manifest_prefix('lamp')}young.json"}


def test_pieces_of_a_state_that_waits_beside_stay(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    copy = copy_in(tmp_path, "late")
    writer = StateWriter(store, "lamp", 1)
    beside = writer.put_manifest(writer.save(copy.archive, copy.archive, None), beside_prefix("lamp"))
    for key in store.keys(PIECES):
        os.utime(tmp_path / "store" / key, (0, 0))
    collect_pieces(store, "lamp", read_site(store, "lamp").manifest)
    assert set(store.keys(PIECES)) == stored_manifest(store).keys | read_manifest(store, beside).keys
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    assert set(store.keys(PIECES)) == stored_manifest(store).keys
    assert stored_names(store, tmp_path) == {"one", "late", "two"}


def test_a_state_beside_that_cannot_be_read_keeps_all_pieces(
    store: CountingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    store.put_bytes(f"{beside_prefix('lamp')}1.json", b"{}")
    keys = stored_manifest(store).keys
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    assert set(store.keys(PIECES)) >= keys
    assert stored_names(store, tmp_path) == {"one", "two"}
    reason = f"{store.address}/sites/lamp/beside/1.json has format 1, this version reads 2: use a new store"
    assert set(caplog.messages) == {
        f"no piece of lamp is removed: {reason}",
        f"sites/lamp/beside/1.json stays beside lamp, as it cannot be merged: {reason}",
    }


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
    run_stored(site_in(store, tmp_path, "second"), crawl_of("two"))
    assert owners == ["first", "second", "second"], "before its crawl, and after"
    assert acquire(store, "lamp", "next").record.generation == 3


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
