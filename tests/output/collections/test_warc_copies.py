"""Copies of WARC files: their names, and which files two archives share."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.collections import warc_copies
from broadsheet.output.collections.source_archive import (
    MergeConflict,
    SourceArchive,
    attached,
    former_identity,
    give_identity,
    identity_of,
    open_source,
)
from broadsheet.output.collections.warc_copies import WarcCopy, plan_copies
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker
from tests.output.filled_rows import put

HEAD = gzip.compress(b"WARC/1.1 id 1")
NAME = "a.db.warc/x.warc.gz"


@pytest.fixture
def pair(tmp_path: Path, make: Maker) -> Iterator[tuple[Archive, SourceArchive]]:
    """Two archives of one name and one WARC file of it, each in a folder of its own."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        with Archive.open(tmp_path / name / "a.db", make.clock) as archive:
            put(archive.db, "_warc_files", 1, name=NAME, length=40, begun_at="2026")
            archive.db.conn.commit()
        write(tmp_path / name, HEAD + b"." * 40)
    with Archive.open(tmp_path / "here" / "a.db", make.clock) as target, open_source(tmp_path / "there/a.db") as source:
        yield target, source


def write(folder: Path, data: bytes) -> None:
    (folder / "a.db.warc").mkdir(exist_ok=True)
    (folder / NAME).write_bytes(data)


def planned(pair: tuple[Archive, SourceArchive]) -> list[WarcCopy]:
    return plan_copies(pair[0].db, pair[1])


def test_two_states_of_one_archive_share_a_file(pair: tuple[Archive, SourceArchive]) -> None:
    assert planned(pair) == [WarcCopy(NAME, NAME, 40, 40, "2026")]


@pytest.mark.parametrize(
    "other",
    [gzip.compress(b"WARC/1.1 id 2") + b"." * 40, b"no gzip" * 9, HEAD + b"x" * 9000],
    ids=["another record", "no gzip", "as the other"],
)
def test_files_are_the_same_that_begin_with_the_same_record(
    pair: tuple[Archive, SourceArchive], tmp_path: Path, other: bytes
) -> None:
    write(tmp_path / "there", other)
    digits = hashlib.sha256(other[:512]).hexdigest()[:8]
    copy = WarcCopy(NAME, f"a.db.merged.warc/x-{digits}.warc.gz", 0, 40, "2026")
    shared = WarcCopy(NAME, NAME, 40, 40, "2026")
    assert planned(pair) == [shared if other.startswith(HEAD) else copy]


def test_files_of_other_lengths_are_not_the_same(pair: tuple[Archive, SourceArchive]) -> None:
    pair[0].db.execute("UPDATE _warc_files SET length = 39")
    assert [copy.copied_length for copy in planned(pair)] == [0]


def test_a_file_that_is_missing_here_is_copied_and_there_refused(
    pair: tuple[Archive, SourceArchive], tmp_path: Path
) -> None:
    (tmp_path / "here" / NAME).unlink()
    assert [copy.source_name == copy.target_name for copy in planned(pair)] == [False]
    os.truncate(tmp_path / "there" / NAME, 39)
    message = f"{tmp_path}/there/{NAME} is missing or shorter than {tmp_path}/there/a.db says; nothing merged"
    for _ in range(2):
        with pytest.raises(MergeConflict) as refused:
            planned(pair)
        assert str(refused.value) == message
        (tmp_path / "there" / NAME).unlink(missing_ok=True)


def test_the_name_of_a_copy_of_a_copy_does_not_grow(tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz").write_bytes(b"1" * 600)
    name = warc_copies._copy_name(tmp_path / "b.db", tmp_path / "x.warc.gz")
    digits = hashlib.sha256(b"1" * 512).hexdigest()[:8]
    assert name == f"b.db.merged.warc/x-{digits}.warc.gz"
    (tmp_path / Path(name).name).write_bytes(b"1" * 600)
    assert warc_copies._copy_name(tmp_path / "b.db", tmp_path / Path(name).name) == name
    assert "-e3b0c442." in warc_copies._copy_name(tmp_path / "b.db", tmp_path / "none.warc.gz")


def test_imported_files_are_named_from_the_target(pair: tuple[Archive, SourceArchive], tmp_path: Path) -> None:
    for folder, name, expected in [
        ("here", "here/old/x.warc", "old/x.warc"), ("here", "y.warc", f"{tmp_path}/y.warc"),
        ("here", "here/../here/z.warc", "z.warc"),
    ]:  # fmt: skip
        assert warc_copies._name_from(tmp_path / folder, tmp_path / name) == expected


def test_the_identity_of_an_archive(pair: tuple[Archive, SourceArchive], tmp_path: Path, make: Maker) -> None:
    target, source = pair
    db, file = target.db, tmp_path / "here" / "a.db"
    assert identity_of(db, file) == str(file)
    assert source.identity == f"{tmp_path}/there/a.db"
    first = str(target.runs.start("crawl", {}, {}))
    assert identity_of(db, file) == first
    give_identity(db)
    given = identity_of(db, file)
    assert (former_identity(given), len(given)) == (first, len(first) + 17)
    assert former_identity(first) == first
    give_identity(db)
    assert identity_of(db, file) == given


def test_the_stamp_of_an_archive_changes_with_its_log(pair: tuple[Archive, SourceArchive]) -> None:
    _, source = pair
    stamp = source.stamp
    assert (source.stamp, len(stamp)) == (stamp, 16)
    wal = Path(f"{source.file}-wal")
    wal.write_bytes((wal.read_bytes() if wal.exists() else b"") + b"x")
    assert source.stamp != stamp


def test_texts_that_clash_are_shown_in_a_line(pair: tuple[Archive, SourceArchive], tmp_path: Path, make: Maker) -> None:
    there = open_database(tmp_path / "there" / "a.db", read_only=False)
    for db, text in ((pair[0].db, f"Here  \n{'long ' * 20}"), (there, "There")):
        db.execute("INSERT INTO _block_texts (id, text) VALUES (7, ?)", [text])
        db.conn.commit()
    there.close()
    with pytest.raises(MergeConflict) as clash, attached(pair[0].db, pair[1]):
        pass
    here = f"Here {'long ' * 11}"
    assert str(clash.value) == (f"{tmp_path}/there/a.db: block 7 is “There” there and “{here}” here; nothing merged")
    assert [row[1] for row in pair[0].db.execute("PRAGMA database_list")] == ["main"]
