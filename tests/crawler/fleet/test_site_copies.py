"""From the local disk to the store while somebody reads the archive.

Archives of a store, to be read: fetched once a state, and no head is touched.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import site_copies
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import NotInStore, ObjectStore
from broadsheet.crawler.fleet.site_copies import (
    CopyOrigin,
    LocalCopy,
    ReadingCopies,
    fetch_site,
    fetch_warc_files,
    read_origin,
    remove_base,
    remove_copy,
    remove_old_bases,
    save_site,
    write_origin,
)
from broadsheet.crawler.fleet.site_head import SiteAttempt, read_head
from broadsheet.crawler.fleet.site_states import KnownState, StateWriter, fetch_database, read_manifest
from broadsheet.crawler.fleet.stored_run import run_stored
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.warc_files import read_away_files
from tests.crawler.fleet.sites import HOST, crawl_of, site_in, store_pages, stored_manifest


def brought_database(store: ObjectStore, key: str, folder: Path) -> Path:
    """The database that a manifest names, as a file of its own."""
    file = folder / "brought.db"
    fetch_database(store, read_manifest(store, key).database, file)
    return file


def read_brought(database: Path, query: str) -> list[tuple[object, ...]]:
    """What a query gives of the file alone, without any journal beside it."""
    assert database.read_bytes()[18:20] == b"\x01\x01"  # the header of a file that is not in WAL mode
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute(query).fetchall()


def test_what_a_reader_keeps_in_the_journal_is_brought_home_too(run_store: ObjectStore, tmp_path: Path) -> None:
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
    urls = read_brought(brought_database(run_store, key, tmp_path), "SELECT url FROM captures ORDER BY url")
    assert urls == [(f"{HOST}/one",), (f"{HOST}/two",)]


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
    head = read_head(store, "lamp")
    assert urls(ReadingCopies(store, "store-1", tmp_path / "copies").archive("lamp")) == ["one", "two"]
    assert read_head(store, "lamp") == head
    assert copies.archive("lamp") == tmp_path / "copies/lamp/lamp.db"
    assert copies.fetched == ["lamp"]
    (tmp_path / "copies/lamp/lamp.db").unlink()
    assert (urls(copies.archive("lamp")), copies.fetched) == (["one", "two"], ["lamp", "lamp"])


def test_a_copy_of_another_store_is_not_read(store: ObjectStore, tmp_path: Path) -> None:
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    for identity in ("store-1", "store-2"):
        copies = ReadingCopies(store, identity, tmp_path / "copies")
        assert urls(copies.archive("lamp")) == ["one"]
        assert copies.fetched == ["lamp"]


def test_a_fetch_that_is_cut_off_leaves_no_old_archive_under_a_new_name(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that goes while it is fetched is looked for three times."""
    copies = ReadingCopies(store, "store-1", tmp_path / "copies")
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert urls(copies.archive("lamp")) == ["one"]
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    store.delete(read_manifest(store, read_head(store, "lamp").manifest).database.pieces[-1].key)
    tries, fetch = list[str](), ReadingCopies._fetch
    monkeypatch.setattr(ReadingCopies, "_fetch", lambda *words: tries.append(words[2]) or fetch(*words))
    for count in (3, 6):
        with pytest.raises(NotInStore):
            copies.archive("lamp")
        assert len(tries) == count


def test_a_reader_fetches_the_pieces_that_it_lacks_and_says_last_of_which_state_its_copy_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    store, bases = FolderStore(tmp_path / "store"), list[object]()
    write = site_copies.write_origin
    monkeypatch.setattr(
        site_copies,
        "write_origin",
        lambda copy, key: bases.append(site_copies._read_base_manifest(copy)) or write(copy, key),
    )
    copies = ReadingCopies(store, "store-1", tmp_path / "copies")
    run_stored(site_in(store, tmp_path), crawl_of("one"))
    assert urls(copies.archive("lamp")) == ["one"]
    first = stored_manifest(store).database.pieces
    run_stored(site_in(store, tmp_path), crawl_of("two"))
    for piece in first:
        store.delete(piece.key)
    assert urls(copies.archive("lamp")) == ["one", "two"]
    assert bases[-1] == KnownState(stored_manifest(store), read_head(store, "lamp").manifest)
    assert sorted(path.name for path in (tmp_path / "copies/lamp").iterdir()) == [
        "base.json", "lamp.db", "lamp.db.away", "origin.json",
    ]  # fmt: skip


