"""What goes wrong around a command (a certificate, a lock, a disk) is one line, and nothing else is lost."""

from __future__ import annotations

import lzma
import os
import shlex
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.read.verify import RAW_CHECKS, verify
from broadsheet.output.write.archive_writer import Archive
from tests.crawler import raws
from tests.crawler.commands.test_export_targets import PROGRAM, full_device, shell_line
from tests.crawler.fetch.test_connection import NO_NAMES, certificate
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.scripted_site import Seen, page, stories
from tests.crawler.shell import command, crawl, environment, rows
from tests.internal_tables import PAGE_BLOCKS
from tests.output.conftest import Maker
from tests.sampling import sampled


@pytest.mark.slow
def test_a_certificate_that_names_no_host_is_a_line(tmp_path, monkeypatch):
    file, db = certificate(tmp_path, names=NO_NAMES), tmp_path / "a.db"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HostileServer({"/": answer(b"hello")}, tls=context)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    try:
        code, out, errors = command(
            "crawl", f"https://127.0.0.1:{server.port}/", "--db", db, "--allow-private", "--delay", 0, "-q"
        )
    finally:
        server.close()
    assert (code, out, errors.count("\n")) == (1, "", 1), errors
    assert "certificate" in errors
    assert server.paths == []
    assert rows(db, "SELECT DISTINCT state, reason FROM urls") == [("failed", "tls")]


@pytest.mark.slow
def test_a_private_authority_is_trusted_where_it_is_given(tmp_path):
    file, db = certificate(tmp_path), tmp_path / "a.db"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HostileServer({"/harbour": answer(page("harbour").encode())}, tls=context)
    crawled = ("crawl", f"https://127.0.0.1:{server.port}/harbour", "--db", db, "--allow-private", "--delay", 0, "-q")
    (tmp_path / "none.pem").write_text("no certificate")
    try:
        code, _, errors = command(*crawled, "--ca", tmp_path / "none.pem")
        assert (code, errors.count("\n"), "not a PEM file" in errors) == (2, 1, True)
        assert command(*crawled)[0] == 1
        assert command(*crawled, "--ca", file) == (0, "", "")
    finally:
        server.close()
    assert rows(db, "SELECT count(*) FROM articles") == [(1,)]


FIRST_VERSION = Path(__file__).parents[2] / "output/archive/versions/1.db.xz"
WRITERS = (
    "reclean DB -q", "reclean DB --undo", "correct DB URL --title Fire", "correct DB --undo 1", "remove DB URL 1",
    "restore DB URL 0", "forget DB URL --yes", "import --own --db DB", "update DB -q", "merge DB NEW -q",
    "crawl http://127.0.0.1:9/ --db DB -q --allow-private", "update DB --pictures -q",
)  # fmt: skip
READERS = (
    "reclean DB --dry-run", "correct DB", "remove DB URL 1 --dry-run", "forget DB URL --dry-run", "merge NEW DB",
    "backup DB COPY", "report DB", "search DB fire", "show DB URL", "browse DB", "explain DB URL", "changes DB",
    "diff DB URL", "verify DB", "export DB --format csv", "datasette DB",
)  # fmt: skip


@pytest.fixture(scope="module")
def first_version() -> bytes:
    return lzma.decompress(FIRST_VERSION.read_bytes())


def _on_first_version(folder: Path, line: str, content: bytes) -> tuple[int, str, int, list[str]]:
    """Run a command on a file of version 1: its exit code and lines, the file's version then, the files beside it."""
    (folder / "old.db").write_bytes(content)
    [[url]] = rows(folder / "old.db", "SELECT url FROM articles LIMIT 1")
    Archive.open(folder / "new.db").close()
    names = {"DB": folder / "old.db", "NEW": folder / "new.db", "COPY": folder / "copy.db", "URL": url}
    code, _, errors = command(*(names.get(word, word) for word in line.split()))
    [[version]] = rows(folder / "old.db", "PRAGMA user_version")
    return code, errors, version, sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("line", sampled(READERS, 6))
