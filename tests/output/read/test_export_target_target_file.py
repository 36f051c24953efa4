"""A target appears whole or not at all; what is no file gets a stream."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from broadsheet.output.read import export_target as target_file
from broadsheet.output.read.export_target import OwnFiles, TargetRefused, TargetWriteError, open_target, write_file


@pytest.fixture
def own_files(tmp_path: Path) -> OwnFiles:
    return OwnFiles(tmp_path / "a.db")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_leaves_what_stood_there(own_files: OwnFiles, tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "out").write_text("before")
    with suppress(error), open_target(own_files, str(tmp_path / "out")) as stream:
        stream.write(b"half")
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "before"


def test_nothing_stands_there_before_the_end(own_files: OwnFiles, tmp_path: Path) -> None:
    with open_target(own_files, str(tmp_path / "out")) as stream:
        stream.write(b"half")
        stream.flush()
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out").read_bytes() == b"half"


def test_it_is_on_the_disk_before_it_has_its_name(
    own_files: OwnFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
def test_which_names_are_descriptors(target: str, descriptor: int | None) -> None:
    assert target_file._descriptor_of(target) == descriptor


def test_a_descriptor_is_written_to_where_it_stands(own_files: OwnFiles, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.write(b"first ")
        log.flush()
        with open_target(own_files, f"/dev/fd/{log.fileno()}") as stream:
            stream.write(b"second ")
        log.write(b"third")
    assert (tmp_path / "log").read_bytes() == b"first second third"


def test_a_descriptor_that_is_not_open_is_refused(own_files: OwnFiles) -> None:
    with pytest.raises(TargetRefused, match="Bad file descriptor"), open_target(own_files, "/dev/fd/987654"):
        pass


def test_a_socket_is_refused(own_files: OwnFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(TargetRefused, match="neither a file nor a pipe"), open_target(own_files, "socket"):
            pass


def test_the_reader_of_a_pipe_that_goes_away_is_no_fault(own_files: OwnFiles) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(BrokenPipeError), open_target(own_files, f"/dev/fd/{writing}") as stream:
        stream.write(b"x")
    os.close(writing)


def test_one_of_many_files(own_files: OwnFiles, tmp_path: Path) -> None:
    write_file(own_files, tmp_path / "x.md", b"one")
    write_file(own_files, tmp_path / "x.md", b"two")
    assert (tmp_path / "x.md").read_bytes() == b"two"
    (tmp_path / "link.md").symlink_to("x.md")
    with pytest.raises(TargetWriteError, match="no ordinary file"):
        write_file(own_files, tmp_path / "link.md", b"three")
    with pytest.raises(TargetWriteError, match="is the archive itself"):
        write_file(own_files, tmp_path / "a.db", b"three")
    assert (tmp_path / "x.md").read_bytes() == b"two"
