from __future__ import annotations

from pathlib import Path

import pytest
from pyarrow import fs

from broadsheet.output.collections.dataset_files import ArrowStore, DatasetStore, LocalStore


@pytest.fixture(params=["folder", "object store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> DatasetStore:
    if request.param == "folder":
        return LocalStore(tmp_path / "data")
    return ArrowStore(fs.LocalFileSystem(), str(tmp_path / "data"), "s3://bucket/data")


def put(store: DatasetStore, tmp_path: Path, name: str, data: bytes) -> None:
    file = tmp_path / "written"
    file.write_bytes(data)
    store.put_file(file, name)
    assert not file.exists()


def test_a_file_that_is_put_is_read_listed_replaced_and_removed(store: DatasetStore, tmp_path: Path) -> None:
    name = "articles/host=news.example%3A80/part-1.parquet"
    assert store.read_file(name) is None
    assert list(store.file_names("articles")) == []
    put(store, tmp_path, name, b"first")
    put(store, tmp_path, name, b"second")
    assert store.read_file(name) == b"second"
    assert list(store.file_names("articles")) == [name]
    store.remove_file(name)
    store.remove_file(name)
    assert store.read_file(name) is None


def test_a_file_that_cannot_be_sent_whole_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArrowStore(fs.LocalFileSystem(), str(tmp_path / "data"), "s3://bucket/data")

    def send_half(source: object, target: object, length: int) -> None:
        target.write(b"half")  # type: ignore[attr-defined]
        raise OSError("the line was cut")

    monkeypatch.setattr("broadsheet.output.collections.dataset_files.shutil.copyfileobj", send_half)
    with pytest.raises(OSError, match="cut"):
        put(store, tmp_path, "manifest.json", b"whole")
    assert store.read_file("manifest.json") is None