def test_a_verb_that_reads_names_what_upgrades_an_archive_of_version_1(tmp_path, first_version, line):
    code, errors, version, names = _on_first_version(tmp_path, line, first_version)
    assert (code, errors.count("\n"), version, names) == (1, 1, 1, ["new.db", "old.db"]), errors
    upgrading = shlex.split(errors.partition(f"{tmp_path / 'old.db'} has schema 1, this version reads 2: ")[2])
    assert upgrading[:6] == ["broadsheet", "import", "--own", "--db", str(tmp_path / "old.db"), "upgrades"]


@pytest.mark.slow
@pytest.mark.parametrize("line", WRITERS)
def test_a_verb_that_writes_upgrades_an_archive_of_version_1(tmp_path, first_version, line):
    _, errors, version, names = _on_first_version(tmp_path, line, first_version)
    assert (version, "has schema" in errors, "old.db.backup-v1" in names) == (2, False, True), errors
    with closing(open_database(tmp_path / "old.db", read_only=True)) as db:
        assert verify(db, left_out=RAW_CHECKS) == []


@contextmanager
def locked(db: Path) -> Iterator[threading.Event]:
    """Another program's write lock on an archive, until the event is set."""
    is_locked, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(db, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        is_locked.set()
        may_end.wait(120)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_locked.wait(60)
    try:
        yield may_end
    finally:
        may_end.set()
        holder.join()


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["update", "forget", "reclean", "restore"])
def test_a_verb_that_writes_waits_for_another_program(serve, tmp_path, verb):
    site, db = serve({"/": page("start", "/river"), **stories("river")}), tmp_path / "a.db"
    assert crawl(site, db)[0] == 0
    (block_id,) = rows(db, f"SELECT block_id FROM {PAGE_BLOCKS} WHERE kept = 0 LIMIT 1")[0]
    arguments = {
        "update": ["update", db, "--allow-private", "--delay", 0],
        "forget": ["forget", db, f"{site.url}/river", "--yes"],
        "reclean": ["reclean", db, "--all"],
        "restore": ["restore", db, block_id],
    }[verb]
    with locked(db) as may_end:
        timer = threading.Timer(1.5, may_end.set)
        timer.start()
        code, _, errors = command(*arguments)
        timer.cancel()
    assert code == 0, errors
    assert "locked" not in errors


@pytest.mark.slow
def test_raw_responses_that_are_deleted_under_a_crawl_stop_it(serve, tmp_path):
    names = [f"story{number}" for number in range(40)]
    site, db = serve({"/": page("start", *(f"/{name}" for name in names)), **stories(*names)}), tmp_path / "a.db"
    folder = tmp_path / "a.db.warc"

    def deleting(_: Seen) -> str:
        if folder.exists():
            folder.rename(tmp_path / "gone")
        return page("story5")

    site.routes["/story5"] = deleting
    code, out, errors = crawl(site, db, "--concurrency", 1, "-q")
    assert (code, out, errors.count("\n")) == (1, "", 1), errors
    assert "is gone" in errors
    assert len(site.paths()) < len(names), "it does not go on to the end"
    assert rows(db, "SELECT count(*) FROM captures WHERE warc_file IS NULL") == [(0,)]
    site.routes["/story5"] = page("story5")
    code, _, errors = crawl(site, db)
    assert code == 0, errors
    assert "Raw responses are missing from" in errors
    assert len(rows(db, "SELECT url FROM articles")) == len(names)
    raws.checked(db)


