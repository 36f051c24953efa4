"""Where `export -o` and its siblings write, what they refuse to write over, and what a failure leaves."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.cli import run
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.run_records import ImportedFile, note_import
from tests.crawler.shell import environment, verb_here
from tests.crawler.warm import PATIENCE, REPOSITORY
from tests.internal_tables import BLOCK_TEXTS
from tests.output.conftest import Maker
from tests.output.wires import archive_with_warcs, fetched

PROGRAM = f"{sys.executable} -m broadsheet.crawler.cli"
FORMATS = ("jsonl", "csv", "wacz")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An archive with an article, a ruling, and raw responses."""
    path, make = tmp_path / "a.db", Maker()
    with archive_with_warcs(path) as archive:
        archive.save([fetched("http://a.test/raw"), make.outcome("http://a.test/1", "some words of a page")])
        (block_id,) = archive.db.execute(f"SELECT id FROM {BLOCK_TEXTS} WHERE text LIKE 'some%'").fetchone()
    assert run(["remove", str(path), str(block_id)]) == 0
    return path


def warc_name(file: Path) -> str:
    (path,) = Path(f"{file}.warc").glob("*.warc.gz")
    return f"a.db.warc/{path.name}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def writing(file: Path, target: object) -> list[list[str]]:
    """The command lines that write one file to a target."""
    lines = [["export", str(file), "--format", name, "-o", str(target)] for name in FORMATS]
    return [*lines, ["correct", str(file), "--export-rules", str(target)]]


@pytest.fixture
def around(file: Path, tmp_path: Path) -> Path:
    """The folder of the archive with other files: a copy of its raw responses, links to them, what it was made of."""
    shutil.copytree(f"{file}.warc", tmp_path / "other.db.warc")
    record_file = tmp_path / warc_name(file)
    (tmp_path / "link.csv").symlink_to(record_file)
    os.link(record_file, tmp_path / "hard-link.csv")
    (tmp_path / "folder-link").symlink_to(record_file.parent)
    (tmp_path / "theirs.warc.gz").write_bytes(b"WARC/1.1")
    with Archive.open(file) as archive:
        imported = ImportedFile.of(tmp_path / "theirs.warc.gz", file)
        note_import(archive.db, imported, {}, "2026-01-01T00:00:00Z", {})
    Archive.open(tmp_path / "b.db").close()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "kept").chmod(0o444)
    return tmp_path


OWN_FILES = ("a.db", "a.db-wal", "a.db-shm", "a.db-journal", "a.db.lock", "a.db.backup-v3", "a.db.warc/new.warc.gz")
COPIED = ("other.db.warc/folder.json", "other.db.warc/committed.jsonl", "other.db.warc/new.warc.gz")
OTHER_NAMES = ("a.db.warc/NAME", "link.csv", "hard-link.csv", "folder-link/NAME", "theirs.warc.gz")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        *((name, "the archive") for name in (*OWN_FILES, *COPIED, *OTHER_NAMES)),
        ("b.db", "SQLite"),
        ("", "is a folder"),
        ("new/", "is a folder"),
        ("none/out", "cannot write"),
        ("loop", "cannot write"),
        *([("kept", "Permission denied")] * bool(os.geteuid())),
    ],
)  # fmt: skip
def test_what_must_stay_is_refused_as_a_target(file, around, target, said):
    name = target.replace("NAME", Path(warc_name(file)).name)
    is_new = target in OWN_FILES and not (around / name).exists() and not name.endswith(("-wal", "-journal"))
    for is_there in (False, True)[: 1 + is_new]:  # of a -wal or -journal SQLite would take in what stands there
        if is_there:
            (around / name).write_text("something that stands there")
        before = contents(around)
        sqlite = ["export", str(file), "--format", "sqlite", "-o", f"{around}/{name}"]
        lines = [*writing(file, f"{around}/{name}"), sqlite]
        for words in lines if target == "a.db" else lines[:1]:
            code, out, errors = verb_here(*words)
            assert (code, out, errors.count("\n"), said in errors) == (2, "", 1, True), (words, errors)
            assert contents(around) == before, words
    assert "name a file" in verb_here(*writing(file, "")[0])[2]


def test_a_link_is_followed(file, tmp_path):
    for number, line in enumerate(writing(file, tmp_path / "link")):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(f"elsewhere{number}")
        assert run(line) == 0
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / f"elsewhere{number}").stat().st_size > 20


def test_permissions_stay(file, tmp_path):
    target = tmp_path / "out"
    target.write_text("old")
    target.chmod(0o640)
    for line in writing(file, target):
        assert run(line) == 0
        assert target.stat().st_mode & 0o777 == 0o640


def test_a_pipe_gets_all_and_stays_a_pipe(file, tmp_path):
    pipe, plain = tmp_path / "pipe", tmp_path / "plain"
    os.mkfifo(pipe)
    for line, plain_line in zip(writing(file, pipe), writing(file, plain), strict=True):
        chunks: list[bytes] = []
        reader = threading.Thread(target=lambda into=chunks: into.append(pipe.read_bytes()), daemon=True)
        reader.start()
        assert run(line) == 0
        reader.join(PATIENCE)
        assert pipe.is_fifo()
        assert run(plain_line) == 0
        if "wacz" in line:
            (tmp_path / "got.wacz").write_bytes(chunks[0])
            assert zipfile.ZipFile(tmp_path / "got.wacz").testzip() is None
        else:
            assert chunks[0] == plain.read_bytes()


