from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.fleet.imports.file_list import listed_files


def test_lists_are_read_and_other_names_stand_for_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("news").mkdir()
    Path("news/files.txt").write_text("# of March\n\na.warc.gz\n/far/b.warc.gz\ns3://other/c.warc.gz\na.warc.gz\n")
    assert listed_files(["news/files.txt", "d.wacz", "s3://bucket/e.txt"]) == [
        f"{tmp_path}/news/a.warc.gz", "/far/b.warc.gz", "s3://other/c.warc.gz", f"{tmp_path}/d.wacz",
        "s3://bucket/e.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "file"), [("s3://news/", "s3://news/crawl/a.warc.gz"), ("/far", "/far/crawl/a.warc.gz")]
)
def test_what_a_packed_list_names_is_relative_to_the_base(tmp_path: Path, base: str, file: str) -> None:
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"crawl/a.warc.gz\n", mtime=0))
    assert listed_files([str(tmp_path / "warc.paths.gz")], base) == [file]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"no gzip", "cannot be read"),
        (gzip.compress(b"\xff\n", mtime=0), "cannot be read"),
        (gzip.compress(b"a.warc.gz\n" * 99, mtime=0)[:20], "cannot be read"),
        (gzip.compress(b"# none\n", mtime=0), "names no file"),
    ],
)
def test_a_bad_list_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "files.txt.gz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=message) as caught:
        listed_files([str(file)])
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