FULL = (
    "report DB", "report DB --json", "search DB harbour", "export DB --format csv", "verify DB",
    "explain DB https://a.example/river", "--help", "--version", "clean PAGE", "clean PAGE --explain",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("words", sampled(FULL, 3))
def test_a_full_standard_output_is_a_line(db, tmp_path, words):
    (tmp_path / "page.html").write_text(page("river"))
    line = words.replace("DB", str(db)).replace("PAGE", f"{tmp_path}/page.html")
    with full_device(tmp_path).open("w") as stream:
        code, errors = shell_line(f"{PROGRAM} {line}", stdout=stream)
    assert (code, errors.count("\n"), "No space left" in errors) == (1, 1, True), errors


@pytest.mark.slow
def test_a_takedown_on_a_full_disk_says_how_it_is_finished(tmp_path):
    """A limit on the size of files stands for a full disk: the deletion fits, the file written anew does not."""
    db, make, secret = tmp_path / "a.db", Maker(), b"unspeakableword"
    with Archive.open(db) as archive:
        archive.save([make.outcome("http://a.test/secret", f"{secret.decode()} of a page")])
        for number in range(40):
            words = " ".join(f"word{number}x{n}" for n in range(4000))
            archive.save([make.outcome(f"http://a.test/{number}", words)])
    size = db.stat().st_size // 1024
    line = f"{PROGRAM} forget {db} http://a.test/secret --yes"
    code, errors = shell_line(f"trap '' XFSZ; ulimit -f {size // 2}; {line}")
    assert (code, errors.count("\n")) == (75, 1), errors
    assert "the next command that can finishes it" in errors
    assert len(rows(db, "SELECT url FROM articles")) == 40
    assert shell_line(line) == (0, "")
    assert not any(secret in path.read_bytes() for path in tmp_path.iterdir())
    with open_database(db, read_only=True) as archive_db:
        assert verify(archive_db) == []


def _without_rights() -> Sequence[str]:
    """Return what runs a command as a user whom permissions bind; root is one without its capabilities."""
    if os.geteuid():
        return ()
    if not (program := shutil.which("setpriv")):
        pytest.skip("root, and no setpriv with which to drop what permissions do not bind")
    return (program, "--bounding-set", "-all", "--inh-caps", "-all")


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_a_line_and_can_be_read(tmp_path):
    folder, make = tmp_path / "folder", Maker()
    folder.mkdir()
    with Archive.open(folder / "a.db", make.clock) as archive:
        archive.save([make.outcome("http://a.test/mill", "the mill by the river", title="The mill")])
    with closing(sqlite3.connect(folder / "other.db")) as other, other:
        other.execute("CREATE TABLE notes (text)")
    folder.chmod(0o555)
    told = {
        "search a.db mill": (0, ""),
        "verify a.db": (0, ""),
        "correct a.db mill --title Other": (1, f"the folder {folder} cannot be written"),
        "correct a.db mill --not-article": (1, f"the folder {folder} cannot be written"),
        "backup a.db b.db": (1, f"the folder {folder} cannot be written"),
        "merge b.db a.db": (1, f"the folder {folder} cannot be written"),
        "export a.db -o b.jsonl": (2, "cannot write"),
        "export a.db -o b/": (2, "cannot make the folder"),
        "search other.db mill": (1, "other.db is a SQLite database of another program"),
        "report other.db": (1, "other.db is a SQLite database of another program"),
    }
    try:
        for line, (code, message) in told.items():
            words = [*_without_rights(), sys.executable, "-m", "broadsheet.crawler.cli", *line.split()]
            ended = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
            assert (ended.returncode, message in ended.stderr) == (code, True), (line, ended.stderr)
            assert ended.stderr.count("\n") == int(code > 0), ended.stderr
    finally:
        folder.chmod(0o755)
    assert sorted(path.name for path in folder.iterdir()) == ["a.db", "other.db"]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "exit_code"), [("browse a.db", 1), ("demo", 2)])
def test_a_port_in_use_is_a_line(tmp_path, monkeypatch, words, exit_code):
    monkeypatch.chdir(tmp_path)
    with Archive.open(tmp_path / "a.db"):
        pass
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, _, errors = command(*words.split(), "--port", port)
    assert (code, errors.count("\n")) == (exit_code, 1), errors
    assert str(port) in errors
