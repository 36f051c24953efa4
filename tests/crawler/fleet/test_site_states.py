"""States of a site in a store: only new pieces travel, and pieces go when no state names them."""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from broadsheet.crawler.fleet import folder_store, site_states
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import DamagedObject
from broadsheet.crawler.fleet.site_copies import LocalCopy, fetch_site, fetch_warc_files
from broadsheet.crawler.fleet.site_head import SiteAttempt, SiteHead, read_head
from broadsheet.crawler.fleet.site_states import (
    DatabaseState,
    KnownState,
    SiteManifest,
    StateWriter,
    collect_leftovers,
    fetch_database,
    parse_manifest,
    state_prefix,
)
from broadsheet.crawler.fleet.stored_run import run_stored
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import AwayFile, StoredPiece, read_away_files
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.internal_tables import WARC_FILES
from tests.output.conftest import Clock

PIECES = state_prefix("lamp")


def pieces_in(store: FolderStore) -> set[str]:
    return {key for key in store.keys(PIECES) if not key.endswith(".json")}


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
        keys = {key for key in getattr(self, name) if key.startswith(PIECES) and not key.endswith(".json")}
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


def writer_in(store: FolderStore) -> StateWriter:
    return StateWriter(store, SiteAttempt(store, "lamp"))


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
        db.execute(f"INSERT INTO {WARC_FILES} (name, length, begun_at) VALUES ('lamp.db.warc/empty.warc.gz', 0, '')")
    manifest = writer_in(store).save(copy.archive, copy.archive, None)
    assert [file.name for file in manifest.warc_files] == [name]


def test_a_database_without_a_change_is_the_state_that_it_was(store: CountingStore, tmp_path: Path) -> None:
    copy, writer = copy_in(tmp_path, "one"), writer_in(store)
    first = writer.save(copy.archive, copy.archive, None)
    second = writer.save(
        copy.archive, copy.archive, KnownState(first, "m", Path(shutil.copy(copy.archive, tmp_path / "b")))
    )
    assert second.database == first.database


def test_a_warc_file_that_is_missing_is_told_and_left_out(
    store: CountingStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = copy_in(tmp_path, "one")
    (path,) = copy.folder.rglob("*.warc.gz")
    path.unlink()
    assert writer_in(store).save(copy.archive, copy.archive, None).warc_files == ()
    name = path.relative_to(copy.folder)
    assert caplog.messages == [f"{name} is missing beside {copy.archive}, and cannot be brought to the store"]


def test_of_a_warc_file_the_bytes_are_put_that_are_committed_and_not_known(store: FolderStore, tmp_path: Path) -> None:
    path, attempt = tmp_path / "a.warc.gz", SiteAttempt(store, "lamp")
    writer = StateWriter(store, attempt)
    path.write_bytes(b"0123456789")
    (whole,) = writer._save_warc_file(path, 10, None)
    known = AwayFile("a", (whole,))
    attempt.publish()
    assert list(writer._save_warc_file(path, 10, known)) == [whole]
    (later,) = writer._save_warc_file(path, 5, known)
    assert (later.key.removeprefix(PIECES)[:8], later.length) == ("00000002", 5)


def test_a_warc_file_that_grew_is_put_from_where_it_ended(store: CountingStore, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, "one")
    writer = writer_in(store)
    first = writer.save(copy.archive, copy.archive, None)
    store_pages(copy.archive, ["two"])
    second = writer.save(copy.archive, copy.archive, KnownState(first, "m"))
    (file,), (grown,) = first.warc_files, second.warc_files
    assert grown.pieces[:1] == file.pieces
    assert [piece.length for piece in grown.pieces[1:]] == [grown.length - file.length]


def test_a_warc_file_with_other_bytes_is_put_anew(store: CountingStore, tmp_path: Path) -> None:
    copy = copy_in(tmp_path, "one", "two")
    first = writer_in(store).save(copy.archive, copy.archive, None)
    with Archive.open(copy.archive) as opened:
        take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))
    second = writer_in(store).save(copy.archive, copy.archive, KnownState(first, "m"))
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
    assert pieces_in(store) == state.keys
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
    assert pieces_in(store) == stored_manifest(store).keys
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


