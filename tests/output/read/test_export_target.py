"""Targets of exports: none is a file of the archive, each appears whole or not at all, and what is no file gets a
stream."""

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from broadsheet.output.read import export_target
from broadsheet.output.read.export_target import (
    OwnFiles,
    TargetRefused,
    TargetWriteError,
    checked_folder,
    is_ordinary_file,
    is_sqlite_file,
    open_target,
    write_file,
)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The files of an archive, in whose folder the test stands."""
    monkeypatch.chdir(tmp_path)
    return OwnFiles(tmp_path / "a.db")


def fails(error, *_, **__):
    raise error


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        *((f"a[1].db{ending}", "belongs to the archive") for ending in
          ("-wal", "-shm", "-journal", ".lock", ".backup-v3", ".backup-v3.part", ".warc", ".warc/b/c")),
        ("a[1].db", "is the archive itself"), ("a[1].db/../a[1].db", "is the archive itself"),
        *((name, "") for name in ("a.db", "a[1].db.csv", "a[1].db.warcs/x", "x/a[1].db", "a[1].db.wacz")),
    ],
)  # fmt: skip
def test_which_files_belong_to_an_archive(tmp_path, name, refusal):
    (tmp_path / "a[1].db").write_bytes(b"")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a[1].db").write_bytes(b"")
    own = OwnFiles(tmp_path / "a[1].db", ["a[1].db.warc/x.warc.gz", "/elsewhere/y.warc"])
    assert own.refusal(tmp_path / name) == refusal


def test_another_name_of_a_file_counts(own, tmp_path):
    (tmp_path / "a.db").write_bytes(b"")
    (tmp_path / "a.db.backup-v1").write_bytes(b"")
    (tmp_path / "b").hardlink_to("a.db.backup-v1")
    (tmp_path / "c").symlink_to("b")
    assert own.refusal(tmp_path / "c") == "belongs to the archive"
    assert own.name_refusal(tmp_path / "c") == ""
    assert own.status_refusal((tmp_path / "a.db").stat()) == "is the archive itself"


def test_what_a_file_is(own, tmp_path):
    (tmp_path / "a").write_bytes(b"SQLite format 3\0...")
    (tmp_path / "b").write_bytes(b"SQLite format 3")
    assert [is_sqlite_file(tmp_path / name) for name in "ab"] == [True, False]
    assert is_ordinary_file("b")
    assert not any(is_ordinary_file(target) for target in ("-", "/dev/stdout", str(tmp_path), "none"))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("", "name a file to write"),
        ("sub", "sub is a folder; name a file"),
        ("new/", "new/ is a folder; name a file"),
        ("a.db", "a.db is the archive itself"),
        ("a.db.warc/x", "a.db.warc/x belongs to the archive"),
        ("no/x", "cannot write no/x: there is no folder FOLDER/no"),
        ("locked", "cannot write locked: Permission denied"),
        ("other.db", "other.db is a SQLite database, which is not overwritten"),
        ("file/x", "cannot write file/x: Not a directory"),
        ("x" * 300, f"cannot write {'x' * 300}: File name too long"),
        ("/dev/fd/987654", "cannot write /dev/fd/987654: Bad file descriptor"),
        ("socket", "socket is neither a file nor a pipe"),
    ],
)
def test_why_a_file_is_refused(own, tmp_path, monkeypatch, target, message):
    Path("sub").mkdir()
    Path("file").write_text("x")
    Path("locked").write_text("x")
    Path("other.db").write_bytes(b"SQLite format 3\0...")
    monkeypatch.setattr(export_target.os, "access", lambda path, mode: mode == os.W_OK and path.name != "locked")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(TargetRefused) as refused, open_target(own, target):
            pass
    assert str(refused.value).replace(str(tmp_path), "FOLDER") == message


def test_a_folder_in_which_no_file_can_be_made_is_refused(own, tmp_path, monkeypatch):
    monkeypatch.setattr(export_target.os, "open", lambda *_: fails(PermissionError(13, "Permission denied")))
    with pytest.raises(TargetRefused) as refused, open_target(own, str(tmp_path / "out")):
        pass
    assert str(refused.value) == f"cannot write {tmp_path}/out: Permission denied"


def test_standard_output_that_is_the_archive_is_refused(own, monkeypatch):
    with Path("a.db").open("w") as stream:
        monkeypatch.setattr(export_target.sys, "stdout", stream)
        with pytest.raises(TargetRefused, match=r"^standard output is the archive itself$"), open_target(own, "-"):
            pass


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_leaves_what_stood_there(own, tmp_path, error):
    Path("out").write_text("before")
    with suppress(error), open_target(own, "out") as stream:
        stream.write(b"half")
        raise error
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out", "before")]


def test_a_file_has_its_name_when_it_is_whole_and_on_the_disk(own, monkeypatch):
    synced = []
    monkeypatch.setattr(
        export_target.os, "fsync", lambda number: synced.append((os.fstat(number).st_size, Path("out").exists()))
    )
    with open_target(own, "out") as stream:
        stream.write(b"whole")
        stream.flush()
        assert not Path("out").exists()
    assert (synced, Path("out").read_bytes()) == ([(5, False)], b"whole")


def test_a_failure_while_writing(own, tmp_path, monkeypatch):
    for error, message in ((OSError(28, "No space left"), "No space left"), (OSError("odd"), "odd")):
        with pytest.raises(TargetWriteError, match=f"^cannot write out: {message}$"), open_target(own, "out"):
            raise error
    monkeypatch.setattr(export_target, "_complete", lambda *_, **__: fails(OSError(5, "Input/output error")))
    with pytest.raises(TargetWriteError, match=r"^cannot write one\.md: Input/output error$"):
        write_file(own, Path("one.md"), b"x")
    assert not list(tmp_path.iterdir())


def test_a_stream_is_written_to_where_it_stands(own, capfd):
    with Path("log").open("wb") as log:
        log.write(b"first ")
        log.flush()
        with open_target(own, f"/dev/fd/{log.fileno()}") as stream:
            stream.write(b"second ")
        log.write(b"third")
    assert Path("log").read_bytes() == b"first second third"
    print("first", end=" ")
    with open_target(own, "-") as stream:
        stream.write(b"second")
    assert capfd.readouterr().out == "first second"


def test_the_reader_of_a_pipe_that_goes_away_is_no_fault(own):
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError), open_target(own, f"/dev/fd/{writing}") as stream:
        stream.write(b"x")
    os.close(writing)


def test_one_of_many_files_is_written_over_and_not_synced(own, tmp_path, monkeypatch):
    monkeypatch.setattr(export_target.os, "fsync", lambda _: pytest.fail("synced"))
    before = os.umask(0)
    try:
        write_file(own, tmp_path / "x.md", b"one")
    finally:
        os.umask(before)
    write_file(own, tmp_path / "x.md", b"two")
    Path("link.md").symlink_to("x.md")
    for name, message in (("link.md", "not an ordinary file"), ("a.db", "is the archive itself")):
        with pytest.raises(TargetWriteError, match=message):
            write_file(own, tmp_path / name, b"three")
    assert (Path("x.md").read_bytes(), Path("x.md").stat().st_mode & 0o7777) == (b"two", 0o666)


def test_the_folder_for_many_files(own):
    assert checked_folder(own, "x/y") == checked_folder(own, "x/y") == Path("x/y")
    assert Path("x/y").is_dir()
    Path("file").write_text("x")
    for target, problem in {"a.db": "it is the archive itself", "a.db.warc/z": "it belongs to the archive",
                            "file": "File exists", "file/z": "Not a directory"}.items():  # fmt: skip
        with pytest.raises(TargetRefused) as refused:
            checked_folder(own, target)
        assert str(refused.value) == f"cannot make the folder {target}: {problem}"
