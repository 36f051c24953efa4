"""A folder as a store: one that is not mounted is not empty, its errors are lines, and who is quicker has a version."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from broadsheet.crawler.fleet import folder_store
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import StoreFull, StoreRefused, StoreUnreachable, VersionMoved
from tests.windows import WindowedStore, Windows


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


def test_a_folder_that_is_not_mounted_is_out_of_reach_rather_than_empty(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "nowhere")
    for action in (
        lambda: store.read_record("site.json"),
        lambda: store.put_bytes("key", b"x"),
        lambda: store.replace_record("site.json", b"x", ""),
        lambda: store.length("key"),
        lambda: store.keys("sites/"),
        lambda: list(store.chunks("key")),
    ):
        with pytest.raises(StoreUnreachable, match="is it mounted"):
            action()
    assert not (tmp_path / "nowhere").exists()


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_words: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        *((OSError(number, "full"), StoreFull, "full") for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
        (OSError(errno.ESTALE, "stale"), StoreUnreachable, "stale"),
        (OSError("nothing known"), StoreUnreachable, "nothing known"),
    ],
)
def test_what_the_file_system_says_is_said_in_one_line(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, error: OSError, kind: type[Exception], words: str
) -> None:
    monkeypatch.setattr(folder_store, "sync_to_disk", failing(error))
    with pytest.raises(kind) as caught:
        store.put_bytes("sites/a/key", b"x")
    assert str(caught.value) == f"{store.address}/sites/a/key: {words}"
    assert store.keys("sites/") == []


def test_bytes_and_names_are_on_the_disk_before_more_is_said(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole of a part is synced before it has its name, and the folder after that, with no stale part in it."""
    log: list[object] = []
    folder = tmp_path / "store/sites"
    folder.mkdir()
    (folder / ".part-old").write_bytes(b"half")
    os.utime(folder / ".part-old", (0, 0))

    def note(synced: object) -> None:
        size = os.fstat(synced).st_size if isinstance(synced, int) else synced
        log.append((size, sorted(path.name[:5] for path in folder.iterdir())))

    monkeypatch.setattr(folder_store, "sync_to_disk", note)
    monkeypatch.setattr(folder_store, "sync_folder", note)
    store.put_bytes("sites/a", b"12345")
    assert log == [(5, [".part", ".part"]), (folder, ["a"])]


@pytest.mark.parametrize("error", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR,
                                   errno.ENAMETOOLONG])  # fmt: skip
