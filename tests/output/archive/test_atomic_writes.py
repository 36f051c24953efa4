"""A file that is there as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broadsheet.output.archive.atomic_writes import whole_file


def test_the_file_appears_at_the_end_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.with_name("list.json.part").write_bytes(b"what a killed writer left, which is longer")
    with whole_file(path) as stream:
        stream.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_its_bytes_are_on_the_disk_before_its_name_and_then_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    path = tmp_path / "list.json"
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append((os.fstat(fd).st_size, path.exists())))
    with whole_file(path) as stream:
        stream.write(b"new")
    assert synced == [(3, False), (tmp_path.stat().st_size, True)]


def write_and_fail(path: Path) -> None:
    with whole_file(path) as stream:
        stream.write(b"new")
        raise ZeroDivisionError


def test_after_a_fault_the_file_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        write_and_fail(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
