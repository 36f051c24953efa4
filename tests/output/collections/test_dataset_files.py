from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.collections.dataset_files import (
    ArchiveState,
    ArrowStore,
    DatasetStore,
    LocalStore,
    Manifest,
    NotADataset,
    PartFile,
    PartWriter,
    _digest_of,
    _split_rows,
    open_folder,
    part_name,
    read_manifest,
    write_manifest,
)


@pytest.fixture(params=["folder", "object store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> DatasetStore:
    if request.param == "folder":
        return LocalStore(tmp_path / "data")
    return ArrowStore(fs.LocalFileSystem(), f"{tmp_path}/data/", "s3://bucket/data")


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
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [f"data/{name}"]
    assert store.read_file(name) == b"second"
    assert list(store.file_names("articles")) == [name]
    store.remove_file(name)
    store.remove_file(name)
    assert store.read_file(name) is None


def test_a_file_that_cannot_be_sent_whole_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArrowStore(fs.LocalFileSystem(), str(tmp_path / "data"), "s3://bucket/data")

    def send_half(source: object, target: object, *_: int) -> None:
        target.write(b"half")  # type: ignore[attr-defined]
        raise OSError("the line was cut")

    monkeypatch.setattr("broadsheet.output.collections.dataset_files.shutil.copyfileobj", send_half)
    with pytest.raises(OSError, match="cut"):
        put(store, tmp_path, "manifest.json", b"whole")
    assert store.read_file("manifest.json") is None
    monkeypatch.setattr(store, "remove_file", lambda _: (tmp_path / "none").unlink())
    with pytest.raises(OSError, match="cut"):  # what it says also if the rest cannot be removed
        put(store, tmp_path, "manifest.json", b"whole")


def test_objects_have_names_without_empty_folders() -> None:
    assert ArrowStore(fs.LocalFileSystem(), "/bucket/data/", "")._path("a/b") == "/bucket/data/a/b"


@pytest.mark.parametrize("step", ["shutil.move", "os.fsync"])
def test_a_local_file_that_cannot_be_put_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(f"broadsheet.output.collections.dataset_files.{step}", fail)
    with pytest.raises(OSError, match="full"):
        put(LocalStore(tmp_path / "data"), tmp_path, "a/b.parquet", b"x")
    assert list((tmp_path / "data/a").iterdir()) == []


def test_a_folder_goes_with_its_last_file_but_not_the_data_set_s(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "data")
    for name in ("a/b.parquet", "a/c.parquet", "d.json"):
        put(store, tmp_path, name, b"x")
    store.remove_file("a/b.parquet")
    assert list(store.file_names(".")) == ["a/c.parquet", "d.json"]
    store.remove_file("a/c.parquet")
    store.remove_file("d.json")
    assert list(tmp_path.rglob("*")) == [tmp_path / "data"]


def test_a_folder_is_empty_or_holds_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    for name, message in (
        ("file", "is a file; name a folder for the data set"),
        ("full", "holds other files; name a folder that is empty, or holds a data set"),
    ):
        with pytest.raises(NotReachable) as caught:
            open_folder(str(tmp_path / name))
        assert str(caught.value) == f"{tmp_path / name} {message}"
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden/.x").touch()
    (tmp_path / "full/manifest.json").touch()
    for name in ("hidden", "full", "new/folder"):
        assert open_folder(str(tmp_path / name)).folder == tmp_path / name
    assert (tmp_path / "new/folder").is_dir()


FILES = tuple(
    PartFile(f"{table}/{partition}/{n}", table, partition, 3, 9, f"d{n}")
    for n, (table, partition) in enumerate((("articles", "host=a"), ("articles", "host=a"), ("urls", "host=b")))
)
MANIFEST = Manifest("s", "2026", "t", {"x": ArchiveState("i", "p", 4, ("a", "b"), 6),
                                       "ÿ": ArchiveState("j", "q", 5, ("b",), 0)}, FILES)  # fmt: skip


def test_a_manifest_counts_its_files_and_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert (MANIFEST.host_count, MANIFEST.rows_of("articles"), MANIFEST.rows_of("urls")) == (1, 6, 3)
    assert MANIFEST.archives_by_host() == {"a": {"x"}, "b": {"x", "ÿ"}}
    assert MANIFEST.files_by_partition() == {("articles", "host=a"): [*FILES[:2]], ("urls", "host=b"): [FILES[2]]}
    write_manifest(MANIFEST, tmp_path / "manifest.json")
    text = (tmp_path / "manifest.json").read_text("utf-8")
    assert text.startswith('{\n "archives": {\n  "x": {\n   "articles": 6,')
    assert "ÿ" in text
    store = LocalStore(tmp_path)
    assert read_manifest(store) == MANIFEST
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(NotADataset, match=rf"^{tmp_path}/manifest.json is no manifest of a data set: TypeError"):
        read_manifest(store)


def test_rows_are_split_by_their_number_and_by_their_size() -> None:
    assert list(_split_rows(((n,) for n in range(5)), 2)) == [[(0,), (1,)], [(2,), (3,)], [(4,)]]
    assert list(_split_rows([], 2)) == []
    for text, sizes in (("x" * (50_331_648 - 8), [1, 1]), ("x" * (50_331_648 - 9), [2])):
        assert [len(part) for part in _split_rows([(text, 1), ("y", None)], 9)] == sizes
    assert [len(part) for part in _split_rows([(b"x" * 25_165_824,)] * 3, 9)] == [2, 1]


def test_a_part_is_named_by_its_table_partition_and_digest() -> None:
    assert part_name("urls", "host=a.test:80/x", "d") == "urls/host=a.test%3A80%2Fx/part-d.parquet"
    assert part_name("duplicates", "", "d") == "duplicates/part-d.parquet"


def test_the_digest_of_rows_and_how_a_part_is_packed(tmp_path: Path) -> None:
    rows = [(None, f"http://a.test/{n}", n, *["x" * n] * 6, n, n, n, bytes([n]) * 9) for n in range(101)]
    assert _digest_of(rows) == "f2c6b82873fb1ee40932"
    (part,) = PartWriter(LocalStore(tmp_path / "data"), tmp_path, {}).write("pictures", "host=a.test", rows)
    packed = pq.ParquetFile(tmp_path / "data" / part.name)
    assert [packed.metadata.row_group(n).num_rows for n in range(packed.num_row_groups)] == [100, 1]
    pq.write_table(packed.read(), tmp_path / "same", compression="zstd", compression_level=6, row_group_size=100)
    assert (part.rows, part.bytes) == (101, (tmp_path / "same").stat().st_size)