def test_bytes_that_come_back_otherwise_are_noticed(
    store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copy_in(tmp_path, "one")
    monkeypatch.setattr(folder_store, "file_chunks", lambda stream: iter([b"something else"]))
    with pytest.raises(DamagedObject, match="does not give back"):
        writer_in(store).save(copy.archive, copy.archive, None)


def test_a_manifest_is_read_as_it_was_written(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    state = stored_manifest(store)
    assert state.to_json().startswith(b'{"format":3,"site":"lamp","generation":1,')
    assert parse_manifest(state.to_json(), "it") == state
    assert isinstance(state, SiteManifest)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"site": "lamp", "database": {}}', "it has format 1, this version reads 3: use a new store"),
        (b'{"format": 3}', "it makes no sense as a list of pieces"),
        (
            b'{"format": 4, "of": "the future"}',
            r"it was stored by a newer version of Broadsheet \(format 4, this one reads 3\) and is left alone: "
            "update this machine",
        ),
        (b"[]", "it makes no sense as a list of pieces"),
    ],
)
def test_what_is_no_manifest_is_refused_in_a_line(data: bytes, message: str) -> None:
    with pytest.raises(DamagedObject, match=f"^{message}$"):
        parse_manifest(data, "it")


def test_what_no_state_names_goes_once_the_head_has_passed_its_generation(store: CountingStore, tmp_path: Path) -> None:
    """An attempt that has uploaded, and not published, keeps what it has until somebody else is published."""
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    copy, writer = copy_in(tmp_path, "late"), writer_in(store)
    writer.put_manifest(writer.save(copy.archive, copy.archive, None))
    collect_leftovers(store, "lamp", read_head(store, "lamp"), stored_manifest(store))
    assert len([key for key in store.keys(PIECES) if writer.attempt.id in key]) == 3
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    assert not [key for key in store.keys(PIECES) if writer.attempt.id in key]
    assert pieces_in(store) == stored_manifest(store).keys
    collect_leftovers(store, "lamp", SiteHead(generation=9), None)
    assert store.keys(PIECES) == []


def test_warc_files_are_fetched_of_their_pieces_and_a_stranger_of_the_name_is_set_aside(
    store: CountingStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_states, "_PIECE_BYTES", 100)
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    (file,) = stored_manifest(store).warc_files
    assert len(file.pieces) > 3
    copy = LocalCopy(tmp_path / "fetched", "lamp", "store-1")
    fetch_site(store, stored_manifest(store), read_head(store, "lamp").manifest, copy)
    path = copy.folder / file.name
    path.parent.mkdir()
    path.write_bytes(b"of nobody knows whom")
    fetch_warc_files(store, copy.archive, [file.name])
    assert path.stat().st_size == file.length
    assert [tail.read_bytes() for tail in path.parent.glob("*.tail-*")] == [b"of nobody knows whom"]
    assert read_away_files(copy.archive) == {}
    store.taken("read")
    fetch_site(store, stored_manifest(store), read_head(store, "lamp").manifest, copy)
    store.taken("read")
    fetch_warc_files(store, copy.archive, [file.name])
    assert store.taken("read") == set()


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


def test_keys_have_the_generation_the_attempt_and_digits_of_the_content(store: CountingStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    head = read_head(store, "lamp")
    for piece in stored_manifest(store).database.pieces:
        assert piece.key == f"sites/lamp/states/00000001-{head.attempt}-{piece.sha256[:20]}"
    assert re.fullmatch(rf"sites/lamp/states/00000001-{head.attempt}-[0-9a-f]{{8}}\.json", head.manifest)