def test_what_asking_again_does_not_mend_is_refused(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    store.put_bytes("sites/a", b"x")
    monkeypatch.setattr(Path, "open", failing(OSError(error, os.strerror(error), "/secret/place")))
    with pytest.raises(StoreRefused) as caught:
        list(store.chunks("sites/a"))
    assert str(caught.value) == f"{store.address}/sites/a: {os.strerror(error)}"


def test_a_record_that_is_never_there_when_it_is_read_is_given_up(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(FolderStore, "_newest", lambda _store, key: looks.append(key) or 7)
    with pytest.raises(StoreUnreachable, match=r"site\.json changes faster than it can be read"):
        store.read_record("site.json")
    assert len(looks) == 20


def test_a_record_goes_with_all_its_versions(store: FolderStore, tmp_path: Path) -> None:
    store.replace_record("sites/a/site.json", b"2", store.replace_record("sites/a/site.json", b"1", ""))
    store.delete("sites/a/site.json")
    assert (store.read_record("sites/a/site.json"), list((tmp_path / "store/sites/a").iterdir())) == (None, [])


def test_a_file_that_was_cut_off_has_no_name(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "store/sites").mkdir()
    (tmp_path / "store/sites/.part-0123").write_bytes(b"half")
    assert store.keys("sites/") == []


def test_what_a_killed_runner_left_is_removed_a_day_later(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_store, "time", SimpleNamespace(time=lambda: 1_000_000.0))
    store.put_bytes("sites/a", b"1")
    ages = {".part-old": 86_401, ".part-new": 86_400, "other": 86_401}
    parts = [tmp_path / "store/sites" / name for name in ages]
    for part in parts:
        part.write_bytes(b"half")
        os.utime(part, (1_000_000 - ages[part.name],) * 2)
    store.put_bytes("sites/b", b"2")
    assert [part.exists() for part in parts] == [False, True, True]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [*((number, StoreRefused, "hard links") for number in (errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS)),
     (errno.ENOSPC, StoreFull, "no link")],
)  # fmt: skip
def test_a_file_system_without_links_is_refused(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, error: int, kind: type[Exception], words: str
) -> None:
    monkeypatch.setattr(os, "link", failing(OSError(error, "no link")))
    with pytest.raises(kind, match=words):
        store.replace_record("site.json", b"x", "")


def test_an_object_is_read_in_mebibytes_and_from_the_disk(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is read back after a put is what the disk has."""
    asked: list[object] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, *words: asked.append(words))
    store.put_bytes("sites/a", bytes(1_048_577))
    assert [len(chunk) for chunk in store.chunks("sites/a")] == [1_048_576, 1]
    assert asked == [(0, 0, os.POSIX_FADV_DONTNEED)] * 2, "when it is put, too"


def test_old_versions_are_pruned(store: FolderStore, tmp_path: Path) -> None:
    version = ""
    for _ in range(30):
        version = store.replace_record("site.json", b"x", version)
    names = sorted(path.name for path in (tmp_path / "store/site.json").iterdir())
    assert names == [f"{number:010}" for number in range(23, 31)]
    store._versions = lambda key: [1, 2]  # type: ignore[method-assign]  # another runner is quicker
    store._prune("site.json", 30)


KEY = "sites/a/site.json"


def replace(store: FolderStore, times: int) -> None:
    """Replace a record by what names its version."""
    for _ in range(times):
        version = ((record := store.read_record(KEY)) and record.version) or ""
        store.replace_record(KEY, f"theirs {int(version or 0) + 1}".encode(), version)


def newest_version(store: FolderStore) -> int:
    """The number of the newest version, which is to be theirs."""
    record = store.read_record(KEY)
    if record is None:
        return 0
    assert record.data == f"theirs {record.version}".encode()
    return int(record.version)


def in_each_window(
    count: int, tmp_path: Path, step: Callable[[], object], act: Callable[[WindowedStore], Any]
) -> list[Any]:
    """Do an act so many times, each time with the step in another of its windows; return what came of each."""
    return [act(WindowedStore(tmp_path / "store", Windows(step, number))) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("times", "kept"),
    [(1, [1, 2, 4, 5, 6, 7, 8]), (9, [41, 42, 43, 44, 45, 46, 47, 48])],
    ids=["once", "so often that versions are pruned"],
)
def test_of_all_who_replace_a_version_one_succeeds(
    store: FolderStore, tmp_path: Path, times: int, kept: list[int]
) -> None:
    """Others act before ours, before it has its name, and three times after that."""

    def act(ours: WindowedStore) -> tuple[bool, int]:
        version, is_ours = newest_version(store), False
        with suppress(VersionMoved):
            is_ours = ours.replace_record(KEY, b"ours", str(version or "")) == str(version + 1)
        return is_ours, newest_version(store) - version

    results = in_each_window(5, tmp_path, lambda: replace(store, times), act)
    assert results == [
        (False, times), (False, times), (False, times + 1), (True, times + 1), (True, times + 1),
    ]  # fmt: skip
    assert sorted(int(path.name) for path in (tmp_path / "store" / KEY).iterdir()) == kept


def test_a_record_that_is_replaced_while_it_is_read_is_read_whole(store: FolderStore, tmp_path: Path) -> None:
    replace(store, 1)
    results = in_each_window(2, tmp_path, lambda: replace(store, 9), lambda ours: ours.read_record(KEY))
    assert [(record.version, record.data) for record in results] == [("10", b"theirs 10"), ("19", b"theirs 19")]


def test_an_object_has_its_old_bytes_or_its_new_ones_and_its_part_is_none(store: FolderStore, tmp_path: Path) -> None:
    store.put_bytes("sites/a", b"old")
    seen: list[object] = []

    def look() -> None:
        seen.append((b"".join(store.chunks("sites/a")), store.length("sites/a"), store.keys("sites/")))

    WindowedStore(tmp_path / "store", Windows(look)).put_bytes("sites/a", b"newer")
    old, new = (b"old", 3, ["sites/a"]), (b"newer", 5, ["sites/a"])
    assert seen == [old, old, new, new]


def test_an_object_that_goes_while_it_is_read_is_read_to_its_end(store: FolderStore, tmp_path: Path) -> None:
    store.put_bytes("sites/a", b"all of it")
    reader = WindowedStore(tmp_path / "store", Windows(lambda: store.delete("sites/a"), "inside chunks"))
    assert b"".join(reader.chunks("sites/a")) == b"all of it"
    assert (store.length("sites/a"), store.keys("sites/")) == (None, [])
