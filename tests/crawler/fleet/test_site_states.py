"""States of a site in a store: of all who publish one succeeds, only new pieces travel, and each has its bytes.

Pieces go when no state names them. Copies of machines that write and read.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from broadsheet.crawler.fleet import folder_store, page_deltas, site_copies, site_head, site_states
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import (
    DamagedObject,
    NewerState,
    NotInStore,
    ObjectStore,
    StoreUnreachable,
    VersionMoved,
)
from broadsheet.crawler.fleet.page_deltas import DamagedDelta, FileChange, apply_delta, compare_files, pack_change
from broadsheet.crawler.fleet.site_copies import (
    LocalCopy,
    ReadingCopies,
    clear_place,
    fetch_copy,
    fetch_warc_files,
    read_origin,
    remove_old_bases,
    save_site,
    set_copy_aside,
    write_origin,
)
from broadsheet.crawler.fleet.site_head import Overtaken, SiteAttempt, SiteHead, head_key, read_head
from broadsheet.crawler.fleet.site_states import (
    DatabaseState,
    SiteManifest,
    StateWriter,
    StoredState,
    collect_leftovers,
    fetch_database,
    parse_manifest,
    read_manifest,
    state_faults,
    state_prefix,
)
from broadsheet.crawler.fleet.stored_run import forget_stored, run_stored
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.row_sample import WHOLE, RowSample
from broadsheet.output.raw.warc_files import StoredPiece, read_away_files
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest, stored_names
from tests.internal_tables import WARC_FILES
from tests.output.conftest import Clock

TURN = {"result": {"end": "done"}, "due_at": "2026-01-01T00:00:00Z"}


def test_a_publication_is_the_head_and_raises_its_generation(store):
    assert read_head(store, "lamp") == SiteHead()
    attempt = SiteAttempt(store, "lamp")
    attempt.publish(manifest="m1", pages=7, takedowns=(("http://a.example/*", "asked"),))
    attempt.publish(turn=TURN)
    head = read_head(store, "lamp")
    assert head == attempt.head == SiteAttempt(store, "lamp").head
    assert (head.generation, head.manifest, head.pages, head.turn, head.attempt) == (2, "m1", 7, TURN, attempt.id)
    assert head.takedowns == (("http://a.example/*", "asked"),)
    assert head.schema > 0


def test_of_all_who_began_with_one_head_one_publishes(store):
    winner, *others = (SiteAttempt(store, "lamp") for _ in range(3))
    winner.publish(manifest=winner.id)
    for attempt in others:
        for _ in range(2):
            with pytest.raises(Overtaken, match="lamp was published by somebody else meanwhile"):
                attempt.publish(manifest=attempt.id)
    assert [attempt.is_overtaken for attempt in (winner, *others)] == [False, True, True]
    assert (read_head(store, "lamp").manifest, winner.head.generation) == (winner.id, 1)
    winner.publish(manifest="next")
    assert read_head(store, "lamp").generation == 2


def test_a_refused_put_that_finds_its_own_words_there_has_succeeded(store, monkeypatch):
    """As where the answer to it was lost on the way, and it was tried again."""
    attempt, put = SiteAttempt(store, "lamp"), type(store).replace_record

    def lose_the_answer(*words: Any) -> str:
        put(*words)
        raise VersionMoved("somebody was quicker")

    for generation in (1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(type(store), "replace_record", lose_the_answer)
            attempt.publish(manifest=f"m{generation}", turn=TURN)
    attempt.publish(manifest="m3")
    assert (read_head(store, "lamp").generation, read_head(store, "lamp").manifest) == (3, "m3")


def test_an_older_version_leaves_what_a_newer_one_wrote(store, monkeypatch):
    attempt = SiteAttempt(store, "lamp")
    for name, newer in (("FORMAT", site_head.FORMAT + 1), ("_schema_version", lambda: 10_000)):
        with monkeypatch.context() as patch:
            patch.setattr(site_head, name, newer)
            attempt.publish(manifest="newer")
        with pytest.raises(NewerState, match="lamp was stored by a newer version of Broadsheet"):
            SiteAttempt(store, "lamp")


def test_a_head_that_makes_no_sense_is_said_in_a_line(store):
    version = ""
    whole = json.loads(replace(SiteHead(), generation=1).to_json())
    damages = [b"{", b"[]", b'{"format": 1}', b'{"format": 3}', json.dumps(whole | {"takedowns": [1]}).encode()]
    for data in damages:
        version = store.replace_record(head_key("lamp"), data, version)
        with pytest.raises(DamagedObject, match="lamp") as caught:
            read_head(store, "lamp")
        assert "\n" not in str(caught.value)


def words(seed: int) -> str:
    """A text of 160 characters at most."""
    return " ".join(map(str, random.Random(seed).sample(range(999), 40)))


def run_sql(database: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.create_function("words", 1, words)
        for statement in statements:
            connection.execute(statement)
    return database


def insert_sql(first: int, last: int) -> str:
    """Rows under scattered keys, as the ids of an archive are."""
    return f"""WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})
        INSERT INTO t SELECT (i * 2654435761) % 4294967296, words(i) FROM n"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("filled") / "old.db"
    return run_sql(file, "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)", insert_sql(1, 2000))


