"""Deltas of databases: what they make is the new state, byte for byte, and they are small where little changed."""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.fleet import page_deltas
from broadsheet.crawler.fleet.page_deltas import (
    DamagedDelta,
    FileChange,
    apply_delta,
    batched_pages,
    compare_files,
    pack_change,
)


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
def test_deltas_make_the_new_state_of_the_earlier_one(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, group_pages: int
) -> None:
    """With few pages in a group files are compared in small blocks too."""
    if group_pages == 7:
        monkeypatch.setattr(page_deltas, "_GROUP_PAGES", group_pages)
        monkeypatch.setattr(page_deltas, "_BLOCK_BYTES", 8192)
    new = changed(old, *CHANGES[name])
    change, deltas = deltas_of(old, new)
    assert len(deltas) == max(1, -(-len(change.pages) // group_pages))
    assert apply_all(old, deltas, tmp_path / "made.db") == new.read_bytes()
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (old, new)]
    assert change == FileChange(*digests, old.stat().st_size, new.stat().st_size, 4096, change.pages)


def test_a_delta_has_the_pages_of_a_group_and_is_packed_as_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the bytes of a quicker level, and what lies up to 64 MB back is found."""
    assert [len(group) for group in batched_pages(range(4097))] == [4096, 1]
    asked: list[object] = []
    parameters = page_deltas.zstd.CompressionParameter

    class Packer(SimpleNamespace):
        FLUSH_FRAME = 2

        def compress(self, data: bytes, mode: int) -> bytes:
            asked.append((self.options, self.zstd_dict, mode))
            return data

    monkeypatch.setattr(page_deltas, "zstd", SimpleNamespace(ZstdCompressor=Packer))
    assert page_deltas._compress(b"pages", b"") == b"pages"
    names = ("compression_level", "window_log", "enable_long_distance_matching", "ldm_min_match", "ldm_hash_rate_log")
    options = [getattr(parameters, name) for name in names]
    assert asked == [(dict(zip(options, (9, 26, 1, 32, 3), strict=True)), None, 2)]


def test_deltas_against_no_file_make_the_whole_of_it(old: Path, tmp_path: Path) -> None:
    change, deltas = deltas_of(None, old)
    assert (change.old_sha256, change.old_length) == ("", 0)
    assert apply_all(None, deltas, tmp_path / "made.db") == old.read_bytes()


def test_scattered_rows_cost_about_what_they_weigh_and_not_their_pages(old: Path) -> None:
    change, deltas = deltas_of(old, changed(old, insert_sql(2001, 2060)))
    row_bytes = 60 * 160
    assert len(change.pages) * change.page_bytes > 10 * row_bytes
    assert sum(map(len, deltas)) < row_bytes


def test_a_file_with_the_largest_pages_is_compared_by_them(old: Path, tmp_path: Path) -> None:
    large = changed(old, "PRAGMA page_size = 65536", "VACUUM").rename(tmp_path / "large.db")
    for earlier, new in ((old, large), (large, changed(large, insert_sql(3000, 3900)))):
        change, deltas = deltas_of(earlier, new)
        assert change.page_bytes == 65_536
        assert apply_all(earlier, deltas, tmp_path / "made.db") == new.read_bytes()


@pytest.mark.parametrize("start", [b"", b"none"])
@pytest.mark.parametrize("end", [10, -9])
def test_bytes_that_are_no_delta_are_said_to_be_damaged(old: Path, start: bytes, end: int) -> None:
    _, (delta,) = deltas_of(None, old)
    with old.open("r+b") as file, pytest.raises(DamagedDelta):
        apply_delta(file, (start + delta[len(start) :])[:end])
