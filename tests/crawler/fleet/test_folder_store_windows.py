"""Others at work in each window of an act on a folder: who is quicker has it, and who reads sees a whole value."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.fleet.folder_store import FolderStore
from broadsheet.crawler.fleet.object_store import VersionMoved
from tests.windows import WindowedStore, Windows

KEY = "sites/a/site.json"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


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