@pytest.fixture
def old(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path))


def changed(old: Path, *statements: str) -> Path:
    return run_sql(Path(shutil.copy(old, old.with_name("new.db"))), *statements)


def deltas_of(old: Path | None, new: Path) -> tuple[FileChange, list[bytes]]:
    change = compare_files(old, new)
    return change, list(pack_change(change, old, new))


def apply_all(old: Path | None, deltas: list[bytes], target: Path) -> bytes:
    target.write_bytes(old.read_bytes() if old else b"")
    with target.open("r+b") as file:
        for delta in deltas:
            apply_delta(file, delta)
    return target.read_bytes()


CHANGES = {
    "rows are added": [insert_sql(2001, 2060)],
    "rows are edited": ["UPDATE t SET text = words(id + 1) WHERE id % 50 = 0"],
    "the file shrinks": ["DELETE FROM t WHERE id % 3 = 0", "VACUUM"],
    "nothing": [],
}


@pytest.mark.parametrize("group_pages", [7, 4096])
@pytest.mark.parametrize("name", CHANGES)
def test_deltas_make_the_new_state_of_the_earlier_one(old, tmp_path, monkeypatch, name, group_pages):
    """With few pages in a group files are compared in small blocks too."""
    assert page_deltas._GROUP_PAGES == 4096
    if group_pages == 7:
        monkeypatch.setattr(page_deltas, "_GROUP_PAGES", group_pages)
        monkeypatch.setattr(page_deltas, "_BLOCK_BYTES", 8192)
    new = changed(old, *CHANGES[name])
    for earlier in (old, None):
        change, deltas = deltas_of(earlier, new)
        assert len(deltas) == max(1, -(-len(change.pages) // group_pages))
        assert apply_all(earlier, deltas, tmp_path / "made.db") == new.read_bytes()
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() if path else "" for path in (earlier, new)]
        length = old.stat().st_size if earlier else 0
        assert change == FileChange(*digests, length, new.stat().st_size, 4096, change.pages)


def test_scattered_rows_cost_about_what_they_weigh_and_not_their_pages(old):
    change, deltas = deltas_of(old, changed(old, insert_sql(2001, 2060)))
    row_bytes = 60 * 160
    assert len(change.pages) * change.page_bytes > 10 * row_bytes
    assert sum(map(len, deltas)) < row_bytes


def test_a_file_with_the_largest_pages_is_compared_by_them(old, tmp_path):
    large = changed(old, "PRAGMA page_size = 65536", "VACUUM").rename(tmp_path / "large.db")
    for earlier, new in ((old, large), (large, changed(large, insert_sql(3000, 3900)))):
        change, deltas = deltas_of(earlier, new)
        assert change.page_bytes == 65_536
        assert apply_all(earlier, deltas, tmp_path / "made.db") == new.read_bytes()


@pytest.mark.parametrize("start", [b"", b"none"])
@pytest.mark.parametrize("end", [10, -9])
def test_bytes_that_are_no_delta_are_said_to_be_damaged(old, start, end):
    _, (delta,) = deltas_of(None, old)
    with old.open("r+b") as file, pytest.raises(DamagedDelta):
        apply_delta(file, (start + delta[len(start) :])[:end])


PIECES = state_prefix("lamp")


def pieces_in(counting: FolderStore) -> set[str]:
    return {key for key in counting.keys(PIECES) if not key.endswith(".json")}


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
def counting(tmp_path: Path) -> CountingStore:
    (tmp_path / "store").mkdir()
    return CountingStore(tmp_path / "store")


def test_only_new_pieces_are_put_and_only_missing_ones_are_read(counting, tmp_path):
    run_stored(site_in(counting, tmp_path), crawl_of("one"))
    first = stored_manifest(counting)
    assert counting.taken("put") == first.keys
    counting.taken("read")
    read_at_start: list[str] = []

    def update(archive: Path, is_lost: Event) -> None:
        read_at_start.extend(counting.taken("read"))
        store_pages(archive, ["two"])

    run_stored(site_in(counting, tmp_path), update)
    second = stored_manifest(counting)
    assert read_at_start == []
    assert second.database.pieces[:-1] == first.database.pieces
    assert counting.taken("put") == second.keys - first.keys
    assert second.database.pieces[-1].length < first.database.pieces[0].length / 4
    assert second.database.length == site_in(counting, tmp_path).copy.base_path.stat().st_size
    run_stored(site_in(counting, tmp_path, "elsewhere"), crawl_of("three"))
    assert counting.taken("read") >= {piece.key for piece in second.database.pieces}
    assert stored_names(counting, tmp_path) == {"one", "two", "three"}


def writer_in(counting: FolderStore) -> StateWriter:
    return StateWriter(counting, SiteAttempt(counting, "lamp"))


def copy_in(folder: Path, *names: str) -> LocalCopy:
    copy = LocalCopy(folder / "here/lamp", "lamp", "store-1")
    copy.folder.mkdir(parents=True, exist_ok=True)
    store_pages(copy.archive, names)
    return copy


@pytest.mark.parametrize("is_new", [False, True])
def test_what_a_killed_run_left_goes_and_warc_files_stay_unless_the_site_is_new(tmp_path, is_new):
    copy = copy_in(tmp_path, "a")
    log = Path(f"{copy.archive}-wal")
    log.write_bytes(b"log")
    clear_place(copy, is_new=is_new)
    assert (log.exists(), any(tmp_path.rglob("*.warc.gz"))) == (False, not is_new)


def test_a_warc_file_without_a_record_is_none_of_the_state(counting, tmp_path):
    copy = copy_in(tmp_path, "one")
    (name,) = (f".warc/{path.name}" for path in copy.folder.rglob("*.warc.gz"))
    (copy.folder / "lamp.db.warc/empty.warc.gz").touch()
    with closing(sqlite3.connect(copy.archive)) as db, db:
        db.execute(f"INSERT INTO {WARC_FILES} (name, length, begun_at) VALUES ('.warc/empty.warc.gz', 0, '')")
    manifest = writer_in(counting).save(copy.archive, copy.archive, None)
    assert [file.name for file in manifest.warc_files] == [name]


def test_a_database_without_a_change_is_the_state_that_it_was(counting, tmp_path):
    copy, writer = copy_in(tmp_path, "one"), writer_in(counting)
    first = writer.save(copy.archive, copy.archive, None)
    second = writer.save(
        copy.archive, copy.archive, StoredState(first, "m", Path(shutil.copy(copy.archive, tmp_path / "b")))
    )
    assert second.database == first.database


def test_a_warc_file_that_is_missing_is_told_and_left_out(counting, tmp_path, caplog):
    copy = copy_in(tmp_path, "one")
    (path,) = copy.folder.rglob("*.warc.gz")
    path.unlink()
    assert writer_in(counting).save(copy.archive, copy.archive, None).warc_files == ()
    name = path.relative_to(copy.folder)
    assert caplog.messages == [f"{name} is missing beside {copy.archive}, and cannot be brought to the store"]


def test_a_warc_file_that_grew_is_put_from_where_it_ended(counting, tmp_path):
    copy = copy_in(tmp_path, "one")
    writer = writer_in(counting)
    first = writer.save(copy.archive, copy.archive, None)
    store_pages(copy.archive, ["two"])
    second = writer.save(copy.archive, copy.archive, StoredState(first, "m"))
    (file,), (grown,) = first.warc_files, second.warc_files
    assert grown.pieces[:1] == file.pieces
    assert [piece.length for piece in grown.pieces[1:]] == [grown.length - file.length]


def test_a_warc_file_with_other_bytes_is_put_anew(counting, tmp_path):
    copy = copy_in(tmp_path, "one", "two")
    first = writer_in(counting).save(copy.archive, copy.archive, None)
    with Archive.open(copy.archive) as opened:
        take_down(opened.db, f"{HOST}/one", clock=Clock(2_000))
    second = writer_in(counting).save(copy.archive, copy.archive, StoredState(first, "m"))
    (file,), (erased,) = first.warc_files, second.warc_files
    assert erased.length == file.length
    assert not {piece.key for piece in file.pieces} & {piece.key for piece in erased.pieces}


def test_a_database_begins_anew_when_its_changes_are_many(counting, tmp_path, monkeypatch):
    monkeypatch.setattr(site_states, "_MOST_DELTAS", 1)
    counts = []
    for name in ("one", "two", "three"):
        run_stored(site_in(counting, tmp_path), crawl_of(name))
        database = stored_manifest(counting).database
        counts.append((database.full_count, len(database.pieces)))
    assert counts == [(1, 1), (1, 2), (1, 1)]
    assert pieces_in(counting) == stored_manifest(counting).keys
    assert stored_names(counting, tmp_path) == {"one", "two", "three"}


DAMAGES: dict[str, Callable[[LocalCopy], object]] = {
    "other bytes": lambda copy: copy.base_path.write_bytes(copy.base_path.read_bytes()[:-4096]),
    "gone": lambda copy: copy.base_path.unlink(),
    "no origin": lambda copy: copy.origin_path.unlink(),
    "no JSON": lambda copy: copy.origin_path.write_bytes(b"{"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("is_under_way", [False, True])
def test_a_base_that_is_not_what_it_was_costs_only_traffic(counting, tmp_path, damage, is_under_way):
    """Where it is damaged when the run ends, it is not compared with: then all of the database is put."""
    run_stored(site_in(counting, tmp_path), crawl_of("one"))

    def update(archive: Path, is_lost: Event) -> None:
        if is_under_way:
            DAMAGES[damage](site_in(counting, tmp_path).copy)
        store_pages(archive, ["two"])

    if not is_under_way:
        DAMAGES[damage](site_in(counting, tmp_path).copy)
    run_stored(site_in(counting, tmp_path), update)
    database = stored_manifest(counting).database
    assert (database.full_count == len(database.pieces)) is (is_under_way or damage == "other bytes")
    assert stored_names(counting, tmp_path) == {"one", "two"}


def test_a_piece_with_other_bytes_is_noticed(counting, tmp_path):
    run_stored(site_in(counting, tmp_path), crawl_of("one"))
    state, no_digest = stored_manifest(counting).database, "0" * 64
    counting.put_bytes("junk", b"junk")
    junk = StoredPiece("junk", 4, hashlib.sha256(b"junk").hexdigest())
    for damaged, message in (
        (replace(state, sha256=no_digest), "do not make what was brought there"),
        (replace(state, pieces=(replace(state.pieces[0], sha256=no_digest),)), "is not what was brought there"),
        (replace(state, pieces=(junk,)), "/junk: it cannot be unpacked: "),
    ):
        with pytest.raises(DamagedObject, match=message):
            fetch_database(counting, damaged, tmp_path / "fetched.db")
        assert not (tmp_path / "fetched.db").exists()


def test_bytes_that_come_back_otherwise_are_noticed(counting, tmp_path, monkeypatch):
    copy = copy_in(tmp_path, "one")
    monkeypatch.setattr(folder_store.FolderStore, "chunks", lambda *_words: iter([b"something else"]))
    with pytest.raises(DamagedObject, match="does not give back"):
        writer_in(counting).save(copy.archive, copy.archive, None)


def test_a_manifest_is_read_as_it_was_written(counting, tmp_path):
    """Keys have the generation, the attempt and digits of the content."""
    run_stored(site_in(counting, tmp_path), crawl_of("one"))
    state, head = stored_manifest(counting), read_head(counting, "lamp")
    assert state.to_json().startswith(b'{"format":3,"site":"lamp","generation":1,')
    assert parse_manifest(state.to_json(), "it") == state
    for piece in state.database.pieces:
        assert piece.key == f"{PIECES}00000001-{head.attempt}-{piece.sha256[:20]}"
    assert re.fullmatch(rf"{PIECES}00000001-{head.attempt}-[0-9a-f]{{8}}\.json", head.manifest)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"site": "lamp", "database": {}}', "it has format 1, this version reads 3: use a new store"),
        (b'{"format": 3}', "it makes no sense as a list of pieces"),
        (b"[]", "it makes no sense as a list of pieces"),
        (b'{"format": 4, "of": "the future"}', "it was stored by a newer version of Broadsheet (format 4, this one "
         "reads 3) and is left alone: update this machine"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused_in_a_line(data, message):
    with pytest.raises(DamagedObject, match=f"^{re.escape(message)}$"):
        parse_manifest(data, "it")


def test_what_no_state_names_goes_once_the_head_has_passed_its_generation(counting, tmp_path):
    """An attempt that has uploaded, and not published, keeps what it has until somebody else is published."""
    run_stored(site_in(counting, tmp_path), crawl_of("one"))
    copy, writer = copy_in(tmp_path, "late"), writer_in(counting)
    writer.put_manifest(writer.save(copy.archive, copy.archive, None))
    collect_leftovers(counting, "lamp", read_head(counting, "lamp"), stored_manifest(counting))
    assert len([key for key in counting.keys(PIECES) if writer.attempt.id in key]) == 3
    run_stored(site_in(counting, tmp_path), crawl_of("two"))
    assert not [key for key in counting.keys(PIECES) if writer.attempt.id in key]
    assert pieces_in(counting) == stored_manifest(counting).keys
    collect_leftovers(counting, "lamp", SiteHead(generation=9), None)
    assert counting.keys(PIECES) == []


def test_warc_files_are_fetched_of_their_pieces_and_a_stranger_of_the_name_is_set_aside(
    counting, tmp_path, monkeypatch
):
    monkeypatch.setattr(site_states, "_PIECE_BYTES", 100)
    run_stored(site_in(counting, tmp_path), crawl_of("one"))
    (file,) = stored_manifest(counting).warc_files
    assert len(file.pieces) > 3
    copy = LocalCopy(tmp_path / "fetched", "lamp", "store-1")
    fetch_copy(counting, read_head(counting, "lamp").manifest, copy)
    path = Path(f"{copy.archive}{file.name}")
    path.parent.mkdir()
    path.write_bytes(b"of nobody knows whom")
    fetch_warc_files(counting, copy.archive, [file.name])
    assert path.stat().st_size == file.length
    assert [tail.read_bytes() for tail in path.parent.glob("*.tail-*")] == [b"of nobody knows whom"]
    assert read_away_files(copy.archive) == {}
    counting.taken("read")
    fetch_copy(counting, read_head(counting, "lamp").manifest, copy)
    counting.taken("read")
    fetch_warc_files(counting, copy.archive, [file.name])
    assert counting.taken("read") == set()


@pytest.mark.parametrize(
    ("lengths", "is_heavy"),
    [([4, 5], False), ([4, 5, 4, 4], False), ([4, 5, 4, 5], True), ([300, 5] + [1] * 255, False),
     ([300, 5] + [1] * 256, True)],
)  # fmt: skip
def test_a_state_begins_anew_with_changes_as_heavy_as_the_file_or_with_so_many(lengths, is_heavy):
    pieces = tuple(StoredPiece(f"piece {number}", length, "") for number, length in enumerate(lengths))
    assert DatabaseState(9, "", 2, pieces).is_heavy is is_heavy


def read_brought(store: ObjectStore, key: str, database: Path, query: str) -> list[tuple[object, ...]]:
    """What a query gives of the database that a manifest names, alone, without any journal beside it."""
    fetch_database(store, read_manifest(store, key).database, database)
    assert database.read_bytes()[18:20] == b"\x01\x01"  # the header of a file that is not in WAL mode
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute(query).fetchall()


@pytest.mark.slow
def test_what_a_reader_keeps_in_the_journal_is_brought_home_too(run_store, tmp_path):
    copy = site_in(run_store, tmp_path).copy
    copy.folder.mkdir(parents=True)
    store_pages(copy.archive, ["one"])
    with closing(sqlite3.connect(copy.archive)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(f"{copy.archive.as_uri()}?mode=ro", uri=True)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM captures").fetchall() == [(1,)]
        store_pages(copy.archive, ["two"])
        key = save_site(StateWriter(run_store, SiteAttempt(run_store, "lamp")), copy).key
        assert Path(f"{copy.archive}-wal").stat().st_size  # the reader keeps it
        assert reader.execute("SELECT count(*) FROM captures").fetchall() == [(1,)]
    urls = read_brought(run_store, key, tmp_path / "brought.db", "SELECT url FROM captures ORDER BY url")
    assert urls == [(f"{HOST}/one",), (f"{HOST}/two",)]


def urls(archive: Path | None) -> list[str]:
    assert archive
    with closing(open_database(archive, read_only=True)) as db:
        return [url.rpartition("/")[2] for (url,) in db.execute("SELECT url FROM articles ORDER BY url").fetchall()]


def test_an_archive_is_fetched_once_a_state(store, tmp_path):
    """A copy of another store is not read."""
    copies = ReadingCopies(store, "store-1", tmp_path / "copies")
    assert copies.archive("lamp") is None
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert urls(copies.archive("lamp")) == urls(copies.archive("lamp")) == ["one"]
    assert copies.fetched == ["lamp"]
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    head = read_head(store, "lamp")
    assert urls(ReadingCopies(store, "store-1", tmp_path / "copies").archive("lamp")) == ["one", "two"]
    assert read_head(store, "lamp") == head
    assert copies.archive("lamp") == tmp_path / "copies/lamp/lamp.db"
    assert copies.fetched == ["lamp"]
    (tmp_path / "copies/lamp/lamp.db").unlink()
    assert (urls(copies.archive("lamp")), copies.fetched) == (["one", "two"], ["lamp", "lamp"])
    other = ReadingCopies(store, "store-2", tmp_path / "copies")
    assert (urls(other.archive("lamp")), other.fetched) == (["one", "two"], ["lamp"])


def test_a_fetch_that_is_cut_off_leaves_no_old_archive_under_a_new_name(store, tmp_path):
    copies = ReadingCopies(store, "store-1", tmp_path / "copies")
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert urls(copies.archive("lamp")) == ["one"]
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    store.delete(stored_manifest(store).database.pieces[-1].key)
    for _ in range(2):
        with pytest.raises(NotInStore):
            copies.archive("lamp")


def test_a_reader_fetches_the_pieces_that_it_lacks(counting, tmp_path):
    copies = ReadingCopies(counting, "store-1", tmp_path / "copies")
    run_stored(site_in(counting, tmp_path), crawl_of("one"))
    assert urls(copies.archive("lamp")) == ["one"]
    first = stored_manifest(counting).database.pieces
    run_stored(site_in(counting, tmp_path), crawl_of("two"))
    for piece in first:
        counting.delete(piece.key)
    assert urls(copies.archive("lamp")) == ["one", "two"]
    names = [path.name for path in (tmp_path / "copies/lamp").iterdir()]
    assert sorted(names) == ["lamp.db", "lamp.db.away", "origin.json"]


def test_only_files_that_are_away_are_fetched(tmp_path, store, monkeypatch):
    """What is said of a copy is there before its database, which makes it one."""
    run_stored(site_in(store, tmp_path), crawl_of("one", "two"))
    copy, noted = LocalCopy(tmp_path / "read/lamp", "lamp", "store-1"), list[list[str]]()
    fetch = site_copies.fetch_database
    monkeypatch.setattr(site_copies, "fetch_database", lambda *words: noted.append(names_in(copy)) or fetch(*words))
    fetch_copy(store, read_head(store, "lamp").manifest, copy)
    assert noted == [[], ["lamp.db.away", "lamp.db.base", "origin.json"]]
    (name,) = read_away_files(copy.archive)
    fetch_warc_files(store, copy.archive, [".warc/none.warc.gz", name])
    fetch_warc_files(store, copy.archive, [name])
    assert read_away_files(copy.archive) == {}
    assert Path(f"{copy.archive}{name}").stat().st_size == stored_manifest(store).warc_files[0].length


@pytest.mark.parametrize(
    "text", ["{}", "no JSON", "[]", '{"store": "store-1"}', '{"store": "store-2", "manifest": "m"}']
)
def test_an_origin_that_is_none_of_this_store_counts_for_none(tmp_path, text):
    copy = LocalCopy(tmp_path / "here/lamp", "lamp", "store-1")
    copy.folder.mkdir(parents=True)
    assert read_origin(copy) is None
    state = replace(StoredState.of_nothing("lamp"), key="m")
    write_origin(copy, state)
    assert read_origin(copy) == state
    copy.origin_path.write_text(text)
    assert read_origin(copy) is None


def names_in(copy: LocalCopy) -> list[str]:
    return sorted(path.name for path in copy.folder.iterdir())


def test_nothing_is_left_of_a_copy_but_its_base_and_what_is_not_its_own(tmp_path, monkeypatch):
    """The archive goes first: a removal that is cut off leaves nothing that could be taken for one."""
    copy, noted = LocalCopy(tmp_path / "here/lamp", "lamp", "store-1"), list[set[str]]()
    copy.folder.mkdir(parents=True)
    for data, is_left_over in ((b"", False), (b"x", True)):
        copy.archive.write_bytes(data)
        assert copy.is_left_over() is is_left_over
    copy.archive.unlink()
    store_pages(copy.archive, ["one"])

    def note(path: Path, target: Path) -> Path:
        noted.append({"lamp.db", "lamp.log"} & {*names_in(copy)})
        return rename(path, target)

    rename = Path.rename
    monkeypatch.setattr(Path, "rename", note)
    for name in ("lamp.log", "lamp.db.home", "lamp.db-wal", "lamp.db-shm", "lamp.db.base", "origin.json", "notes.txt"):
        (copy.folder / name).touch()
    assert list(copy.folder.rglob("*.warc.gz"))
    set_copy_aside(copy)
    assert (noted[1], noted[-1]) == ({"lamp.log"}, set())
    assert names_in(copy) == ["lamp.db.base", "notes.txt", "origin.json"]
    copy.base_path.unlink()
    set_copy_aside(copy)
    assert names_in(copy) == ["notes.txt"]


NOW = 2_000_000_000


def kept_base(folder: Path, name: str, seconds: int, *, is_in_use: bool = False) -> LocalCopy:
    """A base that was last used so long ago."""
    copy = LocalCopy(folder / name, name, "store-1")
    copy.folder.mkdir(parents=True)
    for path in (copy.base_path, copy.origin_path, *([copy.archive] if is_in_use else [])):
        path.write_bytes(b"bytes")
    os.utime(copy.base_path, (NOW - seconds, NOW - seconds))
    return copy


@pytest.mark.parametrize(
    ("free", "kept"), [(101, ["in-use", "new"]), (100, ["in-use"])], ids=["there is room", "the disk is full"]
)
def test_bases_go_that_are_not_used_for_a_week(tmp_path, monkeypatch, free, kept):
    usage = SimpleNamespace(total=1_000, free=free)
    monkeypatch.setattr("broadsheet.crawler.fleet.site_copies.time", SimpleNamespace(time=lambda: float(NOW)))
    monkeypatch.setattr("broadsheet.crawler.fleet.site_copies.shutil.disk_usage", lambda folder: usage)
    for name, seconds in (("new", 604_800), ("old", 604_801)):
        kept_base(tmp_path, name, seconds)
    kept_base(tmp_path, "in-use", 999_999, is_in_use=True)
    remove_old_bases(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


@pytest.fixture
def manifest(run_store: ObjectStore, tmp_path: Path) -> SiteManifest:
    """The state of a site of two pages, in a store."""
    run_stored(site_in(run_store, tmp_path), crawl_of("one", "two"))
    return stored_manifest(run_store)


def test_a_piece_that_is_missing_or_short_is_found_with_every_sample(run_store, manifest):
    warc_piece, database_piece = manifest.warc_files[0].pieces[0], manifest.database.pieces[0]
    run_store.delete(warc_piece.key)
    run_store.put_bytes(database_piece.key, b"few")
    damaged = f"lamp.db: {run_store.address}/{database_piece.key}"
    missing, name = f"{run_store.address}/{warc_piece.key} is not there", f"lamp.db{manifest.warc_files[0].name}"
    for is_held, faults in (
        (False, [f"{damaged} has 3 of {database_piece.length:,} bytes", f"{name}: {missing}"]),
        (True, [f"{damaged} is not what was brought there", f"{name}: {run_store.address} holds no {warc_piece.key}"]),
    ):
        sample: Any = SimpleNamespace(holds=lambda _number, is_held=is_held: is_held)
        assert state_faults(run_store, manifest.site, sample) == faults


def test_a_piece_with_other_bytes_is_found_in_its_part(run_store, manifest):
    for site in (manifest.site, "nosuchsite"):
        assert state_faults(run_store, site, WHOLE) == []
    piece = manifest.warc_files[0].pieces[0]
    run_store.put_bytes(piece.key, bytes(piece.length))
    found = [len(state_faults(run_store, manifest.site, RowSample(number, 3))) for number in (1, 2, 3)]
    assert sorted(found) == [0, 0, 1]
    assert len(state_faults(run_store, manifest.site, WHOLE)) == 1


def test_a_manifest_that_is_missing_and_a_store_that_is_away_are_a_line(run_store, manifest, monkeypatch):
    key = read_head(run_store, "lamp").manifest
    run_store.delete(key)
    (line,) = state_faults(run_store, manifest.site, WHOLE)
    assert key in line
    monkeypatch.setattr(type(run_store), "read_record", Mock(side_effect=StoreUnreachable("it is away")))
    assert state_faults(run_store, manifest.site, WHOLE) == ["it is away"]


def test_a_state_that_is_replaced_meanwhile_is_no_fault(run_store, manifest, tmp_path, monkeypatch):
    """A takedown removes the pieces between the look at the manifest and that at them."""
    read_keys: list[str] = []

    def read_late(store: ObjectStore, key: str) -> SiteManifest:
        read_keys.append(key)
        found = read_manifest(store, key)
        if len(read_keys) == 1:
            forget_stored(site_in(store, tmp_path), [f"{HOST}/one"], "")
        return found

    monkeypatch.setattr(site_states, "read_manifest", read_late)
    assert state_faults(run_store, manifest.site, WHOLE) == []
    assert len(read_keys) == 2
    assert all(run_store.length(piece.key) is None for piece in manifest.database.pieces)