def test_only_files_that_are_away_are_fetched(
    tmp_path: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of a copy is there before its database, which makes it one."""
    run_stored(site_in(store, tmp_path), crawl_of("one", "two"))
    copy, noted = LocalCopy(tmp_path / "read/lamp", "lamp", "store-1"), list[list[str]]()
    fetch = site_copies.fetch_database
    monkeypatch.setattr(site_copies, "fetch_database", lambda *words: noted.append(names_in(copy)) or fetch(*words))
    fetch_site(store, stored_manifest(store), read_head(store, "lamp").manifest, copy)
    assert noted == [["lamp.db.away", "origin.json"]]
    (name,) = read_away_files(copy.archive)
    fetch_warc_files(store, copy.archive, ["lamp.db.warc/none.warc.gz", name])
    fetch_warc_files(store, copy.archive, [name])
    assert read_away_files(copy.archive) == {}
    assert (copy.folder / name).stat().st_size == stored_manifest(store).warc_files[0].length


@pytest.mark.parametrize(
    "text", ["{}", "no JSON", "[]", '{"store": "store-1"}', '{"store": "store-2", "manifest": "m"}']
)
def test_an_origin_that_is_none_of_this_store_counts_for_none(tmp_path: Path, text: str) -> None:
    copy = LocalCopy(tmp_path / "here/lamp", "lamp", "store-1")
    copy.folder.mkdir(parents=True)
    assert read_origin(copy) is None
    write_origin(copy, "m")
    assert read_origin(copy) == CopyOrigin("store-1", "m")
    copy.origin_path.write_text(text)
    assert read_origin(copy) is None


def names_in(copy: LocalCopy) -> list[str]:
    return sorted(path.name for path in copy.folder.iterdir())


def test_nothing_is_left_of_a_copy_but_its_base_and_what_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive goes first, and last what says where it came from: a removal that is cut off leaves no archive."""
    copy, noted = LocalCopy(tmp_path / "here/lamp", "lamp", "store-1"), list[set[str]]()
    copy.folder.mkdir(parents=True)
    for data, is_left_over in ((b"", False), (b"x", True)):
        copy.archive.write_bytes(data)
        assert copy.is_left_over() is is_left_over
    copy.archive.unlink()
    write_origin(copy, "m")
    store_pages(copy.archive, ["one"])
    for name in ("write_away_files", "discard_files"):
        act = getattr(site_copies, name)
        monkeypatch.setattr(
            site_copies, name, lambda *words, act=act: noted.append({"lamp.db", "lamp.log", "origin.json"} & {
                *names_in(copy)}) or act(*words))  # fmt: skip
    (warc,) = copy.folder.rglob("*.warc.gz")
    for name in ("lamp.log", "lamp.db.home", "lamp.db-wal", "lamp.db-shm", "lamp.db.base", "base.json", "notes.txt"):
        (copy.folder / name).touch()
    assert warc.exists()
    remove_copy(copy)
    assert noted == [{"lamp.log", "origin.json"}, {"origin.json"}]
    assert names_in(copy) == ["base.json", "lamp.db.base", "notes.txt"]
    remove_base(copy)
    assert names_in(copy) == ["notes.txt"]
    (copy.folder / "notes.txt").unlink()
    remove_base(copy)
    assert not copy.folder.exists()


NOW = 2_000_000_000


def kept_base(folder: Path, name: str, seconds: int, *, is_in_use: bool = False) -> LocalCopy:
    """A base that was last used so long ago."""
    copy = LocalCopy(folder / name, name, "store-1")
    copy.folder.mkdir(parents=True)
    for path in (copy.base_path, copy.base_manifest_path, *([copy.archive] if is_in_use else [])):
        path.write_bytes(b"bytes")
    os.utime(copy.base_manifest_path, (NOW - seconds, NOW - seconds))
    return copy


@pytest.mark.parametrize(
    ("free", "kept"), [(101, ["in-use", "new"]), (100, ["in-use"])], ids=["there is room", "the disk is full"]
)
def test_bases_go_that_are_not_used_for_a_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, kept: list[str]
) -> None:
    usage = SimpleNamespace(total=1_000, free=free)
    monkeypatch.setattr("broadsheet.crawler.fleet.site_copies.time", SimpleNamespace(time=lambda: float(NOW)))
    monkeypatch.setattr("broadsheet.crawler.fleet.site_copies.shutil.disk_usage", lambda folder: usage)
    for name, seconds in (("new", 604_800), ("old", 604_801)):
        kept_base(tmp_path, name, seconds)
    kept_base(tmp_path, "in-use", 999_999, is_in_use=True)
    remove_old_bases(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