def shell_line(line: str, stdout: Any = subprocess.DEVNULL) -> tuple[int, str]:
    """Exit code and standard error of a line of bash."""
    process = subprocess.run(
        ["bash", "-c", line], env=environment(), cwd=REPOSITORY, stdout=stdout, stderr=subprocess.PIPE, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    return process.returncode, process.stderr


# /dev/stdout is never named here: run by root, a fault would replace the machine's.
@pytest.mark.slow
@pytest.mark.parametrize("target", ["- > {got}", "/dev/fd/1 > {got}", "/proc/self/fd/7 7> {got}", ">(cat > {got})"])
def test_process_substitution_and_descriptors(file, tmp_path, target):
    got = tmp_path / "got"
    code, errors = shell_line(f"{PROGRAM} export {file} --format jsonl -o {target.format(got=got)}")
    assert code == 0, errors
    for _ in range(500):  # bash does not wait for the other program
        if got.is_file() and got.read_text().endswith("\n"):
            break
        time.sleep(0.01)
    assert json.loads(got.read_text())["url"] == "http://a.test/1"


def full_device(folder: Path) -> Path:
    """A device on which every write fails. For root one of our own: a fault must not replace the machine's."""
    if os.geteuid():
        return Path("/dev/full")
    device = folder / "full"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        with device.open("wb", buffering=0) as stream:
            stream.write(b"x")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return device
    pytest.skip("needs a device that is full")


@pytest.mark.slow
def test_a_full_device_is_a_line_and_stays_a_device(file, tmp_path, capsys):
    device = full_device(tmp_path)
    (tmp_path / "link").symlink_to(device)
    for target in (device, tmp_path / "link"):
        for line in writing(file, target):
            assert run(line) == 1
            shown = capsys.readouterr()
            assert (shown.out, shown.err.count("\n"), "No space left" in shown.err) == ("", 1, True)
    assert device.is_char_device()
    with device.open("w") as stream:
        code, errors = shell_line(f"{PROGRAM} export {file} --format csv", stdout=stream)
    assert (code, errors.count("\n")) == (1, 1), errors


@pytest.mark.slow
def test_a_failure_leaves_what_stood_there(file, tmp_path, monkeypatch):
    """A limit on the size of files stands for a full disk."""
    target, before = tmp_path / "out", b"what stood there"
    target.write_bytes(before)
    bystander = tmp_path / "out.part"
    bystander.write_bytes(b"somebody else's")
    with Archive.open(file) as archive:
        archive.save([Maker().outcome(f"http://a.test/long{n}", "word " * 2000) for n in range(9)])
    for name in ("jsonl", "csv"):
        code, errors = shell_line(f"trap '' XFSZ; ulimit -f 4; {PROGRAM} export {file} --format {name} -o {target}")
        assert (code, errors.count("\n")) == (1, 1), errors
        assert target.read_bytes() == before
    assert bystander.read_bytes() == b"somebody else's"
    assert {path.name for path in tmp_path.iterdir()} == {"a.db", "a.db.warc", "out", "out.part"}


# --- A folder of Markdown ------------------------------------------------------------------------------------------
def markdown_line(file: Path, folder: object) -> list[str]:
    return ["export", str(file), "--format", "markdown", "-o", str(folder)]


@pytest.mark.parametrize("name", ["a.db.warc", "a.db.warc/below", "link"])
def test_the_folder_of_the_raw_responses_is_refused(file, capsys, name):
    (file.parent / "link").symlink_to(f"{file}.warc")
    before = contents(file.parent)
    assert run(markdown_line(file, file.parent / name)) == 2
    assert "the archive" in capsys.readouterr().err
    assert contents(file.parent) == before


def test_markdown_goes_to_no_stream(file, capsys):
    assert run(markdown_line(file, "-")) == 2
    assert "writes a folder" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_no_article_is_written_through_what_is_no_file(file, tmp_path, capsys, kind):
    assert run(markdown_line(file, tmp_path / "out")) == 0
    (article_file,) = (tmp_path / "out").glob("*.md")
    article_file.unlink()
    if kind == "pipe":
        os.mkfifo(article_file)
    else:
        article_file.symlink_to(file)
    capsys.readouterr()
    before = file.read_bytes()
    assert run(markdown_line(file, tmp_path / "out")) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert article_file.name in shown.err
    assert file.read_bytes() == before


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_a_line(file, tmp_path):
    with Archive.open(file) as archive:
        archive.save([Maker().outcome("http://a.test/long", "word " * 2000)])
    code, errors = shell_line(f"trap '' XFSZ; ulimit -f 2; {PROGRAM} {' '.join(markdown_line(file, tmp_path / 'out'))}")
    assert (code, errors.count("\n")) == (1, 1), errors
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == [], "no half of an export is left"


def test_a_wacz_file_of_responses_that_are_away_is_a_line(file, tmp_path, capsys):
    target, name = tmp_path / "out.wacz", warc_name(file)
    (tmp_path / name).rename(tmp_path / "away")
    assert run(["export", str(file), "-o", str(target)]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"broadsheet: cannot write {target}: ")
    assert (errors.count("\n"), name in errors, target.exists()) == (1, True, False)
