"""A folder as a store: one that is not mounted is not empty, and what the file system says is said in one line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import folder_store
from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import StoreFull, StoreRefused, StoreUnreachable


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


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EROFS, StoreRefused),
        (errno.ESTALE, StoreUnreachable),
    ],
)
def test_what_the_file_system_says_is_said_in_one_line(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folder_store, "sync_to_disk", fail)
    with pytest.raises(kind, match=os.strerror(number)) as caught:
        store.put_bytes("sites/a/key", b"x")
    assert "\n" not in str(caught.value)
    assert store.keys("sites/") == []


def test_a_file_that_was_cut_off_has_no_name(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "store/sites").mkdir()
    (tmp_path / "store/sites/.part-0123").write_bytes(b"half")
    assert store.keys("sites/") == []


def test_what_a_killed_runner_left_is_removed_a_day_later(store: FolderStore, tmp_path: Path) -> None:
    store.put_bytes("sites/a", b"1")
    parts = [tmp_path / "store/sites" / name for name in (".part-old", ".part-new")]
    for part in parts:
        part.write_bytes(b"half")
    os.utime(parts[0], (0, 0))
    store.put_bytes("sites/b", b"2")
    assert [part.exists() for part in parts] == [False, True]


def test_a_file_system_without_links_is_refused(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StoreRefused, match="without hard links"):
        store.replace_record("site.json", b"x", "")


def test_old_versions_are_pruned(store: FolderStore, tmp_path: Path) -> None:
    version = ""
    for _ in range(30):
        version = store.replace_record("site.json", b"x", version)
    assert len(list((tmp_path / "store/site.json").iterdir())) < 10
