"""A target appears whole or not at all; what is no file gets a stream."""

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from broadsheet.output.read import export_target as target_file
from broadsheet.output.read.export_target import (
    OwnFiles,
    TargetRefused,
    TargetWriteError,
    checked_folder,
    is_ordinary_file,
    open_target,
    write_file,
)


@pytest.fixture
def own_files(tmp_path):
    return OwnFiles(tmp_path / "a.db")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_leaves_what_stood_there(own_files, tmp_path, error):
    (tmp_path / "out").write_text("before")
    with suppress(error), open_target(own_files, str(tmp_path / "out")) as stream:
        stream.write(b"half")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "before"


def test_nothing_stands_there_before_the_end(own_files, tmp_path):
    with open_target(own_files, str(tmp_path / "out")) as stream:
        stream.write(b"half")
        stream.flush()
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out").read_bytes() == b"half"


def test_it_is_on_the_disk_before_it_has_its_name(own_files, tmp_path, monkeypatch):
    synced: list[tuple[int, bool]] = []

    def sync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, (tmp_path / "out").exists()))

    monkeypatch.setattr(target_file.os, "fsync", sync)
    with open_target(own_files, str(tmp_path / "out")) as stream:
        stream.write(b"whole")
    assert synced == [(5, False)]


@pytest.mark.parametrize(
    ("target", "descriptor"),
    [("/dev/stdout", 1), ("/dev/stderr", 2), ("/dev/fd/63", 63), ("/proc/self/fd/5", 5), ("/dev/fd/", None)],
)
def test_which_names_are_descriptors(target, descriptor):
    assert target_file._descriptor_of(target) == descriptor


def test_a_descriptor_is_written_to_where_it_stands(own_files, tmp_path):
    with (tmp_path / "log").open("wb") as log:
        log.write(b"first ")
        log.flush()
        with open_target(own_files, f"/dev/fd/{log.fileno()}") as stream:
            stream.write(b"second ")
        log.write(b"third")
    assert (tmp_path / "log").read_bytes() == b"first second third"


def test_a_descriptor_that_is_not_open_is_refused(own_files):
    with pytest.raises(TargetRefused, match="Bad file descriptor"), open_target(own_files, "/dev/fd/987654"):
        pass


def test_a_socket_is_refused(own_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(TargetRefused, match="neither a file nor a pipe"), open_target(own_files, "socket"):
            pass


def test_the_reader_of_a_pipe_that_goes_away_is_no_fault(own_files):
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError), open_target(own_files, f"/dev/fd/{writing}") as stream:
        stream.write(b"x")
    os.close(writing)


def test_one_of_many_files(own_files, tmp_path):
    write_file(own_files, tmp_path / "x.md", b"one")
    write_file(own_files, tmp_path / "x.md", b"two")
    assert (tmp_path / "x.md").read_bytes() == b"two"
    (tmp_path / "link.md").symlink_to("x.md")
    with pytest.raises(TargetWriteError, match="no ordinary file"):
        write_file(own_files, tmp_path / "link.md", b"three")
    with pytest.raises(TargetWriteError, match="is the archive itself"):
        write_file(own_files, tmp_path / "a.db", b"three")
    assert (tmp_path / "x.md").read_bytes() == b"two"


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
        ("other.db", "other.db is a SQLite database, which is not written over"),
        ("file/x", "cannot write file/x: Not a directory"),
        (f"{'x' * 300}", f"cannot write {'x' * 300}: File name too long"),
    ],
)
def test_why_a_file_is_refused(own_files, tmp_path, monkeypatch, target, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "locked").write_text("x")
    (tmp_path / "other.db").write_bytes(b"SQLite format 3\0...")
    monkeypatch.setattr(target_file.os, "access", lambda path, mode: mode == os.W_OK and path.name != "locked")
    with pytest.raises(TargetRefused) as refused, open_target(own_files, target):
        pass
    assert str(refused.value).replace(str(tmp_path), "FOLDER") == message


def test_a_folder_in_which_no_file_can_be_made_is_refused(own_files, tmp_path, monkeypatch):
    def fail(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(target_file.os, "open", fail)
    with pytest.raises(TargetRefused) as refused, open_target(own_files, str(tmp_path / "out")):
        pass
    assert str(refused.value) == f"cannot write {tmp_path}/out: Permission denied"


def test_a_failure_while_writing(own_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetWriteError, match=r"^cannot write out: No space left$"), open_target(own_files, "out"):
        raise OSError(28, "No space left")
    with pytest.raises(TargetWriteError, match=r"^cannot write out: odd$"), open_target(own_files, "out"):
        raise OSError("odd")
    assert not list(tmp_path.iterdir())

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(target_file, "_complete", fail)
    with pytest.raises(TargetWriteError, match=r"^cannot write one\.md: Input/output error$"):
        write_file(own_files, Path("one.md"), b"x")
    assert not list(tmp_path.iterdir())


def test_a_file_keeps_its_permissions_and_its_link(own_files, tmp_path):
    (tmp_path / "out").write_text("before")
    (tmp_path / "out").chmod(0o640)
    (tmp_path / "link").symlink_to("out")
    with open_target(own_files, str(tmp_path / "link")) as stream:
        stream.write(b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "out").read_text() == "after"
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_only_one_file_of_a_folder_is_not_synced(own_files, tmp_path, monkeypatch):
    monkeypatch.setattr(target_file.os, "fsync", lambda _: pytest.fail("synced"))
    before = os.umask(0)
    try:
        write_file(own_files, tmp_path / "out", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o7777 == 0o666


def test_the_folder_for_many_files(own_files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checked_folder(own_files, "x/y") == checked_folder(own_files, "x/y") == Path("x/y")
    assert (tmp_path / "x" / "y").is_dir()
    (tmp_path / "file").write_text("x")
    for target, message in [
        ("a.db", "cannot make the folder a.db: it is the archive itself"),
        ("a.db.warc/z", "cannot make the folder a.db.warc/z: it belongs to the archive"),
        ("file", "cannot make the folder file: File exists"),
        ("file/z", "cannot make the folder file/z: Not a directory"),
    ]:
        with pytest.raises(TargetRefused) as refused:
            checked_folder(own_files, target)
        assert str(refused.value) == message


def test_which_targets_are_ordinary_files(tmp_path):
    (tmp_path / "out").write_text("x")
    assert is_ordinary_file(str(tmp_path / "out"))
    assert not any(is_ordinary_file(target) for target in ("-", "/dev/stdout", str(tmp_path), str(tmp_path / "none")))


def test_standard_output(own_files, tmp_path, capfd):
    print("first", end=" ")
    with open_target(own_files, "-") as stream:
        stream.write(b"second")
    assert capfd.readouterr().out == "first second"


def test_standard_output_that_is_the_archive_is_refused(own_files, tmp_path, monkeypatch):
    with (tmp_path / "a.db").open("w") as stream:
        monkeypatch.setattr(target_file.sys, "stdout", stream)
        with (
            pytest.raises(TargetRefused, match=r"^standard output is the archive itself$"),
            open_target(own_files, "-"),
        ):
            pass
